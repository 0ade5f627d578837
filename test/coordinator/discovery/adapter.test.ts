/** Joining the lists of several sources. */
import { expect, test } from 'vitest';
import { mergeObserved } from '../../../src/coordinator/discovery/adapter.ts';
import { NODES_MAX } from '../../../src/coordinator/limits.ts';
import { observedOf } from '../support.ts';

test('lists are one list, sorted by name with numbers by value', () => {
  const merged = mergeObserved([[observedOf('cache-10'), observedOf('cache-2')], [], [observedOf('b-1')]]);
  expect(merged.nodes.map((node) => node.name)).toEqual(['b-1', 'cache-2', 'cache-10']);
  expect(merged.rejected).toEqual([]);
});

test('a name counts once, for the first source that has it', () => {
  const merged = mergeObserved([[observedOf('cache-1')], [observedOf('cache-1', { host: 'other' })]]);
  expect(merged.nodes.map((node) => node.host)).toEqual(['cache-1']);
  expect(merged.rejected).toEqual(['cache-1: the name is taken']);
});

test('an address counts once: two nodes there would be the same points of the ring', () => {
  const merged = mergeObserved([[observedOf('cache-1'), observedOf('cache-2', { host: 'cache-1' })]]);
  expect(merged.nodes.length).toBe(1);
  expect(merged.rejected).toEqual(['cache-2: cache-1:11211 is cache-1']);
});

test('a daemon counts once, by whatever names several sources know it', () => {
  const byDns = observedOf('10.0.0.1', { host: '10.0.0.1' });
  const merged = mergeObserved([[observedOf('cache-1')], [byDns, observedOf('10.0.0.2')]]);
  expect(merged.nodes.map((node) => node.name)).toEqual(['10.0.0.2', 'cache-1']);
  expect(merged.rejected).toEqual(['10.0.0.1: 10.0.0.1:11211 is cache-1']);
});

test('nodes that do not run are not one daemon, whatever address they are listed with', () => {
  const nodes = [
    observedOf('cache-1', { ip: '', hint: 'stopped' }),
    observedOf('cache-2', { ip: '', hint: 'stopped' }),
    observedOf('cache-3', { ip: '10.0.0.4', hint: 'stopped' }),
    observedOf('cache-4', { ip: '10.0.0.4' }),
  ];
  expect(mergeObserved([nodes]).rejected).toEqual([]);
});

test('more nodes than a fleet may have are left out, the last by name', () => {
  const many = Array.from({ length: NODES_MAX + 2 }, (_, index) =>
    observedOf(`cache-${index + 1}`, { ip: `10.0.${index >> 8}.${index & 255}` }),
  );
  const merged = mergeObserved([many]);
  expect(merged.nodes.at(-1)?.name).toBe(`cache-${NODES_MAX}`);
  expect(merged.rejected.length).toBe(2);
});
