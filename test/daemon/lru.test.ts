/** The segmented LRU: shares of its lists, who survives, and what a moved chunk means to its neighbours. */
import { describe, expect, test } from 'vitest';
import * as layout from '../../src/daemon/storage/layout.ts';
import { NONE, type ChunkRef } from '../../src/daemon/storage/layout.ts';
import { COLD, HOT, HOT_PERCENT, SegmentedLru, WARM, WARM_PERCENT } from '../../src/daemon/storage/lru.ts';
import { Memory, refOf } from '../../src/daemon/storage/memory.ts';

const CLASS = 3;
const CHUNK_BYTES = 64;

const TUNING = {
  lruSegmented: true,
  hotLruPct: HOT_PERCENT,
  warmLruPct: WARM_PERCENT,
  hotMaxFactor: 0.2,
  warmMaxFactor: 2,
  tempLru: false,
  temporaryTtl: 0,
};

/** The chunk of the i-th item. */
function item(i: number): ChunkRef {
  return refOf(64 + i * CHUNK_BYTES);
}

function setUp(): { memory: Memory; lru: SegmentedLru; link: (i: number) => ChunkRef } {
  const memory = new Memory(1024 * 1024, 64);
  const lru = new SegmentedLru(memory, CLASS);
  const link = (i: number): ChunkRef => {
    memory.setWord(item(i), layout.STATE, layout.LINKED);
    memory.setWord(item(i), layout.TIME, i);
    lru.linked(item(i), CLASS);
    return item(i);
  };
  return { memory, lru, link };
}

function chain(memory: Memory, lru: SegmentedLru, list: number): ChunkRef[] {
  const refs: ChunkRef[] = [];
  for (let ref = lru.lists.oldest(CLASS, list); ref !== NONE; ref = memory.link(ref, layout.NEWER)) refs.push(ref);
  return refs;
}

describe('the segmented LRU', () => {
  test('keeps the shares of its lists, and items that are not read go from HOT to COLD in their order', () => {
    const { memory, lru, link } = setUp();
    for (let i = 0; i < 1000; i++) link(i);
    expect(lru.lists.length(CLASS, HOT)).toBeLessThanOrEqual((1000 * HOT_PERCENT) / 100 + 1);
    expect(lru.lists.length(CLASS, WARM)).toBe(0);
    expect([...chain(memory, lru, COLD), ...chain(memory, lru, HOT)]).toEqual(
      Array.from({ length: 1000 }, (_, i) => item(i)),
    );
    expect(lru.victim(CLASS)).toBe(item(0));
  });

  test('what was read twice is moved to WARM instead of going, and WARM keeps its share', () => {
    const { lru, link } = setUp();
    for (let i = 0; i < 1000; i++) {
      link(i);
      lru.hit(item(i));
      lru.hit(item(i));
    }
    for (let i = 1000; i < 1100; i++) link(i);
    expect(lru.lists.length(CLASS, WARM)).toBeGreaterThan(0);
    expect(lru.lists.length(CLASS, WARM)).toBeLessThanOrEqual((1100 * WARM_PERCENT) / 100 + 1);
  });

  test('active items survive a scan that is longer than the memory', () => {
    const { memory, lru, link } = setUp();
    for (let i = 0; i < 100; i++) link(i);
    const survivors = new Set(Array.from({ length: 100 }, (_, i) => item(i)));
    for (let i = 100; i < 10_000; i++) {
      // Items 0 … 99 are read again and again; the scan's chunks are used in turn.
      if (i % 50 === 0) for (const ref of survivors) lru.hit(ref);
      if (i >= 1000) {
        const victim = lru.victim(CLASS);
        expect(survivors.has(victim), `item ${victim} at ${i}`).toBe(false);
        lru.unlinked(victim, CLASS);
        memory.setWord(victim, layout.STATE, layout.LINKED);
        lru.linked(victim, CLASS);
      } else {
        link(i);
      }
    }
  });

  test('a class that is all active still gives a victim, within a bounded search', () => {
    const { lru, link } = setUp();
    for (let i = 0; i < 3000; i++) {
      link(i);
      lru.hit(item(i));
      lru.hit(item(i));
    }
    expect(lru.victim(CLASS)).not.toBe(NONE);
  });

  test('without requests, what is idle for longer than a share of the age of COLD leaves HOT and WARM', () => {
    const { memory, lru, link } = setUp();
    for (let i = 0; i < 1000; i++) link(i);
    // HOT has the last 200, idle for 200 … 1 seconds; COLD's oldest is 1000 old, a fifth of which they may be idle.
    lru.maintain(1000, 500);
    expect(lru.lists.length(CLASS, HOT)).toBe(200);
    lru.maintain(1050, 500);
    expect(chain(memory, lru, HOT)).toEqual(Array.from({ length: 160 }, (_, i) => item(840 + i)));
    lru.tune({ ...TUNING, hotMaxFactor: Infinity });
    lru.maintain(100_000, 500);
    expect(lru.lists.length(CLASS, HOT)).toBe(160);
    lru.tune({ ...TUNING, hotMaxFactor: 0.001 });
    lru.maintain(100_000, 100);
    expect(lru.lists.length(CLASS, HOT)).toBe(60);
    lru.maintain(100_000, 100);
    expect(lru.lists.length(CLASS, HOT)).toBe(0);
    expect([...chain(memory, lru, COLD)]).toEqual(Array.from({ length: 1000 }, (_, i) => item(i)));
  });

  test('without requests, active items go to WARM, and leave it when they are idle for long', () => {
    const { lru, link } = setUp();
    for (let i = 0; i < 10; i++) {
      link(i);
      lru.hit(item(i));
      lru.hit(item(i));
    }
    lru.maintain(10, 500);
    const inCold = lru.lists.length(CLASS, COLD);
    expect(lru.lists.length(CLASS, WARM)).toBe(10 - inCold);
    lru.tune({ ...TUNING, warmMaxFactor: 0.5 });
    lru.maintain(1000, 500);
    expect(lru.lists.length(CLASS, COLD)).toBe(10);
    expect(lru.juggles).toBe(2);
    lru.maintain(1000, 500);
    expect(lru.juggles).toBe(2);
  });

  test('the time of the next victim is told without moving anything; an empty class has none', () => {
    const { memory, lru, link } = setUp();
    expect(lru.victim(CLASS)).toBe(NONE);
    expect(lru.victimTime(CLASS)).toBe(Infinity);
    for (let i = 5; i < 50; i++) link(i);
    const before = chain(memory, lru, COLD);
    expect(lru.victimTime(CLASS)).toBe(5);
    expect(chain(memory, lru, COLD)).toEqual(before);
    lru.unlinked(item(5), CLASS);
    expect(lru.victimTime(CLASS)).toBe(6);
  });

  test.each([0, 7, 19])('an item that was moved to another chunk keeps its place (item %i of 20)', (which) => {
    const { memory, lru, link } = setUp();
    for (let i = 0; i < 20; i++) link(i);
    const order = [...chain(memory, lru, COLD), ...chain(memory, lru, HOT)];
    const [from, to] = [item(which), item(500)];
    const { words } = memory.blockOf(from);
    words.copyWithin(to * 2, from * 2, from * 2 + CHUNK_BYTES / 4);
    lru.lists.moved(to, CLASS);
    memory.setWord(from, layout.STATE, 0);
    memory.setWord(from, layout.NEWER, 12345);
    const after = [...chain(memory, lru, COLD), ...chain(memory, lru, HOT)];
    expect(after).toEqual(order.map((ref) => (ref === from ? to : ref)));
    lru.unlinked(to, CLASS);
    expect([...chain(memory, lru, COLD), ...chain(memory, lru, HOT)]).toEqual(order.filter((ref) => ref !== from));
  });
});
