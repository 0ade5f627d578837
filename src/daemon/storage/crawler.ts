/**
 * Background reclaim of expired and flushed items: a cursor that goes over the pages in memory order, a bounded number
 * of chunks at a time, so that a dead item that nobody asks for gives its memory back without holding up a request.
 */
import { ABSENT, type Store } from './store.ts';
import { LINKED, STATE, VALUE_BYTES, type ChunkRef } from './layout.ts';
import { CHUNK_BYTES_MAX } from './size-classes.ts';
import type { PageIndex } from './slabs.ts';

export class Crawler {
  /** Items looked at since the start. */
  itemsChecked = 0;
  /** Times the whole memory was gone over. */
  passes = 0;
  /** Times it began with the first page. */
  starts = 1;
  readonly #store: Store;
  #page = 0 as PageIndex;
  #chunk = 0;
  /** Items of each class looked at in this pass. */
  readonly #seen: Float64Array;

  constructor(store: Store) {
    this.#store = store;
    this.#seen = new Float64Array(store.slabs.classes.largest + 1);
  }

  /** Whether it is on its way through the memory. */
  get isRunning(): boolean {
    return this.#page !== 0 || this.#chunk !== 0;
  }

  /** Begins again with the first page. */
  restart(): void {
    this.#page = 0 as PageIndex;
    this.#chunk = 0;
    this.#seen.fill(0);
    this.starts++;
  }

  /**
   * Goes on for a while.
   *
   * @param chunksMax chunks looked at, at most
   * @param itemsMax items of a class looked at in one pass, at most; those behind are left to a pass without a limit
   * @param freedMax chunks freed after which it stops: that takes ten times as long as looking
   * @returns whether it stopped for having freed so many, and will likely find more at once
   */
  step(chunksMax: number, itemsMax = Infinity, freedMax = Infinity): boolean {
    const { slabs, memory } = this.#store;
    const checked = this.#store.stats.byClass('crawler_items_checked');
    let freed = 0;
    for (let left = Math.min(chunksMax, this.#chunksInUse()); left > 0; left--) {
      while (this.#isDone(itemsMax)) if (!this.#nextPage()) return false;
      const sizeClass = slabs.classOfPage(this.#page);
      const step = slabs.classes.chunkBytes[sizeClass] / 8;
      const ref = (slabs.firstChunk(this.#page) + this.#chunk * step) as ChunkRef;
      this.#chunk++;
      if ((memory.word(ref, STATE) & LINKED) === 0) continue;
      this.itemsChecked++;
      this.#seen[sizeClass]++;
      checked[sizeClass]++;
      if (this.#store.deathOf(ref) === ABSENT) continue;
      freed += Math.ceil((memory.word(ref, VALUE_BYTES) + 1) / CHUNK_BYTES_MAX);
      this.#store.removeCrawled(ref);
      if (freed >= freedMax) return true;
    }
    return false;
  }

  /** Whether nothing of this page is left for this pass. */
  #isDone(itemsMax: number): boolean {
    const { slabs } = this.#store;
    if (this.#chunk >= slabs.chunksCut(this.#page)) return true;
    return this.#seen[slabs.classOfPage(this.#page)] >= itemsMax;
  }

  #chunksInUse(): number {
    return this.#store.stats.currentItems === 0 ? 0 : Infinity;
  }

  /** False at the end of the memory, where a step rests. */
  #nextPage(): boolean {
    this.#chunk = 0;
    this.#page = (this.#page + 1) as PageIndex;
    if (this.#page < this.#store.slabs.pagesInUse) return true;
    this.#page = 0 as PageIndex;
    this.#seen.fill(0);
    this.passes++;
    this.starts++;
    return false;
  }
}
