/** What is published: by example, then for any fleet by property. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ObservedNode } from '../../src/coordinator/discovery/adapter.ts';
import { nextVersion, planTopology, VERSIONS_USED_UP, type Plan } from '../../src/coordinator/plan.ts';
import { activeNodes, DEFAULT_HASHING, type NodeState, type TopologyDocument } from '../../src/topology/document.ts';
import { VERSION_MAX } from '../../src/topology/limits.ts';
import { parseTopology } from '../../src/topology/validate.ts';
import { observedOf } from './support.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 15);
const NOW_S = NOW_MS / 1000;

type Fleet = readonly (readonly [ObservedNode, NodeState])[];

function plan(fleet: Fleet, previous?: TopologyDocument, nowMs = NOW_MS): Plan {
  return planTopology({
    fleet: 'memfleet',
    hashing: DEFAULT_HASHING,
    observed: fleet.map(([node]) => node),
    states: new Map(fleet.map(([node, state]) => [node.name, state])),
    previous,
    nowMs,
  });
}

function published(fleet: Fleet, previous?: TopologyDocument, nowMs = NOW_MS): TopologyDocument {
  const made = plan(fleet, previous, nowMs);
  if (made.kind !== 'publish') throw new Error(`expected a document, got ${made.kind}`);
  return made.document;
}

const one = observedOf('cache-1');
const two = observedOf('cache-2');
const ten = observedOf('cache-10');

describe('the document', () => {
  test('has the form of the contract, sorted by name with numbers by value', () => {
    const document = published([
      [ten, 'active'],
      [two, 'joining'],
      [one, 'active'],
    ]);
    expect(document.nodes.map((node) => node.name)).toEqual(['cache-1', 'cache-2', 'cache-10']);
    expect(document.nodes[0]).toEqual({
      name: 'cache-1',
      host: 'cache-1',
      ip: '10.0.0.1',
      port: 11211,
      weight: 1,
      state: 'active',
      sidecar: 'http://10.0.0.1:9150',
    });
    expect(document.publishedAt).toBe('2026-11-22T15:00:00.000Z');
    expect(parseTopology(JSON.parse(JSON.stringify(document)))).toEqual(document);
  });

  test('is published even if no node was ever there, so that followers know that there is a fleet', () => {
    expect(published([]).nodes).toEqual([]);
  });

  test('keeps the address of a node that has none at the moment', () => {
    const before = published([
      [one, 'active'],
      [two, 'active'],
    ]);
    const stopped = observedOf('cache-2', { ip: '', sidecar: '', hint: 'stopped' });
    const after = published(
      [
        [one, 'active'],
        [stopped, 'down'],
      ],
      before,
    );
    expect(after.nodes[1]).toMatchObject({ ip: '10.0.0.2', sidecar: 'http://10.0.0.2:9150', state: 'down' });
  });

  test('leaves out a node that was never seen with an address', () => {
    expect(published([[observedOf('cache-3', { ip: '' }), 'down']]).nodes).toEqual([]);
  });
});

describe('the version', () => {
  test('is the time in seconds, or the next integer where that is more', () => {
    expect(nextVersion(0, NOW_MS)).toBe(NOW_S);
    expect(nextVersion(NOW_S - 5, NOW_MS)).toBe(NOW_S);
    expect(nextVersion(NOW_S, NOW_MS)).toBe(NOW_S + 1);
    expect(nextVersion(NOW_S + 1000, NOW_MS)).toBe(NOW_S + 1001);
  });

  test('never goes down, whatever the clock does, and stays within 31 bits', () => {
    expect(nextVersion(41, 0)).toBe(42);
    expect(nextVersion(41, -5)).toBe(42);
    expect(nextVersion(0, 0)).toBe(1);
    // After January 2038 only the next integer counts.
    expect(nextVersion(1_800_000_000, Date.UTC(2040, 0, 1))).toBe(1_800_000_001);
    expect(nextVersion(VERSION_MAX - 1, NOW_MS)).toBe(VERSION_MAX);
    expect(nextVersion(VERSION_MAX, NOW_MS)).toBeUndefined();
  });

  test('that is the last there is keeps the topology, and says so', () => {
    const before = { ...published([[one, 'active']]), version: VERSION_MAX };
    expect(plan([[one, 'active']], before)).toEqual({ kind: 'unchanged' });
    const fleet: Fleet = [
      [one, 'active'],
      [two, 'active'],
    ];
    expect(plan(fleet, before)).toEqual({ kind: 'held', reason: VERSIONS_USED_UP });
  });

  test('does not rise when nothing has changed that clients must know', () => {
    const before = published([[one, 'active']]);
    expect(plan([[one, 'active']], before, NOW_MS + 60_000)).toEqual({ kind: 'unchanged' });
    const other = observedOf('cache-1', { instance: 'another container', hint: 'unhealthy' });
    expect(plan([[other, 'active']], before)).toEqual({ kind: 'unchanged' });
  });

  test.each([
    ['ip', { ip: '10.0.0.99' }],
    ['host', { host: 'elsewhere' }],
    ['port', { port: 11212 }],
    ['weight', { weight: 2 }],
    ['sidecar', { sidecar: 'http://10.0.0.1:9151' }],
  ])('rises when the %s of a node changes', (_what, change) => {
    const before = published([[one, 'active']]);
    expect(published([[observedOf('cache-1', change), 'active']], before).version).toBe(before.version + 1);
  });
});

describe('how soon clients should hear of it', () => {
  const before = published([
    [one, 'active'],
    [two, 'active'],
    [ten, 'draining'],
  ]);
  const urgency = (fleet: Fleet): unknown => {
    const made = plan(fleet, before);
    return made.kind === 'publish' ? made.urgency : made.kind;
  };

  test('now, when a node leaves the ring or moves', () => {
    expect(
      urgency([
        [one, 'active'],
        [ten, 'draining'],
      ]),
    ).toBe('now');
    expect(
      urgency([
        [one, 'active'],
        [two, 'draining'],
        [ten, 'draining'],
      ]),
    ).toBe('now');
    expect(
      urgency([
        [one, 'active'],
        [two, 'down'],
        [ten, 'active'],
      ]),
    ).toBe('now');
    expect(
      urgency([
        [one, 'active'],
        [observedOf('cache-2', { ip: '10.1.1.1' }), 'active'],
        [ten, 'draining'],
      ]),
    ).toBe('now');
  });

  test('soon, when the ring grows', () => {
    expect(
      urgency([
        [one, 'active'],
        [two, 'active'],
        [ten, 'active'],
      ]),
    ).toBe('soon');
  });

  test('later, when the ring stays as it is', () => {
    expect(
      urgency([
        [one, 'active'],
        [two, 'active'],
        [ten, 'down'],
      ]),
    ).toBe('later');
    expect(
      urgency([
        [one, 'active'],
        [two, 'active'],
      ]),
    ).toBe('later');
    expect(
      urgency([
        [one, 'active'],
        [two, 'active'],
        [ten, 'draining'],
        [observedOf('cache-3'), 'joining'],
      ]),
    ).toBe('later');
  });
});

describe('an empty ring', () => {
  const before = published([
    [one, 'active'],
    [two, 'active'],
  ]);

  test('is not published over one that has nodes, whether the nodes are gone or only silent', () => {
    expect(plan([], before)).toMatchObject({ kind: 'held', reason: expect.stringContaining('no node is left') });
    const silent = plan(
      [
        [one, 'down'],
        [two, 'joining'],
      ],
      before,
    );
    expect(silent).toMatchObject({ kind: 'held', reason: expect.stringContaining('none of the 2 nodes is active') });
  });

  test('may change as long as it is empty', () => {
    const empty = published([[one, 'joining']]);
    expect(
      published(
        [
          [one, 'joining'],
          [two, 'joining'],
        ],
        empty,
      ).nodes.length,
    ).toBe(2);
  });
});

test('any history of fleets gives valid documents with rising versions, and never an empty ring after a full one', () => {
  const states = fc.constantFrom<NodeState>('joining', 'active', 'draining', 'down');
  const fleets = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 12 }), states), { selector: ([number]) => number });
  const steps = fc.array(fc.tuple(fleets, fc.integer({ min: -5_000, max: 5_000 })), { maxLength: 30 });
  fc.assert(
    fc.property(steps, (history) => {
      let previous: TopologyDocument | undefined;
      let nowMs = NOW_MS;
      for (const [numbers, stepMs] of history) {
        nowMs += stepMs;
        const fleet = numbers.map(([number, state]) => [observedOf(`cache-${number}`), state] as const);
        const made = plan(fleet, previous, nowMs);
        if (made.kind !== 'publish') continue;
        expect(parseTopology(made.document)).toEqual(made.document);
        expect(made.document.version).toBeGreaterThan(previous?.version ?? 0);
        if (previous !== undefined && activeNodes(previous).length > 0) {
          expect(activeNodes(made.document).length).toBeGreaterThan(0);
        }
        previous = made.document;
        expect(plan(fleet, previous, nowMs + 1).kind).toBe('unchanged');
      }
    }),
  );
});
