/** Which size classes a crawl or a dump is about: `all`, `hash`, or numbers with commas (crawler.c, lru_crawler_crawl). */
import { unsignedPart } from './numbers.ts';

/** Numbers that memcached takes though it has no such class (MAX_NUMBER_OF_SLAB_CLASSES). */
const MEMCACHED_CLASS_MAX = 63;

/** The classes, or `all`; undefined if a number is none. */
export function parseClasses(word: string, largestClass: number): ReadonlySet<number> | 'all' | 'hash' | undefined {
  if (word === 'all' || word === 'hash') return word;
  const classes = new Set<number>();
  for (const part of word.split(',')) {
    if (part === '') continue;
    const id = unsignedPart(part);
    if (id === undefined || id < 1 || id > Math.max(largestClass, MEMCACHED_CLASS_MAX)) return undefined;
    classes.add(id);
  }
  return classes;
}
