/** S3-FIFO: what a scan may take, what is kept, and what comes back; and the memory of what was evicted. */
import { describe, expect, test } from 'vitest';
import { murmur3 } from '../../src/base/bytes.ts';
import { GhostTable } from '../../src/daemon/storage/ghost-table.ts';
import * as layout from '../../src/daemon/storage/layout.ts';
import type { ChunkRef } from '../../src/daemon/storage/layout.ts';
import { listOf } from '../../src/daemon/storage/item-lists.ts';
import { Memory, refOf } from '../../src/daemon/storage/memory.ts';
import { MAIN, S3Fifo, SMALL } from '../../src/daemon/storage/s3fifo.ts';

const CLASS = 3;
const CHUNK_BYTES = 64;

function hashOf(key: number): number {
  const bytes = Buffer.from(`key-${key}`);
  return murmur3(bytes, 0, bytes.length, 1);
}

/** A class of so many chunks under the policy, filled as the store fills it. */
class Cache {
  readonly memory: Memory;
  readonly policy: S3Fifo;
  readonly #refs = new Map<number, ChunkRef>();
  readonly #keys = new Map<ChunkRef, number>();
  readonly #room: number;

  constructor(room: number) {
    this.#room = room;
    this.memory = new Memory(64 + room * CHUNK_BYTES, 64);
    this.policy = new S3Fifo(this.memory, CLASS);
  }

  has(key: number): boolean {
    return this.#refs.has(key);
  }

  listOf(key: number): number {
    return listOf(this.memory.word(this.#refs.get(key)!, layout.STATE));
  }

  read(key: number): boolean {
    const ref = this.#refs.get(key);
    if (ref !== undefined) this.policy.hit(ref);
    return ref !== undefined;
  }

  store(key: number): void {
    const ref = this.#refs.size < this.#room ? refOf(64 + this.#refs.size * CHUNK_BYTES) : this.#evict();
    this.memory.setWord(ref, layout.STATE, layout.LINKED);
    this.#refs.set(key, ref);
    this.#keys.set(ref, key);
    this.policy.linked(ref, CLASS, hashOf(key));
  }

  #evict(): ChunkRef {
    const ref = this.policy.victim(CLASS);
    const key = this.#keys.get(ref)!;
    this.policy.evicted(ref, hashOf(key));
    this.policy.unlinked(ref, CLASS);
    this.#refs.delete(key);
    return ref;
  }
}

function range(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

describe('S3-FIFO', () => {
  test('a scan passes through the small queue; what was read stays', () => {
    const cache = new Cache(1000);
    for (const key of range(0, 500)) cache.store(key);
    for (const key of range(0, 500)) cache.read(key);
    for (const key of range(10_000, 20_000)) cache.store(key);
    // A search for a victim that has passed over 200 takes what comes next, read or not.
    const lost = range(0, 500).filter((key) => !cache.read(key));
    expect(lost.length).toBeLessThanOrEqual(2);
    expect(cache.policy.lists.length(CLASS, MAIN)).toBe(500 - lost.length);
  });

  test('what was never read goes first, in the order in which it came', () => {
    const cache = new Cache(100);
    for (const key of range(0, 100)) cache.store(key);
    for (const key of range(0, 50)) cache.read(2 * key);
    for (const key of range(1000, 10)) cache.store(key);
    expect(range(0, 100).filter((key) => !cache.has(key))).toEqual(range(0, 10).map((i) => 2 * i + 1));
  });

  test('what comes back soon after its eviction goes to the main queue, what comes later does not', () => {
    const cache = new Cache(1000);
    for (const key of range(0, 1000)) cache.store(key);
    for (const key of range(0, 900)) cache.read(key);
    for (const key of range(5000, 500)) cache.store(key);
    expect(cache.has(950)).toBe(false);
    cache.store(950);
    expect(cache.listOf(950)).toBe(MAIN);
    for (const key of range(20_000, 5000)) cache.store(key);
    expect(cache.has(951)).toBe(false);
    cache.store(951);
    expect(cache.listOf(951)).toBe(SMALL);
  });

  test('a class in which all was read still gives a victim, within a bounded search', () => {
    const cache = new Cache(3000);
    for (const key of range(0, 3000)) cache.store(key);
    for (let times = 0; times < 3; times++) for (const key of range(0, 3000)) cache.read(key);
    const moves = (): number => cache.policy.moves.toWarm[CLASS] + cache.policy.moves.withinLru[CLASS];
    for (const key of range(5000, 100)) {
      const before = moves();
      cache.store(key);
      expect(moves() - before).toBeLessThanOrEqual(200);
    }
  });
});

describe('the memory of what was evicted', () => {
  test.each([1000, 32_000, 130_000])('holds nearly all of the last %i keys, and none that went long before', (size) => {
    const ghosts = new GhostTable();
    // Once round to let it grow, which empties it.
    for (let key = 0; key < 4 * size; key++) ghosts.add(hashOf(key), size);
    const held = (from: number, to: number): number =>
      range(from, to - from).filter((key) => ghosts.has(hashOf(key), size)).length / (to - from);
    expect(held(3 * size, 4 * size)).toBeGreaterThan(0.93);
    expect(held(0, 2 * size)).toBeLessThan(0.01);
  });

  test('knows nothing while nothing is to be remembered', () => {
    const ghosts = new GhostTable();
    ghosts.add(hashOf(1), 0);
    expect(ghosts.has(hashOf(1), 0)).toBe(false);
    expect(ghosts.has(hashOf(1), 100)).toBe(true);
  });
});
