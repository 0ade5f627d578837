/**
 * The stack on a real Swarm of two machines. Goal: nodes are found on both, keep their names whatever happens to their
 * tasks, leave without a failed request, and a machine that is cut off is missed by nobody for long. Method: two
 * engines in two network namespaces (machines.ts), one stack, one story: the tests are its steps and run in order. The
 * load comes from our client in a container of the overlay network, since nobody else can reach the nodes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connection } from '../../../src/client/wire/connection.ts';
import type { TopologyDocument } from '../../../src/topology/document.ts';
import { describeWith } from '../../support/requirements.ts';
import { ContainerLoad, type LoadResult } from '../container-load.ts';
import { Machines, type Machine } from './machines.ts';
import { buildImage, eventually, Follower, IMAGE, run } from '../support.ts';

const STACK = 'shop';
/** How long a Swarm may take to do what it was told; its own heartbeat is five seconds. */
const SWARM_PATIENCE_MS = 180_000;

/** A machine that has missed three of these is lost; five seconds is the default. */
const HEARTBEAT = '2s';

/** An update in which the next node does not wait for the one before to have proven itself: this is a test. */
const BRISK = ['--update-delay', '0s', '--update-monitor', '1s'];

/** The states of a document as `1 active, 2 down`, by the number of the slot. */
function states({ nodes }: TopologyDocument): string {
  return nodes.map(({ name, state }) => `${name.replace(`${STACK}_cache-`, '')} ${state}`).join(', ');
}

const active = (...slots: number[]): string => slots.map((slot) => `${slot} active`).join(', ');

describeWith(['docker', 'machines'], 'a stack on a Swarm of two machines', () => {
  const machines = new Machines(2);
  const manager: Machine = machines.first;
  let follower: Follower;
  let load: ContainerLoad | undefined;

  /** The first document from `sinceMs` on with these states, and how long it took. */
  async function becomes(expected: string, sinceMs: number): Promise<TopologyDocument> {
    const arrival = await eventually(
      expected,
      () => follower.arrivals.find(({ document, atMs }) => atMs >= sinceMs && states(document) === expected),
      SWARM_PATIENCE_MS,
    );
    console.log(`${expected}: after ${Math.round(arrival.atMs - sinceMs)} ms, version ${arrival.document.version}`);
    return arrival.document;
  }

  /** Slots by the machine that their running task is on. */
  async function places(): Promise<Map<string, string>> {
    const format = '{{.Name}} {{.Node}} {{.CurrentState}}';
    const lines = await manager.docker(
      'service',
      'ps',
      `${STACK}_cache`,
      '-f',
      'desired-state=running',
      '--format',
      format,
    );
    const running = lines.split('\n').filter((line) => / Running /.test(line));
    return new Map(running.map((line) => [line.split(' ')[0]?.split('.')[1] ?? '', line.split(' ')[1] ?? '']));
  }

  async function coordinator(): Promise<string> {
    return await manager.docker('ps', '-q', '--filter', `label=com.docker.swarm.service.name=${STACK}_coordinator`);
  }

  /** Runs a script in the coordinator's container. */
  async function inside(script: string): Promise<string> {
    const args = [
      '-H',
      `unix://${manager.socket}`,
      'exec',
      '-i',
      await coordinator(),
      'node',
      '--input-type=module',
      '-',
    ];
    const { code, stdout, stderr } = await run('docker', args, { input: script });
    if (code !== 0) throw new Error(`the script ended with ${code}:\n${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Drains or resumes the node in slot 2; answers with the status. */
  async function change(what: 'drain' | 'resume', token: string): Promise<number> {
    const url = `http://${manager.hostAddress}:8080/v1/nodes/${STACK}_cache-2/${what}`;
    return (await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status;
  }

  async function startLoad(): Promise<void> {
    const container = ['-H', `unix://${manager.socket}`, 'exec', '-i', await coordinator()];
    load = await ContainerLoad.start(container, 'http://127.0.0.1:8080');
  }

  async function endLoad(what: string): Promise<LoadResult> {
    if (load === undefined) throw new Error('there is no load');
    const result = await load.end(what);
    load = undefined;
    return result;
  }

  /** Makes a Swarm of both, the first its manager. */
  async function joinSwarm(): Promise<void> {
    const { first, second } = machines;
    await first.docker('swarm', 'init', '--advertise-addr', first.address);
    await first.docker('swarm', 'update', '--dispatcher-heartbeat', HEARTBEAT);
    const token = await first.docker('swarm', 'join-token', '-q', 'worker');
    await second.docker('swarm', 'join', '--advertise-addr', second.address, '--token', token, `${first.address}:2377`);
  }

  beforeAll(async () => {
    await buildImage();
    await machines.start([IMAGE, 'haproxy:3.0']);
    follower = new Follower(`http://${manager.hostAddress}:8080`);
    await joinSwarm();
    const secret = ['-H', `unix://${manager.socket}`, 'secret', 'create', 'memfleet-token', '-'];
    await run('docker', secret, { input: 'the-token' });
    const deploy = ['stack', 'deploy', '--detach=true', '--resolve-image', 'never', '-c', 'docker/stack.yaml', STACK];
    const { code, stderr } = await run('docker', ['-H', `unix://${manager.socket}`, ...deploy], {
      env: { MEMFLEET_IMAGE: IMAGE, MEMFLEET_DOCKER_SOCKET: manager.socket, MEMFLEET_DRAIN_MS: '1000' },
    });
    expect(stderr.replace(/Since --detach[\s\S]*/, ''), 'nothing of the stack file is ignored').toBe('');
    expect(code).toBe(0);
    await eventually('the coordinator', () => follower.start().then(() => true), SWARM_PATIENCE_MS);
  });

  afterAll(async () => {
    follower?.stop();
    load?.kill();
    await machines.remove();
  });

  test('its nodes are slots, on both machines, by names that resolve', async () => {
    const document = await becomes(active(1, 2, 3, 4), 0);
    // The coordinator hears a node before the Swarm has called its task healthy.
    const on = await eventually('four running tasks', async () => {
      const where = [...(await places()).values()].sort();
      return where.length === 4 ? where : undefined;
    });
    expect(on).toEqual(['machine-1', 'machine-1', 'machine-2', 'machine-2']);
    const resolved = await inside(`
      import { promises as dns } from 'node:dns';
      const names = ${JSON.stringify(document.nodes.map(({ host }) => host))};
      console.log((await Promise.all(names.map((name) => dns.resolve4(name)))).join());
      console.log((await dns.resolve4('tasks.${STACK}_cache')).sort().join());
    `);
    const [byName, byService] = resolved.split('\n');
    expect(byName).toBe(document.nodes.map(({ ip }) => ip).join());
    expect(byService).toBe(
      document.nodes
        .map(({ ip }) => ip)
        .sort()
        .join(),
    );
  });

  test('the token comes from a secret: with it a node can be drained, and resumed', async () => {
    const sinceMs = Date.now();
    expect(await change('drain', 'another')).toBe(401);
    expect(await change('drain', 'the-token')).toBe(200);
    await becomes('1 active, 2 draining, 3 active, 4 active', sinceMs);
    expect(await change('resume', 'the-token')).toBe(200);
    await becomes(active(1, 2, 3, 4), Date.now() - 100);
  });

  test('the proxy before the manager answers what the coordinator asks for, and nothing else', async () => {
    const answers = await inside(`
      const ask = async (method, path) => (await fetch('http://docker-proxy:2375' + path, { method })).status;
      const asked = [];
      for (const path of ['/_ping', '/version', '/services', '/tasks', '/v1.41/nodes']) asked.push(await ask('GET', path));
      for (const path of ['/secrets', '/configs', '/swarm', '/containers/json', '/events', '/info', '/nodes/x', '/services/x',
        '/tasks/x/logs', '/%73ecrets', '//secrets']) asked.push(await ask('GET', path));
      for (const path of ['/services/create', '/swarm/leave?force=1', '/services', '/tasks']) asked.push(await ask('POST', path));
      asked.push(await ask('DELETE', '/services/x'));
      console.log(asked.join());
    `);
    expect(answers).toBe([...Array.from({ length: 5 }, () => 200), ...Array.from({ length: 16 }, () => 403)].join());
  });

  test('from 4 to 6 to 3 nodes no request fails', async () => {
    await startLoad();
    let sinceMs = Date.now();
    await manager.docker('service', 'scale', '-d', `${STACK}_cache=6`);
    await becomes(active(1, 2, 3, 4, 5, 6), sinceMs);
    sinceMs = Date.now();
    await manager.docker('service', 'scale', '-d', `${STACK}_cache=3`);
    const slots = await eventually(
      'three nodes',
      () => (follower.newest?.nodes.length === 3 ? states(follower.newest) : undefined),
      SWARM_PATIENCE_MS,
    );
    // Which slots go is for the Swarm to say; whichever, each was out of the ring before it was gone.
    expect(slots.split(', ').every((slot) => slot.endsWith(' active'))).toBe(true);
    const seen = follower.arrivals.filter(({ atMs }) => atMs >= sinceMs).map(({ document }) => states(document));
    expect(seen.some((text) => text.includes('draining'))).toBe(true);
    const counts = await endLoad('4, 6, 3 nodes');
    expect(counts).toMatchObject({ failed: 0, reasons: [] });
    expect(counts.requests).toBeGreaterThan(1_000);
  });

  test('an update renews every task, one after another, keeps names and places, and fails no request', async () => {
    await manager.docker('service', 'scale', '-d', `${STACK}_cache=4`);
    const before = await eventually(
      'four nodes',
      () =>
        /^(\d active(, )?){4}$/.test(follower.newest ? states(follower.newest) : '') ? follower.newest : undefined,
      SWARM_PATIENCE_MS,
    );
    const tasks = await manager.docker('service', 'ps', '-q', '-f', 'desired-state=running', `${STACK}_cache`);
    await startLoad();
    const sinceMs = Date.now();
    // Renews the tasks and, on the way, gives each node a port of its machine.
    await manager.docker(
      'service',
      'update',
      '-d',
      ...BRISK,
      '--publish-add',
      'target=11211,mode=host',
      `${STACK}_cache`,
    );
    await eventually(
      'the update',
      async () => {
        const state = await manager.docker('service', 'inspect', '-f', '{{.UpdateStatus.State}}', `${STACK}_cache`);
        return state === 'completed' ? true : undefined;
      },
      SWARM_PATIENCE_MS,
    );
    const after = await eventually('all nodes', () => {
      const newest = follower.newest;
      return newest !== undefined && states(newest) === states(before) ? newest : undefined;
    });
    const counts = await endLoad(`an update, ${Math.round(Date.now() - sinceMs)} ms`);
    expect(after.nodes.map(({ name, host }) => [name, host])).toEqual(
      before.nodes.map(({ name, host }) => [name, host]),
    );
    const renewed = await manager.docker('service', 'ps', '-q', '-f', 'desired-state=running', `${STACK}_cache`);
    expect(renewed.split('\n').filter((task) => tasks.includes(task))).toEqual([]);
    const during = follower.arrivals.filter(({ atMs }) => atMs >= sinceMs).map(({ document }) => states(document));
    // One at a time: there were never fewer than three.
    expect(during.filter((text) => text.split('active').length - 1 < 3)).toEqual([]);
    expect(counts).toMatchObject({ failed: 0, reasons: [] });
  });

  test('ports of the machines are where clients outside of the Swarm reach the nodes', async () => {
    const url = `http://${manager.hostAddress}:8080/v1/topology?view=host`;
    const { nodes } = (await (await fetch(url)).json()) as TopologyDocument;
    expect(nodes.length).toBe(4);
    const where = await places();
    for (const { name, ip, port } of nodes) {
      const machine = machines.all.find(({ hostname }) => hostname === where.get(name.split('-').at(-1) ?? ''));
      expect(ip).toBe(machine?.address);
      expect(port).toBeGreaterThan(1024);
      // The tests reach the machine by its cable to the host.
      const connection = new Connection({ host: machine?.hostAddress ?? '', port });
      expect(await connection.version()).toMatch(/^1\.6\./);
      await connection.close();
    }
  });

  test('a machine that is cut off loses its nodes at once, and its slots come back on the other', async () => {
    const where = await places();
    const names = [...where.keys()].map(Number).sort((a, b) => a - b);
    const lost = names.filter((slot) => where.get(String(slot)) === 'machine-2');
    expect(lost.length).toBeGreaterThan(0);
    const without = names.map((slot) => `${slot} ${lost.includes(slot) ? 'down' : 'active'}`).join(', ');
    const versionBefore = follower.newest?.version ?? 0;
    await startLoad();
    const sinceMs = Date.now();
    await machines.second.connect(false);
    const cut = await becomes(without, sinceMs);
    expect(cut.version).toBeGreaterThan(versionBefore);
    // Its probes say so, long before the Swarm's own heartbeat: a slot comes back only after that.
    await becomes(active(...names), Date.now());
    expect(new Set((await places()).values())).toEqual(new Set(['machine-1']));
    const counts = await endLoad('a machine cut off');
    // What was on its way to the lost machine is a miss: its keys are gone, and nobody waits for them.
    expect(counts).toMatchObject({ failed: 0, reasons: [] });
    expect(counts.requests).toBeGreaterThan(1_000);
  });

  test('a machine that returns disturbs nobody, and takes nodes again when it is told to', async () => {
    const before = follower.newest;
    await startLoad();
    await machines.second.connect(true);
    await eventually(
      'the machine is back',
      async () => {
        const format = '{{.Hostname}} {{.Status}}';
        const lines = await manager.docker('node', 'ls', '--format', format);
        return lines.includes('machine-2 Ready') ? true : undefined;
      },
      SWARM_PATIENCE_MS,
    );
    // Its old tasks end; the slots are the other machine's, and stay there.
    await eventually(
      'its old tasks are gone',
      async () => ((await machines.second.docker('ps', '-q')) === '' ? true : undefined),
      SWARM_PATIENCE_MS,
    );
    expect(follower.newest?.nodes).toEqual(before?.nodes);
    await manager.docker('service', 'update', '-d', ...BRISK, '--update-parallelism', '2', '--force', `${STACK}_cache`);
    await eventually(
      'nodes on both machines',
      async () => {
        const state = await manager.docker('service', 'inspect', '-f', '{{.UpdateStatus.State}}', `${STACK}_cache`);
        return state === 'completed' && new Set((await places()).values()).size === 2 ? true : undefined;
      },
      SWARM_PATIENCE_MS,
    );
    await eventually('all nodes', () => {
      const newest = follower.newest;
      return newest !== undefined && before !== undefined && states(newest) === states(before) ? true : undefined;
    });
    const counts = await endLoad('the return of a machine');
    expect(counts).toMatchObject({ failed: 0, reasons: [] });
  });
});
