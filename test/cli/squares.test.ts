/** Goal: the example shows what it says. Method: a cache that is a Map, and time that only work and requests move. */
import { expect, test } from 'vitest';
import {
  NUMBER_MAX,
  REQUESTS_PER_RUN,
  RUN_COUNT,
  squares,
  squaresLine,
  type SquaresOptions,
} from '../../src/cli/squares.ts';
import { seededRandom } from '../conformance/cuts.ts';

/** What a request to the cache takes in this world. */
const REQUEST_MS = 0.2;

function world(stored = new Map<string, unknown>()): { options: SquaresOptions; stored: Map<string, unknown> } {
  let nowMs = 0;
  const cache = {
    get: (key: string): Promise<unknown> => {
      nowMs += REQUEST_MS;
      return Promise.resolve(stored.get(key));
    },
    set: (key: string, value: number): Promise<boolean> => {
      nowMs += REQUEST_MS;
      stored.set(key, value);
      return Promise.resolve(true);
    },
    delete: (key: string): Promise<boolean> => Promise.resolve(stored.delete(key)),
  };
  const work = (durationMs: number): Promise<void> => {
    nowMs += durationMs;
    return Promise.resolve();
  };
  return { stored, options: { cache, monotonicMs: () => nowMs, random: seededRandom(1), work } };
}

async function runsOf(options: SquaresOptions): Promise<number[]> {
  const runs: number[] = [];
  for await (const durationMs of squares(options)) runs.push(durationMs);
  return runs;
}

test('the runs get faster, the last one takes less than a third of the first', async () => {
  const { options, stored } = world();
  const runs = await runsOf(options);
  expect(runs).toHaveLength(RUN_COUNT);
  expect(runs).toEqual(runs.toSorted((a, b) => b - a));
  expect(runs[RUN_COUNT - 1]).toBeLessThan(runs[0] / 3);
  expect([...stored].every(([key, value]) => Number(value) === Number(key.slice(3)) ** 2)).toBe(true);
  expect(stored.size).toBeLessThanOrEqual(NUMBER_MAX + 1);
});

test('what earlier programs left is forgotten, unless it is to be used', async () => {
  const { options, stored } = world();
  await runsOf(options);
  const warm = await runsOf({ ...options, warm: true });
  expect(warm[0]).toBeLessThan(REQUESTS_PER_RUN * (REQUEST_MS + 0.1));
  stored.set('other', 1);
  const [cold] = await runsOf(options);
  expect(cold).toBeGreaterThan(REQUESTS_PER_RUN * 0.5);
  expect(stored.get('other')).toBe(1);
});

test('a square as text is taken, a wrong one is an error', async () => {
  const all = Array.from({ length: NUMBER_MAX + 1 }, (_, n) => n);
  const text = world(new Map(all.map((n) => [`sq:${n}`, String(n * n)])));
  await expect(runsOf({ ...text.options, warm: true })).resolves.toHaveLength(RUN_COUNT);
  const wrong = world(new Map(all.map((n) => [`sq:${n}`, -1])));
  await expect(runsOf({ ...wrong.options, warm: true })).rejects.toMatchObject({ code: 'BAD_VALUE' });
});

test('the line', () => {
  expect(squaresLine([2750, 1984.9, 555])).toBe('Ten successive runs: 2.75s 1.98s 0.56s');
});
