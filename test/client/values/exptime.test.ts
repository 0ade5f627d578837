/** Goal: a ttl in seconds becomes the exptime that memcached takes for it. */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { exptimeOf } from '../../../src/client/values/exptime.ts';

function errorOf(code: ErrorCode): Error {
  return expect.objectContaining({ name: 'FleetError', code }) as Error;
}

describe('a time to live', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const nowSeconds = nowMs / 1000;
  test.each([
    [undefined, 0],
    [0, 0],
    [0.2, 1],
    [60, 60],
    [2_592_000, 2_592_000],
    [2_592_001, nowSeconds + 2_592_001],
    [10 ** 9, 0],
    [Infinity, 0],
  ])('of %s seconds is the exptime %d', (ttl, exptime) => {
    expect(exptimeOf(ttl, nowMs)).toBe(exptime);
  });

  test.each([-1, NaN])('of %d is refused', (ttl) => {
    expect(() => exptimeOf(ttl, nowMs)).toThrow(errorOf('BAD_VALUE'));
  });
});
