/**
 * Pages and chunks: memory goes to size classes a page at a time, and a class cuts its pages into chunks of one size.
 * Owns which page belongs to which class, the free lists, and how far each class's newest page has been cut.
 *
 * A page is cut only as far as it is needed, so memory that was never used is never touched.
 */
import { NEWER, NONE, OLDER, STATE, type ChunkRef } from './layout.ts';
import { addressOf, refOf, type Memory } from './memory.ts';
import { PAGE_BYTES, type SizeClasses } from './size-classes.ts';

/** The number of a page; pages follow each other in the address space behind the scratch area. */
export type PageIndex = number & { readonly brand: 'PageIndex' };

/** A reference reaches this far (layout.ts). */
const ADDRESS_BYTES_MAX = 16 * 1024 * 1024 * 1024;

/** No page. */
export const NO_PAGE = -1 as PageIndex;

export class Slabs {
  readonly classes: SizeClasses;
  /** Pages that may be in use; more are, if it was lowered meanwhile. */
  pageLimit: number;
  /** Pages by class number. */
  readonly pageCount: Int32Array;
  /** Free chunks by class number, without those that have not been cut. */
  readonly freeCount: Int32Array;
  /** The class that was last seen with a page to spare, which it may have used since; 0 = none yet. */
  spareClass = 0;
  readonly #memory: Memory;
  /** The class of each page; 0 = not in use. */
  #pageClass: Uint8Array;
  /** Pages in front of the gap that the end of the memory asked for at the start leaves in the address space. */
  readonly #pagesBeforeGap: number;
  readonly #freeHead: Int32Array;
  /** By class: the next chunk to cut, and how many are left to cut, in its newest page. */
  readonly #cutRef: Int32Array;
  readonly #cutLeft: Int32Array;
  /** Pages that have been in use at some time. */
  #pagesTouched = 0;
  /** The page that is being emptied: its chunks do not come back to the free list. */
  #withdrawn: PageIndex = NO_PAGE;

  constructor(memory: Memory, classes: SizeClasses, pageLimit: number) {
    this.#memory = memory;
    this.classes = classes;
    this.pageLimit = pageLimit;
    this.pageCount = new Int32Array(classes.largest + 1);
    this.freeCount = new Int32Array(classes.largest + 1);
    this.#freeHead = new Int32Array(classes.largest + 1);
    this.#cutRef = new Int32Array(classes.largest + 1);
    this.#cutLeft = new Int32Array(classes.largest + 1);
    this.#pageClass = new Uint8Array(pageLimit);
    this.#pagesBeforeGap = pageLimit;
  }

  /** Pages that belong to some class. */
  get pagesInUse(): number {
    return this.#pagesTouched;
  }

  /** Bytes of the pages that belong to some class. */
  get bytesInUse(): number {
    return this.#pagesTouched * PAGE_BYTES;
  }

  /** Chunks of a class that are free or not cut yet. */
  freeChunks(sizeClass: number): number {
    return this.freeCount[sizeClass] + this.#cutLeft[sizeClass];
  }

  /** A chunk of a class, or NONE if the class has none left and there is no unused page. */
  allocate(sizeClass: number): ChunkRef {
    const free = this.allocateFree(sizeClass);
    if (free !== NONE) return free;
    return this.#addFreshPage(sizeClass) ? this.#cut(sizeClass) : NONE;
  }

  /** A chunk out of the pages that the class has, or NONE. */
  allocateFree(sizeClass: number): ChunkRef {
    const free = this.#freeHead[sizeClass] as ChunkRef;
    if (free !== NONE) this.#unlinkFree(free, sizeClass);
    else if (this.#cutLeft[sizeClass] > 0) return this.#cut(sizeClass);
    return free;
  }

  /** Gives a chunk back to its class. */
  free(ref: ChunkRef, sizeClass: number): void {
    const memory = this.#memory;
    const head = this.#freeHead[sizeClass] as ChunkRef;
    memory.setWord(ref, STATE, 0);
    if (this.#withdrawn !== NO_PAGE && this.pageOf(ref) === this.#withdrawn) return;
    memory.setWord(ref, NEWER, NONE);
    memory.setWord(ref, OLDER, head);
    if (head !== NONE) memory.setWord(head, NEWER, ref);
    this.#freeHead[sizeClass] = ref;
    if (++this.freeCount[sizeClass] >= 2 * this.classes.chunksPerPage[sizeClass]) this.spareClass = sizeClass;
  }

  /** The page a chunk lies in. */
  pageOf(ref: ChunkRef): PageIndex {
    const page = Math.floor((addressOf(ref) - this.#memory.scratchBytes) / PAGE_BYTES);
    return (page < this.#pagesBeforeGap ? page : page - this.#memory.gapBytes / PAGE_BYTES) as PageIndex;
  }

  /** The page of a free chunk of a class, or of its next chunk to cut; NO_PAGE if it has neither. */
  pageWithFreeChunk(sizeClass: number): PageIndex {
    const free = this.#freeHead[sizeClass] as ChunkRef;
    if (free !== NONE) return this.pageOf(free);
    return this.#cutLeft[sizeClass] > 0 ? this.pageOf(this.#cutRef[sizeClass] as ChunkRef) : NO_PAGE;
  }

  /** The class of a page; 0 if it is not in use. */
  classOfPage(page: PageIndex): number {
    return this.#pageClass[page];
  }

  /** The first chunk of a page. */
  firstChunk(page: PageIndex): ChunkRef {
    return refOf(this.#addressOfPage(page));
  }

  /** How many chunks of a page have been cut; those behind hold nothing readable. */
  chunksCut(page: PageIndex): number {
    const sizeClass = this.#pageClass[page];
    if (sizeClass === 0) return 0;
    const perPage = this.classes.chunksPerPage[sizeClass];
    const cutting = this.#cutLeft[sizeClass] > 0 && this.pageOf(this.#cutRef[sizeClass] as ChunkRef) === page;
    return cutting ? perPage - this.#cutLeft[sizeClass] : perPage;
  }

  /** Begins to empty a page: nothing is put into it any more. Ends with {@link reassign}. */
  withdraw(page: PageIndex): void {
    const sizeClass = this.#pageClass[page];
    const cut = this.chunksCut(page);
    const step = this.classes.chunkBytes[sizeClass] / 8;
    let ref = this.firstChunk(page);
    for (let left = cut; left > 0; left--, ref = (ref + step) as ChunkRef) {
      if (this.#memory.word(ref, STATE) === 0) this.#unlinkFree(ref, sizeClass);
    }
    if (cut < this.classes.chunksPerPage[sizeClass]) this.#cutLeft[sizeClass] = 0;
    this.#withdrawn = page;
  }

  /** Gives the page that was withdrawn, and is empty by now, to another class. */
  reassign(page: PageIndex, sizeClass: number): void {
    this.#withdrawn = NO_PAGE;
    this.pageCount[this.#pageClass[page]]--;
    this.#startPage(page, sizeClass);
  }

  /**
   * Changes how many pages may be in use. Pages that are stay with their classes, also above a lower limit.
   *
   * @returns false if so many cannot be reached
   */
  limit(pages: number): boolean {
    const gap = pages > this.#pagesBeforeGap ? this.#memory.gapBytes : 0;
    if (this.#memory.scratchBytes + pages * PAGE_BYTES + gap > ADDRESS_BYTES_MAX) return false;
    if (pages > this.#pageClass.length) {
      const pageClass = new Uint8Array(pages);
      pageClass.set(this.#pageClass);
      this.#pageClass = pageClass;
    }
    this.pageLimit = pages;
    return true;
  }

  #addressOfPage(page: number): number {
    const gap = page < this.#pagesBeforeGap ? 0 : this.#memory.gapBytes;
    return this.#memory.scratchBytes + page * PAGE_BYTES + gap;
  }

  #addFreshPage(sizeClass: number): boolean {
    if (this.#pagesTouched >= this.pageLimit) return false;
    const page = this.#pagesTouched++ as PageIndex;
    this.#memory.reserve(this.#addressOfPage(page));
    this.#startPage(page, sizeClass);
    return true;
  }

  #startPage(page: PageIndex, sizeClass: number): void {
    // Chunks of the page before that were not cut yet must not be forgotten.
    while (this.#cutLeft[sizeClass] > 0) this.free(this.#cut(sizeClass), sizeClass);
    this.#pageClass[page] = sizeClass;
    this.pageCount[sizeClass]++;
    this.#cutRef[sizeClass] = this.firstChunk(page);
    this.#cutLeft[sizeClass] = this.classes.chunksPerPage[sizeClass];
  }

  #cut(sizeClass: number): ChunkRef {
    const ref = this.#cutRef[sizeClass] as ChunkRef;
    this.#cutLeft[sizeClass]--;
    this.#cutRef[sizeClass] = ref + this.classes.chunkBytes[sizeClass] / 8;
    return ref;
  }

  #unlinkFree(ref: ChunkRef, sizeClass: number): void {
    const memory = this.#memory;
    const newer = memory.link(ref, NEWER);
    const older = memory.link(ref, OLDER);
    if (newer === NONE) this.#freeHead[sizeClass] = older;
    else memory.setWord(newer, OLDER, older);
    if (older !== NONE) memory.setWord(older, NEWER, newer);
    this.freeCount[sizeClass]--;
  }
}
