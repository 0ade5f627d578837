/** Waiting by a clock that the test moves. */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ManualClock, sleep, wallMsOf } from '../../src/base/clock.ts';

describe('sleep', () => {
  test('ends when its time is up', async () => {
    const clock = new ManualClock();
    let over = false;
    const waiting = sleep(clock, 100, new AbortController().signal).then(() => (over = true));
    clock.advance(99);
    await Promise.resolve();
    expect(over).toBe(false);
    clock.advance(1);
    await waiting;
  });

  test('ends with its signal, also one that has aborted before', async () => {
    const stop = new AbortController();
    const waiting = sleep(new ManualClock(), 100, stop.signal);
    stop.abort();
    await waiting;
    await sleep(new ManualClock(), 100, stop.signal);
  });

  test('leaves nothing with a signal that outlives it', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    for (let round = 0; round < 3; round += 1) {
      const waiting = sleep(clock, 100, signal);
      clock.advance(100);
      await waiting;
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

test('a moment that is remembered keeps its age when the wall clock is set', () => {
  const clock = new ManualClock();
  const rememberedMs = clock.monotonicMs();
  clock.advance(5000);
  for (const byMs of [-7_200_000, 7_200_000]) {
    clock.set(byMs);
    expect(clock.monotonicMs() - rememberedMs).toBe(5000);
    expect(wallMsOf(clock, rememberedMs)).toBe(clock.nowMs() - 5000);
  }
});
