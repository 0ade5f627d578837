/**
 * What a coordinator does with a view that is not whole, in simulated time: nodes that an answer lacks, that cannot be
 * resolved, that share a name.
 */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { ObservedNode } from '../../src/coordinator/discovery/adapter.ts';
import { REMEMBERED_MAX_MS } from '../../src/coordinator/limits.ts';
import { memoryStore } from '../../src/coordinator/state-file.ts';
import { FakeSource, observedOf } from './support.ts';
import { FALL_MS, nodes, World } from './world.ts';

const unlisted = (number: number): ObservedNode => observedOf(`cache-${number}`, { hint: 'unlisted' });

const inZone = (zone: string, ip: string): ObservedNode =>
  observedOf('mc-0', { host: `mc-0.zone-${zone}.svc`, ip, instance: '' });

const placed = (world: World): string[] =>
  (world.publisher.current?.document.nodes ?? []).map(({ name, host, state }) => `${name} ${host} ${state}`);

describe('a source that shows a part of its nodes', () => {
  test('moves no key while what it misses answers, and everybody can see that the view is partial', async () => {
    const world = await new World().with(1, 2, 3);
    world.source.observe(...nodes(1), unlisted(2), unlisted(3));
    await world.pass(10_000);
    world.source.observe(...nodes(1, 2, 3));
    await world.pass(1_000);
    world.source.observe(...nodes(3), unlisted(1), unlisted(2));
    await world.pass(1_000);
    expect([world.told, world.daemons.flushed.length]).toEqual([[], 3]);
    const why = '2 of 3 nodes are kept though the last answer lacks them (cache-1, cache-2)';
    expect(world.fleet.sources()).toEqual([{ name: 'fake', up: false, error: why, seen: true, missing: 2 }]);
    expect(world.fleet.held).toBe(`fake: ${why}`);
    world.source.observe(...nodes(1, 2, 3));
    expect([world.fleet.held, world.fleet.sources()[0]?.up]).toEqual([undefined, true]);
    await world.fleet.close();
  });

  test('has a missing node that is silent taken out as any other', async () => {
    const world = await new World().with(1, 2, 3);
    world.source.observe(...nodes(1, 2), unlisted(3));
    world.daemons.silent.add('10.0.0.3');
    await world.pass(FALL_MS);
    expect(world.last).toBe('cache-1 active, cache-2 active, cache-3 down');
    await world.fleet.close();
  });

  test('or names one that cannot be resolved keeps nobody waiting: the others are the fleet', async () => {
    const world = new World();
    await world.fleet.start();
    const why = 'SERVFAIL';
    world.source.leaveOut([{ name: 'cache-9.test', reason: 'unresolved', why }], ...nodes(1, 2));
    await world.pass(3_000);
    expect(world.last).toBe('cache-1 active, cache-2 active');
    expect(world.fleet.leftOut()).toEqual([{ name: 'cache-9.test', reason: 'unresolved', why }]);
    expect(world.fleet.sources()[0]).toMatchObject({ up: false, error: 'cache-9.test: SERVFAIL' });
    await world.fleet.close();
  });

  test('is believed after a restart only when it has shown a node to be missing for some time', async () => {
    const store = memoryStore();
    const world = await new World(store).with(1, 2, 3);
    await world.fleet.close();
    const lossy = new FakeSource();
    lossy.lossy = true;
    const again = new World(store, world.clock, [lossy]);
    await again.fleet.start();
    again.told.length = 0;
    lossy.observe(...nodes(1));
    await again.pass(REMEMBERED_MAX_MS - 1_000);
    expect(again.told).toEqual([]);
    expect(again.fleet.held).toContain('missing in the first answers');
    await again.pass(4_000);
    expect(again.last).toBe('cache-1 active');
    expect(again.fleet.held).toBeUndefined();
    await again.fleet.close();
  });

  test('can ask for the address that a host had in the last topology, over a restart too', async () => {
    const store = memoryStore();
    const world = await new World(store).with(1, 2);
    expect(world.source.remembered?.('cache-2')).toBe('10.0.0.2');
    await world.fleet.close();
    const again = new World(store, world.clock);
    await again.fleet.start();
    expect([again.source.remembered?.('cache-2'), again.source.remembered?.('cache-9')]).toEqual([
      '10.0.0.2',
      undefined,
    ]);
    await again.fleet.close();
  });
});

describe('a namesake', () => {
  test('joins under a longer name, and the node that has the short one is neither renamed nor flushed', async () => {
    const store = memoryStore();
    const world = new World(store, new ManualClock(), [new FakeSource('a'), new FakeSource('b')]);
    const [a, b] = world.sources;
    await world.fleet.start();
    b?.observe();
    a?.observe(inZone('b', '10.0.0.2'));
    await world.pass(3_000);
    expect(placed(world)).toEqual(['mc-0 mc-0.zone-b.svc active']);
    b?.observe(inZone('a', '10.0.0.1'));
    await world.pass(3_000);
    const both = ['mc-0 mc-0.zone-b.svc active', 'mc-0.zone-a.svc mc-0.zone-a.svc active'];
    expect(placed(world)).toEqual(both);
    expect([world.daemons.flushed, world.fleet.leftOut()]).toEqual([['10.0.0.2', '10.0.0.1'], []]);
    await world.fleet.close();
    const again = new World(store, world.clock);
    await again.fleet.start();
    again.source.observe(inZone('a', '10.0.0.1'), inZone('b', '10.0.0.2'));
    await again.pass(3_000);
    expect([placed(again), again.daemons.flushed]).toEqual([both, []]);
    await again.fleet.close();
  });
});
