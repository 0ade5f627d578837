/**
 * Discovery on a real engine: stock memcached containers with our labels, a coordinator process beside them. One
 * story whose steps run in order. The whole fleet in containers has its own tests; here it is about what Docker says
 * and when.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

const command = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const project = `memfleet-test-${process.pid}`;
const nameOf = (number: number): string => `${project}-cache-${number}`;

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', args, { timeout: 100_000 });
  return stdout.trim();
}

async function runNode(number: number, image = 'memcached:1.6', ...labels: string[]): Promise<void> {
  const ours = ['memfleet.role=cache', `com.docker.compose.project=${project}`, ...labels];
  const flags = ours.flatMap((label) => ['--label', label]);
  await docker('run', '-d', '--name', nameOf(number), ...flags, image, '-m', '16');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describeWith(['docker'], 'a coordinator beside a Docker engine', () => {
  let child: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const [http, discovery] = [await freePort(), await freePort()];
    url = `http://127.0.0.1:${http}`;
    const places = ['--listen', `127.0.0.1:${http}`, '--discovery-listen', `127.0.0.1:${discovery}`];
    child = spawn(command, ['coordinator', '--discover', 'docker', '--project', project, ...places], {
      stdio: ['ignore', 'ignore', process.env['MEMFLEET_TEST_VERBOSE'] === undefined ? 'ignore' : 'inherit'],
    });
    await until('a topology', async () => (await states()) !== undefined, 60_000);
  });

  afterAll(async () => {
    const ids = await docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${project}`);
    if (ids !== '') await docker('rm', '-f', ...ids.split('\n'));
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });

  /** Number and state of each node, for example `1 active, 2 down`; undefined before the first topology. */
  async function states(): Promise<string | undefined> {
    const response = await fetch(`${url}/v1/topology`).catch(() => undefined);
    if (response?.ok !== true) return undefined;
    const { nodes } = (await response.json()) as TopologyDocument;
    return nodes.map((node) => `${node.name.replace(/^.*-/, '')} ${node.state}`).join(', ');
  }

  async function becomes(expected: string): Promise<void> {
    await until(expected, async () => (await states()) === expected, 30_000);
  }

  test('finds the containers of its project, and no others', async () => {
    await becomes('');
    await Promise.all([runNode(1), runNode(2), runNode(3)]);
    await docker('run', '-d', '--name', nameOf(9), '--label', `com.docker.compose.project=${project}`, 'memcached:1.6');
    await becomes('1 active, 2 active, 3 active');
    const { nodes } = (await (await fetch(`${url}/v1/topology`)).json()) as TopologyDocument;
    expect(nodes[0]).toMatchObject({ name: nameOf(1), host: nameOf(1), port: 11211, weight: 1 });
    expect(nodes[0]?.ip).toBe(await docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', nameOf(1)));
  });

  test('takes out a container that is killed, and lists it as down until it is removed', async () => {
    await docker('kill', nameOf(2));
    await becomes('1 active, 2 down, 3 active');
    await docker('rm', nameOf(2));
    await becomes('1 active, 3 active');
  });

  test('takes out a container that is paused, and in again when it goes on', async () => {
    await docker('pause', nameOf(3));
    await becomes('1 active, 3 down');
    await docker('unpause', nameOf(3));
    await becomes('1 active, 3 active');
  });

  test('follows a container that starts anew', async () => {
    await docker('restart', nameOf(3));
    await becomes('1 active, 3 active');
    await docker('stop', nameOf(3));
    await becomes('1 active, 3 down');
    await docker('start', nameOf(3));
    await becomes('1 active, 3 active');
  });

  test('takes out a container that is cut off its network, and follows it to another address', async () => {
    await docker('network', 'disconnect', 'bridge', nameOf(3));
    await becomes('1 active, 3 down');
    // Takes the address that number 3 had.
    await runNode(4);
    await becomes('1 active, 3 down, 4 active');
    await docker('network', 'connect', 'bridge', nameOf(3));
    await becomes('1 active, 3 active, 4 active');
  });

  test('never publishes an empty fleet', async () => {
    await docker('rm', '-f', nameOf(1), nameOf(3), nameOf(4));
    await until('it is held', async () => {
      const ready = (await (await fetch(`${url}/readyz`)).json()) as { held: string | null };
      return ready.held !== null;
    });
    expect(await states()).toMatch(/ active/);
    await runNode(5);
    await becomes('5 active');
  });
});
