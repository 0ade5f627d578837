/**
 * What tests of other people's clients share: running a program to its end, two servers to run it against, and asking
 * these what they hold.
 */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll } from 'vitest';
import type { Server, ServerKind } from '../../conformance/driver.ts';
import { RawClient } from '../../conformance/raw-client.ts';
import { buildRing } from '../../../src/topology/ring.ts';
import { DEFAULT_HASHING, type Hashing } from '../../../src/topology/document.ts';
import { nodeOf } from '../../topology/nodes.ts';

const SERVERS = 2;

/** Each server's share of the keys, at the least. */
export const LEAST_SHARE = 0.2;

/**
 * The same of npm's memcache: with so few points for a server its ring depends on the ports. Of 4,000 pairs of them one in
 * ten left a server less than a fifth, and none less than 3 %.
 */
export const LEAST_SHARE_OF_FEW_POINTS = 0.01;

const LIMIT_MS = 110_000;

/** Runs a program to its end; its output, with how it ended if that was not well. */
export async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<string> {
  return await new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(command, args, { env: { ...process.env, ...env }, timeout: LIMIT_MS, cwd, stdio: [...stdio] });
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code === 0 ? output : `${output}\nended with ${code ?? signal}`));
  });
}

/** Two servers for the tests of a `describe`, with the ports they are on. */
export function twoServers(kind: ServerKind, flags: readonly string[]): { ports: () => number[] } {
  let servers: Server[] = [];
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: SERVERS }, () => kind.start(flags)));
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  return { ports: () => servers.map((server) => server.port) };
}

export function addresses(ports: readonly number[]): string[] {
  return ports.map((port) => `127.0.0.1:${port}`);
}

/** Asks one server; its answer, up to what matches `end`. */
export async function ask(port: number, request: string, end = /(?:END|OK)\r\n$/): Promise<string> {
  const client = await RawClient.connect(port);
  await client.send([Buffer.from(`${request}\r\n`)]);
  const answer = await client.receiveUntilMatch(end);
  client.destroy();
  return answer.toString('latin1');
}

export async function itemCount(port: number): Promise<number> {
  return Number(/STAT curr_items (\d+)/.exec(await ask(port, 'stats'))?.[1]);
}

/** How many of the keys are where our ring places them, with these servers as its nodes. */
export async function placedCount(
  keys: readonly string[],
  ports: readonly number[],
  algorithm: Hashing['algorithm'],
): Promise<number> {
  const nodes = ports.map((port) => nodeOf({ name: `n${port}`, host: '127.0.0.1', port }));
  const ring = buildRing({ nodes, hashing: { ...DEFAULT_HASHING, algorithm } });
  const found = ports.map(async (port, index) => {
    const own = keys.filter((key) => ring.ownerIndex(key) === index);
    const answer = await ask(port, [...own.map((key) => `mg ${key}`), 'mn'].join('\r\n'), /MN\r\n$/);
    return answer.split('HD\r\n').length - 1;
  });
  return (await Promise.all(found)).reduce((sum, count) => sum + count);
}
