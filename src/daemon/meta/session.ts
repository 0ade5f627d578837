/**
 * The meta protocol of one connection: gives parsed lines to the meta commands, brings their answers room, and takes the
 * data block of an ms, which usually comes with its line. Owns the item whose value is still arriving.
 */
import { parseMeta } from '../../protocol/text/meta-parser.ts';
import { MetaCommand, MetaRequest } from '../../protocol/text/meta-request.ts';
import type { Connection, ConnectionContext } from '../connection.ts';
import { ItemCursor } from '../storage/items.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';

const EMPTY = new Uint8Array(0);

/** The line that is being worked on; only valid within one step. */
const request = new MetaRequest();

export class MetaSession {
  readonly #connection: Connection;
  readonly #context: ConnectionContext;
  /** What is left of a data block, its line end included. */
  #bytesLeft = 0;
  /** Where the data block goes; NONE if it is skipped. */
  #item: ChunkRef = NONE;
  readonly #cursor = new ItemCursor();
  /** A copy of the line whose data block did not come with it. */
  #line: Uint8Array = EMPTY;

  constructor(connection: Connection, context: ConnectionContext) {
    this.#connection = connection;
    this.#context = context;
  }

  /** Whether the next bytes are a data block, for {@link data}. */
  get awaitsData(): boolean {
    return this.#bytesLeft > 0;
  }

  /** Gives back what was unfinished. */
  abandon(): void {
    if (this.#item !== NONE) this.#context.engine.abandon(this.#item);
    this.#item = NONE;
  }

  /**
   * Carries out the line from `start` to `stop`, with the data block behind it if that has come.
   *
   * @param next behind the line's line end
   * @param end behind the last byte that has come
   * @returns how many bytes it used; 0 if the line has to be done again when the socket has drained
   */
  line(bytes: Uint8Array, start: number, stop: number, next: number, end: number): number {
    const { meta, output } = this.#context;
    const used = next - start;
    const refusal = parseMeta(bytes, start, stop, request);
    if (refusal !== undefined) {
      output.reply(refusal);
      if (request.valueBytes >= 0) this.#bytesLeft = request.valueBytes + 2;
      return used;
    }
    switch (request.command) {
      case MetaCommand.GET:
        return this.#get() ? used : 0;
      case MetaCommand.SET:
        return used + this.#set(bytes, start, stop, next, end);
      default:
        meta.execute(request);
        return used;
    }
  }

  /** Takes bytes of a data block; returns how many. */
  data(bytes: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.#bytesLeft);
    this.#bytesLeft -= count;
    if (this.#item === NONE) return count;
    this.#context.engine.store.items.append(this.#cursor, bytes, start, start + count);
    if (this.#bytesLeft === 0) {
      const item = this.#item;
      const line = this.#line;
      this.#item = NONE;
      this.#line = EMPTY;
      parseMeta(line, 0, line.length, request);
      this.#context.meta.set.store(request, item);
    }
    return count;
  }

  /** False if the socket must drain first; then nothing was done. */
  #get(): boolean {
    const { meta, output } = this.#context;
    const ref = meta.find(request);
    const room = meta.get.room(request, ref);
    if (room > output.room) {
      if (!output.isEmpty && !this.#connection.flush()) return false;
      if (room > output.room) {
        const answer = Buffer.allocUnsafe(room);
        this.#connection.sendLarge(answer.subarray(0, meta.get.answer(request, ref, answer, 0)));
        return true;
      }
    }
    output.position = meta.get.answer(request, ref, output.bytes, output.position);
    return true;
  }

  /** Begins an ms, whose data block begins at `at`; returns how many bytes of that there were. */
  #set(bytes: Uint8Array, start: number, stop: number, at: number, end: number): number {
    const { engine, meta, output } = this.#context;
    const length = request.valueBytes + 2;
    const item = meta.set.begin(request);
    if (item === NONE) {
      output.reply(meta.set.failure);
      this.#bytesLeft = length;
      return 0;
    }
    engine.store.items.openValue(item, this.#cursor);
    if (end - at >= length) {
      engine.store.items.append(this.#cursor, bytes, at, at + length);
      meta.set.store(request, item);
      return length;
    }
    this.#item = item;
    this.#line = bytes.slice(start, stop);
    this.#bytesLeft = length;
    return this.data(bytes, at, end);
  }
}
