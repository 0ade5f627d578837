/** The daemon's second hand: exptimes of every kind, and expiry at the exact second. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { EXPTIME_RELATIVE_MAX_SECONDS } from '../../src/base/memcached.ts';
import { SecondHand } from '../../src/daemon/clock.ts';
import { Outcome } from '../../src/daemon/engine.ts';
import { DEFAULT_EXTENDED } from '../../src/daemon/settings.ts';
import { EngineDriver, MEGABYTE } from './support/engine-driver.ts';
import { startMemoryServer } from './support/memory-server.ts';

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

describe('a clock that is set', () => {
  const HOUR_MS = 3_600_000;

  test.each([
    ['forward', 2 * HOUR_MS],
    ['back', -2 * HOUR_MS],
    ['from 1970, as by a machine that had no time when it started', START * 1000],
  ])('%s moves no duration, and what is said since 1970 is right at once', (_, byMs) => {
    const clock = new ManualClock(byMs > 3 * HOUR_MS ? 0 : START * 1000);
    const time = new SecondHand(clock);
    clock.advance(10_500);
    time.tick();
    const before = { now: time.now, later: time.deadline(60) };
    clock.set(byMs);
    time.tick();
    expect(time.now).toBe(before.now);
    expect(time.deadline(60)).toBe(before.later);
    expect(time.uptime).toBe(10);
    const unix = Math.floor(clock.nowMs() / 1000);
    expect(time.unixTime).toBe(unix);
    expect(time.deadline(unix + 60)).toBe(time.now + 60);
    expect(time.deadline(unix - 1)).toBeLessThanOrEqual(time.now);
    expect(time.unixAt(time.now + 60)).toBe(unix + 60);
  });

  test('by less than a second, as it is kept right all the time, changes nothing', () => {
    const clock = new ManualClock();
    const time = new SecondHand(clock);
    const absolute = START + 100;
    const deadline = time.deadline(absolute);
    for (let i = 0; i < 20; i++) {
      clock.set(i % 2 === 0 ? 400 : -400);
      clock.advance(250);
      time.tick();
      expect(time.deadline(absolute)).toBe(deadline);
    }
  });

  test('slowly apart from the monotonic one is followed', () => {
    const clock = new ManualClock();
    const time = new SecondHand(clock);
    for (let i = 0; i < 1000; i++) {
      clock.set(50);
      clock.advance(1000);
      time.tick();
      expect(Math.abs(time.unixTime - clock.nowMs() / 1000)).toBeLessThan(2);
    }
  });

  test('expires nothing early or late, whether it was stored before or behind', async () => {
    const { connect, clock } = await startMemoryServer({ extended: { ...DEFAULT_EXTENDED, idleTimeout: 100 } });
    const [socket, idle] = [connect(), connect()];
    idle.ask('mn\r\n');
    socket.ask('set before 0 60 1\r\n1\r\n');
    for (const byMs of [HOUR_MS, -2 * HOUR_MS]) {
      clock.set(byMs);
      clock.advance(1000);
      expect(socket.ask('get before\r\n')).toContain('VALUE');
      expect(idle.ended).toBe(false);
      const unix = Math.floor(clock.nowMs() / 1000);
      expect(socket.ask('stats\r\n')).toContain(`STAT time ${unix}\r\n`);
      socket.ask(`set behind 0 ${unix + 10} 1\r\n1\r\n`);
      expect(socket.ask('mg behind t\r\n')).toBe('HD t10\r\n');
      clock.advance(9000);
      expect(socket.ask('get behind\r\n')).toContain('VALUE');
      clock.advance(1000);
      expect(socket.ask('get behind\r\n')).toBe('END\r\n');
    }
    clock.advance(40_000);
    expect(socket.ask('get before\r\n')).toBe('END\r\n');
    expect(idle.ended).toBe(false);
    clock.advance(60_000);
    expect(idle.destroyed).toBe(true);
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
