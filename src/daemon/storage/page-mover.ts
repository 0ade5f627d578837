/**
 * Moving pages between size classes, so that memory follows the sizes that are stored. The age of their victims decides:
 * a class whose victims are clearly older than those of the class in need gives a page, which comes close to one LRU over
 * all sizes, but large items go somewhat sooner. Classes are asked in proportion to the bytes that would be evicted
 * otherwise: who needs much memory asks often. What is worth keeping in the page is moved into chunks of older items of its
 * class.
 *
 * One page moves at a time and costs at most a page's worth of copying (128 KiB), and a walk along an item's chunks for
 * each chunk of it: less than a millisecond, unless items have many megabytes.
 */
import type { EvictionPolicy } from './eviction.ts';
import * as layout from './layout.ts';
import { NONE, type ChunkRef } from './layout.ts';
import { Memory, byteOffset } from './memory.ts';
import { NO_PAGE, type PageIndex } from './slabs.ts';
import type { Store } from './store.ts';

/** A donor's victims must have been unread this much longer than the taker's, in seconds and as a ratio. */
const OLDER_BY_SECONDS = 1;
const OLDER_BY_RATIO = 1.2;

/** A class without a page may use chunks that are so many times as large as its own. */
const STAND_IN_RATIO = 2;

/**
 * A victim's age counts by the square root of its chunk's size, since what a large item leaves holds several small ones;
 * by this at most, so that large values still find room where they are what is asked for.
 */
const WEIGHT_MAX = 6;

/** Looks at a class's victim that make up its age. One alone says little: a second is long in a busy store. */
const AGE_SAMPLES = 8;

/** A class is asked for a page each time that so much has been evicted: the larger an item, the more often for its sake. */
const BYTES_PER_LOOK = 8 * 1024;

/** Steps of this, modulo 1, fall everywhere evenly, however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Pages looked through for one that nothing in flight holds, before an allocation fails; bounds its time. */
const PAGES_TRIED_MAX = 64;

export class PageMover {
  readonly #store: Store;
  readonly #policy: EvictionPolicy;
  /** Where in the memory the page lies whose class is asked next, as a share of all pages. */
  #place = 0;
  /** Bytes evicted since a class was asked. */
  #unasked = 0;
  /** The page that is tried next where any will do. */
  #cursor = 0;

  /** Items of a class that lie in a larger one's chunks for want of a page, since the counts were begun anew. */
  readonly #lodged: Int32Array;
  /** Ages of the classes' victims in seconds. */
  readonly #ages: Float64Array;
  /** The number of items stored at which the counts are begun anew. */
  #recountAt = 0;

  constructor(store: Store, policy: EvictionPolicy) {
    this.#store = store;
    this.#policy = policy;
    this.#lodged = new Int32Array(store.slabs.classes.largest + 1);
    this.#ages = new Float64Array(store.slabs.classes.largest + 1);
  }

  /**
   * The class whose chunks an item takes that is of a class without a page: its own, which is then given one, if as many
   * items of it as a page holds came in the time in which the memory was filled once; else the next larger that has
   * pages. So a size that is rare takes no page from those that are not.
   */
  standIn(sizeClass: number): number {
    const { slabs, stats } = this.#store;
    const { chunkBytes, chunksPerPage, largest } = slabs.classes;
    if (stats.totalItems >= this.#recountAt) {
      this.#lodged.fill(0);
      this.#recountAt = stats.totalItems + stats.currentItems;
    }
    const bytesMax = chunkBytes[sizeClass] * STAND_IN_RATIO;
    if (++this.#lodged[sizeClass] >= chunksPerPage[sizeClass]) {
      this.#lodged[sizeClass] = 0;
      return sizeClass;
    }
    for (let larger = sizeClass + 1; larger <= largest && chunkBytes[larger] <= bytesMax; larger++) {
      if (slabs.pageCount[larger] > 0) return larger;
    }
    return sizeClass;
  }

  /**
   * Takes a page that another class has to spare; else asks classes for one, as often as is due for what would be evicted
   * instead, and takes it of the first of which that is fair.
   *
   * @param evictBytes size of the item that goes if no page comes
   * @returns whether the class now has a page more
   */
  balance(sizeClass: number, evictBytes: number): boolean {
    const { slabs } = this.#store;
    const spare = slabs.spareClass;
    if (spare !== sizeClass && this.#hasTwoSpare(spare) && this.#takeSpare(spare, sizeClass)) return true;
    for (this.#unasked += evictBytes; this.#unasked >= BYTES_PER_LOOK; this.#unasked -= BYTES_PER_LOOK) {
      if (this.#askNext(sizeClass)) return true;
    }
    return false;
  }

  /** Asks the class of some page, so that a class is asked as often as it has pages. */
  #askNext(sizeClass: number): boolean {
    const { slabs } = this.#store;
    this.#place = (this.#place + GOLDEN_RATIO) % 1;
    const page = Math.floor(this.#place * slabs.pagesInUse) as PageIndex;
    const donor = slabs.classOfPage(page);
    if (donor === sizeClass) return false;
    if (this.#hasTwoSpare(donor)) return this.#takeSpare(donor, sizeClass);
    if (!this.#canDoWithout(donor) || !this.#deservesPage(sizeClass, donor)) return false;
    // Something may be in flight beside the oldest victim.
    return this.#take(donor, sizeClass) || this.#movePage(page, sizeClass);
  }

  /**
   * Takes a page for a class that has nothing of its own to evict: one whose items fit elsewhere, else that of the
   * oldest victim, else any that nothing in flight holds.
   *
   * @param onlyEmpty take nothing but a page whose items fit elsewhere, since eviction is off
   */
  takePage(sizeClass: number, onlyEmpty: boolean): boolean {
    const { slabs } = this.#store;
    let oldestDonor = 0;
    let oldest = Infinity;
    let anySpare = false;
    for (let donor = 1; donor <= slabs.classes.largest; donor++) {
      if (donor === sizeClass || slabs.pageCount[donor] === 0) continue;
      if (this.#hasSpare(donor)) {
        if (this.#takeSpare(donor, sizeClass)) return true;
        anySpare = true;
      }
      if (!this.#canDoWithout(donor)) continue;
      const time = this.#policy.victimTime(donor);
      if (time < oldest) [oldestDonor, oldest] = [donor, time];
    }
    if (onlyEmpty) return anySpare && this.#takeAny(sizeClass, true);
    return (oldestDonor !== 0 && this.#take(oldestDonor, sizeClass)) || this.#takeAny(sizeClass, false);
  }

  /** Takes the page of the oldest victim of other classes, if that was last used at a second or before. */
  takeOlder(sizeClass: number, second: number): boolean {
    const { slabs } = this.#store;
    let oldestDonor = 0;
    let oldest = second;
    for (let donor = 1; donor <= slabs.classes.largest; donor++) {
      if (donor === sizeClass || slabs.pageCount[donor] === 0 || !this.#canDoWithout(donor)) continue;
      const time = this.#policy.victimTime(donor);
      if (time <= oldest) [oldestDonor, oldest] = [donor, time];
    }
    return oldestDonor !== 0 && this.#take(oldestDonor, sizeClass);
  }

  /** Takes a page of one class for another, if the giver keeps one. */
  reassign(donor: number, sizeClass: number): boolean {
    const { slabs } = this.#store;
    if (slabs.pageCount[donor] < 2) return false;
    return (this.#hasSpare(donor) && this.#takeSpare(donor, sizeClass)) || this.#take(donor, sizeClass);
  }

  /** Whether a class can give a page and still has a page's worth of free chunks. */
  #hasTwoSpare(donor: number): boolean {
    const { slabs } = this.#store;
    return donor !== 0 && slabs.freeChunks(donor) >= 2 * slabs.classes.chunksPerPage[donor];
  }

  /** Whether a class has room for all that is in one of its pages. */
  #hasSpare(donor: number): boolean {
    const { slabs } = this.#store;
    return slabs.freeChunks(donor) >= slabs.classes.chunksPerPage[donor];
  }

  /**
   * Whether a class has room for the ends of larger items that lie in its chunks when it has a page less. They go with
   * their items alone: to give their page would cost as many large items as there are small chunks in it.
   */
  #canDoWithout(donor: number): boolean {
    const { slabs, stats } = this.#store;
    if (donor === slabs.classes.largest) return true;
    return slabs.freeChunks(donor) + stats.items[donor] >= slabs.classes.chunksPerPage[donor];
  }

  /** Goes over the pages, from where it stopped the last time, until one can be taken. */
  #takeAny(sizeClass: number, onlyEmpty: boolean): boolean {
    const { slabs } = this.#store;
    let tries = 0;
    for (let left = slabs.pagesInUse; left > 0 && tries < PAGES_TRIED_MAX; left--) {
      const page = (this.#cursor % slabs.pagesInUse) as PageIndex;
      this.#cursor = page + 1;
      const donor = slabs.classOfPage(page);
      if (donor === sizeClass || (onlyEmpty && !this.#hasSpare(donor))) continue;
      tries++;
      if (this.#movePage(page, sizeClass)) return true;
    }
    return false;
  }

  /** Whether a class's victims are so much younger than another's that a page of the other is better with it. */
  #deservesPage(sizeClass: number, donor: number): boolean {
    const { chunkBytes } = this.#store.slabs.classes;
    const ownAge = this.#sampleAge(sizeClass);
    const donorAge = this.#sampleAge(donor);
    const weight = Math.sqrt(chunkBytes[donor] / chunkBytes[sizeClass]);
    const weighted = donorAge * Math.min(WEIGHT_MAX, Math.max(1 / WEIGHT_MAX, weight));
    return weighted > ownAge + OLDER_BY_SECONDS && weighted > ownAge * OLDER_BY_RATIO;
  }

  /** Looks at the age of a class's next victim; returns the mean of such looks, the later ones counting more. */
  #sampleAge(sizeClass: number): number {
    const time = this.#policy.victimTime(sizeClass);
    const age = time === Infinity ? 0 : this.#store.now - time;
    return (this.#ages[sizeClass] += (age - this.#ages[sizeClass]) / AGE_SAMPLES);
  }

  #takeSpare(donor: number, sizeClass: number): boolean {
    const page = this.#store.slabs.pageWithFreeChunk(donor);
    return page !== NO_PAGE && this.#movePage(page, sizeClass);
  }

  #take(donor: number, sizeClass: number): boolean {
    const victim = this.#policy.victim(donor);
    return victim !== NONE && this.#movePage(this.#store.slabs.pageOf(victim), sizeClass);
  }

  /** Empties a page and gives it to a class; false if something in it is in flight, and may not move. */
  #movePage(page: PageIndex, sizeClass: number): boolean {
    const { slabs, stats } = this.#store;
    const donor = slabs.classOfPage(page);
    const cut = slabs.chunksCut(page);
    const step = slabs.classes.chunkBytes[donor] / 8;
    const first = slabs.firstChunk(page);
    const end = first + cut * step;
    for (let ref = first; ref < end; ref = (ref + step) as ChunkRef) if (this.#isInFlight(ref)) return false;
    slabs.withdraw(page);
    for (let ref = first; ref < end; ref = (ref + step) as ChunkRef) this.#clear(ref, donor);
    slabs.reassign(page, sizeClass);
    stats.pagesMoved++;
    this.#store.observer?.pageMoved(donor, sizeClass);
    return true;
  }

  #isInFlight(ref: ChunkRef): boolean {
    const { memory } = this.#store;
    return (memory.word(this.#ownerOf(ref), layout.STATE) & layout.IN_FLIGHT) !== 0;
  }

  /** The first chunk of the item that a chunk is part of. */
  #ownerOf(ref: ChunkRef): ChunkRef {
    const { memory } = this.#store;
    const isFurther = (memory.word(ref, layout.STATE) & layout.CONTINUATION) !== 0;
    return isFurther ? memory.link(ref, layout.CHAIN) : ref;
  }

  /** Moves what is in a chunk elsewhere, in the place of an older item; evicts it if there is none in its class. */
  #clear(ref: ChunkRef, sizeClass: number): void {
    const store = this.#store;
    const { memory, slabs, stats } = store;
    while (memory.word(ref, layout.STATE) !== 0) {
      const free = slabs.allocateFree(sizeClass);
      if (free !== NONE) {
        const isPart = (memory.word(ref, layout.STATE) & (layout.CHUNKED | layout.CONTINUATION)) !== 0;
        this.#move(ref, free, sizeClass);
        if (isPart) stats.pageMoveChunkRescues++;
        else stats.pageMoveRescues++;
        return;
      }
      const victim = this.#policy.victim(sizeClass);
      stats.pageMoveEvictions++;
      store.remove(victim === NONE ? this.#ownerOf(ref) : victim);
    }
  }

  #move(from: ChunkRef, to: ChunkRef, sizeClass: number): void {
    const { memory, index, items, slabs, lent } = this.#store;
    const owner = this.#ownerOf(from);
    if ((memory.word(owner, layout.STATE) & layout.LENT) !== 0) lent.leave(owner);
    const source = memory.blockOf(from);
    const target = memory.blockOf(to);
    const start = byteOffset(from);
    Memory.copy(target.bytes, byteOffset(to), source.bytes, start, start + slabs.classes.chunkBytes[sizeClass]);
    if (owner === from) {
      index.replace(from, index.hashOf(from), to);
      this.#policy.lists.moved(to, sizeClass);
      items.moved(to);
    } else {
      items.relink(owner, from, to);
    }
    memory.setWord(from, layout.STATE, 0);
  }
}
