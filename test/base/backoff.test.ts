/** Goal: waits between attempts grow up to a limit, and chance spreads them. */
import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../src/base/backoff.ts';

describe('back-off', () => {
  test('doubles up to its limit, and half of it is chance', () => {
    const least = [1, 2, 3, 4, 50].map((failures) => backoffMs(failures, 100, 500, () => 0));
    const most = [1, 2, 3, 4, 50].map((failures) => backoffMs(failures, 100, 500, () => 0.999_999));
    expect(least).toEqual([50, 100, 200, 250, 250]);
    expect(most.map(Math.round)).toEqual([100, 200, 400, 500, 500]);
  });
});
