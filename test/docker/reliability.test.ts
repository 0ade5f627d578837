/**
 * What goes wrong with a fleet in containers, done to it on a real engine while our client works on it. For each: how
 * long until the topology is right, how many versions that took, and how many requests failed. One compose project, one
 * story: the steps run in order, and each leaves the fleet as the next one needs it.
 *
 * Times begin with the engine's own event, where there is one, else with the command. With MEMFLEET_WRITE_RELIABILITY=1
 * they go to docs/reliability.md. A restart of the engine is machines/engine.test.ts.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFleet, type Fleet } from '../../src/client/index.ts';
import { describeWith } from '../support/requirements.ts';
import { Load, Watcher, type Sighting } from './load.ts';
import { reportRows, type Row } from './reliability-table.ts';
import { limitMemory, starve, STARVED_CACHE_MB } from './starve.ts';
import { buildImage, docker, eventually, Project, type EngineEvent } from './support.ts';

/** The promise for a node that is lost: killed, paused, cut off. */
const LOST_WITHIN_MS = 2_000;
/** Several nodes that are told to stop, one after the other; all of them answer meanwhile. */
const LEFT_WITHIN_MS = 5_000;
/** A node that comes is a container with three processes that start, on a machine that may have other work. */
const JOINED_WITHIN_MS = 15_000;
/** How long a step is watched after its topology is right, for versions and failures that come late. */
const AFTERWARDS_MS = 1_500;

interface Step {
  readonly title: string;
  readonly act: () => Promise<unknown>;
  /** The nodes that are then in the ring, by number. */
  readonly ring: readonly number[];
  /** The event from which time counts. */
  readonly from?: (event: EngineEvent) => boolean;
  readonly also?: (sighting: Sighting) => boolean;
}

const started = ({ action }: EngineEvent): boolean => action === 'start';
const killed = ({ action }: EngineEvent): boolean => action === 'kill';
const paused = ({ action }: EngineEvent): boolean => action === 'pause';
const toldToStop = ({ action, signal }: EngineEvent): boolean => action === 'kill' && signal === '15';

describeWith(['docker'], 'a fleet to which things happen', () => {
  let project: Project;
  let fleet: Fleet;
  let load: Load;
  let watcher: Watcher;
  const rows: Row[] = [];

  const node = (number: number): string => `${project.name}-cache-${number}`;
  const coordinator = (): string => `${project.name}-coordinator-1`;
  const proxy = (): string => `${project.name}-docker-proxy-1`;
  const network = (): string => `${project.name}_fleet`;
  const ip = async (number: number): Promise<string> =>
    docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network()}").IPAddress}}`, node(number));

  beforeAll(async () => {
    await buildImage();
    project = await Project.create('reliability', {
      MEMFLEET_TOKEN: 'a-token-for-tests',
      MEMFLEET_CACHE_MB: String(STARVED_CACHE_MB),
    });
    await project.watch();
    await project.compose(
      'up',
      '-d',
      '--no-build',
      '--wait',
      '--scale',
      'cache=4',
      'docker-proxy',
      'coordinator',
      'cache',
    );
    fleet = createFleet({ coordinator: project.url('HTTP') });
    watcher = new Watcher(project.url('HTTP'));
    load = new Load(fleet);
    await eventually('four nodes', () => isRing(watcher.newest, [1, 2, 3, 4]) || undefined);
    // Every key is stored once, so that a miss is a loss.
    await pause(3_000);
  });

  afterAll(async () => {
    load?.stop();
    watcher?.stop();
    await fleet?.close();
    await project?.down();
    await reportRows(rows);
  });

  function isRing(sighting: Sighting | undefined, numbers: readonly number[]): boolean {
    return sighting?.ring.map((entry) => entry.split('@')[0]).join() === numbers.map(node).join();
  }

  /** Does it, waits for the topology that must follow, and notes what it cost. */
  async function observe({ title, act, ring, from, also = () => true }: Step): Promise<Row> {
    const before = { ...load.counts };
    const versionBefore = watcher.newest?.version ?? 0;
    const beganMs = Date.now();
    await act();
    const right = await eventually(`${title}: the topology`, () =>
      watcher.sightings.find(
        (sighting, index) =>
          sighting.atMs >= beganMs - 1_000 &&
          isRing(sighting, ring) &&
          also(sighting) &&
          watcher.sightings.slice(index).every((later) => isRing(later, ring)),
      ),
    );
    const fromMs = from === undefined ? beganMs : await eventTime(title, beganMs, from);
    await pause(AFTERWARDS_MS);
    const row = {
      step: title,
      ms: Math.max(0, Math.round(right.atMs - fromMs)),
      versions: new Set(
        watcher.sightings.filter(({ version }) => version > versionBefore).map(({ version }) => version),
      ).size,
      requests: load.counts.requests - before.requests,
      misses: load.counts.misses - before.misses,
      failed: load.counts.failed - before.failed,
    };
    rows.push(row);
    console.log(JSON.stringify(row), load.reasons.splice(0).join('; '));
    const versions = watcher.sightings.map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    return row;
  }

  /** When the engine did it: the last such event since `beganMs`, the first if it says so again and again. */
  async function eventTime(title: string, beganMs: number, from: NonNullable<Step['from']>): Promise<number> {
    const times = await eventually(`${title}: the engine’s event`, () => {
      const found = project.events.filter((event) => event.atMs >= beganMs - 50 && from(event));
      return found.length > 0 ? found.map(({ atMs }) => atMs) : undefined;
    });
    return title === 'out of memory' ? Math.min(...times) : Math.max(...times);
  }

  async function scale(count: number): Promise<unknown> {
    return project.compose('up', '-d', '--no-build', '--no-recreate', '--scale', `cache=${count}`, 'cache');
  }

  test('scale from 4 to 6', async () => {
    const row = await observe({ title: 'scale 4 → 6', act: () => scale(6), ring: [1, 2, 3, 4, 5, 6], from: started });
    expect(row.ms).toBeLessThan(JOINED_WITHIN_MS);
    expect(row.failed).toBe(0);
    expect(row.versions).toBeLessThanOrEqual(8);
  });

  test('scale from 6 to 3: nobody notices but by misses', async () => {
    const row = await observe({ title: 'scale 6 → 3', act: () => scale(3), ring: [1, 2, 3], from: toldToStop });
    expect(row.ms).toBeLessThan(LEFT_WITHIN_MS);
    expect(row.failed).toBe(0);
    expect(row.versions).toBeLessThanOrEqual(8);
  });

  test('scale from 3 to 4, and from 4 to 3 again', async () => {
    const up = await observe({ title: 'scale 3 → 4', act: () => scale(4), ring: [1, 2, 3, 4], from: started });
    expect([up.failed, up.ms < JOINED_WITHIN_MS]).toEqual([0, true]);
    const down = await observe({ title: 'scale 4 → 3', act: () => scale(3), ring: [1, 2, 3], from: toldToStop });
    expect([down.failed, down.ms < LEFT_WITHIN_MS]).toEqual([0, true]);
    await scale(4);
    await eventually('four nodes', () => isRing(watcher.newest, [1, 2, 3, 4]) || undefined);
  });

  test('kill, and start again', async () => {
    const lost = await observe({
      title: 'docker kill of one',
      act: () => docker('kill', node(2)),
      ring: [1, 3, 4],
      from: killed,
    });
    expect(lost.ms).toBeLessThan(LOST_WITHIN_MS);
    const back = await observe({
      title: 'its start',
      act: () => docker('start', node(2)),
      ring: [1, 2, 3, 4],
      from: started,
    });
    expect([back.failed, back.ms < JOINED_WITHIN_MS]).toEqual([0, true]);
  });

  test('pause, and unpause', async () => {
    const lost = await observe({
      title: 'docker pause of one',
      act: () => docker('pause', node(3)),
      ring: [1, 2, 4],
      from: paused,
    });
    expect(lost.ms).toBeLessThan(LOST_WITHIN_MS);
    const back = await observe({ title: 'docker unpause', act: () => docker('unpause', node(3)), ring: [1, 2, 3, 4] });
    expect([back.failed, back.ms < JOINED_WITHIN_MS]).toEqual([0, true]);
  });

  test('cut from the network, and back under another address', async () => {
    const before = await ip(4);
    const lost = await observe({
      title: 'network disconnect',
      act: () => docker('network', 'disconnect', network(), node(4)),
      ring: [1, 2, 3],
    });
    expect(lost.ms).toBeLessThan(LOST_WITHIN_MS);
    // Somebody else has the old address by then: the engine gives away the first that is free.
    const other = `${project.name}-other`;
    const label = `com.docker.compose.project=${project.name}`;
    await docker('run', '-d', '--name', other, '--label', label, '--network', network(), 'memcached:1.6');
    try {
      const back = await observe({
        title: 'reconnect, another address',
        act: () => docker('network', 'connect', network(), node(4)),
        ring: [1, 2, 3, 4],
        also: (sighting) => !sighting.ring.includes(`${node(4)}@${before}`),
      });
      expect([back.failed, back.ms < JOINED_WITHIN_MS]).toEqual([0, true]);
    } finally {
      await docker('rm', '-f', other);
    }
  });

  async function starveNode(number: number): Promise<void> {
    const beganMs = Date.now();
    const dead = (): boolean =>
      project.events.some(
        ({ action, container, atMs }) => action === 'die' && container === node(number) && atMs > beganMs,
      );
    await starve(node(number), await ip(number), dead);
  }

  test('out of memory, and back', async () => {
    const lost = await observe({
      title: 'out of memory',
      act: () => starveNode(1),
      ring: [2, 3, 4],
      from: ({ action }) => action === 'oom',
    });
    expect(lost.ms).toBeLessThan(LOST_WITHIN_MS);
    const again = await observe({
      title: 'with memory again',
      act: async () => {
        await limitMemory(node(1), '512m');
        await docker('restart', '-t', '1', node(1));
      },
      ring: [1, 2, 3, 4],
    });
    expect([again.failed, again.ms < JOINED_WITHIN_MS]).toEqual([0, true]);
  });

  test('a restart of the coordinator', async () => {
    const before = watcher.newest?.version ?? 0;
    const beganMs = Date.now();
    const counts = { ...load.counts };
    await docker('restart', coordinator());
    await eventually(
      'it answers',
      () => (watcher.answeredMs > Date.now() - 200 && Date.now() > beganMs + 500) || undefined,
    );
    const ms = Date.now() - beganMs;
    await pause(AFTERWARDS_MS);
    note('coordinator restart', ms, before, counts);
    expect(isRing(watcher.newest, [1, 2, 3, 4])).toBe(true);
    expect(watcher.newest?.version).toBeGreaterThanOrEqual(before);
    expect(load.counts.failed - counts.failed).toBe(0);
  });

  test('the loss of the coordinator, and of a node meanwhile', async () => {
    const before = watcher.newest?.version ?? 0;
    const counts = { ...load.counts };
    await docker('kill', coordinator());
    await pause(3_000);
    note('coordinator away for 3 s', 0, before, counts);
    expect(load.counts.failed - counts.failed).toBe(0);
    await docker('kill', node(2));
    await pause(1_000);
    const lost = await observe({
      title: 'its start, a node killed meanwhile',
      act: () => docker('start', coordinator()),
      ring: [1, 3, 4],
    });
    expect(lost.ms).toBeLessThan(JOINED_WITHIN_MS);
    await docker('start', node(2));
    await eventually('four nodes', () => isRing(watcher.newest, [1, 2, 3, 4]) || undefined);
  });

  test('the loss of the engine’s socket: probes are enough', async () => {
    const before = watcher.newest?.version ?? 0;
    const counts = { ...load.counts };
    await docker('stop', '-t', '1', proxy());
    await pause(2_000);
    note('socket proxy stopped', 0, before, counts);
    expect(watcher.newest?.version).toBe(before);
    const lost = await observe({
      title: 'docker kill, unseen by the coordinator',
      act: () => docker('kill', node(3)),
      ring: [1, 2, 4],
      from: killed,
    });
    expect(lost.ms).toBeLessThan(2 * LOST_WITHIN_MS);
    const back = await observe({
      title: 'proxy and node started',
      act: () => docker('start', proxy(), node(3)),
      ring: [1, 2, 3, 4],
    });
    expect([back.failed, back.ms < JOINED_WITHIN_MS + 5_000]).toEqual([0, true]);
  });

  function note(step: string, ms: number, versionBefore: number, before: Load['counts']): void {
    const { requests, misses, failed } = load.counts;
    const versions = watcher.sightings.filter(({ version }) => version > versionBefore).length;
    rows.push({
      step,
      ms,
      versions,
      requests: requests - before.requests,
      misses: misses - before.misses,
      failed: failed - before.failed,
    });
  }
});

function pause(forMs: number): Promise<void> {
  return new Promise((wake) => void setTimeout(wake, forMs));
}
