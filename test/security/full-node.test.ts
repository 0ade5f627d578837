/**
 * Nodes whose clients have taken every connection of `-c`, as processes. Goal: a full node is alive to its sidecar and the
 * coordinator, its own sidecar has a way in, and a stock memcached's sidecar says what it can.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ourDaemons } from '../conformance/driver.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';
import { freePort, holdMany, serve, type Served } from './http-support.ts';

const CONNECTIONS = 20;

/** Those that this machine has. */
const RUNTIMES = ['node', 'bun'].filter((runtime) => ourDaemons().some(({ name }) => name.endsWith(` ${runtime}`)));
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Takes every connection that a daemon gives. */
async function fill(port: number): Promise<Socket[]> {
  const clients = await holdMany(port, CONNECTIONS);
  closers.push(() => clients.forEach((client) => client.destroy()));
  let refused = false;
  await until('it is full', async () => {
    const [more] = await holdMany(port, 1);
    more?.on('data', (text) => (refused ||= String(text).includes('Too many open connections'))).resume();
    await until('it is told', () => refused || (more?.destroyed ?? true));
    return refused;
  });
  return clients;
}

async function serveCoordinatorOf(daemonPort: number, sidecarPort: number): Promise<Served> {
  const port = await freePort();
  const listen = ['--listen', `127.0.0.1:${port}`, '--discovery-listen', '127.0.0.1:0'];
  const nodes = ['--nodes', `node-1=127.0.0.1:${daemonPort}=http://127.0.0.1:${sidecarPort}`, '--start-grace', '1s'];
  const served = await serve(['coordinator', ...listen, ...nodes], port);
  closers.push(served.stop);
  return served;
}

async function nodeOf(coordinator: Served): Promise<{ state: string; probe: { ok: boolean; full?: boolean } | null }> {
  const { nodes } = JSON.parse((await coordinator.get('/v1/nodes')).body) as { nodes: [never] };
  return nodes[0];
}

describe.each(RUNTIMES)('a full node on %s', (runtime) => {
  test('is alive: its sidecar has statistics, the coordinator says that it is full', async () => {
    const [daemonPort, port] = [await freePort(), await freePort()];
    const words = ['node', '-p', String(daemonPort), '-l', '127.0.0.1', '-c', String(CONNECTIONS)];
    const node = await serve(words, port, {
      MEMFLEET_SIDECAR_LISTEN: `127.0.0.1:${port}`,
      MEMFLEET_RUNTIME: runtime,
    });
    closers.push(async () => {
      node.child.kill('SIGTERM');
      await until('the node has ended', () => node.child.exitCode !== null, 60_000);
    });
    await until('the daemon answers', async () => (await node.get('/readyz')).status === 200, 60_000);
    const clients = await fill(daemonPort);
    expect(JSON.parse((await node.get('/readyz')).body)).toMatchObject({ status: 'ready' });
    const { status, body } = await node.get('/stats');
    expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ max_connections: CONNECTIONS })]);

    const coordinator = await serveCoordinatorOf(daemonPort, port);
    await until('it is seen to be full', async () => (await nodeOf(coordinator)).probe?.full === true);
    expect((await nodeOf(coordinator)).state).toBe('joining');
    clients[0]?.destroy();
    await until('it is let in', async () => (await nodeOf(coordinator)).state === 'active');
    await fill(daemonPort);
    expect((await nodeOf(coordinator)).state).toBe('active');
    expect((await node.get('/stats')).status).toBe(200);
  });
});

describeWith(['memcached'], 'a full memcached', () => {
  test('is alive to a sidecar and a coordinator that have no connection to it', async () => {
    const [daemonPort, port] = [await freePort(), await freePort()];
    const words = ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(daemonPort), '-c', String(CONNECTIONS), '-t', '1'];
    const memcached = spawn(process.env['MEMCACHED'] ?? 'memcached', words, { stdio: 'ignore' });
    closers.push(() => memcached.kill('SIGKILL'));
    await until('it listens', () =>
      holdMany(daemonPort, 1).then(
        ([one]) => (one?.destroy(), true),
        () => false,
      ),
    );
    await fill(daemonPort);
    const sidecar = await serve(
      ['sidecar', '--daemon', `127.0.0.1:${daemonPort}`, '--listen', `127.0.0.1:${port}`],
      port,
    );
    closers.push(sidecar.stop);
    const ready = await sidecar.get('/readyz');
    expect([ready.status, JSON.parse(ready.body)]).toEqual([200, expect.objectContaining({ full: true })]);
    expect((await sidecar.get('/metrics')).body).toMatch(/^memcached_up 1$/m);
    const coordinator = await serveCoordinatorOf(daemonPort, port);
    await until('it is seen to be full', async () => (await nodeOf(coordinator)).probe?.full === true);
  });
});
