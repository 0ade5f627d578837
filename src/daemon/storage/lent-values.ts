/**
 * Values that are being sent from where they lie, to readers that take their time. The item may go meanwhile like any
 * other; what its readers have not taken is copied then, once for all of them, and one of them answers for the copy.
 * So a slow reader costs no memory while its value is in the cache, and keeps nothing from being evicted.
 *
 * Owns who is being sent what. Values of one chunk are copied at once: they may move from page to page.
 */
import { ItemCursor, type Items, type RunList } from './items.ts';
import * as layout from './layout.ts';
import type { ChunkRef } from './layout.ts';
import type { Memory } from './memory.ts';

/** Who is sent a value. */
export interface Borrower {
  /** It answers for so many bytes more: a copy of what it is being sent. */
  answerFor(byteLength: number): void;
  /** It answers for so many bytes less. */
  acquit(byteLength: number): void;
}

/** Part of an item's run on its way to one reader. */
export class LentRun {
  /** Bytes that are still to be sent. */
  bytesLeft: number;
  /** Where in the run they begin. */
  position: number;
  readonly borrower: Borrower;
  readonly cursor = new ItemCursor();
  readonly #value: LentValue;

  constructor(value: LentValue, start: number, end: number, borrower: Borrower) {
    this.#value = value;
    this.position = start;
    this.bytesLeft = end - start;
    this.borrower = borrower;
    value.open(this);
  }

  /** Names the next bytes where they lie, at most `byteLength` of them. Good until the item goes. */
  name(runs: RunList, byteLength: number): void {
    this.#value.name(this, runs, Math.min(byteLength, this.bytesLeft));
  }

  /** Copies the next bytes, `byteLength` of them, of which there are so many. */
  copyTo(to: Uint8Array, position: number, byteLength: number): void {
    this.#value.copyTo(this, to, position, byteLength);
  }

  /** So many bytes have been sent. */
  skip(byteLength: number): void {
    this.#value.skip(this, byteLength);
    this.position += byteLength;
    this.bytesLeft -= byteLength;
  }

  /** Nothing more of it is sent. */
  close(): void {
    this.#value.close(this);
  }
}

/** An item, or what is left of one, with those who are sent it. */
class LentValue {
  readonly #items: Items;
  readonly #ref: ChunkRef;
  readonly #runs = new Set<LentRun>();
  readonly #onUnused: () => void;
  /** Once the item has gone: its bytes from `copyStart` on. */
  #copy: Uint8Array | undefined;
  #copyStart = 0;
  /** Who answers for the copy. */
  #payer: Borrower | undefined;

  constructor(items: Items, ref: ChunkRef, onUnused: () => void) {
    this.#items = items;
    this.#ref = ref;
    this.#onUnused = onUnused;
  }

  open(run: LentRun): void {
    this.#runs.add(run);
    this.#items.openRun(this.#ref, run.position, run.cursor);
  }

  name(run: LentRun, runs: RunList, byteLength: number): void {
    if (this.#copy === undefined) return this.#items.nameRoom(run.cursor, byteLength, runs);
    const start = run.position - this.#copyStart;
    runs.add(this.#copy, start, start + byteLength);
  }

  copyTo(run: LentRun, to: Uint8Array, position: number, byteLength: number): void {
    if (this.#copy === undefined) return this.#items.read(run.cursor, byteLength, to, position);
    const start = run.position - this.#copyStart;
    to.set(this.#copy.subarray(start, start + byteLength), position);
  }

  skip(run: LentRun, byteLength: number): void {
    if (this.#copy === undefined) this.#items.skip(run.cursor, byteLength);
  }

  close(run: LentRun): void {
    if (!this.#runs.delete(run)) return;
    if (this.#runs.size === 0) this.#onUnused();
    if (this.#copy === undefined || this.#payer !== run.borrower) return;
    this.#payer.acquit(this.#copy.length);
    this.#charge(this.#copy.length);
  }

  /** The item goes: copies what somebody has still to be sent. */
  leave(): void {
    let start = Infinity;
    let end = 0;
    for (const run of this.#runs) {
      start = Math.min(start, run.position);
      end = Math.max(end, run.position + run.bytesLeft);
    }
    const copy = new Uint8Array(end - start);
    this.#items.copyRun(this.#ref, start, end, copy, 0);
    this.#copy = copy;
    this.#copyStart = start;
    this.#charge(copy.length);
  }

  #charge(byteLength: number): void {
    const [first] = this.#runs;
    this.#payer = first?.borrower;
    this.#payer?.answerFor(byteLength);
  }
}

export class LentValues {
  readonly #memory: Memory;
  readonly #items: Items;
  readonly #byItem = new Map<ChunkRef, LentValue>();

  constructor(memory: Memory, items: Items) {
    this.#memory = memory;
    this.#items = items;
  }

  /** Items that are being sent. */
  get size(): number {
    return this.#byItem.size;
  }

  /** Lends part of a linked item's run, bytes `start` up to and without `end` of it. */
  lend(ref: ChunkRef, start: number, end: number, borrower: Borrower): LentRun {
    const state = this.#memory.word(ref, layout.STATE);
    let value = this.#byItem.get(ref);
    if (value === undefined) {
      value = new LentValue(this.#items, ref, () => this.#forget(ref, value));
      this.#byItem.set(ref, value);
      this.#memory.setWord(ref, layout.STATE, state | layout.LENT);
    }
    const run = new LentRun(value, start, end, borrower);
    if ((state & layout.CHUNKED) === 0) this.leave(ref);
    return run;
  }

  /** The item goes, or moves. */
  leave(ref: ChunkRef): void {
    const value = this.#byItem.get(ref);
    this.#forget(ref, value);
    value?.leave();
  }

  #forget(ref: ChunkRef, value: LentValue | undefined): void {
    if (value === undefined || this.#byItem.get(ref) !== value) return;
    this.#byItem.delete(ref);
    this.#memory.setWord(ref, layout.STATE, this.#memory.word(ref, layout.STATE) & ~layout.LENT);
  }
}
