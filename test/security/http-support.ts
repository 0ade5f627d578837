/** What the tests of the HTTP servers share: a coordinator and a sidecar as processes, and a look at what they hold. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { until } from '../support/until.ts';

const BIN = new URL('../../bin/memfleet', import.meta.url).pathname;

export interface Served {
  readonly child: ChildProcess;
  readonly port: number;
  readonly log: () => string;
  /** Bytes of memory that the kernel counts for it. */
  readonly rssBytes: () => number;
  /** Descriptors that it has open. */
  readonly descriptors: () => number;
  readonly get: (path: string) => Promise<{ status: number; body: string }>;
  readonly stop: () => Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs `memfleet …words` and waits until its HTTP answers. */
export async function serve(words: readonly string[], port: number, env: Record<string, string> = {}): Promise<Served> {
  const child = spawn(BIN, [...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const get = (path: string): Promise<{ status: number; body: string }> => ask(port, path);
  const answers = (): Promise<boolean> =>
    get('/healthz').then(
      ({ status }) => status === 200,
      () => false,
    );
  await until('it answers', answers, 60_000);
  const memory = (): string => readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return {
    child,
    port,
    log: () => log,
    rssBytes: () => 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(memory())?.[1]),
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    get,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A coordinator of one node that is not there, and its auto-discovery port. */
export async function serveCoordinator(env: Record<string, string> = {}): Promise<Served & { discoveryPort: number }> {
  const [port, discoveryPort] = [await freePort(), await freePort()];
  const listen = ['--listen', `127.0.0.1:${port}`, '--discovery-listen', `127.0.0.1:${discoveryPort}`];
  const nodes = ['--nodes', 'node-1=127.0.0.1:1=http://127.0.0.1:2', '--start-grace', '100ms'];
  const served = await serve(['coordinator', ...listen, ...nodes], port, env);
  return { ...served, discoveryPort };
}

/** A sidecar of a daemon that is not there. */
export async function serveSidecar(): Promise<Served> {
  const port = await freePort();
  return serve(['sidecar', '--daemon', '127.0.0.1:1', '--listen', `127.0.0.1:${port}`], port);
}

/** One request over a connection of its own; rejects if it is not answered. */
function ask(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    });
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', reject);
    socket.on('close', () => {
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
      if (Number.isNaN(status)) reject(new Error(`no answer to ${path}: ${JSON.stringify(answer)}`));
      else resolve({ status, body: answer.slice(answer.indexOf('\r\n\r\n') + 4) });
    });
  });
}

/** A connection that nothing is read from. Its errors are the other side's wish. */
export function hold(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.pause();
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** As many of them; no more at once than a queue of connections takes. */
export async function holdMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(100, count - sockets.length) }, () => hold(port));
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

/** Closes them all, and waits until the process has as many descriptors as before, or fewer. */
export async function release(served: Served, sockets: readonly Socket[], descriptorsBefore: number): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await until('its descriptors are free', () => served.descriptors() <= descriptorsBefore, 60_000);
}

/** Asks `/healthz` again and again while `body` runs; gives how often it was answered 200, and what else came. */
export async function probing(
  served: Served,
  body: () => Promise<void>,
): Promise<{ served: number; missed: string[] }> {
  const over = new AbortController();
  const counts = { served: 0, missed: [] as string[] };
  const probe = (async () => {
    do {
      await served.get('/healthz').then(
        ({ status }) => (status === 200 ? (counts.served += 1) : counts.missed.push(String(status))),
        (error: unknown) => counts.missed.push(String(error)),
      );
    } while (!over.signal.aborted);
  })();
  try {
    await body();
  } finally {
    over.abort();
    await probe;
  }
  return counts;
}
