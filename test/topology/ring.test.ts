import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Hashing } from '../../src/topology/document.ts';
import { buildRing } from '../../src/topology/ring.ts';
import { nodeOf } from './nodes.ts';

interface Vectors {
  keys: string[];
  fleets: Record<string, { host: string; port: number; weight: number }[]>;
  map: Record<string, Partial<Record<Hashing['algorithm'], number[]>>>;
}

const vectors = JSON.parse(readFileSync(new URL('vectors/hashing.json', import.meta.url), 'utf8')) as Vectors;

describe('every key of the published vectors has the owner that other clients give it', () => {
  for (const [fleet, places] of Object.entries(vectors.fleets)) {
    for (const [algorithm, owners] of Object.entries(vectors.map[fleet] ?? {})) {
      test(`${algorithm} on the fleet "${fleet}"`, () => {
        const hashing = { algorithm: algorithm as Hashing['algorithm'], keyHash: 'md5', pointsPerNode: 160 };
        const ring = buildRing({
          nodes: places.map((place, index) => nodeOf({ name: `n${index}`, ...place })),
          hashing,
        });
        expect(vectors.keys.map((key) => ring.ownerIndex(key))).toEqual(owners);
        expect(vectors.keys.map((key) => ring.ownerIndex(Buffer.from(key)))).toEqual(owners);
        expect(vectors.keys.map((key) => ring.owner(key)?.name)).toEqual(owners.map((index) => `n${index}`));
      });
    }
  }
});
