/** Seeded chance: the same everywhere, and distributed as its name says. */
import { assert, double, integer, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom, sizeOf, weighted, zipf, type SizeSpec } from '../../bench/load/random.ts';

const DRAWS = 200_000;

describe('zipf', () => {
  test.each([0.5, 0.99, 1, 1.2117, 2])('alpha %f gives each of the first ranks its share', (alpha) => {
    const items = 1000;
    const next = zipf(items, alpha, seededRandom(1));
    const counts = new Float64Array(items);
    for (let i = 0; i < DRAWS; i++) counts[next()]++;
    let norm = 0;
    for (let rank = 1; rank <= items; rank++) norm += rank ** -alpha;
    for (const rank of [1, 2, 3, 10]) {
      const wanted = (rank ** -alpha / norm) * DRAWS;
      expect(Math.abs((counts[rank - 1] ?? 0) - wanted)).toBeLessThan(5 * Math.sqrt(wanted) + 1);
    }
  });

  test('never leaves its range', () => {
    assert(
      property(integer({ min: 1, max: 1e7 }), double({ min: 0, max: 4, noNaN: true }), nat(), (n, a, seed) => {
        const next = zipf(n, a, seededRandom(seed));
        for (let i = 0; i < 50; i++) {
          const rank = next();
          expect(Number.isInteger(rank) && rank >= 0 && rank < n).toBe(true);
        }
      }),
    );
  });
});

test('weights are kept to', () => {
  const next = weighted([3, 0, 1], seededRandom(5));
  const counts = [0, 0, 0];
  for (let i = 0; i < 40_000; i++) counts[next()]++;
  expect(counts[1]).toBe(0);
  expect((counts[0] ?? 0) / (counts[2] ?? 1)).toBeGreaterThan(2.8);
  expect((counts[0] ?? 0) / (counts[2] ?? 1)).toBeLessThan(3.2);
});

describe('sizes', () => {
  const lognormal: SizeSpec = { kind: 'lognormal', meanBytes: 273, sigma: 1, minBytes: 1, maxBytes: 100_000 };

  test('a key always has the same size', () => {
    for (let key = 0; key < 100; key++) expect(sizeOf(lognormal, key, 9)).toBe(sizeOf(lognormal, key, 9));
  });

  test('log-normal sizes have the mean that was asked for', () => {
    let sum = 0;
    for (let key = 0; key < DRAWS; key++) sum += sizeOf(lognormal, key, 1);
    expect(sum / DRAWS).toBeGreaterThan(265);
    expect(sum / DRAWS).toBeLessThan(281);
  });
});
