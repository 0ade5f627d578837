/**
 * What a full store does. Goal: eviction by use, memory that follows the sizes that are stored, and refusals that lose
 * nothing. Method: workloads with known contents; the store's insides are checked at the end of each.
 */
import { describe, expect, test } from 'vitest';
import { Mode, Outcome } from '../../src/daemon/engine.ts';
import { Crawler } from '../../src/daemon/storage/crawler.ts';
import { EVICTION_POLICIES } from '../../src/daemon/storage/eviction.ts';
import { HEADER_BYTES, NONE, type ChunkRef } from '../../src/daemon/storage/layout.ts';
import { PAGE_BYTES } from '../../src/daemon/storage/size-classes.ts';
import { checkStore } from './support/check-store.ts';
import { EngineDriver, MEGABYTE, makeValue } from './support/engine-driver.ts';

function fill(driver: EngineDriver, prefix: string, count: number, value: Buffer): void {
  for (let i = 0; i < count; i++) {
    if (driver.set(`${prefix}${i}`, value) !== Outcome.STORED) throw new Error(`${prefix}${i} was refused`);
  }
}

function countHits(driver: EngineDriver, prefix: string, count: number): number {
  let hits = 0;
  for (let i = 0; i < count; i++) if (driver.get(`${prefix}${i}`) !== undefined) hits++;
  return hits;
}

describe('eviction', () => {
  test('takes what was stored first and never read', () => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE });
    const value = makeValue(1000, 1);
    fill(driver, 'k', 6000, value);
    const evicted = driver.store.stats.total('evicted');
    expect(evicted).toBeGreaterThan(2000);
    expect(evicted + driver.store.stats.currentItems).toBe(6000);
    for (let i = 0; i < evicted; i++) expect(driver.get(`k${i}`), `k${i}`).toBeUndefined();
    expect(countHits(driver, 'k', 6000)).toBe(6000 - evicted);
    checkStore(driver.store);
  });

  test('spares what is read again and again while others pass through', () => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE });
    const value = makeValue(1000, 1);
    fill(driver, 'hot', 300, value);
    for (let round = 0; round < 30; round++) {
      expect(countHits(driver, 'hot', 300), `round ${round}`).toBe(300);
      fill(driver, `scan-${round}-`, 1000, value);
      driver.advance(1);
    }
    checkStore(driver.store);
  });

  test('reclaims a dead item in the place of a live one', () => {
    const driver = new EngineDriver({ memoryBytes: MEGABYTE });
    const value = makeValue(1000, 1);
    for (let i = 0; i < 400; i++) driver.set(`dying${i}`, value, 0, 1);
    driver.advance(2);
    fill(driver, 'k', 900, value);
    expect(driver.store.stats.total('evicted')).toBe(0);
    expect(driver.store.stats.total('reclaimed')).toBeGreaterThan(0);
    expect(countHits(driver, 'k', 900)).toBe(900);
  });

  test('an add of values just under 1 MiB into a full cache of 64 MB goes on for ever', () => {
    const driver = new EngineDriver({ memoryBytes: 64 * MEGABYTE });
    const largest = MEGABYTE - 200;
    const value = makeValue(largest, 7);
    fill(driver, 'small', 100_000, makeValue(400, 1));
    for (let i = 0; i < 3000; i++) {
      // The length of the last chunk changes, and with it the class that the chunk comes from.
      const length = largest - ((i * 977) % 17_000);
      expect(driver.write(Mode.ADD, `big${i}`, value.subarray(0, length)), `add ${i}`).toBe(Outcome.STORED);
      if (i % 40 === 0) driver.advance(1);
      if (i % 100 === 0) expect(driver.get(`big${i}`)?.value.equals(value.subarray(0, length))).toBe(true);
    }
    checkStore(driver.store);
    // By now big values fill the memory.
    expect(driver.store.stats.bytes).toBeGreaterThan(50 * MEGABYTE);
    expect(driver.store.slabs.bytesInUse).toBeLessThanOrEqual(64 * MEGABYTE);
  });

  test.each([2, 4, 8])('values of every length keep being stored in %i MiB', (megabytes) => {
    const driver = new EngineDriver({ memoryBytes: megabytes * MEGABYTE, itemSizeMax: (megabytes * MEGABYTE) / 2 });
    const largest = (megabytes * MEGABYTE) / 2 - 200;
    const source = makeValue(largest, 3);
    let state = 12345;
    for (let i = 0; i < 1500; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const scale = [100, 2000, 20_000, largest][i % 4];
      const value = source.subarray(0, 1 + (state % scale));
      expect(driver.set(`k${i}`, value), `value ${i} of ${value.length} bytes`).toBe(Outcome.STORED);
      expect(driver.get(`k${i}`)?.value.equals(value)).toBe(true);
    }
    checkStore(driver.store);
  });

  test('an item that is larger than the memory is refused, and the store goes on', () => {
    const driver = new EngineDriver({ memoryBytes: 2 * MEGABYTE, itemSizeMax: 64 * MEGABYTE });
    driver.set('k', Buffer.from('v'));
    expect(driver.set('k', makeValue(3 * MEGABYTE, 1))).toBe(Outcome.NO_MEMORY);
    expect(driver.get('k'), 'the value before must not be found in the place of the refused one').toBeUndefined();
    expect(driver.set('k', makeValue(2 * MEGABYTE - 100, 1))).toBe(Outcome.NO_MEMORY);
    expect(driver.set('k', Buffer.from('w'))).toBe(Outcome.STORED);
    expect(checkStore(driver.store)).toBe(0);
  });

  test('append stops at the largest item size', () => {
    const driver = new EngineDriver({ memoryBytes: 8 * MEGABYTE, itemSizeMax: 10_000 });
    driver.set('k', makeValue(6000, 1));
    expect(driver.write(Mode.APPEND, 'k', makeValue(6000, 2))).toBe(Outcome.NOT_STORED);
    expect(driver.write(Mode.PREPEND, 'k', makeValue(6000, 2))).toBe(Outcome.NOT_STORED);
    expect(driver.get('k')?.value.equals(makeValue(6000, 1))).toBe(true);
    expect(checkStore(driver.store)).toBe(0);
  });
});

describe('memory follows the sizes that are stored', () => {
  test('the hit ratio recovers each time the sizes change', () => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE });
    for (const [phase, length] of [100, 4000, 50_000, 100].entries()) {
      const value = makeValue(length, phase);
      // A working set of two thirds of the memory.
      const keys = Math.floor((2.5 * MEGABYTE) / (length + 60));
      const rounds = Math.max(10, Math.ceil(30_000 / keys));
      let hits = 0;
      for (let round = 0; round < rounds; round++) {
        hits = 0;
        for (let i = 0; i < keys; i++) {
          if (driver.get(`${phase}-${i}`) !== undefined) hits++;
          else expect(driver.set(`${phase}-${i}`, value)).toBe(Outcome.STORED);
          if (i % 5000 === 0) driver.advance(1);
        }
        driver.advance(1);
      }
      expect(hits / keys, `hit ratio of values of ${length} bytes`).toBeGreaterThan(0.95);
      checkStore(driver.store);
    }
    expect(driver.store.stats.pagesMoved).toBeGreaterThan(25);
  });

  // memcached PR 924: 1.6.45 has 60 of them too.
  describe.each(EVICTION_POLICIES)('with %s', (eviction) => {
    test.each([
      ['60', () => 60],
      ['400', () => 400],
      // Of the class in which the ends of the large values lie.
      ['3000', () => 3000],
      ['any number of', (i: number) => 50 + ((i * 7919) % 16_000)],
    ])('a store full of values of %s bytes that nobody reads makes room for large ones', (_sizes, lengthOf) => {
      const driver = new EngineDriver({ memoryBytes: 64 * MEGABYTE, eviction });
      const source = makeValue(16_050, 1);
      for (let i = 0, bytes = 0; bytes < 45 * MEGABYTE; i++) {
        const length = lengthOf(i);
        driver.set(`small${i}`, source.subarray(0, length));
        bytes += length + 60;
        if (i % 5000 === 0) driver.advance(1);
      }
      const value = makeValue(1_000_000, 1);
      for (let i = 0; i < 60 * 30; i++) {
        driver.set(`large${i}`, value);
        if (i % 30 === 29) driver.advance(1);
      }
      const newest = Array.from({ length: 60 }, (_, i) => `large${60 * 30 - 1 - i}`);
      expect(newest.filter((key) => driver.get(key) === undefined)).toEqual([]);
      checkStore(driver.store);
    });
  });

  test('values of several chunks keep their bytes when the pages move in which they lie', () => {
    const driver = new EngineDriver({ memoryBytes: 8 * MEGABYTE });
    const { slabs, stats } = driver.store;
    const values = Array.from({ length: 40 }, (_, i) => makeValue(80_000 + 1000 * i, i));
    for (const [i, value] of values.entries()) driver.set(`k${i}`, value);
    // Holes in every page.
    for (let i = 0; i < 40; i += 2) driver.delete(`k${i}`);
    const { largest, chunksPerPage } = slabs.classes;
    while (slabs.freeChunks(largest) >= chunksPerPage[largest]) {
      expect(driver.store.movePage(largest, largest - 1)).toBe(true);
      checkStore(driver.store);
    }
    expect(stats.pageMoveChunkRescues).toBeGreaterThan(20);
    expect(stats.total('evicted')).toBe(0);
    for (let i = 1; i < 40; i += 2) expect(driver.get(`k${i}`)?.value.equals(values[i]), `k${i}`).toBe(true);
  });

  test('sizes of every kind live side by side in little memory, without a page moving for each item', () => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE });
    const keys = 20_000;
    let hits = 0;
    for (let i = 0; i < 10 * keys; i++) {
      // The lower a number, the more often it comes.
      const key = Math.floor(keys * (((i * 40_503) % 65_536) / 65_536) ** 4);
      if (driver.get(`k${key}`) !== undefined) hits++;
      else driver.set(`k${key}`, makeValue(20 + ((key * 7919) % 1000), key));
      if (i % 1000 === 0) driver.advance(1);
    }
    expect(driver.store.stats.pagesMoved).toBeLessThan(2000);
    expect(hits / (10 * keys)).toBeGreaterThan(0.5);
    checkStore(driver.store);
  });

  test('an item of a size without a page lies in a larger chunk until there are a page full of them', () => {
    const driver = new EngineDriver({ memoryBytes: MEGABYTE });
    const { slabs } = driver.store;
    fill(driver, 'common', 3000, makeValue(700, 1));
    const rare = slabs.classes.classFor(HEADER_BYTES + 'rare000 0 450\r\n\r\n'.length + 450);
    const keys = Array.from(
      { length: slabs.classes.chunksPerPage[rare] },
      (_, i) => `rare${String(i).padStart(3, '0')}`,
    );
    driver.set(keys[0], makeValue(450, 2));
    expect(slabs.pageCount[rare]).toBe(0);
    expect(driver.get(keys[0])?.value.equals(makeValue(450, 2))).toBe(true);
    for (const key of keys.slice(1)) driver.set(key, makeValue(450, 3));
    expect(slabs.pageCount[rare]).toBe(1);
    // Nothing comes near: these take a page at once.
    driver.set('tiny', makeValue(1, 3));
    expect(slabs.pageCount[slabs.classes.classFor(HEADER_BYTES + 'tiny 0 1\r\n\r\n'.length + 1)]).toBe(1);
    checkStore(driver.store);
  });

  test.each([false, true])('pages whose items were all deleted serve any other size (-M: %s)', (evictionDisabled) => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE, evictionDisabled });
    for (const length of [300, 3000, 50_000, 500_000, 300]) {
      const value = makeValue(length, 1);
      const evictedBefore = driver.store.stats.total('evicted');
      let stored = 0;
      while (
        driver.store.stats.total('evicted') === evictedBefore &&
        stored < (3 * MEGABYTE) / (length + 60) &&
        driver.set(`k${stored}`, value) === Outcome.STORED
      ) {
        stored++;
      }
      expect(stored * length, `bytes stored in values of ${length}`).toBeGreaterThan(1.4 * MEGABYTE);
      for (let i = 0; i < stored; i++) driver.delete(`k${i}`);
      checkStore(driver.store);
    }
  });
});

describe('values that were announced and have not come', () => {
  test('do not keep others from being stored as long as some memory is free of them', () => {
    const driver = new EngineDriver({ memoryBytes: 8 * MEGABYTE });
    fill(driver, 'k', 20_000, makeValue(500, 1));
    // One in flight in many of the pages.
    const waiting: ChunkRef[] = [];
    for (let i = 0; i < 2000; i++) {
      const value = makeValue(500, i);
      if (i % 50 === 0) waiting.push(driver.begin(Mode.SET, `waiting${i}`, 500));
      driver.set(`more${i}`, value);
    }
    expect(waiting).not.toContain(NONE);
    for (let i = 0; i < 300; i++) {
      expect(driver.set(`big${i}`, makeValue(40_000 + i * 50, i)), `big${i}`).toBe(Outcome.STORED);
    }
    expect(checkStore(driver.store)).toBe(waiting.length);
    for (const ref of waiting) driver.engine.abandon(ref);
    expect(checkStore(driver.store)).toBe(0);
  });

  test('fill the memory at most; then new ones are refused, and all of it comes back', () => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE });
    fill(driver, 'k', 1000, makeValue(1000, 1));
    const waiting: ChunkRef[] = [];
    for (;;) {
      const ref = driver.begin(Mode.SET, `w${waiting.length}`, 100_000);
      if (ref === NONE) break;
      waiting.push(ref);
    }
    expect(waiting.length).toBeGreaterThan(25);
    expect(waiting.length).toBeLessThanOrEqual(41);
    expect(driver.store.slabs.bytesInUse).toBeLessThanOrEqual(4 * MEGABYTE);
    for (const ref of waiting) driver.engine.abandon(ref);
    expect(driver.set('k', makeValue(500_000, 2))).toBe(Outcome.STORED);
    expect(checkStore(driver.store)).toBe(0);
  });
});

describe('without eviction (-M)', () => {
  test('a full store refuses and loses nothing', () => {
    const driver = new EngineDriver({ memoryBytes: 2 * MEGABYTE, evictionDisabled: true });
    let stored = 0;
    while (driver.set(`k${stored}`, makeValue(900 + (stored % 300), stored)) === Outcome.STORED) stored++;
    expect(stored).toBeGreaterThan(1000);
    for (let i = 0; i < 200; i++) driver.write(Mode.ADD, `other${i}`, makeValue(i * 300, i));
    for (let i = 0; i < 50; i++) {
      const grown = driver.write(Mode.APPEND, `k${i}`, makeValue(15_000, i));
      expect([Outcome.NO_MEMORY, Outcome.NOT_STORED]).toContain(grown);
    }
    for (let i = 0; i < stored; i++) {
      expect(driver.get(`k${i}`)?.value.equals(makeValue(900 + (i % 300), i)), `k${i}`).toBe(true);
    }
    expect(driver.store.stats.total('evicted')).toBe(0);
    checkStore(driver.store);
  });

  test('room that was given back in any size is found', () => {
    const driver = new EngineDriver({ memoryBytes: 4 * MEGABYTE, evictionDisabled: true });
    let stored = 0;
    while (driver.set(`k${stored}`, makeValue(200, stored)) === Outcome.STORED) stored++;
    for (let i = 0; i < stored; i++) if (i % 3 !== 0) driver.delete(`k${i}`);
    // Two thirds are free, a few chunks of every page: pages have to be emptied by moving what is left.
    for (let i = 0; i < 20; i++) expect(driver.set(`big${i}`, makeValue(60_000, i)), `big${i}`).toBe(Outcome.STORED);
    for (let i = 0; i < stored; i += 3) {
      expect(driver.get(`k${i}`)?.value.equals(makeValue(200, i)), `k${i}`).toBe(true);
    }
    expect(driver.store.stats.total('evicted')).toBe(0);
    checkStore(driver.store);
  });
});

describe('the crawler', () => {
  test('gives the memory of dead items back in steps of bounded size', () => {
    const driver = new EngineDriver({ memoryBytes: 8 * MEGABYTE });
    const crawler = new Crawler(driver.store);
    for (let i = 0; i < 5000; i++) driver.set(`dying${i}`, makeValue(200, i), 0, 10);
    fill(driver, 'k', 1000, makeValue(200, 1));
    driver.set('big', makeValue(300_000, 1), 0, 10);
    driver.advance(10);
    let steps = 0;
    while (crawler.passes === 0) {
      const before = crawler.itemsChecked;
      crawler.step(100);
      expect(crawler.itemsChecked - before).toBeLessThanOrEqual(100);
      steps++;
    }
    expect(steps).toBeGreaterThan(60);
    expect(driver.store.stats.currentItems).toBe(1000);
    expect(driver.store.stats.total('crawler_reclaimed')).toBe(5001);
    expect(driver.store.stats.total('expired_unfetched')).toBe(5001);
    checkStore(driver.store);
    expect(countHits(driver, 'k', 1000)).toBe(1000);
  });

  test('stops when it has freed enough, says so, and frees all in the end', () => {
    const driver = new EngineDriver({ memoryBytes: 8 * MEGABYTE });
    const crawler = new Crawler(driver.store);
    for (let i = 0; i < 2000; i++) driver.set(`small${i}`, makeValue(200, i), 0, 10);
    for (let i = 0; i < 10; i++) driver.set(`of several chunks${i}`, makeValue(100_000, i), 0, 10);
    driver.advance(10);
    let steps = 0;
    for (let before = 2010; crawler.step(1_000_000, Infinity, 50); steps++) {
      const removed = before - driver.store.stats.currentItems;
      // An item of 100,000 bytes is seven chunks.
      expect(removed).toBeGreaterThan(0);
      expect(removed).toBeLessThanOrEqual(50);
      before -= removed;
    }
    expect(steps).toBe(Math.floor((2000 + 10 * 7) / 50));
    expect(driver.store.stats.currentItems).toBe(0);
    checkStore(driver.store);
  });

  test('looks at no more items of a class in a pass than it may', () => {
    const driver = new EngineDriver({ memoryBytes: 8 * MEGABYTE });
    const crawler = new Crawler(driver.store);
    for (let i = 0; i < 5000; i++) driver.set(`small${i}`, makeValue(200, i), 0, 10);
    for (let i = 0; i < 100; i++) driver.set(`large${i}`, makeValue(5000, i), 0, 10);
    driver.advance(10);
    while (crawler.passes < 2) crawler.step(100, 300);
    expect(crawler.itemsChecked).toBe(2 * 300 + 100);
    expect(driver.store.stats.currentItems).toBe(4400);
    crawler.step(1_000_000);
    expect(driver.store.stats.currentItems).toBe(0);
  });

  test('takes what was flushed, rests at the end of the memory, and does nothing in an empty store', () => {
    const driver = new EngineDriver({ memoryBytes: 2 * MEGABYTE });
    const crawler = new Crawler(driver.store);
    crawler.step(1000);
    expect(crawler.passes).toBe(0);
    fill(driver, 'k', 100, makeValue(100, 1));
    driver.engine.flushAll(0);
    driver.set('after', Buffer.from('v'));
    crawler.step(1_000_000);
    expect(crawler.passes).toBe(1);
    expect(driver.store.stats.currentItems).toBe(1);
    expect(driver.get('after')?.value.toString()).toBe('v');
  });
});

test('a page is never used beyond the limit, whatever is stored', () => {
  const driver = new EngineDriver({ memoryBytes: MEGABYTE + PAGE_BYTES - 1 });
  expect(driver.store.slabs.pageLimit).toBe(8);
  for (let i = 0; i < 3000; i++) driver.set(`k${i}`, makeValue((i * 37) % 40_000, i));
  expect(driver.store.slabs.pagesInUse).toBe(8);
});
