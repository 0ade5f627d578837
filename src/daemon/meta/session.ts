/**
 * The meta protocol of one connection: gives parsed lines to the meta commands, brings their answers room, and takes the
 * data block of an ms, which usually comes with its line.
 */
import { hasLongOpaque, parseMeta } from '../../protocol/text/meta-parser.ts';
import { OPAQUE_TOO_LONG } from '../../protocol/text/meta-replies.ts';
import { MetaCommand, MetaRequest } from '../../protocol/text/meta-request.ts';
import { LENGTH_UNREADABLE } from '../../protocol/text/request.ts';
import type { ArrivingValue } from '../arriving-value.ts';
import type { ConnectionContext, Conversation } from '../connection.ts';
import { isReservedKey } from '../cluster-config.ts';
import type { ChunkRef } from '../storage/layout.ts';
import { configAnswer } from './config.ts';

const EMPTY = new Uint8Array(0);

/** The line that is being worked on; only valid within one step. */
const request = new MetaRequest();

export class MetaSession {
  readonly #connection: Conversation;
  readonly #context: ConnectionContext;
  readonly #arriving: ArrivingValue;
  /** What is left of a data block that is not wanted, its line end included. */
  #skipLeft = 0;
  /** A copy of the line whose data block did not come with it. */
  #line: Uint8Array = EMPTY;

  /** @param arriving for data blocks; when one is complete, {@link complete} is to be called */
  constructor(connection: Conversation, context: ConnectionContext, arriving: ArrivingValue) {
    this.#connection = connection;
    this.#context = context;
    this.#arriving = arriving;
  }

  /** Whether the next bytes are a data block, for {@link data}. */
  get awaitsData(): boolean {
    return this.#skipLeft > 0 || this.#arriving.isExpected;
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
      if (request.valueBytes >= 0) this.#skipLeft = request.valueBytes + 2;
      else if (request.valueBytes === LENGTH_UNREADABLE) this.#close();
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

  /** Behind a data block of unknown length nobody knows where the next command begins. */
  #close(): void {
    this.#connection.flush();
    this.#connection.end();
  }

  /** Takes bytes of a data block; returns how many. */
  data(bytes: Uint8Array, start: number, end: number): number {
    if (this.#arriving.isExpected) return this.#arriving.take(bytes, start, end);
    const count = Math.min(end - start, this.#skipLeft);
    this.#skipLeft -= count;
    return count;
  }

  /** The last byte of a data block has come; NONE if there was no room for it. */
  complete(item: ChunkRef): void {
    const line = this.#line;
    if (line.length > 0) parseMeta(line, 0, line.length, request);
    this.#line = EMPTY;
    this.#context.meta.set.store(request, item);
  }

  /** False if the socket must drain first; then nothing was done. */
  #get(): boolean {
    const { engine, meta, output, clusterConfig } = this.#context;
    if (clusterConfig.payload !== '' && isReservedKey(request.key, request.keyStart, request.keyEnd)) {
      return this.#sendConfig();
    }
    const { items } = engine.store;
    const ref = meta.find(request);
    const room = meta.get.room(request, ref);
    const isLarge = this.#connection.makeRoom(room);
    if (this.#connection.isSuspended) return false;
    output.position = meta.get.answer(request, ref, output.bytes, output.position, isLarge);
    if (meta.get.valueFollows) this.#connection.sendRun(ref, items.valueStart(ref), items.runBytes(ref));
    return true;
  }

  /** The fleet's configuration, under the key that old auto-discovery clients ask for. */
  #sendConfig(): boolean {
    const { output, clusterConfig } = this.#context;
    const answer = configAnswer(request, clusterConfig.payload);
    if (answer.length > output.room && !output.isEmpty && !this.#connection.flush()) return false;
    if (answer.length <= output.room) output.reply(answer);
    else this.#connection.sendLarge(answer);
    return true;
  }

  /** Begins an ms, whose data block begins at `at`; returns how many bytes of that there were. */
  #set(bytes: Uint8Array, start: number, stop: number, at: number, end: number): number {
    const { meta, output } = this.#context;
    const length = request.valueBytes + 2;
    const mayCome = meta.set.expect(request, this.#arriving, end - at);
    if (!mayCome || hasLongOpaque(request)) {
      output.reply(mayCome ? OPAQUE_TOO_LONG : meta.set.failure);
      this.#arriving.abandon();
      this.#skipLeft = length;
      return 0;
    }
    if (end - at < length) this.#line = bytes.slice(start, stop);
    return this.#arriving.take(bytes, at, end);
  }
}
