import { describe, expect, test } from 'vitest';
import { diffTopology, sameNode } from '../../src/topology/diff.ts';
import { DEFAULT_HASHING, type TopologyNode } from '../../src/topology/document.ts';
import { documentOf, nodeOf } from './nodes.ts';

const a = nodeOf({ name: 'a', ip: '10.0.0.1' });
const b = nodeOf({ name: 'b', ip: '10.0.0.2' });
const before = documentOf([a, b]);

describe('two documents', () => {
  test('that differ only in version and time do not differ for clients', () => {
    const after = documentOf([a, b], { version: 9, publishedAt: '2026-02-02T00:00:00.000Z' });
    const nothing = { added: [], removed: [], changed: [], ringChanged: false, clientsMustKnow: false };
    expect(diffTopology(before, after)).toEqual(nothing);
  });

  test('the first has everything added', () => {
    const diff = diffTopology(undefined, before);
    expect(diff).toMatchObject({ added: [a, b], ringChanged: true, clientsMustKnow: true });
  });

  test('nodes that came and went are named', () => {
    const c = nodeOf({ name: 'c' });
    const diff = diffTopology(before, documentOf([a, c]));
    expect(diff).toMatchObject({ added: [c], removed: [b], changed: [], ringChanged: true, clientsMustKnow: true });
  });

  test.each<[string, Partial<TopologyNode>, boolean]>([
    ['ip', { ip: '10.0.0.9' }, false],
    ['sidecar', { sidecar: 'http://x:9150' }, false],
    ['host', { host: 'z' }, true],
    ['port', { port: 11300 }, true],
    ['weight', { weight: 2 }, true],
    ['state', { state: 'draining' }, true],
  ])('another %s of a node is for clients to know, and moves the ring or not', (_, change, ringChanged) => {
    const after = { ...b, ...change };
    const diff = diffTopology(before, documentOf([a, after]));
    expect(diff).toEqual({
      added: [],
      removed: [],
      changed: [{ before: b, after }],
      ringChanged,
      clientsMustKnow: true,
    });
    expect(sameNode(b, after)).toBe(false);
  });

  test('another hashing or fleet is for clients to know', () => {
    const rehashed = documentOf([a, b], { hashing: { ...DEFAULT_HASHING, pointsPerNode: 40 } });
    expect(diffTopology(before, rehashed)).toMatchObject({ ringChanged: true, clientsMustKnow: true });
    expect(diffTopology(before, documentOf([a, b], { fleet: 'x' }))).toMatchObject({
      ringChanged: false,
      clientsMustKnow: true,
    });
  });

  test('a state that changes off the ring does not move it', () => {
    const down = documentOf([a, { ...b, state: 'down' }]);
    const joining = documentOf([a, { ...b, state: 'joining' }]);
    expect(diffTopology(down, joining)).toMatchObject({ ringChanged: false, clientsMustKnow: true });
  });

  test('another order moves the ring of modulo hashing, and no other', () => {
    const hashing = { ...DEFAULT_HASHING, algorithm: 'modulo-crc32-shift' } as const;
    expect(diffTopology(before, documentOf([b, a])).ringChanged).toBe(false);
    const turned = diffTopology(documentOf([a, b], { hashing }), documentOf([b, a], { hashing }));
    expect(turned).toMatchObject({ ringChanged: true, clientsMustKnow: true });
  });
});
