/** The pure policies and the replay on the store: known answers on traces small enough to follow by hand. */
import { describe, expect, test } from 'vitest';
import { figuresOf, readColumns, type TraceColumns } from '../../bench/eviction/columns.ts';
import { replayInProcess } from '../../bench/eviction/in-process.ts';
import { beladyModel, ITEM_OVERHEAD_BYTES, lruModel, s3FifoModel } from '../../bench/eviction/models.ts';
import { seededRandom } from '../../bench/load/random.ts';

const KEY_BYTES = 20;
const VALUE_BYTES = 30;
const ITEM_BYTES = KEY_BYTES + VALUE_BYTES + ITEM_OVERHEAD_BYTES;

/** A trace of these keys, all of one size. */
function columnsOf(keys: readonly number[], ttlRequests = 0): Promise<TraceColumns> {
  return readColumns({
    name: 'test',
    title: 'test',
    keyBytes: KEY_BYTES,
    memoryMegabytes: [1],
    requests: () => keys.map((key) => ({ key, valueBytes: VALUE_BYTES, ttlRequests })),
  });
}

/** Hits of an LRU of so many keys, in the plainest way. */
function plainLru(keys: readonly number[], room: number): number {
  const order: number[] = [];
  let hits = 0;
  for (const key of keys) {
    const at = order.indexOf(key);
    if (at !== -1) {
      hits++;
      order.splice(at, 1);
    }
    order.push(key);
    if (order.length > room) order.shift();
  }
  return hits;
}

function skewedKeys(count: number): number[] {
  const random = seededRandom(3);
  return Array.from({ length: count }, () => Math.floor(200 * random() ** 3));
}

describe('pure policies', () => {
  test('LRU hits what a plain one hits', async () => {
    const keys = skewedKeys(5000);
    for (const room of [1, 7, 50, 300]) {
      expect(lruModel(await columnsOf(keys), room * ITEM_BYTES), `${room} items`).toBe(plainLru(keys, room));
    }
  });

  test('who knows the future hits more than any other, and all that comes again where there is room', async () => {
    const keys = skewedKeys(5000);
    const columns = await columnsOf(keys);
    for (const room of [5, 20, 80]) {
      const best = beladyModel(columns, room * ITEM_BYTES);
      for (const model of [lruModel, s3FifoModel(1), s3FifoModel(2)]) {
        expect(best).toBeGreaterThan(model(columns, room * ITEM_BYTES));
      }
    }
    expect(beladyModel(columns, 1000 * ITEM_BYTES)).toBe(columns.length - columns.distinctKeys);
  });

  test('a loop that is longer than the memory: nothing for LRU, all but one turn of what fits for who knows', async () => {
    const columns = await columnsOf(Array.from({ length: 1000 }, (_, i) => i % 100));
    expect(lruModel(columns, 50 * ITEM_BYTES)).toBe(0);
    expect(beladyModel(columns, 50 * ITEM_BYTES)).toBeGreaterThan(400);
  });

  test('S3-FIFO keeps what was read while a scan passes, LRU does not', async () => {
    const hot = Array.from({ length: 20 }, (_, i) => i);
    const scan = Array.from({ length: 500 }, (_, i) => 1000 + i);
    const columns = await columnsOf([...hot, ...hot, ...hot, ...hot, ...scan, ...hot]);
    expect(lruModel(columns, 100 * ITEM_BYTES)).toBe(60);
    expect(s3FifoModel(1)(columns, 100 * ITEM_BYTES)).toBe(80);
  });

  test.each([lruModel, s3FifoModel(1), beladyModel])('what has expired is no hit (%#)', async (model) => {
    const columns = await columnsOf([1, 2, 1, 2, 1, 2], 3);
    expect(model(columns, 100 * ITEM_BYTES)).toBe(2);
  });
});

test('the figures of a trace', async () => {
  const tenth = Array.from({ length: 9 }, (_, i) => i);
  const columns = await columnsOf([0, 0, ...tenth, ...Array.from({ length: 91 }, (_, i) => 100 + i)]);
  expect(columns.distinctKeys).toBe(100);
  const figures = figuresOf(columns);
  expect(figures.compulsory).toBeCloseTo(100 / 102, 10);
  expect(figures.onceInAll).toBeCloseTo(0.99, 10);
  expect(figures.onceInTenth).toBeCloseTo(0.9, 10);
  expect(figures.onceInHundredth).toBe(0);
});

test.each(['lru', 's3fifo'] as const)(
  'the store under %s hits all that comes again where there is room',
  async (policy) => {
    const columns = await columnsOf(skewedKeys(5000));
    const { hits, store } = replayInProcess(columns, policy, 1);
    expect(hits).toBe(columns.length - columns.distinctKeys);
    expect(store.stats.currentItems).toBe(columns.distinctKeys);
  },
);
