/**
 * Answers on their way out: what one read asked for is collected in a region of the scratch area and sent with one
 * write. A region that a socket has not taken wholly stays with its connection until it has, and another one collects.
 */
import { SPACE, writeBytes, writeDecimal, writeLatin, writeUnsigned } from '../base/bytes.ts';
import { VALUE } from '../protocol/text/replies.ts';
import { OUTPUT_BYTES, OUTPUT_REGIONS } from './limits.ts';
import { Runs } from './transport/runs.ts';
import * as layout from './storage/layout.ts';
import type { ChunkRef } from './storage/layout.ts';
import type { Store } from './storage/store.ts';
import { LINE_END } from './storage/items.ts';
import type { TransportSocket } from './transport/transport.ts';

/** Where a region begins, as a position in the scratch area. */
export type Region = number & { readonly brand: 'Region' };

/** No region. */
export const NO_REGION = -1 as Region;

/** What became of {@link Output.flush}. */
export type Flushed = { sent: true } | { sent: false; region: Region };

const SENT: Flushed = { sent: true };

/** Digits of the largest 64-bit number and the space before it. */
const CAS_BYTES_MAX = 21;

export class Output {
  /** The scratch area's bytes. */
  readonly bytes: Uint8Array;
  /** Where the next byte goes. */
  position: number;
  readonly #store: Store;
  readonly #free: Region[] = [];
  #start: Region;
  #limit: number;
  // Items that are sent from where they are, with what was collected before, between and behind them.
  readonly #runs = new Runs();
  #itemBytes = 0;
  /** What was collected before this is among the runs. */
  #named: number;

  /** @param start where in the scratch area the regions begin; they take OUTPUT_REGIONS × OUTPUT_BYTES */
  constructor(store: Store, start: number) {
    this.bytes = store.memory.scratch;
    this.#store = store;
    for (let i = OUTPUT_REGIONS - 1; i >= 0; i--) this.#free.push((start + i * OUTPUT_BYTES) as Region);
    this.#start = this.#free.pop()!;
    this.position = this.#named = this.#start;
    this.#limit = this.#start + OUTPUT_BYTES;
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#limit - this.position;
  }

  /** Bytes that were collected. */
  get length(): number {
    return this.position - this.#start + this.#itemBytes;
  }

  get isEmpty(): boolean {
    return this.position === this.#start;
  }

  /** Whether items are among what was collected: they must be sent before anything changes them. */
  get holdsItems(): boolean {
    return this.#itemBytes > 0;
  }

  /** Adds a fixed answer. */
  reply(constant: Uint8Array): void {
    this.position = writeBytes(this.bytes, this.position, constant);
  }

  /** Adds a line with an unsigned 64-bit number. */
  number(value: number | bigint): void {
    this.position = writeUnsigned(this.bytes, this.position, value);
    this.reply(LINE_END);
  }

  /** Adds text of one byte a character. */
  text(text: string): void {
    this.position = writeLatin(this.bytes, this.position, text);
  }

  /** Bytes that a VALUE answer needs at most. */
  valueRoom(ref: ChunkRef): number {
    return VALUE.length + CAS_BYTES_MAX + this.#store.items.runBytes(ref);
  }

  /** Adds `VALUE key flags length⏎ value⏎`, which must fit. */
  value(ref: ChunkRef): void {
    const length = this.#store.items.runBytes(ref);
    const position = writeBytes(this.bytes, this.position, VALUE);
    this.#store.items.copyRun(ref, 0, length, this.bytes, position);
    this.position = position + length;
  }

  /** Adds `VALUE key flags length cas⏎ value⏎`, which must fit. */
  valueWithCas(ref: ChunkRef): void {
    this.position = this.writeValueWithCas(ref, this.bytes, this.position);
  }

  /** Adds a VALUE answer whose bytes stay in the item until they are sent; only its head needs room here. */
  valueInPlace(ref: ChunkRef, withCas: boolean): void {
    const { items } = this.#store;
    let start = 0;
    this.reply(VALUE);
    if (withCas) {
      start = items.valueStart(ref);
      const headEnd = start - LINE_END.length;
      items.copyRun(ref, 0, headEnd, this.bytes, this.position);
      this.position += headEnd;
      this.bytes[this.position++] = SPACE;
      this.position = this.writeCas(ref, this.bytes, this.position);
      this.reply(LINE_END);
    }
    this.runInPlace(ref, start, items.runBytes(ref));
  }

  /** Adds part of an item's run, bytes `start` up to and without `end` of it, which stays in the item until it is sent. */
  runInPlace(ref: ChunkRef, start: number, end: number): void {
    this.#nameCollected();
    this.#store.items.nameRun(ref, start, end, this.#runs);
    this.#itemBytes += end - start;
  }

  /** Puts what was collected since the last item behind it. */
  #nameCollected(): void {
    if (this.position > this.#named) this.#runs.add(this.bytes, this.#named, this.position);
    this.#named = this.position;
  }

  /** Writes a VALUE answer with its CAS anywhere; returns the position behind it. */
  writeValueWithCas(ref: ChunkRef, bytes: Uint8Array, start: number): number {
    const { items } = this.#store;
    const headEnd = items.valueStart(ref) - LINE_END.length;
    const runEnd = items.runBytes(ref);
    let position = writeBytes(bytes, start, VALUE);
    items.copyRun(ref, 0, headEnd, bytes, position);
    position += headEnd;
    bytes[position++] = SPACE;
    position = this.writeCas(ref, bytes, position);
    items.copyRun(ref, headEnd, headEnd + LINE_END.length, bytes, position);
    position += LINE_END.length;
    items.copyRun(ref, headEnd + LINE_END.length, runEnd, bytes, position);
    return position + runEnd - headEnd - LINE_END.length;
  }

  /** Writes an item's CAS in decimal; returns the position behind it. */
  writeCas(ref: ChunkRef, bytes: Uint8Array, position: number): number {
    const cas = this.#store.casOf(ref);
    if (Number.isSafeInteger(cas)) return writeDecimal(bytes, position, cas);
    const { memory } = this.#store;
    const high = BigInt(memory.word(ref, layout.CAS_HIGH) >>> 0);
    const low = BigInt(memory.word(ref, layout.CAS_LOW) >>> 0);
    return writeLatin(bytes, position, String((high << 32n) | low));
  }

  /** Sends what was collected. If the socket did not take it all, its region is the caller's until it gives it back. */
  flush(socket: TransportSocket): Flushed {
    if (this.#itemBytes > 0) return this.#flushRuns(socket);
    const end = this.position;
    const start = this.#start;
    this.position = start;
    if (this.#free.length === 0) {
      const copy = this.bytes.slice(start, end);
      return socket.write(copy, 0, copy.length) ? SENT : { sent: false, region: NO_REGION };
    }
    if (socket.write(this.bytes, start, end)) return SENT;
    this.#start = this.#free.pop()!;
    this.position = this.#named = this.#start;
    this.#limit = this.#start + OUTPUT_BYTES;
    return { sent: false, region: start };
  }

  /** Sends items from where they are; what the socket does not take at once is copied, since items may change. */
  #flushRuns(socket: TransportSocket): Flushed {
    const runs = this.#runs;
    this.#nameCollected();
    const sent = socket.sendRuns?.(runs) ?? 0;
    const rest = sent < runs.byteLength ? runs.rest(sent) : undefined;
    runs.clear();
    this.#itemBytes = 0;
    this.position = this.#named = this.#start;
    return rest === undefined || socket.write(rest, 0, rest.length) ? SENT : { sent: false, region: NO_REGION };
  }

  /** Takes what was collected, none of it in items, out; it lies where it is until something else is collected. */
  take(): Uint8Array {
    const end = this.position;
    this.position = this.#start;
    return this.bytes.subarray(this.#start, end);
  }

  /** Takes a region back that its socket has sent. */
  release(region: Region): void {
    if (region !== NO_REGION) this.#free.push(region);
  }
}
