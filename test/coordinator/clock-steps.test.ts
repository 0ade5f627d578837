/**
 * The wall clock is set by two hours, both ways, while a fleet does what it does: states, statistics, holds and events last
 * as long as they would have. In simulated time, in which only the clock on the wall is moved.
 */
import { describe, expect, test } from 'vitest';
import { FleetCommands } from '../../src/coordinator/commands.ts';
import { DEFAULT_HEALTH } from '../../src/coordinator/health/node-state.ts';
import { STATS_AGE_MAX_MS } from '../../src/coordinator/limits.ts';
import { silentLogger } from '../../src/base/log.ts';
import { FALL_MS, nodes, World } from './world.ts';

const HOURS_MS = 2 * 3_600_000;

function stateOf(world: World, name: string): string | undefined {
  return world.fleet.nodes().find(({ observed }) => observed.name === name)?.health.state;
}

describe.each([
  ['back', -HOURS_MS],
  ['ahead', HOURS_MS],
])('with a clock that is set two hours %s', (_way, byMs) => {
  test('a node that falls silent is out in time, and its return takes no longer', async () => {
    const world = await new World().with(1, 2);
    world.clock.set(byMs);
    world.daemons.silent.add('10.0.0.2');
    await world.pass(FALL_MS);
    expect(stateOf(world, 'cache-2')).toBe('down');
    world.clock.set(byMs);
    world.daemons.silent.clear();
    await world.pass(2_000);
    expect(stateOf(world, 'cache-2')).toBe('active');
    await world.fleet.close();
  });

  test('a node that the step finds silent is judged by the time that passes', async () => {
    const world = await new World().with(1, 2);
    world.daemons.silent.add('10.0.0.2');
    await world.pass(DEFAULT_HEALTH.intervalMs);
    world.clock.set(byMs);
    await world.pass(FALL_MS);
    expect(stateOf(world, 'cache-2')).toBe('down');
    await world.fleet.close();
  });

  test('a new node has all of its time to start, and no more', async () => {
    const world = await new World().with(1);
    world.daemons.silent.add('10.0.0.2');
    world.source.observe(...nodes(1, 2));
    await world.pass(1_000);
    world.clock.set(byMs);
    await world.pass(DEFAULT_HEALTH.startGraceMs - 3_000);
    expect(stateOf(world, 'cache-2')).toBe('joining');
    await world.pass(4_000);
    expect(stateOf(world, 'cache-2')).toBe('down');
    await world.fleet.close();
  });

  test('a node that falls again and again is held back for as long as else, and is let in', async () => {
    const world = await new World().with(1, 2);
    for (let fall = 0; fall < 2; fall += 1) {
      world.daemons.silent.add('10.0.0.2');
      await world.pass(FALL_MS);
      world.daemons.silent.clear();
      await world.pass(fall === 0 ? 2_000 : 300);
    }
    world.clock.set(byMs);
    await world.pass(400);
    expect(stateOf(world, 'cache-2')).not.toBe('active');
    await world.pass(2_000);
    expect(stateOf(world, 'cache-2')).toBe('active');
    await world.fleet.close();
  });

  test('statistics grow old as before', async () => {
    const world = await new World().with(1);
    const hits = async (): Promise<string | undefined> => {
      await world.fleet.refreshStats(['cache-1']);
      return world.fleet.nodes()[0]?.stats?.values.get('curr_items');
    };
    expect(await hits()).toBe('3');
    world.daemons.stats = new Map([['curr_items', '4']]);
    world.clock.set(byMs);
    expect(await hits()).toBe('3');
    await world.pass(STATS_AGE_MAX_MS);
    expect(await hits()).toBe('4');
    await world.fleet.close();
  });

  test('versions rise, and the topology follows the fleet', async () => {
    const world = await new World().with(1);
    world.clock.set(byMs);
    world.source.observe(...nodes(1, 2));
    await world.pass(3_000);
    expect(world.last).toBe('cache-1 active, cache-2 active');
    expect(world.versions).toEqual([...new Set(world.versions)].sort((a, b) => a - b));
    await world.fleet.close();
  });

  test('a flush of the fleet ends after it began', async () => {
    const world = await new World().with(1, 2);
    const commands = new FleetCommands({ target: world.fleet, clock: world.clock, log: silentLogger });
    const flush = commands.startFlush(1_000);
    await world.pass(500);
    world.clock.set(byMs);
    await world.pass(1_000);
    expect((flush?.endedMs ?? 0) - (flush?.startedMs ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect((flush?.endedMs ?? 0) - (flush?.startedMs ?? 0)).toBeLessThan(2_000);
    await world.fleet.close();
  });
});
