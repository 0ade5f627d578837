/**
 * Background reclaim of expired and flushed items: a cursor that goes over the pages in memory order, a bounded number
 * of chunks at a time, so that a dead item that nobody asks for gives its memory back without holding up a request.
 */
import { ABSENT, type Store } from './store.ts';
import { LINKED, STATE, type ChunkRef } from './layout.ts';
import type { PageIndex } from './slabs.ts';

export class Crawler {
  /** Items looked at since the start. */
  itemsChecked = 0;
  /** Times the whole memory was gone over. */
  passes = 0;
  readonly #store: Store;
  #page = 0 as PageIndex;
  #chunk = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Goes on for a while.
   *
   * @param chunksMax chunks looked at, at most; the bound of this step's time
   */
  step(chunksMax: number): void {
    const { slabs, memory } = this.#store;
    for (let left = Math.min(chunksMax, this.#chunksInUse()); left > 0; left--) {
      while (this.#chunk >= slabs.chunksCut(this.#page)) if (!this.#nextPage()) return;
      const step = slabs.classes.chunkBytes[slabs.classOfPage(this.#page)] / 8;
      const ref = (slabs.firstChunk(this.#page) + this.#chunk * step) as ChunkRef;
      this.#chunk++;
      if ((memory.word(ref, STATE) & LINKED) === 0) continue;
      this.itemsChecked++;
      if (this.#store.deathOf(ref) !== ABSENT) this.#store.removeCrawled(ref);
    }
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
    this.passes++;
    return false;
  }
}
