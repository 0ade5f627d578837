/**
 * The sidecar as a process, in front of a real memcached: what it answers before, while and after the daemon lives, how
 * it drains and how it ends. What it does with a topology is seen with a fake daemon that takes one.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Connection } from '../../src/client/wire/connection.ts';
import { FakeDaemon } from '../sidecar/support/fake-daemon.ts';
import { parseExposition, valueOf } from '../sidecar/support/parse-exposition.ts';
import { EXPORTER_METRICS } from '../sidecar/exporter-metrics.ts';
import { describeWith } from '../support/requirements.ts';

const ENTRY = new URL('../../src/sidecar/main.ts', import.meta.url);
const WAIT = { timeout: 30_000, interval: 50 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Sidecar {
  process: ChildProcess;
  url: string;
  /** Everything it has said on standard error. */
  log(): string;
  ended: Promise<number | null>;
}

async function startSidecar(args: string[], env: Record<string, string> = {}, port?: number): Promise<Sidecar> {
  const listen = `127.0.0.1:${port ?? (await freePort())}`;
  const program = `import { main } from '${ENTRY.href}'; process.exit(await main(process.argv.slice(1)));`;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', program, '--', '--listen', listen, '--name', 'node-1', ...args],
    { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], env: { PATH: process.env['PATH'] ?? '', ...env } },
  );
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  closers.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { process: child, url: `http://${listen}`, log: () => log, ended };
}

async function status(url: string): Promise<number> {
  return fetch(url).then(
    async (response) => {
      await response.text();
      return response.status;
    },
    () => 0,
  );
}

function startMemcached(port: number): ChildProcess {
  const child = spawn('memcached', ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-m', '2'], {
    stdio: 'ignore',
  });
  closers.push(() => child.kill('SIGKILL'));
  return child;
}

describeWith(['memcached'], 'sidecar in front of a real memcached', () => {
  test('follows the life of its daemon', async () => {
    const port = await freePort();
    const sidecar = await startSidecar(['--daemon', `127.0.0.1:${port}`]);
    await expect.poll(() => status(`${sidecar.url}/healthz`), WAIT).toBe(200);
    expect(await status(`${sidecar.url}/readyz`)).toBe(503);

    const memcached = startMemcached(port);
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(200);
    memcached.kill('SIGSTOP');
    expect(await status(`${sidecar.url}/readyz`)).toBe(503);
    const hung = parseExposition(await (await fetch(`${sidecar.url}/metrics`)).text());
    expect(valueOf(hung, 'memcached_up')).toBe(0);
    memcached.kill('SIGCONT');
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(200);
    memcached.kill('SIGKILL');
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(503);
    startMemcached(port);
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(200);
  });

  test('has every metric of the exporter that this memcached has statistics for', async () => {
    const port = await freePort();
    startMemcached(port);
    const sidecar = await startSidecar(['--daemon', `127.0.0.1:${port}`]);
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(200);
    const client = new Connection({ host: '127.0.0.1', port });
    for (let i = 0; i < 100; i++) await client.set(`key-${i}`, Buffer.alloc(i * 100));
    await client.get('key-1');
    await client.get('nope');
    const parsed = parseExposition(await (await fetch(`${sidecar.url}/metrics`)).text());
    const commands = (command: string, outcome: string) =>
      valueOf(parsed, 'memcached_commands_total', { command, status: outcome });
    expect([commands('set', 'hit'), commands('get', 'hit'), commands('get', 'miss')]).toEqual([100, 1, 1]);
    expect(valueOf(parsed, 'memcached_current_items')).toBe(100);
    const itemStats = await client.stats('items');
    await client.close();

    // Flash storage and the proxy are off, and number_temp is there only with temporary TTLs.
    const absent = /extstore|proxy|round_robin|unexpected_napi|memcached_slab_temporary_items/;
    const expected = EXPORTER_METRICS.map(({ name }) => name).filter((name) => !absent.test(name));
    expect(expected.filter((name) => !parsed.has(name))).toEqual([]);
    for (const { name, type } of EXPORTER_METRICS) {
      if (parsed.has(name)) expect(`${name} ${parsed.get(name)?.type}`).toBe(`${name} ${type}`);
    }
    const items = (await (await fetch(`${sidecar.url}/stats/items`)).json()) as Record<string, unknown>;
    const classes = new Set([...itemStats.keys()].map((name) => name.split(':')[1]));
    expect(new Set(Object.keys(items))).toEqual(classes);
  });
});

describe('sidecar as a process', () => {
  test('drains when its supervisor says so, and ends with 0 on SIGTERM', async () => {
    const daemon = await FakeDaemon.start();
    closers.push(() => daemon.stop());
    const sidecar = await startSidecar(['--daemon', `127.0.0.1:${daemon.port}`]);
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(200);
    sidecar.process.send({ type: 'something else' });
    sidecar.process.send({ type: 'drain' });
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(503);
    expect(await (await fetch(`${sidecar.url}/readyz`)).json()).toMatchObject({ code: 'draining' });
    expect(await status(`${sidecar.url}/stats`)).toBe(200);
    sidecar.process.kill('SIGTERM');
    expect(await sidecar.ended).toBe(0);
    for (const line of sidecar.log().trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ name: 'sidecar' });
  });

  test('names a port that is taken in one line and ends with 71', async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    closers.push(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const sidecar = await startSidecar([], { MEMFLEET_LOG_LEVEL: 'warn' }, port);
    expect(await sidecar.ended).toBe(71);
    expect(sidecar.log()).toBe(`memfleet sidecar: 127.0.0.1:${port} is in use\n`);
  });

  test('names a bad flag in one line and ends with 64', async () => {
    const sidecar = await startSidecar(['--daemon', 'here']);
    expect(await sidecar.ended).toBe(64);
    expect(sidecar.log()).toMatch(/^memfleet sidecar: --daemon: expected HOST:PORT .*, got "here"\n$/);
  });

  test('hands the topology of its coordinator to the daemon, and again to the one that takes its place', async () => {
    let daemon = await FakeDaemon.start();
    daemon.token = 'secret';
    closers.push(() => daemon.stop());
    const coordinator = await startCoordinator(41);
    const sidecar = await startSidecar(['--daemon', `127.0.0.1:${daemon.port}`], {
      MEMFLEET_COORDINATOR: coordinator,
      MEMFLEET_CONFIG_TOKEN: 'secret',
    });
    await expect.poll(() => daemon.config, WAIT).toBe('41\ncache-1|127.0.0.1|11211\n');
    const { port } = daemon;
    await daemon.stop();
    daemon = await FakeDaemon.start(port);
    daemon.token = 'secret';
    await expect.poll(() => daemon.config, WAIT).toBe('41\ncache-1|127.0.0.1|11211\n');
    const parsed = parseExposition(await (await fetch(`${sidecar.url}/metrics`)).text());
    expect(valueOf(parsed, 'memfleet_node_topology_version')).toBe(41);
    expect(sidecar.log()).not.toContain('secret');
  });
});

/** A coordinator that has one document and says so in whichever way it is asked. */
async function startCoordinator(version: number): Promise<string> {
  const sidecar = 'http://127.0.0.1:9151';
  const node = { name: 'cache-1', host: 'cache-1', ip: '127.0.0.1', port: 11211, weight: 1, state: 'active', sidecar };
  const hashing = { algorithm: 'ketama', keyHash: 'md5', pointsPerNode: 160 };
  const body = JSON.stringify({
    fleet: 'test',
    version,
    publishedAt: '2026-01-01T00:00:00.000Z',
    hashing,
    nodes: [node],
  });
  const server: Server = createServer((request, response) => {
    if (request.url?.includes('/events') === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`id: ${version}\ndata: ${body}\n\n`);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describeWith(['docker'], 'sidecar in front of the current memcached image', () => {
  test('reads it without a gap', async () => {
    const port = await freePort();
    const run = ['run', '--rm', '-d', '--network', 'host', 'memcached:1.6', '-l', '127.0.0.1', '-p', String(port)];
    const container = execFileSync('docker', run, { encoding: 'utf8' }).trim();
    closers.push(() => execFileSync('docker', ['kill', container], { stdio: 'ignore' }));
    const sidecar = await startSidecar(['--daemon', `127.0.0.1:${port}`]);
    await expect.poll(() => status(`${sidecar.url}/readyz`), WAIT).toBe(200);
    const parsed = parseExposition(await (await fetch(`${sidecar.url}/metrics`)).text());
    const perNode = EXPORTER_METRICS.filter(({ name }) => !/_slab_|extstore|proxy|round_robin|_napi_/.test(name));
    expect(perNode.filter(({ name }) => !parsed.has(name)).map(({ name }) => name)).toEqual([]);
  });
});
