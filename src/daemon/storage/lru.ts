/**
 * memcached's segmented LRU (doc/new_lru.txt): three lists per size class.
 *
 *     new ──► HOT ──tail──► COLD ──tail──► evicted
 *              │ active       │ active
 *              └────► WARM ◄──┘      WARM's tail: active → its head, else → COLD
 *
 * A hit only sets a bit: the first one FETCHED, the second ACTIVE. Items move when they come to a list's tail. So a scan
 * of items that are read once passes through HOT and COLD and leaves WARM alone. Beside the inserts, which keep HOT and
 * WARM to their shares, `maintain` takes out of them what has been idle for long, as memcached's maintainer does.
 */
import { noMoves, type EvictionPolicy, type ListMoves, type LruTuning } from './eviction.ts';
import { ItemLists, listOf } from './item-lists.ts';
import { ACTIVE, EXPTIME, FETCHED, NONE, STATE, TIME, type ChunkRef } from './layout.ts';
import type { Memory } from './memory.ts';

export const HOT = 0;
export const WARM = 1;
export const COLD = 2;
/** Items with little time to live, if they are kept apart: they are not moved, and go last when room is needed. */
export const TEMP = 3;

/** Share of a class's items that HOT and WARM may hold; memcached's `-o hot_lru_pct`, `warm_lru_pct` defaults. */
export const HOT_PERCENT = 20;
export const WARM_PERCENT = 40;

/** Share of the age of COLD's tail that items of HOT and WARM may be idle; `-o hot_max_factor`, `warm_max_factor` defaults. */
const HOT_MAX_FACTOR = 0.2;
const WARM_MAX_FACTOR = 2;

/** No item is kept apart for its time to live. */
const NO_TEMPORARY_TTL = -1;

/** Active items a search for a victim passes over before it takes what it finds; bounds the time of one insert. */
const ACTIVE_PASSED_MAX = 500;

/** Tails moved on with each insert, so that the lists keep their shares without a thread of their own. */
const MOVED_PER_INSERT = 2;

/** Tails moved on at most before a victim is chosen. */
const MOVED_PER_VICTIM = 50;

export class SegmentedLru implements EvictionPolicy {
  readonly lists: ItemLists;
  /** Items that went to each list from another, and active ones that stayed in theirs, by class. */
  readonly moves: ListMoves;
  juggles = 0;
  readonly #memory: Memory;
  #isSegmented = true;
  #hotPercent = HOT_PERCENT;
  #warmPercent = WARM_PERCENT;
  #hotMaxFactor = HOT_MAX_FACTOR;
  #warmMaxFactor = WARM_MAX_FACTOR;
  /** The class that {@link maintain} looks at next. */
  #maintained = 0;
  readonly #classCount: number;
  #temporaryTtl = NO_TEMPORARY_TTL;

  constructor(memory: Memory, largestClass: number) {
    this.#memory = memory;
    this.lists = new ItemLists(memory, largestClass);
    this.moves = noMoves(largestClass);
    this.#classCount = largestClass + 1;
  }

  tune(tuning: LruTuning): void {
    this.#isSegmented = tuning.lruSegmented;
    this.#hotPercent = tuning.hotLruPct;
    this.#warmPercent = tuning.warmLruPct;
    this.#hotMaxFactor = tuning.hotMaxFactor;
    this.#warmMaxFactor = tuning.warmMaxFactor;
    this.#temporaryTtl = tuning.tempLru ? tuning.temporaryTtl : NO_TEMPORARY_TTL;
  }

  linked(ref: ChunkRef, sizeClass: number): void {
    this.lists.push(ref, sizeClass, this.#firstList(ref));
    for (let left = MOVED_PER_INSERT; left > 0; left--) {
      if (!this.#advance(sizeClass)) break;
    }
  }

  #firstList(ref: ChunkRef): number {
    if (!this.#isSegmented) return COLD;
    if (this.#temporaryTtl === NO_TEMPORARY_TTL) return HOT;
    const exptime = this.#memory.word(ref, EXPTIME);
    return exptime !== 0 && exptime - this.#memory.word(ref, TIME) <= this.#temporaryTtl ? TEMP : HOT;
  }

  unlinked(ref: ChunkRef, sizeClass: number): void {
    this.lists.remove(ref, sizeClass);
  }

  evicted(): void {}

  hit(ref: ChunkRef): void {
    const state = this.#memory.word(ref, STATE);
    if ((state & ACTIVE) !== 0) return;
    const first = (state & FETCHED) === 0 && this.#isSegmented;
    this.#memory.setWord(ref, STATE, state | (first ? FETCHED : FETCHED | ACTIVE));
  }

  victim(sizeClass: number): ChunkRef {
    for (let passed = 0; ; passed++) {
      for (let left = MOVED_PER_VICTIM; left > 0 && this.#advance(sizeClass); left--);
      const ref = this.#last(sizeClass);
      if (ref === NONE || passed === ACTIVE_PASSED_MAX) return ref;
      if (!this.#isActive(ref)) return ref;
      this.#move(ref, sizeClass, this.#isSegmented ? WARM : COLD);
    }
  }

  victimTime(sizeClass: number): number {
    const ref = this.#last(sizeClass);
    return ref === NONE ? Infinity : this.#memory.word(ref, TIME);
  }

  /** Class after class; where the moves do not suffice, the next call goes on. */
  maintain(now: number, movesMax: number): void {
    let left = movesMax;
    for (let classes = this.#classCount; classes > 0 && left > 0; classes--) {
      left -= this.#maintainClass(this.#maintained, now, left);
      this.#maintained = (this.#maintained + 1) % this.#classCount;
    }
  }

  /** memcached's rule (items.c, lru_maintainer_juggle): how long COLD's tail has been idle says what is old. */
  #maintainClass(sizeClass: number, now: number, movesMax: number): number {
    const { lists } = this;
    if (!this.#isSegmented || lists.length(sizeClass, HOT) + lists.length(sizeClass, WARM) === 0) return 0;
    this.juggles++;
    const cold = lists.oldest(sizeClass, COLD);
    const coldAge = cold === NONE ? 0 : now - this.#memory.word(cold, TIME);
    let moved = 0;
    while (moved < movesMax && this.#settle(sizeClass, HOT, now - coldAge * this.#hotMaxFactor)) moved++;
    while (moved < movesMax && this.#settle(sizeClass, WARM, now - coldAge * this.#warmMaxFactor)) moved++;
    return moved;
  }

  /** Moves a list's tail if it is active, or idle since before `since`; false if it may stay. */
  #settle(sizeClass: number, list: number, since: number): boolean {
    const ref = this.lists.oldest(sizeClass, list);
    if (ref === NONE) return false;
    const active = this.#isActive(ref);
    // An infinite factor of no age is no number, and nothing is older than that.
    if (!active && !(this.#memory.word(ref, TIME) < since)) return false;
    this.#move(ref, sizeClass, active ? WARM : COLD);
    return true;
  }

  #last(sizeClass: number): ChunkRef {
    const { lists } = this;
    return (
      lists.oldest(sizeClass, COLD) ||
      lists.oldest(sizeClass, HOT) ||
      lists.oldest(sizeClass, WARM) ||
      lists.oldest(sizeClass, TEMP)
    );
  }

  #isActive(ref: ChunkRef): boolean {
    return (this.#memory.word(ref, STATE) & ACTIVE) !== 0;
  }

  /** Takes one item off the tail of a list that is over its share; false if none is. */
  #advance(sizeClass: number): boolean {
    if (!this.#isSegmented) return this.#flatten(sizeClass);
    const { lists } = this;
    const hot = lists.length(sizeClass, HOT);
    const warm = lists.length(sizeClass, WARM);
    const total = hot + warm + lists.length(sizeClass, COLD);
    if (hot * 100 > total * this.#hotPercent && hot > 1) {
      const ref = lists.oldest(sizeClass, HOT);
      this.#move(ref, sizeClass, this.#isActive(ref) ? WARM : COLD);
      return true;
    }
    if (warm * 100 > total * this.#warmPercent && warm > 1) {
      const ref = lists.oldest(sizeClass, WARM);
      const active = this.#isActive(ref);
      this.#move(ref, sizeClass, active ? WARM : COLD);
      // An active item goes round once: the list is as long as before, and the next insert looks again.
      return !active;
    }
    return false;
  }

  /** Takes what is left from before out of HOT and WARM, an item at a time. */
  #flatten(sizeClass: number): boolean {
    const ref = this.lists.oldest(sizeClass, HOT) || this.lists.oldest(sizeClass, WARM);
    if (ref === NONE) return false;
    this.#move(ref, sizeClass, COLD);
    return true;
  }

  #move(ref: ChunkRef, sizeClass: number, list: number): void {
    const state = this.#memory.word(ref, STATE);
    if (listOf(state) === list) this.moves.withinLru[sizeClass]++;
    else if (list === COLD) this.moves.toCold[sizeClass]++;
    else this.moves.toWarm[sizeClass]++;
    this.#memory.setWord(ref, STATE, state & ~ACTIVE);
    this.lists.move(ref, sizeClass, list);
  }
}
