/** The budget for what connections hold: who is paused, who is cut off, who goes on, and that the sum is the sum. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeldMemory, defaultConnMemory, type Holder } from '../../src/daemon/held-memory.ts';
import { CONN_MEMORY_MAX, CONN_MEMORY_MIN } from '../../src/daemon/limits.ts';

const MEGABYTE = 1024 * 1024;

class Peer implements Holder {
  heldBytes = 0;
  paused = false;
  ended = false;

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  cutOff(): void {
    this.ended = true;
  }
}

function peers(count: number): Peer[] {
  return Array.from({ length: count }, () => new Peer());
}

describe('the limit', () => {
  test.each([
    [16, 1, CONN_MEMORY_MIN],
    [48, 1, 48 * MEGABYTE],
    [64, 1, CONN_MEMORY_MAX],
    [4096, 1, CONN_MEMORY_MAX],
    [4096, 100, 200 * MEGABYTE],
  ])('-m %i -I %im', (megabytes, largest, expected) => {
    expect(defaultConnMemory(megabytes * MEGABYTE, largest * MEGABYTE)).toBe(expected);
  });
});

describe('near the limit', () => {
  test('who holds most is paused, and the small ones are read', () => {
    const held = new HeldMemory(1000);
    const [large, small] = peers(2) as [Peer, Peer];
    held.charge(small, 10);
    held.charge(large, 700);
    expect([large.paused, held.pausedCount]).toEqual([false, 0]);
    held.charge(small, 50);
    expect([large.paused, small.paused, held.pausedCount, held.pauses]).toEqual([true, false, 1, 1]);
    held.release(large, 300);
    expect([large.paused, held.pausedCount]).toEqual([false, 0]);
  });

  test('of many that hold the same the most are paused, and each comes to its turn', () => {
    const held = new HeldMemory(1000);
    const all = peers(100);
    while (held.pausedCount === 0) for (const peer of all) held.charge(peer, 1);
    expect(held.pausedCount).toBeGreaterThan(50);
    let done = 0;
    for (; all.length > 0; done++) {
      const next = all.findIndex((peer) => !peer.paused);
      expect(next, `somebody is read after ${done}`).not.toBe(-1);
      held.forget(all[next]);
      all.splice(next, 1);
    }
    expect([done, held.heldBytes, held.cutOffs]).toEqual([100, 0, 0]);
  });
});

describe('at the limit', () => {
  test('who holds most is cut off, and others go on', () => {
    const held = new HeldMemory(1000);
    const [large, middle, small] = peers(3) as [Peer, Peer, Peer];
    held.charge(large, 600);
    held.charge(middle, 300);
    expect(held.charge(small, 150)).toBe(true);
    expect([large.ended, middle.ended, small.ended]).toEqual([true, false, false]);
    expect([held.heldBytes, large.heldBytes, held.cutOffs]).toEqual([450, 0, 1]);
    held.release(large, 600);
    expect(held.heldBytes, 'what was cut off gives nothing back twice').toBe(450);
  });

  test('one that asks for more than all is told to stop', () => {
    const held = new HeldMemory(1000);
    const [greedy] = peers(1) as [Peer];
    expect(held.charge(greedy, 1001)).toBe(false);
    expect([greedy.ended, held.heldBytes]).toEqual([true, 0]);
  });
});

test('whatever is charged and released, the sum is that of the holders and never above the limit', () => {
  const step = fc.record({ who: fc.nat(9), bytes: fc.integer({ min: -400, max: 400 }), gone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const held = new HeldMemory(1000);
      const all = peers(10);
      for (const { who, bytes, gone } of steps) {
        const peer = all[who];
        if (bytes > 0) held.charge(peer, bytes);
        else if (gone) {
          held.forget(peer);
          all[who] = new Peer();
        } else held.release(peer, -bytes);
        const sum = all.reduce((total, { heldBytes }) => total + heldBytes, 0);
        expect(held.heldBytes).toBe(sum);
        expect(sum).toBeLessThanOrEqual(1000);
        expect(all.filter((one) => one.paused && !one.ended).length).toBeLessThanOrEqual(held.pausedCount);
        if (sum <= 500) expect(held.pausedCount).toBe(0);
        const read = all.filter((one) => one.heldBytes > 0 && !one.paused);
        expect(sum === 0 || read.length > 0 || all.some((one) => one.heldBytes > 250), 'somebody is read').toBe(true);
      }
    }),
  );
});
