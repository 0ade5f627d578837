/** A server under test: started on its core on a free port of loopback, known to answer, ended by its pid. */
import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Address } from '../load/transport.ts';
import { endAtExit, pinned } from './processes.ts';

/** How long a server may take until it answers. */
const START_TIMEOUT_MS = 15_000;
/** Pause between two attempts to reach a server that starts. */
const RETRY_MS = 2;

/** What distinguishes one server of a comparison from another. */
export interface Subject {
  /** Short and unique: `memfleet`, `memfleet (bun)`, `base`, `memcached`. */
  readonly name: string;
  /** Whether it is ours, and which runtime it runs under if that was asked for. */
  readonly ours: boolean;
  readonly runtime: 'default' | 'node' | 'bun' | 'native';
  readonly version: string;
  /** Its command without memcached's flags. */
  readonly command: readonly string[];
  readonly cwd?: string;
}

/** A server that runs. */
export interface RunningServer {
  readonly subject: Subject;
  readonly address: Address;
  readonly pid: number;
  /** From starting the process until `version` was answered. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** A port of loopback that nobody listens on right now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port of loopback is free');
  return address.port;
}

/**
 * Sends `request` on a connection of its own and resolves with the first bytes of the answer.
 * @throws Error if there is none within `timeoutMs`
 */
export function askOnce(address: Address, request: string | Uint8Array, timeoutMs = 2000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true }, () => socket.write(request));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on('data', (data) => {
      socket.destroy();
      resolve(data.toString('latin1'));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed')));
  });
}

/** One answer to `stats`, or to `stats WHAT`, as a map. */
export async function statsOf(address: Address, what = ''): Promise<Map<string, string>> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(address, () => socket.write(`stats ${what}`.trimEnd() + '\r\n'));
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (!answer.endsWith('END\r\n')) return;
      socket.destroy();
      resolve(answer);
    });
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer to stats')));
    socket.on('error', reject);
  });
  return new Map([...text.matchAll(/^STAT (\S+) (.*)\r$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));
}

/**
 * Starts a server with `-m memoryMegabytes` and some room for connections, and waits until it answers.
 * @throws Error with what it wrote to standard error if it does not come up
 */
export async function startServer(
  subject: Subject,
  core: number | undefined,
  memoryMegabytes: number,
  extraFlags: readonly string[] = [],
): Promise<RunningServer> {
  const port = await freePort();
  const address: Address = { host: '127.0.0.1', port };
  const flags = ['-p', port, '-l', address.host, '-U', 0, '-t', 1, '-m', memoryMegabytes, '-c', 4096, ...extraFlags];
  const [command = '', ...args] = pinned(core, [...subject.command, ...flags.map(String)]);
  const startedMs = performance.now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(subject.cwd === undefined ? {} : { cwd: subject.cwd }),
  });
  endAtExit(child);
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2000)));
  let ended: string | undefined;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, signal) => (ended = `ended with ${code ?? signal}`));
  for (;;) {
    try {
      if ((await askOnce(address, 'version\r\n')).startsWith('VERSION')) break;
    } catch {
      // Not up yet.
    }
    if (ended !== undefined || performance.now() - startedMs > START_TIMEOUT_MS) {
      child.kill('SIGKILL');
      throw new Error(`${subject.name} does not start (${ended ?? 'no answer'}): ${said.trim() || command}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  const startMs = performance.now() - startedMs;
  return { subject, address, pid: child.pid ?? 0, startMs, stop: () => stop(child) };
}

/**
 * Ends the process at once. How a server ends is not measured here, and memcached takes a second to end by SIGTERM,
 * which over many starts would be most of the time.
 */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
