/**
 * Goal: a key has the owner that clients of other languages give it, and a change of the fleet moves no more keys than
 * it must. Method: published vectors, known values of the hashes, properties over generated fleets.
 */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32Shift, md5Word, md5Words } from '../../src/base/hash.ts';
import { DEFAULT_HASHING, type Hashing, type TopologyNode } from '../../src/topology/document.ts';
import { buildRing, ketamaLabel, type Ring } from '../../src/topology/ring.ts';
import { documentOf, nodeOf } from './nodes.ts';

interface Vectors {
  keys: string[];
  fleets: Record<string, { host: string; port: number; weight: number }[]>;
  map: Record<string, Partial<Record<Hashing['algorithm'], number[]>>>;
}

const vectors = JSON.parse(readFileSync(new URL('vectors/hashing.json', import.meta.url), 'utf8')) as Vectors;

const KETAMA = DEFAULT_HASHING;
const RENDEZVOUS: Hashing = { ...DEFAULT_HASHING, algorithm: 'rendezvous-murmur3' };
const MODULO: Hashing = { ...DEFAULT_HASHING, algorithm: 'modulo-crc32-shift' };

function ringOf(nodes: TopologyNode[], hashing = KETAMA): Ring {
  return buildRing({ nodes, hashing });
}

function fleetOf(count: number): TopologyNode[] {
  return Array.from({ length: count }, (_, index) => nodeOf({ name: `memfleet-cache-${index + 1}` }));
}

/** The part of the keys that the node at `index` owns. */
function shareOf(ring: Ring, index: number): number {
  return keys.filter((key) => ring.ownerIndex(key) === index).length / keys.length;
}

const keys = Array.from({ length: 5000 }, (_, index) => `user:${index}`);

describe('every key of the published vectors has the owner that other clients give it', () => {
  for (const [fleet, places] of Object.entries(vectors.fleets)) {
    for (const [algorithm, owners] of Object.entries(vectors.map[fleet] ?? {})) {
      test(`${algorithm} on the fleet "${fleet}"`, () => {
        const hashing = { ...DEFAULT_HASHING, algorithm: algorithm as Hashing['algorithm'] };
        const nodes = places.map((place, index) => nodeOf({ name: `n${index}`, ...place }));
        const ring = ringOf(nodes, hashing);
        expect(vectors.keys.map((key) => ring.ownerIndex(key))).toEqual(owners);
        expect(vectors.keys.map((key) => ring.ownerIndex(Buffer.from(key)))).toEqual(owners);
        expect(vectors.keys.map((key) => ring.owner(key))).toEqual(owners.map((index) => nodes[index]));
      });
    }
  }

  test('the weighted fleet of libmemcached, whose highest hash wraps around to the first point', () => {
    // libmemcached test/fixtures/ketama.hpp, ketama_test_cases
    const weights = [600, 300, 200, 350, 1000, 800, 950, 100];
    const ring = ringOf(
      weights.map((weight, index) => nodeOf({ name: `s${index}`, host: `10.0.1.${index + 1}`, weight })),
    );
    expect(md5Word('SVa_]_V41)')).toBe(443691461);
    expect(ring.owner('SVa_]_V41)')?.host).toBe('10.0.1.7');
    expect(md5Word('VDEAAAAA')).toBe(0xfffcd1b5);
    expect(ring.ownerIndex('VDEAAAAA')).toBeGreaterThanOrEqual(0);
  });
});

describe('the hashes have their published values', () => {
  test('md5', () => {
    expect(md5Word('apple')).toBe(3195025439);
    expect(md5Words('server1-8')).toMatchObject({ 0: 3853726576, 3: 2667054752 });
    expect(md5Word('server1-8', 3)).toBe(2667054752);
  });

  test('crc32, shifted, is never 0', () => {
    expect(crc32Shift('apple')).toBe(10542);
    fc.assert(fc.property(fc.string(), (text) => crc32Shift(text) >= 1 && crc32Shift(text) <= 0x7fff));
  });
});

describe('only active nodes are on the ring', () => {
  test('a node of another state owns nothing', () => {
    for (const state of ['joining', 'draining', 'down'] as const) {
      const [first, second] = fleetOf(2);
      const ring = ringOf([{ ...first, state }, second]);
      expect(ring.nodes).toEqual([second]);
      expect(keys.every((key) => ring.owner(key) === second)).toBe(true);
    }
  });

  test.each([KETAMA, RENDEZVOUS, MODULO])('without nodes no key has an owner: $algorithm', (hashing) => {
    const ring = ringOf([], hashing);
    expect(ring.owner('key')).toBeUndefined();
    expect(ring.ownerIndex('key')).toBe(-1);
  });

  test('a document is all it takes', () => {
    expect(buildRing(documentOf(fleetOf(3))).nodes).toHaveLength(3);
  });
});

describe('the label of a node', () => {
  test("leaves memcached's own port out", () => {
    expect(ketamaLabel({ host: 'a', port: 11211 })).toBe('a');
    expect(ketamaLabel({ host: 'a', port: 11212 })).toBe('a:11212');
  });

  test('is host and port: another IP, name or sidecar moves no key', () => {
    const before = ringOf(fleetOf(4));
    const after = ringOf(
      fleetOf(4).map((node, i) => ({ ...node, ip: `10.0.0.${i}`, name: `x${i}`, sidecar: 'http://x' })),
    );
    expect(keys.map((key) => after.ownerIndex(key))).toEqual(keys.map((key) => before.ownerIndex(key)));
  });
});

describe('moves', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { minLength: 1, maxLength: 12 });

  test.each([KETAMA, RENDEZVOUS])('a node that joins takes keys and gives none: $algorithm', (hashing) => {
    fc.assert(
      fc.property(names, fc.array(fc.string({ minLength: 1 }), { minLength: 50 }), (hosts, some) => {
        const nodes = hosts.map((name) => nodeOf({ name }));
        const before = ringOf(nodes, hashing);
        const after = ringOf([...nodes, nodeOf({ name: 'newcomer-0' })], hashing);
        for (const key of some) {
          const owner = after.owner(key)?.name;
          if (owner !== 'newcomer-0') expect(owner).toBe(before.owner(key)?.name);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a fifth node takes about a fifth of the keys', () => {
    const before = ringOf(fleetOf(4));
    const after = ringOf(fleetOf(5));
    const moved = keys.filter((key) => before.owner(key)?.name !== after.owner(key)?.name).length / keys.length;
    expect(moved).toBeGreaterThan(0.1);
    expect(moved).toBeLessThan(0.3);
  });

  test.each([KETAMA, RENDEZVOUS])('the order of the list moves no key: $algorithm', (hashing) => {
    fc.assert(
      fc.property(
        names.chain((hosts) => fc.tuple(fc.constant(hosts), fc.shuffledSubarray(hosts, { minLength: hosts.length }))),
        ([hosts, shuffled]) => {
          const one = ringOf(
            hosts.map((name) => nodeOf({ name })),
            hashing,
          );
          const other = ringOf(
            shuffled.map((name) => nodeOf({ name })),
            hashing,
          );
          for (const key of keys.slice(0, 200)) expect(other.owner(key)?.name).toBe(one.owner(key)?.name);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('the order of the list does move keys with modulo-crc32-shift, as in python-memcached', () => {
    const nodes = fleetOf(4);
    const one = ringOf(nodes, MODULO);
    const other = ringOf([...nodes].reverse(), MODULO);
    expect(keys.some((key) => one.owner(key)?.name !== other.owner(key)?.name)).toBe(true);
  });
});

describe('weights', () => {
  test.each([KETAMA, MODULO])('three times the weight is about three times the keys: $algorithm', (hashing) => {
    const ring = ringOf([nodeOf({ name: 'a' }), nodeOf({ name: 'b', weight: 3 })], hashing);
    expect(shareOf(ring, 1)).toBeGreaterThan(0.65);
    expect(shareOf(ring, 1)).toBeLessThan(0.85);
  });

  test('rendezvous-murmur3 knows none, as pymemcache', () => {
    const plain = ringOf(fleetOf(3), RENDEZVOUS);
    const weighted = ringOf(
      fleetOf(3).map((node, index) => ({ ...node, weight: index + 1 })),
      RENDEZVOUS,
    );
    expect(keys.map((key) => weighted.ownerIndex(key))).toEqual(keys.map((key) => plain.ownerIndex(key)));
  });

  test('fleets of equal weights share evenly enough', () => {
    for (const count of [2, 4, 8, 16]) {
      const ring = ringOf(fleetOf(count));
      const most = Math.max(...ring.nodes.map((_, index) => shareOf(ring, index)));
      expect(most * count).toBeLessThan(1.5);
    }
  });
});
