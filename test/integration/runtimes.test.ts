/**
 * What the wire tables cannot show, on the real daemon and each runtime it can run on: readers that are slow, readers
 * that stop, clients that keep their side open, and an end in good order. Every byte is checked.
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ourDaemonsOnEachTransport, type ServerProcess } from '../conformance/driver.ts';
import { until } from '../support/until.ts';

const VALUES = 40;
const VALUE_BYTES = 100_000;

function valueOf(i: number): Buffer {
  return Buffer.alloc(VALUE_BYTES, `${i}:abcdefghijklmnopqrstuvwxyz`);
}

async function open(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, ...options });
  await once(socket, 'connect');
  return socket;
}

function portOf(server: ServerProcess | undefined): number {
  if (server === undefined) throw new Error('the daemon did not start');
  return server.port;
}

/** Reads until the answer is `bytes` long, resting after each piece if `restMs` is given. */
async function read(socket: Socket, bytes: number, restMs = 0): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let have = 0;
  while (have < bytes) {
    const piece = socket.read() as Buffer | null;
    if (piece === null) {
      await once(socket, 'readable');
      continue;
    }
    pieces.push(piece);
    have += piece.length;
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  return Buffer.concat(pieces);
}

async function ask(port: number, request: string, answer: RegExp): Promise<string> {
  const socket = await open(port);
  socket.write(request);
  let text = '';
  for await (const piece of socket as AsyncIterable<Buffer>) {
    text += piece.toString('latin1');
    if (answer.test(text)) break;
  }
  socket.destroy();
  return text;
}

async function currentConnections(port: number): Promise<number> {
  const text = await ask(port, 'stats\r\n', /END\r\n$/);
  return Number(/STAT curr_connections (\d+)/.exec(text)?.[1]);
}

describe.each(ourDaemonsOnEachTransport())('$name', (kind) => {
  let server: ServerProcess | undefined;
  const expected = Buffer.concat([
    ...Array.from({ length: VALUES }, (_, i) =>
      Buffer.concat([Buffer.from(`VALUE k${i} 0 ${VALUE_BYTES}\r\n`), valueOf(i), Buffer.from('\r\n')]),
    ),
    Buffer.from('END\r\n'),
  ]);
  const everyKey = Array.from({ length: VALUES }, (_, i) => `k${i}`).join(' ');

  beforeAll(async () => {
    server = await kind.start(['-m', '64']);
    const socket = await open(portOf(server));
    for (let i = 0; i < VALUES; i++) {
      socket.write(`set k${i} 0 0 ${VALUE_BYTES}\r\n`);
      socket.write(valueOf(i));
      socket.write('\r\n');
    }
    expect((await read(socket, VALUES * 'STORED\r\n'.length)).toString()).toBe('STORED\r\n'.repeat(VALUES));
    socket.destroy();
  });
  afterAll(() => server?.stop());

  test('a slow reader gets every byte once and in order', async () => {
    const socket = await open(portOf(server));
    for (let round = 0; round < 3; round++) socket.write(`get ${everyKey}\r\n`);
    const answer = await read(socket, expected.length * 3, 1);
    expect(answer.equals(Buffer.concat([expected, expected, expected]))).toBe(true);
    socket.destroy();
  });

  test('readers that stop hold up nobody else, and lose nothing when they go on', async () => {
    const stopped = await Promise.all(Array.from({ length: 20 }, () => open(portOf(server))));
    for (const socket of stopped) socket.write(`get ${everyKey}\r\nget ${everyKey}\r\n`);
    const other = await open(portOf(server));
    other.write(`get ${everyKey}\r\n`);
    expect((await read(other, expected.length)).equals(expected)).toBe(true);
    other.destroy();
    for (const socket of stopped) {
      const answer = await read(socket, expected.length * 2);
      expect(answer.equals(Buffer.concat([expected, expected]))).toBe(true);
      socket.destroy();
    }
  });

  test('a client that keeps its side open after quit does not stay counted', async () => {
    const before = await currentConnections(portOf(server));
    const socket = await open(portOf(server), { allowHalfOpen: true });
    socket.resume();
    socket.on('error', () => {});
    socket.write('quit\r\n');
    await once(socket, 'end');
    await until('the connection to be gone', async () => (await currentConnections(portOf(server))) <= before);
    socket.destroy();
  });

  test('clients that leave in the middle of a value or an answer leave nothing behind', async () => {
    const before = await currentConnections(portOf(server));
    for (let i = 0; i < 50; i++) {
      const socket = await open(portOf(server));
      socket.on('error', () => {});
      socket.write(i % 2 === 0 ? `set unfinished 0 0 500000\r\n${'x'.repeat(i * 1000)}` : `get ${everyKey}\r\n`);
      if (i % 3 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await until('the connections to be gone', async () => (await currentConnections(portOf(server))) <= before);
    expect(await ask(portOf(server), 'get k0 unfinished\r\n', /END\r\n$/)).toContain('VALUE k0');
  });

  test('SIGTERM ends it with 0 after what has arrived was answered', async () => {
    const leaving = await kind.start();
    const socket = await open(leaving.port);
    const requests = 2000;
    // What the system has taken has arrived: over loopback it lies in the daemon's own buffer.
    await new Promise((taken) => socket.write('set a 0 0 1\r\n1\r\n' + 'get a\r\n'.repeat(requests), taken));
    const leaves = leaving.terminate();
    const answer = 'STORED\r\n' + 'VALUE a 0 1\r\n1\r\nEND\r\n'.repeat(requests);
    expect((await read(socket, answer.length)).toString() === answer).toBe(true);
    socket.destroy();
    expect(await leaves).toBe(0);
  });

  test('SIGTERM: who has connected is answered, though nobody has looked at the listener yet', async () => {
    const leaving = await kind.start();
    leaving.hold();
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open(leaving.port)));
    await Promise.all(sockets.map((socket) => new Promise((taken) => socket.write('mn\r\n', taken))));
    const leaves = leaving.terminate();
    for (const socket of sockets) {
      expect((await read(socket, 4)).toString()).toBe('MN\r\n');
      socket.destroy();
    }
    expect(await leaves).toBe(0);
  });
});
