/** Medians, ratios, histograms and tables of the benchmark. */
import { array, assert, double, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions } from '../../bench/harness/memcached.ts';
import { median, pairedRatio, roundOrder, spread } from '../../bench/harness/statistics.ts';
import { figure, table } from '../../bench/harness/table.ts';
import { Histogram } from '../../bench/load/histogram.ts';

describe('statistics', () => {
  test('the median of an even number lies between the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([5, 1, 3])).toBe(3);
    expect(median([])).toBeNaN();
  });

  test('what could not be measured is left out', () => {
    expect(spread([Number.NaN, 2, 1])).toEqual({ median: 1.5, low: 1, high: 2 });
    expect(spread([Number.NaN]).median).toBeNaN();
  });

  test('paired ratios do not see what slowed both neighbours', () => {
    expect(pairedRatio([10, 20, 40], [10, 20, 40])).toEqual({ median: 1, low: 1, high: 1 });
    expect(pairedRatio([1, 2], [2, 2, 9])).toEqual({ median: 0.75, low: 0.5, high: 1 });
  });

  test('every second round goes backwards', () => {
    expect(roundOrder(['a', 'b', 'c'], 0)).toEqual(['a', 'b', 'c']);
    expect(roundOrder(['a', 'b', 'c'], 1)).toEqual(['c', 'b', 'a']);
  });

  test('versions compare by their numbers', () => {
    expect(compareVersions('1.6.9', '1.6.38')).toBeLessThan(0);
    expect(compareVersions('1.6.38', '1.6.38')).toBe(0);
    expect(compareVersions('1.10.0', '1.6.38_beta')).toBeGreaterThan(0);
  });
});

describe('histogram', () => {
  test('every quantile is that of the sorted values, within one part in a hundred', () => {
    assert(
      property(
        array(double({ min: 0.001, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
        double({ min: 0.01, max: 1, noNaN: true }),
        (valuesMs, share) => {
          const histogram = new Histogram();
          for (const ms of valuesMs) histogram.record(ms);
          const sorted = [...valuesMs].sort((a, b) => a - b);
          const exactUs = (sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)] ?? 0) * 1000;
          expect(Math.abs(histogram.quantileUs(share) - exactUs)).toBeLessThanOrEqual(exactUs * 0.01 + 0.1);
        },
      ),
    );
  });

  test('an empty one has no latencies', () => {
    expect(new Histogram().summary()).toMatchObject({ count: 0, meanUs: 0, p99Us: 0, maxUs: 0, byMs: [] });
  });

  test('counts by powers of two of a millisecond', () => {
    const histogram = new Histogram();
    for (const ms of [0.1, 0.9, 1, 1.9, 2, 5]) histogram.record(ms);
    expect(histogram.summary().byMs).toEqual([2, 2, 1, 1]);
  });
});

test('tables align their columns and figures have three digits', () => {
  expect(table(['name', 'value'], [['a', figure(1.2345)]])).toBe(
    '| name | value |\n| ---- | ----: |\n| a    |  1.23 |',
  );
  expect([figure(12.345), figure(123.4), figure(12_345), figure(Number.NaN)]).toEqual(['12.3', '123', '12,345', '–']);
});
