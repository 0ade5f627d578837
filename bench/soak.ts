/**
 * `npm run bench -- soak`: connections that come and go for a long time, beside many that stay and say nothing. Every
 * answer is checked; resident memory is sampled, and should be flat.
 *
 * Each visit connects, stores and reads a few values of its own, and then leaves in one of the ways that clients do:
 * by `quit`, by closing, by a reset, or in the middle of a value.
 */
import { connect, type Socket } from 'node:net';
import type { BenchContext, BenchOutcome } from './harness/context.ts';
import { startServer, statsOf, type RunningServer } from './harness/server.ts';
import { spread } from './harness/statistics.ts';
import { figure, table } from './harness/table.ts';
import { seededRandom } from './load/random.ts';
import type { Address } from './load/transport.ts';
import { memoryUse } from './load/usage.ts';

/** Twenty minutes, unless `--seconds` says otherwise. */
const SECONDS = 1200;
/** Idle connections, unless `--connections` says otherwise. */
const IDLE = 10_000;
const MEMORY_MEGABYTES = 64;
/** Visits under way at once, for each server. */
const VISITORS = 8;
/** Pause of a visitor between two visits, so that the soak leaves the machine some time. */
const PAUSE_MS = 20;
const SAMPLE_MS = 5000;
const VALUES_PER_VISIT = 3;
const VALUE_BYTES_MAX = 30_000;
const VISIT_TIMEOUT_MS = 60_000;
/** Connections opened at once while the idle ones are set up. */
const OPENING = 100;
const MEBIBYTE = 1024 * 1024;

interface Tally {
  visits: number;
  wrong: string[];
  residentMiB: number[];
}

function open(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends a request and resolves with its answer, once that is as long as it must be. */
function ask(socket: Socket, request: string, answerBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const onData = (data: Buffer): void => {
      answer += data.toString('latin1');
      if (answer.length < answerBytes) return;
      socket.off('data', onData);
      resolve(answer);
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed in the middle of an answer')));
    socket.write(request);
  });
}

async function visit(address: Address, key: string, random: () => number): Promise<void> {
  const socket = await open(address);
  socket.setTimeout(VISIT_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
  for (let i = 0; i < VALUES_PER_VISIT; i++) {
    const value = String.fromCharCode(97 + Math.floor(random() * 26)).repeat(Math.floor(random() * VALUE_BYTES_MAX));
    const stored = await ask(socket, `set ${key} 0 60 ${value.length}\r\n${value}\r\n`, 8);
    if (stored !== 'STORED\r\n') throw new Error(`set was answered ${JSON.stringify(stored.slice(0, 60))}`);
    const expected = `VALUE ${key} 0 ${value.length}\r\n${value}\r\nEND\r\n`;
    const found = await ask(socket, `get ${key}\r\n`, expected.length);
    if (found !== expected) throw new Error(`get of ${value.length} bytes was answered wrongly`);
  }
  socket.removeAllListeners('close');
  socket.on('error', () => {});
  leave(socket, random);
}

function leave(socket: Socket, random: () => number): void {
  const way = Math.floor(random() * 4);
  if (way === 0) socket.end('quit\r\n');
  else if (way === 1) socket.end();
  else if (way === 2) socket.resetAndDestroy();
  else socket.write('set unfinished 0 0 20000\r\nabc', () => socket.destroy());
}

async function visitUntil(endMs: number, server: RunningServer, name: string, tally: Tally): Promise<void> {
  const random = seededRandom(name.length * 7919 + server.pid);
  while (performance.now() < endMs) {
    try {
      await visit(server.address, name, random);
      tally.visits++;
    } catch (error) {
      tally.wrong.push((error as Error).message);
    }
    await pause(PAUSE_MS);
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

async function openIdle(address: Address, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(OPENING, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(address)))));
  }
  return sockets;
}

async function soakOne(
  server: RunningServer,
  seconds: number,
  idle: number,
  say: (line: string) => void,
): Promise<Tally> {
  const tally: Tally = { visits: 0, wrong: [], residentMiB: [] };
  const sockets = await openIdle(server.address, idle);
  for (const socket of sockets) socket.on('error', (error) => tally.wrong.push(`idle connection: ${error.message}`));
  const endMs = performance.now() + seconds * 1000;
  const visitors = Array.from({ length: VISITORS }, (_, i) => visitUntil(endMs, server, `visitor-${i}`, tally));
  while (performance.now() < endMs) {
    await pause(Math.min(SAMPLE_MS, endMs - performance.now()));
    tally.residentMiB.push(memoryUse(server.pid).residentBytes / MEBIBYTE);
    const minute = Math.floor((tally.residentMiB.length * SAMPLE_MS) / 60_000);
    if (tally.residentMiB.length % 12 === 0) say(`${server.subject.name}: minute ${minute}, ${tally.visits} visits`);
  }
  await Promise.all(visitors);
  for (const socket of sockets) socket.destroy();
  await pause(1000);
  const left = Number((await statsOf(server.address)).get('curr_connections'));
  if (left > 1 + VISITORS) tally.wrong.push(`${left} connections are still counted after all were closed`);
  return tally;
}

export async function soak(context: BenchContext): Promise<BenchOutcome> {
  const { subjects, options, say } = context;
  const seconds = options.seconds ?? SECONDS;
  const idle = options.connections ?? IDLE;
  const flags = ['-c', String(idle + 1000)];
  const servers = await Promise.all(
    subjects.map((subject) => startServer(subject, undefined, MEMORY_MEGABYTES, flags)),
  );
  const tallies = await Promise.all(servers.map((server) => soakOne(server, seconds, idle, say)));
  await Promise.all(servers.map((server) => server.stop()));
  const rows = tallies.map(({ visits, wrong, residentMiB }, i) => {
    const tenth = Math.max(1, Math.floor(residentMiB.length / 10));
    const part = (from: number): string => figure(spread(residentMiB.slice(from, from + tenth)).median);
    const middle = Math.floor(residentMiB.length / 2);
    return [
      subjects[i]?.name ?? '',
      String(visits),
      String(wrong.length),
      part(0),
      part(middle),
      part(residentMiB.length - tenth),
      wrong[0] ?? '',
    ];
  });
  const head = ['server', 'visits', 'wrong', 'RSS MiB first tenth', 'middle', 'last tenth', 'first error'];
  return { data: { seconds, idle, tallies }, text: table(head, rows) };
}
