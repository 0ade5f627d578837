/**
 * The coordinator's core in simulated time: sources and daemons are the test's, everything between them is real.
 * Each test is a story of what happens to a fleet and what its clients are told.
 */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { FleetError } from '../../src/base/errors.ts';
import { COALESCE_MAX_MS, COALESCE_MS, STATS_AGE_MAX_MS } from '../../src/coordinator/limits.ts';
import { memoryStore, type StateStore } from '../../src/coordinator/state-file.ts';
import { FakeSource, observedOf } from './support.ts';
import { FALL_MS, nodes, World } from './world.ts';

describe('a node that says itself that it will stop', () => {
  test('leaves the ring within the time that its drain gives, and comes back flushed if it stays', async () => {
    const world = await new World().with(1, 2);
    world.daemons.leaving.add('10.0.0.2');
    await world.pass(1_000);
    expect(world.last).toBe('cache-1 active, cache-2 draining');
    world.daemons.flushed.length = 0;
    world.daemons.leaving.clear();
    await world.pass(2_000);
    expect(world.last).toBe('cache-1 active, cache-2 active');
    expect(world.daemons.flushed).toEqual(['10.0.0.2']);
    await world.fleet.close();
  });
});

describe('a new fleet', () => {
  test('is one version with all nodes, each flushed before it is active', async () => {
    const world = new World();
    await world.fleet.start();
    expect(world.publisher.current).toBeUndefined();
    world.source.observe(...nodes(1, 2, 3));
    await world.pass(2 * COALESCE_MS);
    expect(world.told).toEqual(['cache-1 active, cache-2 active, cache-3 active']);
    expect(world.daemons.flushed.sort()).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(world.versions).toEqual([Math.floor(world.clock.nowMs() / 1000)]);
    await world.fleet.close();
  });

  test('lists a node that does not answer yet as joining, after a while', async () => {
    const world = new World();
    world.daemons.silent.add('10.0.0.2');
    await world.fleet.start();
    world.source.observe(...nodes(1, 2));
    await world.pass(1_000);
    expect(world.told).toEqual(['cache-1 active, cache-2 joining']);
    expect(world.fleet.held).toBeUndefined();
    world.daemons.silent.clear();
    await world.pass(1_000);
    expect(world.last).toBe('cache-1 active, cache-2 active');
    await world.fleet.close();
  });

  test('keeps a full node in the ring, and lets one in once it can be flushed', async () => {
    const world = await new World().with(1, 2);
    world.daemons.full.add('10.0.0.2');
    world.daemons.full.add('10.0.0.3');
    world.source.observe(...nodes(1, 2, 3));
    // Longer than a new node may be silent.
    await world.pass(20_000);
    expect(world.last).toBe('cache-1 active, cache-2 active, cache-3 joining');
    const probes = world.fleet.nodes().map(({ probe }) => [probe?.ok, probe?.full]);
    expect(probes).toEqual([
      [true, undefined],
      [true, true],
      [true, true],
    ]);
    // Asked a few times a second, not as fast as it answers.
    expect(world.daemons.probes.get('10.0.0.3')).toBeLessThan(20_000 / 50);
    world.daemons.full.clear();
    await world.pass(1_000);
    expect(world.last).toBe('cache-1 active, cache-2 active, cache-3 active');
    expect(world.daemons.flushed).toContain('10.0.0.3');
    expect(world.fleet.nodes().every(({ probe }) => probe?.full === undefined)).toBe(true);
    await world.fleet.close();
  });

  test('keeps out a node that answers but cannot be flushed', async () => {
    const world = new World();
    world.daemons.unflushable.add('10.0.0.2');
    await world.fleet.start();
    world.source.observe(...nodes(1, 2));
    await world.pass(5_000);
    expect(world.last).toBe('cache-1 active, cache-2 joining');
    await world.fleet.close();
  });

  test('is published when it is empty, and then waited for no more', async () => {
    const world = new World();
    await world.fleet.start();
    world.source.observe();
    await world.pass(COALESCE_MS);
    expect(world.told).toEqual(['']);
    await world.fleet.close();
  });
});

describe('a node that leaves', () => {
  test('is out of the ring within the time of coalescing when it was told to stop', async () => {
    const world = await new World().with(1, 2);
    world.source.observe(observedOf('cache-1'), observedOf('cache-2', { hint: 'leaving' }));
    await world.pass(COALESCE_MS);
    expect(world.told).toEqual(['cache-1 active, cache-2 draining']);
    world.source.observe(observedOf('cache-1'));
    await world.pass(COALESCE_MAX_MS);
    expect(world.last).toBe('cache-1 active');
    await world.fleet.close();
  });

  test('is out within two seconds when it falls silent', async () => {
    const world = await new World().with(1, 2, 3);
    world.daemons.silent.add('10.0.0.2');
    await world.pass(FALL_MS);
    expect(world.told).toEqual(['cache-1 active, cache-2 down, cache-3 active']);
    await world.fleet.close();
  });

  test('is flushed before it is back', async () => {
    const world = await new World().with(1, 2);
    world.source.observe(observedOf('cache-1'), observedOf('cache-2', { hint: 'paused' }));
    await world.pass(1_000);
    world.daemons.flushed.length = 0;
    world.source.observe(...nodes(1, 2));
    await world.pass(1_000);
    expect(world.daemons.flushed).toEqual(['10.0.0.2']);
    expect(world.told).toEqual(['cache-1 active, cache-2 down', 'cache-1 active, cache-2 active']);
    await world.fleet.close();
  });

  test('is not probed while it is paused or stopped', async () => {
    const world = await new World().with(1, 2);
    world.source.observe(observedOf('cache-1'), observedOf('cache-2', { hint: 'stopped', ip: '', sidecar: '' }));
    await world.pass(100);
    const { probes } = world.daemons;
    const before = probes.get('10.0.0.2');
    await world.pass(5_000);
    expect(probes.get('10.0.0.2')).toBe(before);
    expect(probes.get('')).toBeUndefined();
    await world.fleet.close();
  });

  test('is followed to its new address, and flushed there', async () => {
    const world = await new World().with(1, 2);
    world.daemons.flushed.length = 0;
    world.source.observe(observedOf('cache-1'), observedOf('cache-2', { ip: '10.0.0.77' }));
    await world.pass(1_000);
    expect(world.daemons.flushed).toEqual(['10.0.0.77']);
    expect(world.publisher.current?.document.nodes[1]).toMatchObject({ ip: '10.0.0.77', state: 'active' });
    await world.fleet.close();
  });

  test('has its prober closed when it is gone for good', async () => {
    const world = await new World().with(1, 2, 3);
    expect(world.daemons.open).toBe(3);
    world.source.observe(...nodes(1));
    await world.pass(100);
    expect(world.daemons.open).toBe(1);
    await world.fleet.close();
    expect(world.daemons.open).toBe(0);
  });
});

describe('a coordinator that cannot see', () => {
  test('keeps the topology when its source is lost, and says so', async () => {
    const world = await new World().with(1, 2);
    world.source.lose('socket gone');
    await world.pass(60_000);
    expect(world.told).toEqual([]);
    expect(world.fleet.sources()).toEqual([{ name: 'fake', up: false, error: 'socket gone', seen: true, missing: 0 }]);
    await world.fleet.close();
  });

  test('still takes a silent node out while its source is lost', async () => {
    const world = await new World().with(1, 2, 3);
    world.source.lose();
    world.daemons.silent.add('10.0.0.3');
    await world.pass(FALL_MS);
    expect(world.last).toBe('cache-1 active, cache-2 active, cache-3 down');
    await world.fleet.close();
  });

  test('keeps the topology when no node answers at all: its own network may be cut', async () => {
    const world = await new World().with(1, 2, 3);
    for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) world.daemons.silent.add(ip);
    await world.pass(60_000);
    expect(world.told).toEqual([]);
    expect(world.fleet.held).toContain('no node answers');
    world.daemons.silent.clear();
    await world.pass(5_000);
    expect(world.told).toEqual([]);
    expect(world.fleet.held).toBeUndefined();
    await world.fleet.close();
  });

  test('does not publish an empty fleet, even if the source says that there is none', async () => {
    const world = await new World().with(1, 2);
    world.source.observe();
    await world.pass(10_000);
    expect(world.told).toEqual([]);
    expect(world.fleet.held).toContain('no node is left');
    world.source.observe(...nodes(3));
    await world.pass(2_000);
    expect(world.last).toBe('cache-3 active');
    expect(world.fleet.held).toBeUndefined();
    await world.fleet.close();
  });

  test('plans nothing before every source was seen', async () => {
    const world = new World(memoryStore(), new ManualClock(), [new FakeSource('a'), new FakeSource('b')]);
    await world.fleet.start();
    world.source.observe(...nodes(1));
    await world.pass(5_000);
    expect(world.publisher.current).toBeUndefined();
    world.sources[1]?.observe(...nodes(2));
    await world.pass(1_000);
    expect(world.last).toBe('cache-1 active, cache-2 active');
    await world.fleet.close();
  });
});

describe('a storm', () => {
  test('twenty nodes that appear within two seconds are few versions, the last one whole', async () => {
    const world = await new World().with(1);
    for (let count = 2; count <= 21; count += 1) {
      world.source.observe(...nodes(...Array.from({ length: count }, (_, index) => index + 1)));
      await world.pass(100);
    }
    await world.pass(COALESCE_MAX_MS);
    expect(world.told.length).toBeLessThanOrEqual(8);
    expect(world.last?.split(', ').length).toBe(21);
    await world.fleet.close();
  });

  test('does not hold back a node that leaves', async () => {
    const world = await new World().with(1, 2);
    for (let count = 3; count <= 10; count += 1) {
      world.source.observe(...nodes(...Array.from({ length: count }, (_, index) => index + 1)));
      await world.pass(100);
    }
    const rest = nodes(1, 3, 4, 5, 6, 7, 8, 9, 10);
    world.source.observe(observedOf('cache-2', { hint: 'leaving' }), ...rest);
    await world.pass(COALESCE_MS);
    expect(world.last).toContain('cache-2 draining');
    await world.fleet.close();
  });

  test('a node that goes and comes back within the coalescing is no version', async () => {
    const world = await new World().with(1, 2);
    world.source.observe(observedOf('cache-1'), observedOf('cache-2', { hint: 'paused' }));
    await world.pass(10);
    world.source.observe(...nodes(1, 2));
    await world.pass(2_000);
    expect(world.told).toEqual([]);
    await world.fleet.close();
  });
});

describe('an operator', () => {
  test('drains a node and resumes it, flushed', async () => {
    const world = await new World().with(1, 2);
    expect(world.fleet.setDrained('cache-2', true)?.health.state).toBe('draining');
    await world.pass(COALESCE_MS);
    expect(world.last).toBe('cache-1 active, cache-2 draining');
    world.daemons.flushed.length = 0;
    world.fleet.setDrained('cache-2', false);
    await world.pass(1_000);
    expect(world.last).toBe('cache-1 active, cache-2 active');
    expect(world.daemons.flushed).toEqual(['10.0.0.2']);
    await world.fleet.close();
  });

  test('is told that there is no such node, and which one is the last', async () => {
    const world = await new World().with(1, 2);
    expect(world.fleet.setDrained('cache-9', true)).toBeUndefined();
    expect(world.fleet.isLastActive('cache-1')).toBe(false);
    world.fleet.setDrained('cache-2', true);
    await world.pass(COALESCE_MS);
    expect(world.fleet.isLastActive('cache-1')).toBe(true);
    await world.fleet.close();
  });

  test('finds a node still drained after a restart', async () => {
    const store = memoryStore();
    const world = await new World(store).with(1, 2);
    world.fleet.setDrained('cache-2', true);
    await world.pass(1_000);
    await world.fleet.close();
    const again = await new World(store, world.clock).with(1, 2);
    expect(again.publisher.current?.document.nodes.map((node) => node.state)).toEqual(['active', 'draining']);
    await again.fleet.close();
  });
});

describe('a restart', () => {
  test('publishes what was saved at once, and the same version while nothing has changed', async () => {
    const store = memoryStore();
    const world = await new World(store).with(1, 2, 3);
    const before = world.publisher.current?.document;
    await world.fleet.close();
    const again = new World(store, world.clock);
    await again.fleet.start();
    expect(again.publisher.current?.document).toEqual(before);
    again.source.observe(...nodes(1, 2, 3));
    await again.pass(5_000);
    expect(again.publisher.current?.document).toEqual(before);
    expect(again.daemons.flushed).toEqual([]);
    await again.fleet.close();
  });

  test('takes out a node that went meanwhile, without shrinking to those that answer first', async () => {
    const store = memoryStore();
    const world = await new World(store).with(1, 2, 3);
    await world.fleet.close();
    const again = new World(store, world.clock);
    await again.fleet.start();
    again.told.length = 0;
    again.source.observe(...nodes(1, 2));
    await again.pass(2_000);
    expect(again.told).toEqual(['cache-1 active, cache-2 active']);
    await again.fleet.close();
  });

  test('without its state goes on from the clock, above all that was published', async () => {
    const clock = new ManualClock();
    const world = await new World(memoryStore(), clock).with(1, 2);
    const highest = Math.max(...world.versions);
    await world.fleet.close();
    clock.advance(1_000);
    const lost: StateStore = {
      load: () => Promise.reject(new FleetError('STATE_UNREADABLE', 'garbage')),
      save: async () => {},
    };
    const again = await new World(lost, clock).with(1, 2);
    expect(again.publisher.current?.document.version).toBeGreaterThan(highest);
    await again.fleet.close();
  });

  test('with a full disk publishes all the same', async () => {
    const full: StateStore = {
      load: async () => undefined,
      save: () => Promise.reject(new FleetError('STATE_UNREADABLE', 'disk full')),
    };
    const world = await new World(full).with(1, 2);
    expect(world.publisher.current?.document.nodes.length).toBe(2);
    await world.fleet.close();
  });

  test('nothing is published before it is saved', async () => {
    const saved: (number | undefined)[] = [];
    const store: StateStore = {
      load: async () => undefined,
      save: async (state) => void saved.push(state.document?.version),
    };
    const world = new World(store);
    world.publisher.subscribe(({ document }) => expect(saved).toContain(document.version));
    await world.with(1, 2);
    expect(saved).toEqual(world.versions);
    await world.fleet.close();
  });
});

describe('statistics', () => {
  test('are asked for when somebody looks, at most once a second, and kept when a node is gone', async () => {
    const world = await new World().with(1, 2);
    const items = (): (string | undefined)[] => world.fleet.nodes().map((node) => node.stats?.values.get('curr_items'));
    expect(items()).toEqual([undefined, undefined]);
    await world.fleet.refreshStats(['cache-1', 'cache-2', 'cache-9']);
    expect(items()).toEqual(['3', '3']);
    world.daemons.stats = new Map([['curr_items', '4']]);
    await world.fleet.refreshStats(['cache-1']);
    expect(items()).toEqual(['3', '3']);
    await world.pass(STATS_AGE_MAX_MS);
    world.daemons.silent.add('10.0.0.2');
    await world.fleet.refreshStats(['cache-1', 'cache-2']);
    expect(items()).toEqual(['4', '3']);
    await world.fleet.close();
  });
});
