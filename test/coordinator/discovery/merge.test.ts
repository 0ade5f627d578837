/** Joining the lists of several sources: which nodes are one, and what each is called. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { mergeObserved, placeOf } from '../../../src/coordinator/discovery/merge.ts';
import { NODES_MAX } from '../../../src/coordinator/limits.ts';
import { observedOf } from '../support.ts';

const namesOf = (nodes: readonly ObservedNode[]): string[] => nodes.map(({ name }) => name);

test('lists are one list, sorted by name with numbers by value', () => {
  const merged = mergeObserved([[observedOf('cache-10'), observedOf('cache-2')], [], [observedOf('b-1')]]);
  expect(namesOf(merged.nodes)).toEqual(['b-1', 'cache-2', 'cache-10']);
  expect(merged.leftOut).toEqual([]);
});

describe('one node', () => {
  test('is a place on the ring: two there would have the same points', () => {
    const merged = mergeObserved([[observedOf('cache-1'), observedOf('cache-2', { host: 'cache-1' })]]);
    expect(namesOf(merged.nodes)).toEqual(['cache-1']);
    expect(merged.leftOut).toEqual([{ name: 'cache-2', reason: 'place', why: 'cache-1:11211 is cache-1' }]);
  });

  test('is a daemon, by whatever names several sources know it: the first source is believed', () => {
    const byDns = observedOf('10.0.0.1', { host: '10.0.0.1' });
    const merged = mergeObserved([[observedOf('cache-1')], [byDns, observedOf('10.0.0.2')]]);
    expect(namesOf(merged.nodes)).toEqual(['10.0.0.2', 'cache-1']);
    expect(merged.leftOut).toEqual([{ name: '10.0.0.1', reason: 'duplicate', why: 'it is cache-1' }]);
  });

  test('that does not run is not another one, whatever address it is listed with', () => {
    const nodes = [
      observedOf('cache-1', { ip: '', hint: 'stopped' }),
      observedOf('cache-2', { ip: '', hint: 'stopped' }),
      observedOf('cache-3', { ip: '10.0.0.4', hint: 'stopped' }),
      observedOf('cache-4', { ip: '10.0.0.4' }),
    ];
    const merged = mergeObserved([nodes]);
    expect([merged.nodes.length, merged.leftOut]).toEqual([4, []]);
  });

  test('that one source misses and another shows is shown, and the miss is no news', () => {
    const missed = observedOf('cache-1', { hint: 'unlisted' });
    for (const lists of [
      [[missed], [observedOf('cache-1')]],
      [[observedOf('cache-1')], [missed]],
    ]) {
      const merged = mergeObserved(lists);
      expect(merged.nodes.map(({ hint }) => hint)).toEqual(['running']);
      expect(merged.leftOut).toEqual([]);
    }
  });
});

describe('two nodes with one short name', () => {
  const a = observedOf('mc-0', { host: 'mc-0.zone-a.svc', ip: '10.0.0.1' });
  const b = observedOf('mc-0', { host: 'mc-0.zone-b.svc', ip: '10.0.0.2' });
  const names = new Map([[placeOf(a), 'mc-0']]);

  test('are both in the fleet, named by their hosts, in whatever order they are listed', () => {
    for (const lists of [[[a, b]], [[b, a]], [[a], [b]]]) {
      const merged = mergeObserved(lists);
      expect(namesOf(merged.nodes)).toEqual(['mc-0.zone-a.svc', 'mc-0.zone-b.svc']);
      expect(merged.leftOut).toEqual([]);
    }
  });

  test('do not change the name that one of them has, and the other keeps its own when that one is gone', () => {
    expect(mergeObserved([[b, a]], names).nodes.map(({ name, ip }) => `${name} ${ip}`)).toEqual([
      'mc-0 10.0.0.1',
      'mc-0.zone-b.svc 10.0.0.2',
    ]);
    const later = new Map([...names, [placeOf(b), 'mc-0.zone-b.svc']]);
    expect(namesOf(mergeObserved([[b]], later).nodes)).toEqual(['mc-0.zone-b.svc']);
  });

  test('on one host are named by their places', () => {
    const ports = [1, 2].map((port) => observedOf('a', { host: 'a.x', ip: '10.0.0.1', port }));
    expect(namesOf(mergeObserved([[...ports, observedOf('b', { host: 'b.x', ip: '10.0.0.2' })]]).nodes)).toEqual([
      'a.x:1',
      'a.x:2',
      'b',
    ]);
  });

  test('take no name that another has, and who finds none is left out', () => {
    const listed = observedOf('mc-0.zone-b.svc', { host: 'x', ip: '10.0.0.3' });
    expect(namesOf(mergeObserved([[listed], [a, b]]).nodes)).toEqual([
      'mc-0.zone-a.svc',
      'mc-0.zone-b.svc',
      'mc-0.zone-b.svc:11211',
    ]);
    const long = 'h'.repeat(250);
    const twins = [1, 2].map((port) => observedOf('mc', { host: long, ip: '10.0.0.9', port: 11_210 + port }));
    expect(mergeObserved([twins]).leftOut.map(({ reason }) => reason)).toEqual(['name', 'name']);
  });
});

test('a name that its source has changed is the new one', () => {
  const node = observedOf('new', { host: 'h' });
  expect(namesOf(mergeObserved([[node]], new Map([[placeOf(node), 'old']])).nodes)).toEqual(['new']);
});

test('more nodes than a fleet may have are left out, the last by name', () => {
  const many = Array.from({ length: NODES_MAX + 2 }, (_, index) =>
    observedOf(`cache-${index + 1}`, { ip: `10.0.${index >> 8}.${index & 255}` }),
  );
  const merged = mergeObserved([many]);
  expect(merged.nodes.at(-1)?.name).toBe(`cache-${NODES_MAX}`);
  expect(merged.leftOut.map(({ reason }) => reason)).toEqual(['limit', 'limit']);
});

test('whoever comes and goes, names and places are unique, and nobody who stays is renamed', () => {
  const node = fc.record({
    name: fc.constantFrom('a', 'b', 'a.x'),
    host: fc.constantFrom('a.x', 'a.y', 'b.x', 'a'),
    port: fc.constantFrom(1, 2),
    ip: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'),
  });
  fc.assert(
    fc.property(fc.array(fc.array(fc.array(node, { maxLength: 6 }), { maxLength: 3 }), { maxLength: 6 }), (rounds) => {
      let names = new Map<string, string>();
      for (const lists of rounds) {
        const all = lists.map((list) => list.map((given) => observedOf(given.name, given)));
        const { nodes, leftOut } = mergeObserved(all, names);
        expect(new Set(namesOf(nodes)).size).toBe(nodes.length);
        expect(new Set(nodes.map(placeOf)).size).toBe(nodes.length);
        expect(nodes.length + leftOut.length).toBe(all.flat().length);
        for (const one of nodes) {
          const before = names.get(placeOf(one));
          const sourceSays = all.flat().find((listed) => placeOf(listed) === placeOf(one));
          const mayKeep = before !== undefined && [sourceSays?.name, one.host, placeOf(one)].includes(before);
          if (mayKeep) expect(one.name).toBe(before);
        }
        names = new Map(nodes.map((one) => [placeOf(one), one.name]));
      }
    }),
  );
});
