/** The daemon's second hand: exptimes of every kind, and expiry at the exact second. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { EXPTIME_RELATIVE_MAX_SECONDS } from '../../src/base/memcached.ts';
import { SecondHand } from '../../src/daemon/clock.ts';
import { Outcome } from '../../src/daemon/engine.ts';
import { EngineDriver, MEGABYTE } from './support/engine-driver.ts';

const START = Date.UTC(2026, 0, 1) / 1000;

describe('the second hand', () => {
  test('moves only when it is told to look', () => {
    const clock = new ManualClock();
    const time = new SecondHand(clock);
    const start = time.now;
    clock.advance(2999);
    expect(time.now).toBe(start);
    time.tick();
    expect(time.now).toBe(start + 2);
    expect(time.uptime).toBe(2);
    expect(time.unixTime).toBe(START + 2);
  });

  test('reads exptimes as memcached does', () => {
    const clock = new ManualClock();
    const time = new SecondHand(clock);
    clock.advance(100_000);
    time.tick();
    expect(time.deadline(0)).toBe(0);
    expect(time.deadline(1)).toBe(time.now + 1);
    expect(time.deadline(EXPTIME_RELATIVE_MAX_SECONDS)).toBe(time.now + EXPTIME_RELATIVE_MAX_SECONDS);
    expect(time.deadline(START + 100 + 7), 'absolute').toBe(time.now + 7);
    expect(time.deadline(2 ** 31 - 1)).toBeGreaterThan(time.now);
    for (const past of [-1, -(2 ** 31), START - 1, START + 99, EXPTIME_RELATIVE_MAX_SECONDS + 1]) {
      expect(time.deadline(past), String(past)).toBeLessThanOrEqual(time.now);
      expect(time.deadline(past), 'not "never"').toBeGreaterThan(0);
    }
  });
});

describe('expiry', () => {
  const value = Buffer.from('v');

  test('comes at the exact second, for relative and absolute times', () => {
    const driver = new EngineDriver({ memoryBytes: MEGABYTE });
    driver.set('relative', value, 0, 5);
    driver.set('absolute', value, 0, START + 5);
    driver.set('never', value);
    driver.advance(4);
    expect(driver.get('relative')).toBeDefined();
    expect(driver.get('absolute')).toBeDefined();
    driver.advance(1);
    expect(driver.get('relative')).toBeUndefined();
    expect(driver.get('absolute')).toBeUndefined();
    driver.advance(EXPTIME_RELATIVE_MAX_SECONDS * 40);
    expect(driver.get('never')).toBeDefined();
    expect(driver.engine.store.stats.foundExpired).toBe(2);
  });

  test('at once for a negative exptime, though it is stored', () => {
    const driver = new EngineDriver({ memoryBytes: MEGABYTE });
    expect(driver.set('k', value, 0, -1)).toBe(Outcome.STORED);
    expect(driver.get('k')).toBeUndefined();
  });

  test('is put off and called off by touch', () => {
    const driver = new EngineDriver({ memoryBytes: MEGABYTE });
    driver.set('later', value, 0, 2);
    driver.set('never', value, 0, 2);
    driver.set('now', value);
    expect(driver.touch('later', 10)).toBe(Outcome.DONE);
    expect(driver.touch('never', 0)).toBe(Outcome.DONE);
    expect(driver.touch('now', -1)).toBe(Outcome.DONE);
    driver.advance(9);
    expect(driver.get('later')).toBeDefined();
    expect(driver.get('now')).toBeUndefined();
    driver.advance(1);
    expect(driver.get('later')).toBeUndefined();
    expect(driver.touch('later', 0)).toBe(Outcome.NOT_FOUND);
    expect(driver.get('never')).toBeDefined();
  });
});
