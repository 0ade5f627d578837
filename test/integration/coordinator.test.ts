/**
 * The coordinator as a process in front of real daemons: what it says when it cannot start, what it publishes, what
 * it remembers. Daemons are the real memcached.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Connection } from '../../src/client/wire/connection.ts';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

const command = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const children: ChildProcess[] = [];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'memfleet-coordinator-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => ended(child, 'SIGKILL')));
  rmSync(directory, { recursive: true });
});

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit');
  child.kill(signal);
  const [code] = (await exit) as [number | null];
  return code;
}

function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess & { output: () => string } {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  children.push(child);
  return Object.assign(child, { output: () => text });
}

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function startMemcached(port: number): ChildProcess {
  return run('memcached', ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-m', '16']);
}

/** A coordinator in front of these daemons, once it lives. */
async function startCoordinator(daemonPorts: number[], env: NodeJS.ProcessEnv = {}) {
  const [http = 0, discovery = 0] = await freePorts(2);
  const nodes = daemonPorts.map((port, index) => `cache-${index + 1}=127.0.0.1:${port}=http://127.0.0.1:1`).join();
  const places = ['--listen', `127.0.0.1:${http}`, '--discovery-listen', `127.0.0.1:${discovery}`];
  const child = run(
    command,
    ['coordinator', ...places, '--nodes', nodes, '--state-file', join(directory, 'state')],
    env,
  );
  const url = `http://127.0.0.1:${http}`;
  await until(
    'the coordinator',
    async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true,
    60_000,
  );
  const topology = async (): Promise<TopologyDocument | undefined> => {
    const response = await fetch(`${url}/v1/topology`);
    return response.ok ? ((await response.json()) as TopologyDocument) : undefined;
  };
  const states = async (): Promise<string> =>
    ((await topology())?.nodes ?? []).map((node) => `${node.name} ${node.state}`).join(', ');
  return { child, url, http, discovery, topology, states };
}

describe('a coordinator that cannot start says why in one line', () => {
  test.each([
    [['--nodes', 'nonsense'], /^memfleet coordinator: expected NAME=HOST:PORT=SIDECARURL/],
    [['--discover', 'static'], /^memfleet coordinator: --discover static needs --nodes or --nodes-file\n$/],
    [['--colour'], /^memfleet coordinator: Unknown option '--colour'/],
    [['--docker-host', 'nowhere'], /^memfleet coordinator: Docker host: expected unix/],
  ])('%j', async (args, line) => {
    const child = run(command, ['coordinator', ...args]);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(64);
    expect(child.output()).toMatch(line);
    expect(child.output().trimEnd().split('\n').length).toBe(1);
  });

  test('a port that is taken is named', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const [free = 0] = await freePorts(1);
    for (const [http, discovery] of [
      [port, free],
      [free, port],
    ]) {
      const places = ['--listen', `127.0.0.1:${http}`, '--discovery-listen', `127.0.0.1:${discovery}`];
      const child = run(command, ['coordinator', ...places, '--nodes', 'a=127.0.0.1:1']);
      const [code] = (await once(child, 'exit')) as [number];
      expect(code).toBe(71);
      expect(child.output()).toContain(`memfleet coordinator: 127.0.0.1:${port} is in use\n`);
    }
    holder.close();
  });
});

describeWith(['memcached'], 'a coordinator in front of memcached', () => {
  test('publishes the nodes that answer, takes out the one that is killed, and flushes it when it is back', async () => {
    const ports = await freePorts(3);
    const daemons = ports.map(startMemcached);
    const { child, states, discovery } = await startCoordinator(ports);
    await until('three active', async () => (await states()) === 'cache-1 active, cache-2 active, cache-3 active');

    const endpoint = new Connection({ host: '127.0.0.1', port: discovery });
    expect(await endpoint.version()).toMatch(/^1\.6\.\d+$/);
    await endpoint.close();

    const [, second] = daemons;
    if (second !== undefined) await ended(second, 'SIGKILL');
    await until('one down', async () => (await states()) === 'cache-1 active, cache-2 down, cache-3 active');

    startMemcached(ports[1] ?? 0);
    const writer = new Connection({ host: '127.0.0.1', port: ports[1] ?? 0 });
    await until(
      'three active again',
      async () => (await states()) === 'cache-1 active, cache-2 active, cache-3 active',
    );
    expect((await writer.stats()).get('cmd_flush')).toBe('1');
    await writer.close();

    expect(await ended(child, 'SIGTERM')).toBe(0);
  });

  test('has the same version after a restart, and a higher one after its state was destroyed', async () => {
    const ports = await freePorts(2);
    ports.forEach(startMemcached);
    const first = await startCoordinator(ports);
    await until('two active', async () => (await first.states()) === 'cache-1 active, cache-2 active');
    const before = await first.topology();
    expect(await ended(first.child, 'SIGKILL')).toBeNull();

    const second = await startCoordinator(ports);
    expect(await second.topology()).toEqual(before);
    expect(await ended(second.child, 'SIGTERM')).toBe(0);

    writeFileSync(join(directory, 'state'), '{"document": {"ver');
    const third = await startCoordinator(ports);
    await until('two active', async () => (await third.states()) === 'cache-1 active, cache-2 active');
    expect((await third.topology())?.version).toBeGreaterThanOrEqual(before?.version ?? Number.NaN);
    expect(third.child.output()).toContain('saved state is lost');
  });

  test('never writes its token to the log', async () => {
    const ports = await freePorts(2);
    ports.forEach(startMemcached);
    const token = 'a-very-secret-token';
    const { child, url, states } = await startCoordinator(ports, {
      MEMFLEET_TOKEN: token,
      MEMFLEET_LOG_LEVEL: 'trace',
    });
    await until('two active', async () => (await states()) === 'cache-1 active, cache-2 active');
    const drain = { method: 'POST', headers: { authorization: `Bearer ${token}` } };
    expect((await fetch(`${url}/v1/nodes/cache-1/drain`, drain)).status).toBe(200);
    expect((await fetch(`${url}/v1/nodes/cache-1/drain`, { method: 'POST' })).status).toBe(401);
    await until('one drained', async () => (await states()) === 'cache-1 draining, cache-2 active');
    expect(await ended(child, 'SIGTERM')).toBe(0);
    expect(child.output()).toContain('drain by request');
    expect(child.output()).not.toContain(token);
  });
});
