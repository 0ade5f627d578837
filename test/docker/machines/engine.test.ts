/**
 * A fleet whose engine is restarted under it. Goal: where containers end with their engine, the fleet comes back by itself and at no
 * time an empty one is published; where they live on (live-restore), nobody notices. Method: an
 * engine of its own in a network namespace, so that nobody else's containers are restarted with it; one story, the
 * tests are its steps. The load runs in that namespace, since nobody outside reaches the nodes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../support/requirements.ts';
import { Watcher, type Counts } from '../load.ts';
import { reportRows, type Row } from '../reliability-table.ts';
import { buildImage, eventually, IMAGE, Project } from '../support.ts';
import { Machines, type Machine } from './machines.ts';

/** From the engine's start to the whole fleet: six containers that start at once on a machine with other work. */
const BACK_WITHIN_MS = 30_000;
/** How long the engine is away. */
const AWAY_MS = 3_000;
/** How long the load goes on after everything is right again. */
const AFTERWARDS_MS = 2_000;

describeWith(['docker', 'machines'], 'a fleet whose engine is restarted', () => {
  const machines = new Machines(1);
  const machine: Machine = machines.first;
  const rows: Row[] = [];
  let project: Project;
  let url: string;
  let watcher: Watcher;
  let load: RemoteLoad;

  beforeAll(async () => {
    await buildImage();
    await machines.start([IMAGE, 'haproxy:3.0']);
    project = await Project.create('engine', {
      DOCKER_HOST: `unix://${machine.socket}`,
      MEMFLEET_DOCKER_SOCKET: machine.socket,
      MEMFLEET_BIND: '0.0.0.0',
    });
    url = project.url('HTTP').replace('127.0.0.1', machine.hostAddress);
    const services = ['docker-proxy', 'coordinator', 'cache'];
    await project.compose('up', '-d', '--no-build', '--wait', '--scale', 'cache=4', ...services);
    watcher = new Watcher(url);
    load = new RemoteLoad(machine, url);
    await eventually('four nodes', () => isWhole() || undefined);
    // Every key is stored once, so that a miss is a loss.
    await pause(3_000);
  });

  afterAll(async () => {
    watcher?.stop();
    load?.stop();
    await machines.remove();
    await reportRows(rows);
  });

  function isWhole(): boolean {
    const names = watcher.newest?.ring.map((entry) => entry.split('@')[0]);
    return names?.join() === [1, 2, 3, 4].map((number) => `${project.name}-cache-${number}`).join();
  }

  /** The coordinator's sources, `up` or not. */
  async function sees(): Promise<boolean[]> {
    const { sources } = (await (await fetch(`${url}/v1/nodes`)).json()) as { sources: { up: boolean }[] };
    return sources.map(({ up }) => up);
  }

  /** Notes what the step has cost since `before`. */
  async function note(step: string, ms: number, versionBefore: number, before: Counts): Promise<Row> {
    const { requests, misses, failed } = await load.counts();
    const row = {
      step,
      ms,
      versions: watcher.sightings.filter(({ version }) => version > versionBefore).length,
      requests: requests - before.requests,
      misses: misses - before.misses,
      failed: failed - before.failed,
    };
    rows.push(row);
    return row;
  }

  test('that takes all containers with it: the fleet comes back by itself', async () => {
    const versionBefore = watcher.newest?.version ?? 0;
    const before = await load.counts();
    await machine.stop();
    await pause(AWAY_MS);
    const beganMs = Date.now();
    // What the next test needs; how the engine was started is no matter here.
    await machine.start('--live-restore');
    await eventually('the fleet', () => (watcher.answeredMs > beganMs && isWhole()) || undefined);
    const backMs = Date.now() - beganMs;
    await pause(AFTERWARDS_MS);
    const right = await load.counts();
    await pause(AFTERWARDS_MS);
    const row = await note('engine restart, with all containers', backMs, versionBefore, before);
    expect(row.ms).toBeLessThan(BACK_WITHIN_MS);
    expect((await load.counts()).failed).toBe(right.failed);
    expect(watcher.sightings.filter(({ ring }) => ring.length === 0)).toEqual([]);
    const versions = watcher.sightings.map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  test('that is killed and comes back while its containers live on: nobody notices', async () => {
    const versionBefore = watcher.newest?.version ?? 0;
    const before = await load.counts();
    expect(await sees()).toEqual([true]);
    await machine.stop('SIGKILL');
    await eventually('the coordinator says that it cannot see', async () => !(await sees())[0] || undefined);
    await pause(AWAY_MS);
    await machine.start('--live-restore');
    // This engine has made its socket anew, and the proxy has the old one: docs/docker.md says so.
    await machine.docker('restart', '-t', '1', `${project.name}-docker-proxy-1`);
    await eventually('it sees again', async () => (await sees())[0] || undefined);
    await pause(AFTERWARDS_MS);
    const row = await note('engine killed and started, live-restore', 0, versionBefore, before);
    expect(row).toMatchObject({ versions: 0, misses: 0, failed: 0 });
    expect(row.requests).toBeGreaterThan(500);
  });
});

/** The load in a machine's network. */
class RemoteLoad {
  readonly #child: ChildProcess;
  readonly #answers: ((counts: Counts) => void)[] = [];

  constructor(machine: Machine, coordinator: string) {
    const script = join(import.meta.dirname, 'load-main.ts');
    const [command, args] = machine.within(process.execPath, script, coordinator);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { reasons, ...counts } = JSON.parse(line) as Counts & { reasons: string[] };
      if (reasons.length > 0) console.log(reasons.join('; '));
      this.#answers.shift()?.(counts);
    });
  }

  /** What it has met with so far. */
  counts(): Promise<Counts> {
    const { promise, resolve } = Promise.withResolvers<Counts>();
    this.#answers.push(resolve);
    this.#child.stdin?.write('\n');
    return promise;
  }

  stop(): void {
    this.#child.stdin?.end();
  }
}

function pause(forMs: number): Promise<void> {
  return new Promise((wake) => void setTimeout(wake, forMs));
}
