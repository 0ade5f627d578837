/**
 * The eviction policy: which item of a size class goes when room is needed. The store calls it at the moments of an
 * item's life and knows nothing else of it, so that policies can stand beside each other.
 */
import type { ItemLists } from './item-lists.ts';
import type { ChunkRef } from './layout.ts';

/** Counters by class number, by the names of `stats items`. */
export interface ListMoves {
  readonly toCold: Float64Array;
  readonly toWarm: Float64Array;
  readonly withinLru: Float64Array;
}

/** All zero. */
export function noMoves(largestClass: number): ListMoves {
  const perClass = (): Float64Array => new Float64Array(largestClass + 1);
  return { toCold: perClass(), toWarm: perClass(), withinLru: perClass() };
}

/** What an administrator may tell an LRU, by the names of `stats settings`. */
export interface LruTuning {
  /** False = one list instead of three. */
  lruSegmented: boolean;
  /** Percent of a class's items that HOT and WARM may hold. */
  hotLruPct: number;
  warmLruPct: number;
  /** Share of the age of COLD's oldest item from which on idle items leave HOT and WARM. */
  hotMaxFactor: number;
  warmMaxFactor: number;
  /** Items with at most `temporaryTtl` seconds to live are kept apart from the others. */
  tempLru: boolean;
  /** Seconds. */
  temporaryTtl: number;
}

export interface EvictionPolicy {
  /** Its lists; for statistics and for chunks that move. */
  readonly lists: ItemLists;
  /** Items that went from list to list, and round within one, by class. */
  readonly moves: ListMoves;
  /** Times that {@link maintain} looked at a class in which something could move. */
  readonly juggles: number;
  /** A new item is in the index. */
  linked(ref: ChunkRef, sizeClass: number, hash: number): void;
  /** The item leaves: deleted, replaced, expired or evicted. */
  unlinked(ref: ChunkRef, sizeClass: number): void;
  /** A live item is about to leave because room is needed. */
  evicted(ref: ChunkRef, hash: number): void;
  /** The item was found; must be cheap, as it happens at every hit. */
  hit(ref: ChunkRef): void;
  /** The item of a class that should go next, still linked; NONE if the class has none. May reorder its lists. */
  victim(sizeClass: number): ChunkRef;
  /** Second of the last access of a class's next victim, without reordering; Infinity if the class has no item. */
  victimTime(sizeClass: number): number;
  /**
   * What an order by time asks for without any request; called now and then.
   *
   * @param now the second, as items count them
   * @param movesMax items moved, at most; the bound of its time
   */
  maintain(now: number, movesMax: number): void;
  /** Changes how it works from now on; what does not apply to it is left out of account. */
  tune(tuning: LruTuning): void;
}

/** Policies by the name that `--eviction` takes. */
export const EVICTION_POLICIES = ['lru', 's3fifo'] as const;
export type EvictionPolicyName = (typeof EVICTION_POLICIES)[number];
