/**
 * What the meta commands have in common: finding, comparing and making the item that a request is about, and the pieces
 * of an answer that come from an item.
 */
import { writeBase64 } from '../../protocol/text/meta-base64.ts';
import { Letter, type MetaRequest } from '../../protocol/text/meta-request.ts';
import type { SecondHand } from '../clock.ts';
import type { Engine } from '../engine.ts';
import { writeLetter, writeLineEnd } from './writer.ts';
import type { Output } from '../output.ts';
import * as layout from '../storage/layout.ts';
import type { ChunkRef } from '../storage/layout.ts';
import type { Store } from '../storage/store.ts';

export class MetaShared {
  readonly engine: Engine;
  readonly store: Store;
  readonly output: Output;
  readonly time: SecondHand;

  constructor(engine: Engine, output: Output, time: SecondHand) {
    this.engine = engine;
    this.store = engine.store;
    this.output = output;
    this.time = time;
  }

  /** The item that a request is about, or NONE; counts nothing. */
  find(request: MetaRequest): ChunkRef {
    return this.engine.find(request.key, request.keyStart, request.keyEnd);
  }

  /** As {@link find}, beside a command that looks for the key itself: who watches does not hear of it. */
  peek(request: MetaRequest): ChunkRef {
    return this.engine.peek(request.key, request.keyStart, request.keyEnd);
  }

  /** The hash of a request's key. */
  hash(request: MetaRequest): number {
    return this.store.index.hash(request.key, request.keyStart, request.keyEnd - request.keyStart);
  }

  /** Whether an item has a CAS value, which is given in signed halves. */
  hasCas(ref: ChunkRef, low: number, high: number): boolean {
    const { memory } = this.store;
    return memory.word(ref, layout.CAS_LOW) === low && memory.word(ref, layout.CAS_HIGH) === high;
  }

  /** As {@link Engine.make}, of a request's key. */
  make(request: MetaRequest, flags: number, deadline: number, value: number | bigint | ''): ChunkRef {
    return this.engine.make(request.key, request.keyStart, request.keyEnd, flags, deadline, value);
  }

  /** Writes an item's CAS as a flag. */
  writeCas(ref: ChunkRef, to: Uint8Array, position: number): number {
    return this.output.writeCas(ref, to, writeLetter(to, position, Letter.c));
  }

  /** Writes an item's key without anything. */
  writeBareKey(ref: ChunkRef, to: Uint8Array, position: number): number {
    const { items } = this.store;
    const length = items.keyBytes(ref);
    items.copyRun(ref, 0, length, to, position);
    return position + length;
  }

  /** Writes an item's key as a flag, as it was stored: in base64 if it came so. */
  writeKeyOf(ref: ChunkRef, to: Uint8Array, position: number): number {
    const { memory } = this.store;
    const at = writeLetter(to, position, Letter.k);
    const end = this.writeBareKey(ref, to, at);
    if ((memory.word(ref, layout.STATE) & layout.KEY_BINARY) === 0) return end;
    const key = to.slice(at, end);
    return writeLetter(to, writeBase64(to, at, key, 0, key.length), Letter.b);
  }

  /** Ends an answer that was written behind what the output has collected. */
  endLine(position: number): void {
    this.output.position = writeLineEnd(this.output.bytes, position);
  }
}
