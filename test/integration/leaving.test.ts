/**
 * Leaving well where no engine says that a node is told to stop: two real nodes from a list, a real coordinator, our
 * client under load. SIGTERM to one node: its sidecar says so, the coordinator hears it and clients have the new
 * topology before the daemon ends, so no request fails.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFleet } from '../../src/client/index.ts';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { Load } from '../docker/load.ts';
import { until } from '../support/until.ts';

const command = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const children: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function start(args: string[], env: Record<string, string> = {}): ChildProcess {
  const stdio = [
    'ignore',
    'ignore',
    process.env['MEMFLEET_TEST_VERBOSE'] === undefined ? 'ignore' : 'inherit',
  ] as const;
  const child = spawn(command, args, { stdio: [...stdio], env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

describe('a node that gets SIGTERM', () => {
  let url: string;
  let leaver: ChildProcess;

  beforeAll(async () => {
    const nodes: string[] = [];
    for (const number of [1, 2]) {
      const [port, sidecar] = [await freePort(), await freePort()];
      const env = { MEMFLEET_SIDECAR_LISTEN: `127.0.0.1:${sidecar}`, MEMFLEET_DRAIN_MS: '3000' };
      leaver = start(['node', '-l', '127.0.0.1', '-p', String(port), '-m', '16'], env);
      nodes.push(`cache-${number}=127.0.0.1:${port}=http://127.0.0.1:${sidecar}`);
    }
    const [http, discovery] = [await freePort(), await freePort()];
    url = `http://127.0.0.1:${http}`;
    const listen = ['--listen', `127.0.0.1:${http}`, '--discovery-listen', `127.0.0.1:${discovery}`];
    start(['coordinator', '--nodes', nodes.join(), ...listen]);
    await until('both nodes', async () => (await states()) === 'cache-1 active, cache-2 active', 60_000);
  });

  async function states(): Promise<string | undefined> {
    const response = await fetch(`${url}/v1/topology`).catch(() => undefined);
    if (response?.ok !== true) return undefined;
    const { nodes } = (await response.json()) as TopologyDocument;
    return nodes.map(({ name, state }) => `${name} ${state}`).join(', ');
  }

  test('is out of the ring before its daemon ends, and no request fails', async () => {
    const fleet = createFleet({ coordinator: url });
    const load = new Load(fleet);
    await until('some load', () => load.counts.requests > 1_000, 30_000);
    const exit = once(leaver, 'exit');
    leaver.kill('SIGTERM');
    await until('the word of the sidecar', async () => (await states()) === 'cache-1 active, cache-2 draining', 30_000);
    expect(leaver.exitCode).toBeNull();
    expect(await exit).toEqual([0, null]);
    await until('the end of it', async () => (await states()) === 'cache-1 active, cache-2 down', 30_000);
    load.stop();
    expect([load.counts.failed, load.reasons]).toEqual([0, []]);
    await fleet.close();
  });
});
