/** How long changes wait for each other. */
import { expect, test } from 'vitest';
import { COALESCE_MAX_MS, COALESCE_MS, STORM_OVER_MS } from '../../src/coordinator/limits.ts';
import { afterPublish, CALM, changeDelayMs } from '../../src/coordinator/pace.ts';

test('a change in calm waits only for those that come with it', () => {
  expect(changeDelayMs(CALM, 'soon', 0)).toBe(COALESCE_MS);
  expect(changeDelayMs(CALM, 'now', 0)).toBe(COALESCE_MS);
});

test('what leaves the ring as it is waits longest', () => {
  expect(changeDelayMs(CALM, 'later', 0)).toBe(COALESCE_MAX_MS);
});

test('in a storm the waits double up to a bound, but not for a node that leaves', () => {
  let pace = CALM;
  const waits: number[] = [];
  for (let nowMs = 0; nowMs < 1000; nowMs += 100) {
    pace = afterPublish(pace, nowMs);
    waits.push(changeDelayMs(pace, 'soon', nowMs + 10));
    expect(changeDelayMs(pace, 'now', nowMs + 10)).toBe(COALESCE_MS);
  }
  expect(waits).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000, 2_000]);
});

test('a storm is over after a while without a version', () => {
  let pace = CALM;
  for (let nowMs = 0; nowMs < 1000; nowMs += 100) pace = afterPublish(pace, nowMs);
  const overMs = 900 + STORM_OVER_MS + COALESCE_MAX_MS;
  expect(changeDelayMs(pace, 'soon', overMs - 1)).toBe(COALESCE_MAX_MS);
  expect(changeDelayMs(pace, 'soon', overMs)).toBe(COALESCE_MS);
  expect(afterPublish(pace, overMs).waitMs).toBe(COALESCE_MS);
  // After a change alone it is over sooner.
  const alone = afterPublish(CALM, 0);
  expect(changeDelayMs(alone, 'soon', STORM_OVER_MS + COALESCE_MS)).toBe(COALESCE_MS);
  expect(afterPublish(alone, STORM_OVER_MS + COALESCE_MS).waitMs).toBe(COALESCE_MS);
});

test.each([
  [4_000, 8],
  [16_000, 11],
])('twenty containers that become active over %i ms are at most %i versions', (overMs, versionsMax) => {
  let pace = CALM;
  let dueMs = Number.POSITIVE_INFINITY;
  let versions = 0;
  for (let nowMs = 0; nowMs <= overMs + 2 * COALESCE_MAX_MS; nowMs += 10) {
    if (nowMs >= dueMs) {
      versions += 1;
      pace = afterPublish(pace, nowMs);
      dueMs = Number.POSITIVE_INFINITY;
    }
    const isChange = nowMs % (overMs / 20) === 0 && nowMs < overMs;
    if (isChange) dueMs = Math.min(dueMs, nowMs + changeDelayMs(pace, 'soon', nowMs));
  }
  expect(dueMs).toBe(Number.POSITIVE_INFINITY);
  expect(versions).toBeLessThanOrEqual(versionsMax);
});
