import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { isFleetError } from '../../src/base/errors.ts';
import { NODES_MAX, RING_POINTS_MAX } from '../../src/topology/limits.ts';
import { parseTopology } from '../../src/topology/validate.ts';
import { documentOf, nodeOf } from './nodes.ts';

const good = documentOf([
  nodeOf({ name: 'cache-1', ip: '172.18.0.4', sidecar: 'http://172.18.0.4:9150' }),
  nodeOf({ name: 'cache-2', state: 'down', weight: 2.5 }),
]);

/** A deep copy of the good document with one member replaced, by its path. */
function withMember(path: string, value: unknown): unknown {
  const copy = structuredClone(good) as unknown as Record<string, unknown>;
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let at = copy;
  for (const part of parts) at = at[part] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

describe('a good document', () => {
  test('is given back as it is, through JSON', () => {
    expect(parseTopology(JSON.parse(JSON.stringify(good)))).toEqual(good);
  });

  test('may have members that nobody knows yet; they are left out', () => {
    const newer = { ...good, zones: 3, nodes: good.nodes.map((node) => ({ ...node, zone: 'b' })) };
    expect(parseTopology(newer)).toEqual(good);
  });

  test('may have no nodes', () => {
    expect(parseTopology({ ...good, nodes: [] }).nodes).toEqual([]);
  });
});

describe('refused, with the name of the member', () => {
  test.each([
    ['fleet', ''],
    ['fleet', 7],
    ['version', 0],
    ['version', -1],
    ['version', 1.5],
    ['version', 2 ** 31],
    ['version', '7'],
    ['version', undefined],
    ['publishedAt', 'yesterday'],
    ['publishedAt', 5],
    ['hashing', null],
    ['hashing.algorithm', 'md5'],
    ['hashing.algorithm', 'constructor'],
    ['hashing.keyHash', 'crc32'],
    ['hashing.keyHash', 5],
    ['hashing.pointsPerNode', 0],
    ['hashing.pointsPerNode', 1e9],
    ['nodes', {}],
    ['nodes', Array.from({ length: NODES_MAX + 1 }, (_, index) => nodeOf({ name: `n${index}` }))],
    ['nodes.0', null],
    ['nodes.0', []],
    ['nodes.0.name', ''],
    ['nodes.0.name', 'a b'],
    ['nodes.0.name', 'a|b'],
    ['nodes.0.name', 'a\nb'],
    ['nodes.0.name', 'x'.repeat(254)],
    ['nodes.0.host', undefined],
    ['nodes.0.ip', undefined],
    ['nodes.0.port', 0],
    ['nodes.0.port', 65_536],
    ['nodes.0.port', '11211'],
    ['nodes.0.weight', 0],
    ['nodes.0.weight', -1],
    ['nodes.0.weight', 1001],
    ['nodes.0.state', 'up'],
    ['nodes.0.sidecar', 'nowhere'],
  ])('%s = %j', (path, value) => {
    const member = path.replace(/nodes\.(\d)/, 'nodes[$1]');
    expect(() => parseTopology(withMember(path, value))).toThrow(
      expect.objectContaining({ code: 'BAD_TOPOLOGY', message: expect.stringContaining(member) as string }) as Error,
    );
  });

  test('a name that is there twice', () => {
    const twice = { ...good, nodes: [nodeOf({ name: 'a' }), nodeOf({ name: 'a', port: 2 })] };
    expect(() => parseTopology(twice)).toThrow(/each name once/);
  });

  test('anything, without another kind of error', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        try {
          parseTopology(input);
        } catch (error) {
          expect(isFleetError(error, 'BAD_TOPOLOGY')).toBe(true);
        }
      }),
    );
  });
});

function manyNodes(count: number, weight = 1) {
  return Array.from({ length: count }, (_, index) => nodeOf({ name: `n${index}`, weight }));
}

function ketama(pointsPerNode: number) {
  return { algorithm: 'ketama', keyHash: 'md5', pointsPerNode } as const;
}

describe('the size of a ring', () => {
  const modulo = { algorithm: 'modulo-crc32-shift', keyHash: 'crc32', pointsPerNode: 0 } as const;

  test('is bounded for all nodes together', () => {
    expect(parseTopology(documentOf(manyNodes(NODES_MAX), { hashing: ketama(160) })).nodes).toHaveLength(NODES_MAX);
    expect(RING_POINTS_MAX).toBe(NODES_MAX * 160);
    for (const large of [
      documentOf(manyNodes(NODES_MAX), { hashing: ketama(164) }),
      documentOf(manyNodes(NODES_MAX, 1000), { hashing: modulo }),
    ]) {
      expect(() => parseTopology(large)).toThrow(/the ring is \d+, expected at most 655360 points/);
    }
  });

  test('counts only the nodes that are in it', () => {
    const down = manyNodes(NODES_MAX, 1000).map((node, index) => ({ ...node, state: index < 100 ? 'active' : 'down' }));
    for (const hashing of [ketama(4096), modulo]) {
      expect(parseTopology({ ...documentOf([]), nodes: down, hashing }).nodes).toHaveLength(NODES_MAX);
    }
  });
});
