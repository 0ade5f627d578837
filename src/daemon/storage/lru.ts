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
import { ItemLists, listOf } from './item-lists.ts';
import { ACTIVE, FETCHED, NONE, STATE, TIME, type ChunkRef } from './layout.ts';
import type { Memory } from './memory.ts';

export const HOT = 0;
export const WARM = 1;
export const COLD = 2;

/** Share of a class's items that HOT and WARM may hold; memcached's `-o hot_lru_pct`, `warm_lru_pct` defaults. */
export const HOT_PERCENT = 20;
export const WARM_PERCENT = 40;

/** Active items a search for a victim passes over before it takes what it finds; bounds the time of one insert. */
const ACTIVE_PASSED_MAX = 500;

/** Tails moved on with each insert, so that the lists keep their shares without a thread of their own. */
const MOVED_PER_INSERT = 2;

/** Tails moved on at most before a victim is chosen. */
const MOVED_PER_VICTIM = 50;

export class SegmentedLru implements EvictionPolicy {
  readonly lists: ItemLists;
  /** Items that went to each list from another, and active ones that stayed in WARM, by list. */
  readonly moves = { toCold: 0, toWarm: 0, withinLru: 0 };
  readonly #memory: Memory;

  constructor(memory: Memory, largestClass: number) {
    this.#memory = memory;
    this.lists = new ItemLists(memory, largestClass);
  }

  linked(ref: ChunkRef, sizeClass: number): void {
    this.lists.push(ref, sizeClass, HOT);
    for (let left = MOVED_PER_INSERT; left > 0; left--) {
      if (!this.#advance(sizeClass)) break;
    }
  }

  unlinked(ref: ChunkRef, sizeClass: number): void {
    this.lists.remove(ref, sizeClass);
  }

  evicted(): void {}

  hit(ref: ChunkRef): void {
    const state = this.#memory.word(ref, STATE);
    if ((state & ACTIVE) !== 0) return;
    this.#memory.setWord(ref, STATE, state | ((state & FETCHED) === 0 ? FETCHED : ACTIVE));
  }

  victim(sizeClass: number): ChunkRef {
    for (let passed = 0; ; passed++) {
      for (let left = MOVED_PER_VICTIM; left > 0 && this.#advance(sizeClass); left--);
      const ref = this.#last(sizeClass);
      if (ref === NONE || passed === ACTIVE_PASSED_MAX) return ref;
      if (!this.#isActive(ref)) return ref;
      this.#move(ref, sizeClass, WARM);
    }
  }

  victimTime(sizeClass: number): number {
    const ref = this.#last(sizeClass);
    return ref === NONE ? Infinity : this.#memory.word(ref, TIME);
  }

  #last(sizeClass: number): ChunkRef {
    const { lists } = this;
    return lists.oldest(sizeClass, COLD) || lists.oldest(sizeClass, HOT) || lists.oldest(sizeClass, WARM);
  }

  #isActive(ref: ChunkRef): boolean {
    return (this.#memory.word(ref, STATE) & ACTIVE) !== 0;
  }

  /** Takes one item off the tail of a list that is over its share; false if none is. */
  #advance(sizeClass: number): boolean {
    const { lists } = this;
    const hot = lists.length(sizeClass, HOT);
    const warm = lists.length(sizeClass, WARM);
    const total = hot + warm + lists.length(sizeClass, COLD);
    if (hot * 100 > total * HOT_PERCENT && hot > 1) {
      const ref = lists.oldest(sizeClass, HOT);
      this.#move(ref, sizeClass, this.#isActive(ref) ? WARM : COLD);
      return true;
    }
    if (warm * 100 > total * WARM_PERCENT && warm > 1) {
      const ref = lists.oldest(sizeClass, WARM);
      const active = this.#isActive(ref);
      this.#move(ref, sizeClass, active ? WARM : COLD);
      // An active item goes round once: the list is as long as before, and the next insert looks again.
      return !active;
    }
    return false;
  }

  #move(ref: ChunkRef, sizeClass: number, list: number): void {
    const state = this.#memory.word(ref, STATE);
    if (list === COLD) this.moves.toCold++;
    else if (listOf(state) === WARM) this.moves.withinLru++;
    else this.moves.toWarm++;
    this.#memory.setWord(ref, STATE, state & ~ACTIVE);
    this.lists.move(ref, sizeClass, list);
  }
}
