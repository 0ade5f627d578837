/**
 * Answers on their way out: what one read asked for is collected in a region of the scratch area and sent with one
 * write. A region that a socket has not taken wholly stays with its connection until it has, and another one collects.
 */
import { SPACE, writeBytes, writeDecimal, writeLatin, writeUnsigned } from '../base/bytes.ts';
import { VALUE } from '../protocol/text/replies.ts';
import { OUTPUT_BYTES, OUTPUT_BYTES_TIGHT, OUTPUT_REGIONS } from './limits.ts';
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

/** Whose answers are sent, and who keeps what its socket does not take. */
export interface Sender {
  readonly socket: TransportSocket;
  /** Whether it sends bytes from where they lie. */
  readonly gathers: boolean;
  /** The region with its answers, which the socket reads. */
  keepRegion(region: Region): void;
  /** The transport holds a copy of so many bytes. */
  keepWritten(byteLength: number): void;
  /** Bytes that are to be sent, behind what it keeps already. */
  keepBytes(bytes: Uint8Array): void;
  /** Part of an item's run that is to be sent, behind what it keeps already. */
  keepRun(ref: ChunkRef, start: number, end: number): void;
}

/** Part of an item's run among what is to be sent. */
interface InPlace {
  readonly ref: ChunkRef;
  readonly start: number;
  readonly end: number;
  readonly at: number;
}

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
  /** Bytes that are collected before they are sent. */
  #capacity = OUTPUT_BYTES;
  // Items that are sent from where they are, with what was collected before, between and behind them.
  readonly #runs = new Runs();
  #itemBytes = 0;
  /** Which part of which item, and where among the runs. */
  readonly #inPlace: InPlace[] = [];
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

  /** Bytes of answers that are collected before they are sent. */
  get capacity(): number {
    return this.#capacity;
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
    const { items } = this.#store;
    const start = this.valueHead(ref, true);
    const end = items.runBytes(ref);
    items.copyRun(ref, start, end, this.bytes, this.position);
    this.position += end - start;
  }

  /**
   * Adds the beginning of a VALUE answer; it goes on with the item's run.
   *
   * @returns from where on in the run
   */
  valueHead(ref: ChunkRef, withCas: boolean): number {
    this.reply(VALUE);
    if (!withCas) return 0;
    const { items } = this.#store;
    const start = items.valueStart(ref);
    const headEnd = start - LINE_END.length;
    items.copyRun(ref, 0, headEnd, this.bytes, this.position);
    this.position += headEnd;
    this.bytes[this.position++] = SPACE;
    this.position = this.writeCas(ref, this.bytes, this.position);
    this.reply(LINE_END);
    return start;
  }

  /** Adds part of an item's run, bytes `start` up to and without `end` of it, which stays in the item until it is sent. */
  runInPlace(ref: ChunkRef, start: number, end: number): void {
    this.#nameCollected();
    this.#inPlace.push({ ref, start, end, at: this.#runs.byteLength });
    this.#store.items.nameRun(ref, start, end, this.#runs);
    this.#itemBytes += end - start;
  }

  /** Puts what was collected since the last item behind it. */
  #nameCollected(): void {
    if (this.position > this.#named) this.#runs.add(this.bytes, this.#named, this.position);
    this.#named = this.position;
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

  /** Sends what was collected; false if the socket did not take it all, and its sender keeps the rest. */
  flush(sender: Sender): boolean {
    if (this.#itemBytes > 0) return this.#flushRuns(sender);
    const end = this.position;
    const start = this.#start;
    this.position = start;
    this.#limit = start + this.#capacity;
    if (this.#free.length === 0 && sender.socket.copies !== true) return this.#flushWithoutRegion(sender, start, end);
    if (sender.socket.write(this.bytes, start, end)) return true;
    if (sender.socket.copies === true) {
      sender.keepWritten(end - start);
      return false;
    }
    this.#start = this.#free.pop()!;
    this.position = this.#named = this.#start;
    this.#limit = this.#start + this.#capacity;
    sender.keepRegion(start);
    return false;
  }

  /** Sends so that the region is free again in any case. */
  #flushWithoutRegion(sender: Sender, start: number, end: number): boolean {
    const { socket } = sender;
    if (sender.gathers) {
      this.#named = start;
      this.position = end;
      return this.#flushRuns(sender);
    }
    const copy = this.bytes.slice(start, end);
    if (socket.write(copy, 0, copy.length)) return true;
    sender.keepWritten(copy.length);
    return false;
  }

  /** Sends items from where they are, with what was collected around them. */
  #flushRuns(sender: Sender): boolean {
    const runs = this.#runs;
    this.#nameCollected();
    const length = this.length;
    const sent = sender.socket.sendRuns!(runs);
    if (sent < length) this.#keepRest(sender, sent);
    runs.clear();
    this.#inPlace.length = 0;
    this.#itemBytes = 0;
    this.position = this.#named = this.#start;
    this.#limit = this.#start + this.#capacity;
    return sent === length;
  }

  /** Leaves what was not sent to its sender: copies what was collected, while items stay where they are. */
  #keepRest(sender: Sender, sent: number): void {
    const runs = this.#runs;
    let at = sent;
    for (const item of this.#inPlace) {
      const itemEnd = item.at + item.end - item.start;
      if (at < item.at) sender.keepBytes(runs.slice(at, item.at));
      if (sent < itemEnd) sender.keepRun(item.ref, item.start + Math.max(0, sent - item.at), item.end);
      at = Math.max(sent, itemEnd);
    }
    if (at < runs.byteLength) sender.keepBytes(runs.slice(at, runs.byteLength));
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

  /** Collects as much from the next flush on as the regions, and what all connections hold, allow. */
  fit(isTight: boolean): void {
    this.#capacity = isTight || this.#free.length === 0 ? OUTPUT_BYTES_TIGHT : OUTPUT_BYTES;
  }
}
