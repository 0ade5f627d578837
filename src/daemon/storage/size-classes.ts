/**
 * Size classes: the chunk sizes that a page can be cut into. Pure.
 *
 * memcached grows its classes by 1.25 and pays 10 % of its memory on average for the room between an item and its chunk.
 * A page here is an eighth of memcached's, so a class costs little, and classes can stand closer together.
 */
import { HEADER_BYTES } from './layout.ts';

/** Bytes of a page, the unit in which memory goes to a class. */
export const PAGE_BYTES = 128 * 1024;

/** Largest chunk; a larger item is cut into chunks of this size and one that fits the rest. */
export const CHUNK_BYTES_MAX = 16 * 1024;

/** Smallest chunk: header, a key of one byte, an empty value. */
export const CHUNK_BYTES_MIN = 56;

/** How much larger than the one before a class is where there are pages enough for so many classes. */
export const DEFAULT_GROWTH_FACTOR = 1.03;

/** How much larger it is where there are few pages. */
const GROWTH_FACTOR_MAX = 1.1;

/** Up to so many pages (`-m 8`) are few; with more, the factor comes down. */
const FEW_PAGES = 64;

/**
 * The ratio between neighbouring classes unless `-f` says otherwise: 1.1 up to 64 pages, from 214 (`-m 27`) on 1.03.
 * Fine classes leave less of each chunk empty, but each holds a page at least: at 1.03 an item leaves
 * 2.6 % of its chunk and page empty on average, at 1.04 2.9 %, at memcached's 1.25 more than 10 %. Of 1.04, 1.08, 1.1 and 1.25 these gave
 * the most hits on the traces of `npm run bench -- policies` at `-m 2` to 64.
 */
export function defaultGrowthFactor(pages: number): number {
  const factor = 1 + ((GROWTH_FACTOR_MAX - 1) * FEW_PAGES) / pages;
  return Math.min(GROWTH_FACTOR_MAX, Math.max(DEFAULT_GROWTH_FACTOR, factor));
}

/** Class numbers are stored in one byte and 0 means none. */
const CLASS_COUNT_MAX = 255;

export class SizeClasses {
  /** Chunk size in bytes by class number; entry 0 is unused. */
  readonly chunkBytes: Int32Array;
  /** Chunks a page holds, by class number. */
  readonly chunksPerPage: Int32Array;
  /** Number of the largest class; classes are 1 … largest. */
  readonly largest: number;
  /** Ratio between neighbouring classes. */
  readonly growthFactor: number;
  readonly #classBySize: Uint8Array;

  /**
   * @param growthFactor ratio between neighbouring classes, above 1
   * @param smallestBytes size of the first chunk, header included
   */
  constructor(growthFactor: number = DEFAULT_GROWTH_FACTOR, smallestBytes: number = CHUNK_BYTES_MIN) {
    this.growthFactor = growthFactor;
    const sizes = [0];
    let last = 0;
    let wanted = Math.max(smallestBytes, HEADER_BYTES + 16);
    while (last < CHUNK_BYTES_MAX && sizes.length < CLASS_COUNT_MAX) {
      // The largest size of which as many fit into a page: what is left of the page is given to its chunks.
      const perPage = Math.floor(PAGE_BYTES / Math.min(roundUp8(wanted), CHUNK_BYTES_MAX));
      const size = Math.min(Math.floor(PAGE_BYTES / perPage) & ~7, CHUNK_BYTES_MAX);
      if (size > last) sizes.push(size);
      last = Math.max(size, last);
      wanted = Math.max(last * growthFactor, last + 8);
    }
    if (last < CHUNK_BYTES_MAX) sizes[sizes.length - 1] = CHUNK_BYTES_MAX;
    this.chunkBytes = Int32Array.from(sizes);
    this.chunksPerPage = this.chunkBytes.map((size) => (size === 0 ? 0 : Math.floor(PAGE_BYTES / size)));
    this.largest = sizes.length - 1;
    this.#classBySize = new Uint8Array(CHUNK_BYTES_MAX / 8 + 1);
    for (let units = 0, sizeClass = 1; units < this.#classBySize.length; units++) {
      while (this.chunkBytes[sizeClass] < units * 8) sizeClass++;
      this.#classBySize[units] = sizeClass;
    }
  }

  /** The smallest class whose chunks hold `bytes` (header included), for bytes up to {@link CHUNK_BYTES_MAX}. */
  classFor(bytes: number): number {
    return this.#classBySize[(bytes + 7) >>> 3];
  }
}

function roundUp8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
