/** Who a stop is put down to: the server, other processes, or the load generator that did not look. */
import { describe, expect, test } from 'vitest';
import { StopWatch, STOP_BOUNDS_MS, type ServerClock } from '../../bench/load/stops.ts';

const LOOK_MS = 0.01;

/** A server of two threads, the wall clock, and a load generator that looks every 10 µs unless it is held up. */
class Scene implements ServerClock {
  readonly names = ['main', 'helper'];
  readonly length = 3;
  nowMs = 1000;
  times = [0, 0, 0];
  answers = 0;
  readonly watch = new StopWatch(this, this.nowMs);

  read(times: Float64Array): void {
    times.set(this.times);
  }

  /** Time passes, of which the server's threads get shares. */
  pass(ms: number, { main = 0, helper = 0, waited = 0, due = true } = {}): void {
    const looks = Math.round(ms / LOOK_MS);
    for (let i = 0; i < looks; i++) {
      this.away(LOOK_MS, { main, helper, waited });
      this.watch.look(this.nowMs, this.answers, due);
    }
  }

  /** Time passes, and nobody looks. */
  away(ms: number, { main = 0, helper = 0, waited = 0 } = {}): void {
    this.nowMs += ms;
    this.times = this.times.map((time, i) => time + ms * [main, helper, waited][i]);
  }

  answer(): void {
    this.answers++;
    this.watch.look((this.nowMs += LOOK_MS), this.answers, false);
  }

  /** The share of the last run's stops from each bound on. */
  counts(): Record<string, number> {
    const { byRan } = this.watch.summary();
    return Object.fromEntries(STOP_BOUNDS_MS.map((bound, i) => [bound, byRan[i]]).filter(([, count]) => count !== 0));
  }
}

describe('a time without an answer', () => {
  test('in which the server runs is a stop of the server', () => {
    const scene = new Scene();
    scene.pass(6, { main: 0.7, helper: 0.3 });
    scene.answer();
    expect(scene.counts()).toEqual({ 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 });
    const [stop] = scene.watch.summary().longest;
    expect(stop?.ranMs).toBeCloseTo(6, 1);
    expect(stop?.threads).toEqual({ main: expect.closeTo(4.1, 0), helper: expect.closeTo(1.7, 0) });
  });

  test('in which the server waits for its core is none of the server', () => {
    const scene = new Scene();
    scene.pass(0.3, { main: 1 });
    scene.pass(12, { waited: 1 });
    scene.answer();
    const { byRan, byWall, waitedMs, ranMs } = scene.watch.summary();
    expect(byRan.every((count) => count === 0)).toBe(true);
    expect(byWall[STOP_BOUNDS_MS.indexOf(10)]).toBe(1);
    expect(waitedMs).toBeCloseTo(12, 1);
    expect(ranMs).toBeCloseTo(0.3, 1);
  });

  test('in which the server neither runs nor waits is the machine', () => {
    const scene = new Scene();
    scene.pass(4);
    scene.answer();
    const { ranMs, waitedMs, neitherMs } = scene.watch.summary();
    expect(waitedMs).toBe(0);
    // What lies before the first question may have been the server's.
    expect(ranMs).toBeCloseTo(0.2, 1);
    expect(neitherMs).toBeCloseTo(3.8, 1);
  });

  test('is none while nothing was asked', () => {
    const scene = new Scene();
    scene.pass(50, { main: 1, due: false });
    scene.answer();
    expect(scene.counts()).toEqual({});
    expect(scene.watch.summary().longest).toEqual([]);
  });

  test('of which the load generator saw nothing is blind, however much the server did', () => {
    const scene = new Scene();
    scene.pass(0.1, { main: 1 });
    scene.away(30, { main: 1 });
    scene.answer();
    expect(scene.counts()).toEqual({});
    expect(scene.watch.summary().blindMs).toBeCloseTo(30, 1);
  });

  test('that ends while the load generator is held up counts as far as it was seen', () => {
    const scene = new Scene();
    scene.pass(3, { main: 1 });
    scene.away(20, { main: 1 });
    scene.answer();
    expect(scene.counts()).toEqual({ 1: 1, 2: 1 });
    expect(scene.watch.summary().blindMs).toBeCloseTo(20, 1);
  });

  test('in the middle of which the load generator is held up counts in full: nothing was answered since', () => {
    const scene = new Scene();
    scene.pass(1, { main: 1 });
    scene.away(5, { main: 1 });
    scene.pass(1, { main: 1 });
    scene.answer();
    expect(scene.watch.summary().longest[0]?.ranMs).toBeCloseTo(7, 1);
  });

  test('is one of many: the longest are kept, with when they were', () => {
    const scene = new Scene();
    for (const ms of [2, 9, 3, 4, 5, 6, 7]) {
      scene.pass(ms, { main: 1 });
      scene.answer();
    }
    const { longest, byRan } = scene.watch.summary();
    expect(longest.map(({ ranMs }) => Math.round(ranMs))).toEqual([9, 7, 6, 5, 4]);
    expect(longest.map(({ atSeconds }) => atSeconds)).toEqual([0, 0.03, 0.02, 0.02, 0.01]);
    expect(byRan[0]).toBe(7);
  });
});
