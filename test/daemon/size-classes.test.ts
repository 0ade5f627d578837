/** Size classes: every size has a chunk that holds it, and little of it is left empty. */
import { describe, expect, test } from 'vitest';
import {
  CHUNK_BYTES_MAX,
  CHUNK_BYTES_MIN,
  DEFAULT_GROWTH_FACTOR,
  PAGE_BYTES,
  SizeClasses,
  defaultGrowthFactor,
} from '../../src/daemon/storage/size-classes.ts';

const FACTORS = [1.001, 1.01, 1.02, DEFAULT_GROWTH_FACTOR, 1.08, 1.25, 1.5, 2, 4];

describe.each(FACTORS)('with a growth factor of %f', (factor) => {
  const classes = new SizeClasses(factor);
  const sizes = [...classes.chunkBytes].slice(1);

  test('classes are few enough for their byte, rise, and are multiples of 8 up to the largest chunk', () => {
    expect(classes.largest).toBeLessThanOrEqual(255);
    expect(classes.largest).toBe(sizes.length);
    expect(sizes[0]).toBeGreaterThanOrEqual(CHUNK_BYTES_MIN);
    expect(sizes.at(-1)).toBe(CHUNK_BYTES_MAX);
    for (const [i, size] of sizes.entries()) {
      expect(size % 8, `class ${i + 1}`).toBe(0);
      if (i > 0) expect(size).toBeGreaterThan(sizes[i - 1]);
    }
  });

  test('the class of every size is the smallest that holds it', () => {
    for (let bytes = 1; bytes <= CHUNK_BYTES_MAX; bytes++) {
      const sizeClass = classes.classFor(bytes);
      if (classes.chunkBytes[sizeClass] < bytes) throw new Error(`${bytes} bytes do not fit into class ${sizeClass}`);
      if (sizeClass > 1 && classes.chunkBytes[sizeClass - 1] >= bytes) throw new Error(`${bytes} bytes fit below`);
    }
  });

  test('the end of a page that no chunk takes is smaller than 8 bytes a chunk', () => {
    for (const [i, size] of sizes.entries()) {
      const count = classes.chunksPerPage[i + 1];
      expect(count * size).toBeLessThanOrEqual(PAGE_BYTES);
      expect(PAGE_BYTES - count * size).toBeLessThan(8 * count);
    }
  });

  test('a chunk is never much larger than the one before', () => {
    // As many chunks as fit share a page, so the largest chunks step by whole chunks of a page.
    const ratio = Math.max(factor, 1.05) * 1.15;
    for (let i = 1; i < sizes.length; i++)
      expect(sizes[i]).toBeLessThanOrEqual(Math.max(sizes[i - 1] * ratio, sizes[i - 1] + 16));
  });
});

test('by default less than 5 % of what items take is room at the end of their chunks, over all sizes', () => {
  const classes = new SizeClasses();
  let used = 0;
  let taken = 0;
  for (let bytes = 100; bytes <= CHUNK_BYTES_MAX; bytes++) {
    used += bytes;
    taken += PAGE_BYTES / classes.chunksPerPage[classes.classFor(bytes)];
  }
  expect(1 - used / taken).toBeLessThan(0.05);
});

describe('the default growth factor', () => {
  test.each([
    [1, 1.1],
    [64, 1.1],
    [128, 1.05],
    [160, 1.04],
    [214, DEFAULT_GROWTH_FACTOR],
    [100_000, DEFAULT_GROWTH_FACTOR],
  ])('with %i pages', (pages, factor) => {
    expect(defaultGrowthFactor(pages)).toBeCloseTo(factor, 10);
  });
});
