/**
 * Goal: a link's states and their edges: idle, connecting, up, waiting, probing, closed. Method: a server that replies
 * only what the test tells it to; time and chance are moved by hand.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { Link } from '../../../src/client/wire/link.ts';
import { connectionSettings, type ConnectionOptions } from '../../../src/client/wire/options.ts';
import { UNEXPECTED, type Collect } from '../../../src/client/wire/pending-queue.ts';
import { until } from '../../support/until.ts';

let server: Server;
let port: number;
let sockets: Socket[];
/** What came on all connections, one entry for each read. */
let reads: string[];
let clock: ManualClock;
let events: string[];
let links: Link[];

beforeEach(async () => {
  sockets = [];
  reads = [];
  events = [];
  links = [];
  clock = new ManualClock();
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => reads.push(chunk.toString()));
  });
  await listen(0);
});

afterEach(async () => {
  for (const link of links) void link.close();
  await stop();
});

async function listen(at: number): Promise<void> {
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
}

/** New connections are refused, and the ones that are there break. */
async function stop(): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of sockets) socket.destroy();
  await closed;
}

function open(options: Partial<ConnectionOptions> = {}): Link {
  const link = new Link(
    connectionSettings({
      host: '127.0.0.1',
      port,
      clock,
      random: () => 0.5,
      onDown: ({ code }) => events.push(`down ${code}`),
      onUp: () => events.push('up'),
      ...options,
    }),
  );
  links.push(link);
  return link;
}

const status: Collect<string> = (reply) => (reply.kind === 'status' ? reply.status : UNEXPECTED);

function ask(link: Link, line: string): Promise<string> {
  const asked = link.request((writer) => writer.line(line), status);
  asked.catch(() => undefined);
  return asked;
}

async function come(count: number): Promise<void> {
  await until(`${count} reads`, () => reads.length >= count);
}

/** A link with a connection that has replied once. */
async function upLink(options: Partial<ConnectionOptions> = {}): Promise<Link> {
  const link = open(options);
  const first = ask(link, 'first');
  await come(1);
  sockets[0]?.write('OK\r\n');
  await first;
  return link;
}

describe('idle', () => {
  test('is available and has no socket until the first request', async () => {
    const link = open();
    expect(link.available).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets).toHaveLength(0);
    await link.close();
  });
});

describe('up', () => {
  test('requests of one turn leave in one write; replies settle them in order', async () => {
    const link = await upLink();
    const asked = Promise.all(['a', 'b', 'c'].map((line) => ask(link, line)));
    await come(2);
    expect(reads[1]).toBe('a\r\nb\r\nc\r\n');
    sockets[0]?.write('STORED\r\nEXISTS\r\nEND\r\n');
    await expect(asked).resolves.toEqual(['STORED', 'EXISTS', 'END']);
    expect(sockets).toHaveLength(1);
  });

  test('lost after it worked: connects again immediately, and requests wait for that', async () => {
    const link = await upLink();
    sockets[0]?.destroy();
    await until('the second connection', () => sockets.length === 2);
    expect(link.available).toBe(true);
    const asked = ask(link, 'again');
    await come(2);
    sockets[1]?.write('OK\r\n');
    await expect(asked).resolves.toBe('OK');
    await until('the return is reported', () => events.length === 2);
    expect(events).toEqual(['down CONNECT_FAILED', 'up']);
  });

  test('a reply without a request costs the connection', async () => {
    await upLink();
    sockets[0]?.write('END\r\n');
    await until('the second connection', () => sockets.length === 2);
    expect(events[0]).toBe('down PROTOCOL');
  });

  test('one request more than queueMax is refused', async () => {
    const link = await upLink({ queueMax: 1 });
    void ask(link, 'a');
    await expect(ask(link, 'b')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  });
});

describe('waiting', () => {
  test('refuses immediately, and tries again after waits that double', async () => {
    await stop();
    const link = open({ backoffMaxMs: 400 });
    await expect(ask(link, 'a')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    expect(link.available).toBe(false);
    await expect(ask(link, 'b')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    expect(events).toEqual(['down CONNECT_FAILED']);
    await listen(port);
    await until('it connects', () => {
      clock.advance(400);
      return link.available;
    });
    expect(events).toEqual(['down CONNECT_FAILED', 'up']);
  });
});

describe('probing', () => {
  test('a peer given up for its silence gets no request before it has replied to version', async () => {
    const link = await upLink({ commandTimeoutMs: 100 });
    const silent = ask(link, 'a');
    await come(2);
    clock.advance(100);
    await expect(silent).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(link.available).toBe(true);
    clock.advance(100);
    expect([link.available, ...events]).toEqual([false, 'down TIMEOUT']);
    clock.advance(50);
    await come(3);
    expect(reads[2]).toBe('version\r\n');
    await expect(ask(link, 'b')).rejects.toMatchObject({ code: 'TIMEOUT' });
    sockets[1]?.write('VERSION 1\r\n');
    await until('the peer is back', () => link.available);
    expect(events).toEqual(['down TIMEOUT', 'up']);
  });
});

describe('closed', () => {
  test('waits for the replies that are due, refuses the rest, and ends the socket', async () => {
    const link = await upLink();
    const due = ask(link, 'a');
    await come(2);
    let isClosed = false;
    const closing = link.close().then(() => (isClosed = true));
    expect(link.available).toBe(false);
    await expect(ask(link, 'b')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(isClosed).toBe(false);
    const ended = new Promise((resolve) => sockets[0]?.once('close', resolve));
    sockets[0]?.write('OK\r\n');
    await expect(due).resolves.toBe('OK');
    await closing;
    await ended;
    await link.close();
  });
});
