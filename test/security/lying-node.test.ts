/**
 * A node that lies to the coordinator, or sends it more than it asked for. Method: the real coordinator in front of a node
 * of the test's own, beside an honest one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VERSION_LEAD_MAX } from '../../src/coordinator/limits.ts';
import { VERSION_MAX } from '../../src/topology/limits.ts';
import { TinyMemcached } from '../support/tiny-memcached.ts';
import { until } from '../support/until.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';

const command = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const MIB = 1024 * 1024;

let honest: TinyMemcached;
let liar: LyingNode;
let coordinator: Coordinator | undefined;
let directory: string;

beforeEach(async () => {
  honest = await TinyMemcached.start();
  liar = new LyingNode();
  await liar.start();
  directory = mkdtempSync(join(tmpdir(), 'memfleet-lying-'));
});

afterEach(async () => {
  await coordinator?.stop('SIGKILL');
  coordinator = undefined;
  await liar.stop();
  await honest[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** A node that answers what it is told to `config get cluster`, and its sidecar's HTTP. */
class LyingNode {
  /** What it tells; given the connection, so that it may go on. */
  tell: (socket: Socket) => void = (socket) => void socket.write('END\r\n');
  /** What its sidecar answers to `/readyz`. */
  ready: (response: ServerResponse) => void = (response) => void response.end('{}');
  readonly sidecar: HttpServer = createHttpServer((_request, response) => this.ready(response));
  bytesSent = 0;
  readonly #sockets = new Set<Socket>();
  readonly #daemon: Server = createServer((socket) => this.#serve(socket));

  async start(): Promise<void> {
    this.#daemon.listen(0, '127.0.0.1');
    this.sidecar.listen(0, '127.0.0.1');
    await Promise.all([once(this.#daemon, 'listening'), once(this.sidecar, 'listening')]);
  }

  /** As an entry of `--nodes`. */
  get entry(): string {
    const [daemon, sidecar] = [this.#daemon, this.sidecar].map((server) => (server.address() as AddressInfo).port);
    return `liar=127.0.0.1:${daemon}=http://127.0.0.1:${sidecar}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.sidecar.closeAllConnections();
    await Promise.all([this.#daemon, this.sidecar].map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Writes without end, as fast as it is read. */
  flood(write: (chunk: Buffer, sent: () => void) => unknown): void {
    write(Buffer.alloc(MIB, 'x'), () => {
      this.bytesSent += MIB;
      this.flood(write);
    });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trimEnd().split('\r\n')) {
        if (line === 'config get cluster') this.tell(socket);
        else socket.write(line === 'version' ? 'VERSION 1.6.0\r\n' : line === 'flush_all' ? 'OK\r\n' : 'END\r\n');
      }
    });
  }
}

/** The coordinator's process, once its topology can be had. */
class Coordinator {
  readonly url: string;
  readonly discoveryPort: number;
  log = '';
  readonly #child: ChildProcess;

  private constructor(http: number, discovery: number, env: NodeJS.ProcessEnv) {
    this.url = `http://127.0.0.1:${http}`;
    this.discoveryPort = discovery;
    const nodes = `honest=127.0.0.1:${honest.port}=http://127.0.0.1:1,${liar.entry}`;
    const places = ['--listen', `127.0.0.1:${http}`, '--discovery-listen', `127.0.0.1:${discovery}`];
    const settings = ['--nodes', nodes, '--probe-interval', '20ms', '--state-file', join(directory, 'state')];
    this.#child = spawn(command, ['coordinator', ...places, ...settings], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
  }

  static async start(env: NodeJS.ProcessEnv = {}): Promise<Coordinator> {
    const probes = [createServer(), createServer()].map((server) => server.listen(0, '127.0.0.1'));
    await Promise.all(probes.map((server) => once(server, 'listening')));
    const [http = 0, discovery = 0] = probes.map((server) => (server.address() as AddressInfo).port);
    await Promise.all(probes.map((server) => new Promise((resolve) => server.close(resolve))));
    coordinator = new Coordinator(http, discovery, env);
    const started = coordinator;
    await until('a topology', async () => (await started.version().catch(() => 0)) > 0, 60_000);
    return started;
  }

  async version(): Promise<number> {
    const response = await fetch(`${this.url}/v1/topology`);
    return response.ok ? ((await response.json()) as { version: number }).version : 0;
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.split(' ')[1] ?? Number.NaN);
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    this.#child.kill(signal);
    const [code] = (await once(this.#child, 'exit')) as [number | null];
    return code;
  }
}

function refused(reason: string): string {
  return `memfleet_topology_words_refused_total{reason="${reason}"}`;
}

function lie(): void {
  let version = Math.floor(Date.now() / 1000);
  liar.tell = (socket) => {
    version = Math.min(version + 86_400, VERSION_MAX);
    const payload = `${version}\nliar|127.0.0.1|1\n`;
    socket.write(`CONFIG cluster 0 ${payload.length}\r\n${payload}\r\nEND\r\n`);
  };
}

describe('a version that is another day ahead at each look', () => {
  test('uses up a day of versions, once, where there is no token', async () => {
    const started = await Coordinator.start();
    lie();
    await until('lies have been refused', async () => (await started.metric(refused('ahead'))) > 20, 60_000);
    expect(await started.version()).toBeLessThanOrEqual(Date.now() / 1000 + VERSION_LEAD_MAX + 1);
    expect(started.log).toMatch(/"why":"ahead".*no coordinator of this fleet has published/);
    // Each is counted, and one of them is told.
    expect(started.log.match(/no coordinator of this fleet/g)).toHaveLength(1);
    expect(await started.stop('SIGTERM')).toBe(0);
  });

  test('uses up nothing where there is a token', async () => {
    const started = await Coordinator.start({ MEMFLEET_TOKEN: 'the-token' });
    await until('both are active', async () => (await started.metric('memfleet_nodes{state="active"}')) === 2);
    const before = await started.version();
    lie();
    await until('lies have been refused', async () => (await started.metric(refused('unsigned'))) > 20, 60_000);
    expect(await started.version()).toBe(before);
    expect(await started.stop('SIGTERM')).toBe(0);
  });
});

test('a state with the last version there is does not end the coordinator, and is said everywhere', async () => {
  const document = documentOf([nodeOf({ name: 'gone', ip: '127.0.0.1' })], { version: VERSION_MAX });
  writeFileSync(join(directory, 'state'), JSON.stringify({ document, drained: [] }));
  const started = await Coordinator.start();
  await until('the topology is held', () => started.log.includes('versions are used up'));
  await until('the nodes are probed', async () => (await started.metric('memfleet_probe_seconds_count')) > 10, 60_000);
  expect(await started.version()).toBe(VERSION_MAX);
  expect(await started.metric('memfleet_topology_versions_left')).toBe(0);
  expect(await started.metric('memfleet_topology_held')).toBe(1);
  const ready = await fetch(`${started.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { status: 'ready', version: VERSION_MAX, held: expect.stringMatching(/^versions are used up/) },
  ]);
  const socket = connect(started.discoveryPort, '127.0.0.1');
  let stats = '';
  socket.on('data', (chunk) => (stats += chunk.toString()));
  socket.write('stats\r\n');
  await until('statistics', () => stats.endsWith('END\r\n'));
  expect(stats).toContain('STAT topology_versions_left 0\r\n');
  socket.destroy();
  expect(await started.stop('SIGTERM')).toBe(0);
});

test('a configuration of a gigabyte, an endless answer of a sidecar: memory stays, the other node stays', async () => {
  const started = await Coordinator.start();
  await until('both are active', async () => (await started.metric('memfleet_nodes{state="active"}')) === 2);
  const before = started.residentBytes();
  liar.tell = (socket) => {
    socket.write('CONFIG cluster 0 1000000000\r\n');
    liar.flood((chunk, sent) => socket.write(chunk, (error) => (error ? undefined : sent())));
  };
  liar.ready = (response) => {
    liar.flood((chunk, sent) => response.write(chunk, (error) => (error ? undefined : sent())));
  };
  let most = 0;
  await until(
    'half a gigabyte was sent',
    () => {
      most = Math.max(most, started.residentBytes());
      return liar.bytesSent > 512 * MIB;
    },
    60_000,
  );
  expect(most - before).toBeLessThan(128 * MIB);
  const nodes = (await (await fetch(`${started.url}/v1/nodes`)).json()) as { nodes: { name: string; state: string }[] };
  expect(nodes.nodes.find(({ name }) => name === 'honest')?.state).toBe('active');
  expect(await started.stop('SIGTERM')).toBe(0);
});
