/**
 * The eviction policy: which item of a size class goes when room is needed. The store calls it at the four moments of
 * an item's life and knows nothing else of it, so that another policy can stand beside LRU.
 */
import type { ChunkRef } from './layout.ts';

export interface EvictionPolicy {
  /** A new item is in the index. */
  linked(ref: ChunkRef, sizeClass: number): void;
  /** The item leaves: deleted, replaced, expired or evicted. */
  unlinked(ref: ChunkRef, sizeClass: number): void;
  /** The item was found; must be cheap, as it happens at every hit. */
  hit(ref: ChunkRef): void;
  /** An item's chunk was copied, header and all, to `ref`, which now takes its place. */
  moved(ref: ChunkRef, sizeClass: number): void;
  /** The item of a class that should go next, still linked; NONE if the class has none. May reorder its lists. */
  victim(sizeClass: number): ChunkRef;
  /** Second of the last access of a class's next victim, without reordering; Infinity if the class has no item. */
  victimTime(sizeClass: number): number;
}
