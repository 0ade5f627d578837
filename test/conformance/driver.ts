/**
 * Starts the servers under test (the real memcached from PATH, MEMCACHED or its Docker image, or our daemon) on free
 * loopback ports, and talks to them in raw bytes. Owns the processes it starts; nothing here knows what is tested.
 */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from './raw-client.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const IMAGE = 'memcached:1.6';
/** How long a server may take until its port accepts. Generous: a busy machine is not a failure. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** A kind of server that can be started, as often and with whatever flags the tests need. */
export interface ServerKind {
  /** For test titles, with the version: `memcached 1.6.45 (image)`. */
  name: string;
  /** As `VERSION` answers: `1.6.45`. Our daemon says what it is compatible with. */
  version: string;
  /** What starts it, before its flags; not of one in a container. */
  command?: readonly string[];
  start(flags?: readonly string[]): Promise<Server>;
}

/** A running server on 127.0.0.1. */
export interface Server {
  port: number;
  stop(): Promise<void>;
}

/** A server that is a process of ours. */
export interface ServerProcess extends Server {
  /** Holds it where it is, with SIGSTOP, until {@link terminate}; the system goes on taking connections and bytes for it. */
  hold(): void;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Its standard error, for a test to listen to as well, or to leave unread. */
  readonly stderr: Readable;
  /** The last of what it said on standard error. */
  complaints(): string;
  /** Sends SIGTERM and waits for the end; resolves with the exit code, null if a signal ended it. */
  terminate(): Promise<number | null>;
}

/** A kind of server whose process is ours. */
export interface ProcessKind extends ServerKind {
  start(flags?: readonly string[]): Promise<ServerProcess>;
}

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

async function untilAccepts(place: number | string, ended: () => string | undefined): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      const client = await RawClient.connect(place);
      client.destroy();
      return;
    } catch (cause) {
      const end = ended();
      if (end !== undefined || Date.now() > deadline) {
        throw new Error(`no server on ${place}: ${end ?? 'it does not accept'}`, { cause });
      }
    }
    await delay(POLL_MS);
  }
}

async function startProcess(
  command: string,
  args: readonly string[],
  port: number,
  environment: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  const env = { ...process.env, ...environment };
  const child = spawn(command, args, { cwd: REPOSITORY, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  let end: string | undefined;
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('latin1')).slice(-2000);
  });
  const closed = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      end = error.message;
      resolve();
    });
    child.once('close', (code, signal) => {
      end ??= `ended with ${code ?? signal}: ${complaints}`;
      resolve();
    });
  });
  // -s leaves no TCP port.
  const path = args[args.indexOf('-s') + 1];
  await untilAccepts(args.includes('-s') && path !== undefined ? path : port, () => end);
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await closed;
    },
    pid: child.pid ?? 0,
    stderr: child.stderr,
    signal: (name) => void child.kill(name),
    complaints: () => complaints,
    hold: () => void child.kill('SIGSTOP'),
    terminate: async () => {
      child.kill('SIGTERM');
      child.kill('SIGCONT');
      await closed;
      return child.exitCode;
    },
  };
}

function listenFlags(port: number): string[] {
  return ['-l', '127.0.0.1', '-p', String(port), '-U', '0'];
}

function versionOf(command: string, args: string[]): string | undefined {
  try {
    const output = execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 60_000,
    });
    return /\d+\.\d+\.\d+/.exec(output)?.[0];
  } catch {
    return undefined;
  }
}

/** The memcached of this machine: the one that MEMCACHED names, else the one on PATH; undefined where there is none. */
export function installedMemcached(): ServerKind | undefined {
  const command = process.env['MEMCACHED'] ?? 'memcached';
  const version = versionOf(command, ['-V']);
  if (version === undefined) {
    return undefined;
  }
  // memcached refuses to run as root without being told which user to become.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  return {
    name: `memcached ${version}`,
    version,
    command: [command, ...user],
    start: async (flags = []) => {
      const port = await freePort();
      return await startProcess(command, [...user, ...listenFlags(port), ...flags], port);
    },
  };
}

let images = 0;

/** memcached's own image in this machine's Docker engine; undefined where engine or image is missing. */
export function imageMemcached(): ServerKind | undefined {
  const version = versionOf('docker', [
    'run',
    '--rm',
    '--pull',
    'never',
    '--network',
    'none',
    IMAGE,
    'memcached',
    '-V',
  ]);
  if (version === undefined) {
    return undefined;
  }
  return {
    name: `memcached ${version} (image)`,
    version,
    start: async (flags = []) => {
      const port = await freePort();
      images += 1;
      const container = `memfleet-conformance-${process.pid}-${images}`;
      const create = ['run', '--rm', '--pull', 'never', '--network', 'host', '--name', container, IMAGE, 'memcached'];
      const attached = startProcess('docker', [...create, ...listenFlags(port), ...flags], port);
      const stopContainer = async (): Promise<void> => {
        await promisify(execFile)('docker', ['rm', '-f', container]).catch(() => undefined);
      };
      const server = await attached.catch(async (error: unknown) => {
        await stopContainer();
        throw error;
      });
      return {
        port,
        stop: async () => {
          await stopContainer();
          await server.stop();
        },
      };
    },
  };
}

/** The version of memcached that our daemon is held to. */
export const REFERENCE_VERSION = '1.6.45';

/** The oldest memcached that has the statistics and listeners of {@link REFERENCE_VERSION}, but for what tests name. */
export const COMPARABLE_VERSION = '1.6.38';

/** What bin/memfleet ends with where the runtime that was asked for is not there (EX_UNAVAILABLE). */
const EXIT_NO_RUNTIME = 69;

/** Anything else that may be wrong with our daemon is for the tests to find, not for this to hide. */
function lacksRuntime(command: string, runtime: string): boolean {
  return spawnSync(command, ['daemon', '--runtime', runtime, '-V'], { stdio: 'ignore' }).status === EXIT_NO_RUNTIME;
}

/** Our daemon, once for each runtime that is here. */
export function ourDaemons(): ProcessKind[] {
  return onEachRuntime('', {});
}

/** The same, and once more for each runtime with nothing but the sockets that it offers to everyone. */
export function ourDaemonsOnEachTransport(): ProcessKind[] {
  return [...ourDaemons(), ...onEachRuntime(', public sockets', { MEMFLEET_TRANSPORT: 'public' })];
}

function onEachRuntime(suffix: string, environment: NodeJS.ProcessEnv): ProcessKind[] {
  const command = `${REPOSITORY}/bin/memfleet`;
  return ['node', 'bun']
    .filter((runtime) => !lacksRuntime(command, runtime))
    .map((runtime) => ({
      name: `our daemon on ${runtime}${suffix}`,
      version: REFERENCE_VERSION,
      command: [command, 'daemon', '--runtime', runtime],
      start: async (flags = []) => {
        const port = await freePort();
        const args = ['daemon', '--runtime', runtime, ...listenFlags(port), ...flags];
        return await startProcess(command, args, port, environment);
      },
    }));
}

/** Whether a version as `1.6.45` is at least another. */
export function atLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i += 1) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) {
      return difference > 0;
    }
  }
  return true;
}

/** The memcached nearest to the reference: the installed one if it is new enough, else the image, else the installed one. */
export function referenceMemcached(): ServerKind | undefined {
  const installed = installedMemcached();
  if (installed !== undefined && atLeast(installed.version, REFERENCE_VERSION)) {
    return installed;
  }
  return imageMemcached() ?? installed;
}
