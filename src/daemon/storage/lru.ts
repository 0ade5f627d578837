/**
 * memcached's segmented LRU (doc/new_lru.txt): three lists per size class.
 *
 *     new ──► HOT ──tail──► COLD ──tail──► evicted
 *              │ active       │ active
 *              └────► WARM ◄──┘      WARM's tail: active → its head, else → COLD
 *
 * A hit only sets a bit: the first one FETCHED, the second ACTIVE. Items move when they come to a list's tail. So a scan
 * of items that are read once passes through HOT and COLD and leaves WARM alone.
 */
import type { EvictionPolicy } from './eviction.ts';
import { ACTIVE, FETCHED, LIST_MASK, LIST_SHIFT, NEWER, NONE, OLDER, STATE, TIME, type ChunkRef } from './layout.ts';
import type { Memory } from './memory.ts';

export const HOT = 0;
export const WARM = 1;
export const COLD = 2;
const LISTS = 4;

/** Share of a class's items that HOT and WARM may hold; memcached's `-o hot_lru_pct`, `warm_lru_pct` defaults. */
export const HOT_PERCENT = 20;
export const WARM_PERCENT = 40;

/** Active items a search for a victim passes over before it takes what it finds; bounds the time of one insert. */
const ACTIVE_PASSED_MAX = 50;

/** Tails moved on with each insert, so that the lists keep their shares without a thread of their own. */
const MOVED_PER_INSERT = 2;

/** Tails moved on at most before a victim is chosen. */
const MOVED_PER_VICTIM = 50;

export class SegmentedLru implements EvictionPolicy {
  /** Items by class × 4 + list. */
  readonly count: Int32Array;
  readonly #memory: Memory;
  readonly #newest: Int32Array;
  readonly #oldest: Int32Array;

  constructor(memory: Memory, largestClass: number) {
    this.#memory = memory;
    const slots = (largestClass + 1) * LISTS;
    this.count = new Int32Array(slots);
    this.#newest = new Int32Array(slots);
    this.#oldest = new Int32Array(slots);
  }

  linked(ref: ChunkRef, sizeClass: number): void {
    this.#push(ref, sizeClass, HOT);
    for (let left = MOVED_PER_INSERT; left > 0; left--) {
      if (!this.#advance(sizeClass)) break;
    }
  }

  unlinked(ref: ChunkRef, sizeClass: number): void {
    this.#remove(ref, sizeClass * LISTS + listOf(this.#memory.word(ref, STATE)));
  }

  hit(ref: ChunkRef): void {
    const state = this.#memory.word(ref, STATE);
    if ((state & ACTIVE) !== 0) return;
    this.#memory.setWord(ref, STATE, state | ((state & FETCHED) === 0 ? FETCHED : ACTIVE));
  }

  moved(ref: ChunkRef, sizeClass: number): void {
    const memory = this.#memory;
    const list = sizeClass * LISTS + listOf(memory.word(ref, STATE));
    const newer = memory.link(ref, NEWER);
    const older = memory.link(ref, OLDER);
    if (newer === NONE) this.#newest[list] = ref;
    else memory.setWord(newer, OLDER, ref);
    if (older === NONE) this.#oldest[list] = ref;
    else memory.setWord(older, NEWER, ref);
  }

  victim(sizeClass: number): ChunkRef {
    const memory = this.#memory;
    const lists = sizeClass * LISTS;
    for (let passed = 0; ; passed++) {
      for (let left = MOVED_PER_VICTIM; left > 0 && this.#advance(sizeClass); left--);
      const ref = (this.#oldest[lists + COLD] || this.#oldest[lists + HOT] || this.#oldest[lists + WARM]) as ChunkRef;
      if (ref === NONE || passed === ACTIVE_PASSED_MAX) return ref;
      if ((memory.word(ref, STATE) & ACTIVE) === 0) return ref;
      this.#move(ref, sizeClass, WARM);
    }
  }

  victimTime(sizeClass: number): number {
    const lists = sizeClass * LISTS;
    const ref = (this.#oldest[lists + COLD] || this.#oldest[lists + HOT] || this.#oldest[lists + WARM]) as ChunkRef;
    return ref === NONE ? Infinity : this.#memory.word(ref, TIME);
  }

  /** The item at the tail of one list, or NONE; for statistics. */
  tail(sizeClass: number, list: number): ChunkRef {
    return this.#oldest[sizeClass * LISTS + list] as ChunkRef;
  }

  /** Takes one item off the tail of a list that is over its share; false if none is. */
  #advance(sizeClass: number): boolean {
    const lists = sizeClass * LISTS;
    const hot = this.count[lists + HOT];
    const warm = this.count[lists + WARM];
    const total = hot + warm + this.count[lists + COLD];
    if (hot * 100 > total * HOT_PERCENT && hot > 1) {
      const ref = this.#oldest[lists + HOT] as ChunkRef;
      const active = (this.#memory.word(ref, STATE) & ACTIVE) !== 0;
      this.#move(ref, sizeClass, active ? WARM : COLD);
      return true;
    }
    if (warm * 100 > total * WARM_PERCENT && warm > 1) {
      const ref = this.#oldest[lists + WARM] as ChunkRef;
      const active = (this.#memory.word(ref, STATE) & ACTIVE) !== 0;
      this.#move(ref, sizeClass, active ? WARM : COLD);
      // An active item goes round once: the list is as long as before, and the next insert looks again.
      return !active;
    }
    return false;
  }

  #move(ref: ChunkRef, sizeClass: number, list: number): void {
    const state = this.#memory.word(ref, STATE);
    this.#remove(ref, sizeClass * LISTS + listOf(state));
    this.#memory.setWord(ref, STATE, state & ~ACTIVE);
    this.#push(ref, sizeClass, list);
  }

  #push(ref: ChunkRef, sizeClass: number, list: number): void {
    const memory = this.#memory;
    const slot = sizeClass * LISTS + list;
    const newest = this.#newest[slot] as ChunkRef;
    memory.setWord(ref, STATE, (memory.word(ref, STATE) & ~LIST_MASK) | (list << LIST_SHIFT));
    memory.setWord(ref, NEWER, NONE);
    memory.setWord(ref, OLDER, newest);
    if (newest === NONE) this.#oldest[slot] = ref;
    else memory.setWord(newest, NEWER, ref);
    this.#newest[slot] = ref;
    this.count[slot]++;
  }

  #remove(ref: ChunkRef, slot: number): void {
    const memory = this.#memory;
    const newer = memory.link(ref, NEWER);
    const older = memory.link(ref, OLDER);
    if (newer === NONE) this.#newest[slot] = older;
    else memory.setWord(newer, OLDER, older);
    if (older === NONE) this.#oldest[slot] = newer;
    else memory.setWord(older, NEWER, newer);
    this.count[slot]--;
  }
}

function listOf(state: number): number {
  return (state & LIST_MASK) >>> LIST_SHIFT;
}
