/** Discovery among Docker's containers, on an engine that the test plays, in simulated time. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/log.ts';
import type { ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { dockerDiscovery, type DockerOptions } from '../../../src/coordinator/discovery/docker-discovery.ts';
import { DOCKER_ABSENT_LOOKS, RECONNECT_MAX_MS, RESYNC_MS, SETTLE_POLL_MS } from '../../../src/coordinator/limits.ts';
import { describeAdapter } from './adapter-suite.ts';
import { containerOf, FakeEngine } from './docker-support.ts';
import { pass, settled } from '../support.ts';

function optionsOf(engine: FakeEngine, clock: ManualClock): DockerOptions {
  return {
    engine,
    project: 'p',
    ownContainer: undefined,
    sidecarPort: 9150,
    clock,
    random: () => 0.5,
    log: silentLogger,
  };
}

describeAdapter('Docker', async () => {
  const clock = new ManualClock();
  const engine = new FakeEngine();
  return {
    adapter: dockerDiscovery(optionsOf(engine, clock)),
    hold: (...numbers) => {
      engine.containers = numbers.map((number) => containerOf(String(number)));
    },
    readable: (yes) => {
      engine.failure = yes ? undefined : 'no engine';
    },
    pass: () => pass(clock, RESYNC_MS + RECONNECT_MAX_MS, 50),
    nameOf: (number) => `p-cache-${number}`,
  };
});

async function started(given: Partial<DockerOptions> = {}, ...ids: string[]) {
  const clock = new ManualClock();
  const engine = new FakeEngine();
  engine.containers = ids.map((id) => containerOf(id));
  const adapter = dockerDiscovery({ ...optionsOf(engine, clock), ...given });
  const lists: (readonly ObservedNode[])[] = [];
  const losses: string[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes), lost: (error) => losses.push(error.message) });
  await settled();
  const hints = (): string[] => (lists.at(-1) ?? []).map((node) => `${node.name} ${node.hint}`);
  return { adapter, engine, clock, lists, losses, hints };
}

describe('among containers', () => {
  test('an event counts at once, without a second of waiting, and the list is fetched again', async () => {
    const { adapter, engine, hints } = await started({}, 'a', 'b');
    const { lists } = engine;
    engine.say('a', 'kill', '15');
    await settled();
    expect(hints()).toEqual(['p-cache-a leaving', 'p-cache-b running']);
    expect(engine.lists).toBeGreaterThan(lists);
    await adapter.close();
  });

  test('an event about a network makes the list be fetched, no more', async () => {
    const { adapter, engine, hints } = await started({}, 'a');
    engine.containers = [containerOf('a', { networks: {} })];
    engine.say('', 'disconnect');
    await settled();
    expect(hints()).toEqual(['p-cache-a stopped']);
    await adapter.close();
  });

  test('a storm of events needs few lists', async () => {
    const { adapter, engine } = await started({}, 'a');
    const { lists } = engine;
    for (let index = 0; index < 100; index += 1) engine.say('a', 'health_status: healthy');
    await settled();
    expect(engine.lists - lists).toBeLessThan(100);
    await adapter.close();
  });

  test('a list that lags behind its event is fetched again soon', async () => {
    const { adapter, engine, clock, hints } = await started({}, 'a', 'b');
    engine.containers = [containerOf('a', { state: 'paused' }), containerOf('b')];
    engine.say('a', 'pause');
    await settled();
    // Docker says that it goes on, but its list does not know yet.
    engine.say('a', 'unpause');
    await settled();
    expect(hints()).toEqual(['p-cache-a running', 'p-cache-b running']);
    engine.containers = [containerOf('a'), containerOf('b')];
    await pass(clock, RESYNC_MS / 2);
    expect(hints()).toEqual(['p-cache-a running', 'p-cache-b running']);
    await adapter.close();
  });

  test('a stream that ends is opened again, which is no loss, and nothing is missed', async () => {
    const { adapter, engine, clock, losses, hints } = await started({}, 'a');
    engine.hangUp();
    await settled();
    engine.containers = [containerOf('a', { state: 'paused' })];
    await pass(clock, 200);
    expect(engine.streams).toBe(2);
    expect(losses).toEqual([]);
    expect(hints()).toEqual(['p-cache-a paused']);
    await adapter.close();
  });

  test('an event that was missed is found with the next lists', async () => {
    const { adapter, engine, clock, hints } = await started({}, 'a', 'b');
    engine.containers = [containerOf('a')];
    await pass(clock, RESYNC_MS, 100);
    expect(hints()).toEqual(['p-cache-a running', 'p-cache-b unlisted']);
    await pass(clock, DOCKER_ABSENT_LOOKS * SETTLE_POLL_MS, 100);
    expect(hints()).toEqual(['p-cache-a running']);
    await adapter.close();
  });

  test('an engine that is away is tried again after growing waits', async () => {
    const { adapter, engine, clock, losses } = await started({}, 'a');
    engine.failure = 'no engine';
    engine.hangUp();
    await pass(clock, 60_000, 50);
    const tries = losses.length;
    expect(tries).toBeGreaterThan(10);
    expect(tries).toBeLessThan(30);
    engine.failure = undefined;
    await pass(clock, RECONNECT_MAX_MS, 50);
    expect(engine.streams).toBe(2);
    await adapter.close();
  });

  test('the project and the networks are those of the own container', async () => {
    const networks = { edge: '172.0.0.9', inner: '172.1.0.9' };
    const own = containerOf('self0', { labels: { 'memfleet.role': 'coordinator' }, networks });
    const clock = new ManualClock();
    const engine = new FakeEngine();
    engine.containers = [
      own,
      containerOf('a', { networks: { cache: '172.2.0.1', inner: '172.1.0.1' } }),
      containerOf('b', { labels: { 'com.docker.compose.project': 'other' } }),
    ];
    const lists: (readonly ObservedNode[])[] = [];
    const adapter = dockerDiscovery({ ...optionsOf(engine, clock), project: undefined, ownContainer: 'self' });
    adapter.start({ observed: (nodes) => lists.push(nodes), lost: () => expect.unreachable() });
    await settled();
    expect(lists.at(-1)?.map((node) => [node.name, node.ip])).toEqual([['p-cache-a', '172.1.0.1']]);
    await adapter.close();
  });

  test('without an own container and a project, every cache container counts', async () => {
    const clock = new ManualClock();
    const engine = new FakeEngine();
    engine.containers = [containerOf('a'), containerOf('b', { labels: { 'com.docker.compose.project': 'other' } })];
    const lists: (readonly ObservedNode[])[] = [];
    const adapter = dockerDiscovery({ ...optionsOf(engine, clock), project: undefined });
    adapter.start({ observed: (nodes) => lists.push(nodes), lost: () => expect.unreachable() });
    await settled();
    expect(lists.at(-1)?.length).toBe(2);
    await adapter.close();
  });
});

test.each([-7_200_000, 7_200_000])(
  'an event is believed for as long as else with a clock that is set by %i ms',
  async (byMs) => {
    const { adapter, engine, clock, hints } = await started({}, 'a', 'b');
    engine.say('a', 'kill', '15');
    await settled();
    clock.set(byMs);
    await pass(clock, RESYNC_MS, 50);
    // The list still says that it runs, as it does until a container that was told to stop has stopped.
    expect(hints()).toEqual(['p-cache-a leaving', 'p-cache-b running']);
    engine.say('b', 'pause');
    await settled();
    clock.set(byMs);
    await pass(clock, RESYNC_MS, 50);
    // Here the list has the last word, after a second.
    expect(hints()).toEqual(['p-cache-a leaving', 'p-cache-b running']);
    await adapter.close();
  },
);
