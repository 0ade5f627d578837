/**
 * A local fleet for a test: the real `bin/memfleet up` on ports that were free a moment ago. Ends with the test, and
 * whatever process it started with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

/** The command of this checkout. */
export const MEMFLEET = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));

/** First ports of a local fleet. */
export interface Ports {
  daemon: number;
  sidecar: number;
  coordinator: number;
  discovery: number;
}

/** How long a fleet may take to start on a busy machine. */
const START_LIMIT_MS = 90_000;

/** Below the ports that Linux gives to outgoing connections, so that none of these takes one in between. */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;

/** Free ports for a fleet: `nodes` in a row for the daemons, as many for the sidecars, and two. */
export async function freePorts(nodes: number): Promise<Ports> {
  for (;;) {
    const daemon = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const coordinator = daemon + 2 * nodes;
    const ports = { daemon, sidecar: daemon + nodes, coordinator, discovery: coordinator + 1 };
    if (await allFree(daemon, ports.discovery)) return ports;
  }
}

/** True if nothing listens on any port from `first` to `last` on loopback. */
export async function allFree(first: number, last: number): Promise<boolean> {
  for (let port = first; port <= last; port += 1) if (!(await isFree(port))) return false;
  return true;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** What a program printed and how it ended. */
export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, in this folder unless told otherwise. */
export async function run(file: string, args: readonly string[], input?: string, cwd?: string): Promise<Ran> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd });
  const output = collect(child);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: output.stdout, stderr: output.stderr };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data: Buffer) => (output.stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output.stderr += data.toString()));
  return output;
}

/** A fleet that runs. */
export class LocalFleet implements AsyncDisposable {
  readonly ports: Ports;
  readonly #process: ChildProcess;
  readonly #output: { stdout: string; stderr: string };
  readonly #nodes: number;

  private constructor(process: ChildProcess, ports: Ports, nodes: number) {
    this.#process = process;
    this.ports = ports;
    this.#nodes = nodes;
    this.#output = collect(process);
  }

  /** Starts `memfleet up`, of this checkout unless told otherwise, and resolves when it says that it is ready. */
  static async start(nodes: number, flags: readonly string[] = [], command = MEMFLEET): Promise<LocalFleet> {
    const ports = await freePorts(nodes);
    const args = ['up', '--nodes', String(nodes), ...portFlags(ports), ...flags];
    const fleet = new LocalFleet(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }), ports, nodes);
    const said = (): boolean => fleet.stdout.includes('ready: ') || fleet.#process.exitCode !== null;
    await until('the fleet to be ready', said, START_LIMIT_MS);
    if (fleet.#process.exitCode !== null) throw new Error(`memfleet up ended: ${fleet.stderr}`);
    return fleet;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The coordinator. */
  get url(): string {
    return `http://127.0.0.1:${this.ports.coordinator}`;
  }

  /** The pids of the processes that it started. */
  children(): number[] {
    return childrenOf(this.pid);
  }

  /** The pid of a node's daemon, counted from 1. */
  daemonPid(node: number): number {
    const port = String(this.ports.daemon + node - 1);
    const pid = this.children().find((candidate) => commandOf(candidate).includes(port) && isDaemon(candidate));
    if (pid === undefined) throw new Error(`no daemon listens on ${port}`);
    return pid;
  }

  /** True if none of its addresses is in use. */
  portsFree(): Promise<boolean> {
    return allFree(this.ports.daemon, this.ports.daemon + 2 * this.#nodes + 1);
  }

  /** Sends a signal and resolves with the exit code and signal when it is gone. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }> {
    this.#process.kill(signal);
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'close');
    return { code: this.#process.exitCode, signal: this.#process.signalCode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM');
  }
}

/** The flags that place a fleet on ports. */
export function portFlags(ports: Ports): string[] {
  return Object.entries(ports).flatMap(([name, port]) => [`--${name}-port`, String(port)]);
}

/** True if a process with this pid exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The pids whose parent is `pid`; empty where there is no /proc. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number {
  // "pid (name) state ppid …", and a name may have spaces and parentheses.
  const fields = readProc(pid, 'stat').split(') ').at(-1)?.split(' ');
  return Number(fields?.[1] ?? -1);
}

function isDaemon(pid: number): boolean {
  return commandOf(pid).includes('daemon');
}

function commandOf(pid: number): string[] {
  return readProc(pid, 'cmdline').split('\0');
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
