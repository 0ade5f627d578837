/**
 * The eviction policy: which item of a size class goes when room is needed. The store calls it at the moments of an
 * item's life and knows nothing else of it, so that policies can stand beside each other.
 */
import type { ItemLists } from './item-lists.ts';
import type { ChunkRef } from './layout.ts';

export interface EvictionPolicy {
  /** Its lists; for statistics and for chunks that move. */
  readonly lists: ItemLists;
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
}

/** Policies by the name that `--eviction` takes. */
export const EVICTION_POLICIES = ['lru', 's3fifo'] as const;
export type EvictionPolicyName = (typeof EVICTION_POLICIES)[number];
