/** What the store counts, in typed-array slots; names are memcached's (`stats`, `stats items`). */

/** Counters per size class. */
export const CLASS_COUNTERS = [
  'evicted',
  'evicted_nonzero',
  'evicted_time',
  'evicted_unfetched',
  'evicted_active',
  'expired_unfetched',
  'outofmemory',
  'reclaimed',
  'crawler_reclaimed',
  'crawler_items_checked',
] as const;
export type ClassCounter = (typeof CLASS_COUNTERS)[number];

export class StoreStats {
  /** Items in the index. */
  currentItems = 0;
  /** Items ever linked. */
  totalItems = 0;
  /** Bytes that linked items take, headers included. */
  bytes = 0;
  /** Pages moved from one class to another. */
  pagesMoved = 0;
  /** Items evicted only because their page was moved. */
  pageMoveEvictions = 0;
  /** Items of one chunk that moved with a page's contents and stayed. */
  pageMoveRescues = 0;
  /** Chunks of items of several chunks that did so. */
  pageMoveChunkRescues = 0;
  /** Lookups, whatever the command, that found an item which had expired or was flushed. */
  foundExpired = 0;
  foundFlushed = 0;
  /** Bytes items asked for, by class. */
  readonly requestedBytes: Float64Array;
  /** Items by class. */
  readonly items: Float64Array;
  readonly #classCounters = new Map<ClassCounter, Float64Array>();

  constructor(largestClass: number) {
    this.requestedBytes = new Float64Array(largestClass + 1);
    this.items = new Float64Array(largestClass + 1);
    for (const name of CLASS_COUNTERS) this.#classCounters.set(name, new Float64Array(largestClass + 1));
  }

  /** One counter's slots by class number. */
  byClass(name: ClassCounter): Float64Array {
    return this.#classCounters.get(name)!;
  }

  /** One counter over all classes. */
  total(name: ClassCounter): number {
    return this.byClass(name).reduce((sum, value) => sum + value, 0);
  }

  /** Sets the counters to zero that `stats reset` resets. */
  reset(): void {
    this.totalItems = this.foundExpired = this.foundFlushed = 0;
    for (const counter of this.#classCounters.values()) counter.fill(0);
  }
}
