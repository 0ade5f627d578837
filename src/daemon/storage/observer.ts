/** Who wants to hear of what happens to items: nobody, most of the time, so that it costs one comparison. */
import type { ChunkRef } from './layout.ts';

export interface StoreObserver {
  /**
   * A key was looked for.
   *
   * @param ref what was found, or NONE
   * @param missReason why nothing was found: ABSENT, EXPIRED or FLUSHED
   */
  fetched(key: Uint8Array, start: number, length: number, ref: ChunkRef, missReason: number): void;
  /** A live item is about to go because room is needed. */
  evicted(ref: ChunkRef): void;
  /** An item is about to be deleted by a command. */
  deleted(ref: ChunkRef, command: string): void;
  /**
   * A storage command has ended.
   *
   * @param status what became of it, in memcached's words: `stored`, `not_stored`, `exists`, `not_found`, `too_large`
   * or `no_memory`
   * @param item what is known of the item; nothing if there was no room for it
   */
  stored(key: Uint8Array, command: string, status: string, item: StoredItem | undefined): void;
  /** A page went from one class to another. */
  pageMoved(fromClass: number, toClass: number): void;
}

/** An item that was stored, or would have been. */
export interface StoredItem {
  /** Second at which it expires, or 0. */
  deadline: number;
  sizeClass: number;
  valueBytes: number;
}
