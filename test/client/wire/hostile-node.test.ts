/**
 * Goal: a node that sends too much, or too slowly, costs its own requests and no memory; the client stays in step and
 * says by a code what happened. Method: a server that answers what the test tells it to; time is moved by hand.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { Connection } from '../../../src/client/wire/connection.ts';
import type { ConnectionOptions } from '../../../src/client/wire/options.ts';
import { createFleet } from '../../../src/client/fleet.ts';
import { LATE_FACTOR } from '../../../src/client/limits.ts';
import { until } from '../../support/until.ts';

let server: Server;
let sockets: Socket[];
/** The command lines that came on all connections, in order. */
let lines: string[];
let clock: ManualClock;
let connection: Connection;

beforeEach(async () => {
  sockets = [];
  lines = [];
  clock = new ManualClock();
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => lines.push(...chunk.toString().trimEnd().split('\r\n')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  connection = open();
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  void connection.close();
  await new Promise((resolve) => server.close(resolve));
});

function open(options: Partial<ConnectionOptions> = {}): Connection {
  const { port } = server.address() as AddressInfo;
  return new Connection({ host: '127.0.0.1', port, clock, random: () => 0.5, valueBytesMax: 1000, ...options });
}

async function asked(count: number): Promise<void> {
  await until(`${count} commands have come`, () => lines.length >= count);
}

function value(key: string, size: number): string {
  return `VALUE ${key} 0 ${size}\r\n${'x'.repeat(size)}\r\n`;
}

const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' });

describe('a value above the bound', () => {
  test('fails its own request, and the connection goes on', async () => {
    const answers = [connection.get('big'), connection.get('small'), connection.version()] as const;
    await asked(3);
    sockets[0]?.write(`${value('big', 1001)}END\r\n${value('small', 1000)}END\r\nVERSION 1\r\n`);
    await expect(answers[0]).rejects.toEqual(tooLarge);
    await expect(answers[1]).resolves.toMatchObject({ data: Buffer.alloc(1000, 'x') });
    await expect(answers[2]).resolves.toBe('1');
    expect(sockets).toHaveLength(1);
  });

  test('in the answer for many keys fails that answer', async () => {
    const many = connection.retrieve('get', ['a', 'big', 'b'], ({ data }) => data.length);
    await asked(1);
    sockets[0]?.write(`${value('a', 1)}${value('big', 2000)}${value('b', 1)}END\r\n`);
    await expect(many).rejects.toEqual(tooLarge);
    const next = connection.version();
    await asked(2);
    sockets[0]?.write('VERSION 1\r\n');
    await expect(next).resolves.toBe('1');
  });

  test('under a key that nobody asked for ends the connection', async () => {
    const answer = connection.get('a');
    await asked(1);
    sockets[0]?.write('VALUE other 0 2000\r\n');
    sockets[0]?.write(`${'x'.repeat(2000)}\r\nEND\r\n`);
    await expect(answer).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  test('is the caller’s to see, with its key', async () => {
    const { port } = server.address() as AddressInfo;
    const fleet = createFleet({ servers: [`127.0.0.1:${port}`], valueBytesMax: 10 });
    const answer = fleet.get('big');
    await asked(1);
    sockets[0]?.write(`${value('big', 11)}END\r\n`);
    await expect(answer).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: 'the value of "big" has 11 bytes, more than valueBytesMax',
    });
    await fleet.close();
  });
});

describe('an answer above the bound', () => {
  beforeEach(() => {
    connection = open({ answerBytesMax: 2500 });
  });

  test('of many values is not kept', async () => {
    const answer = connection.retrieve('get', ['a', 'b', 'c'], ({ data }) => data.length);
    await asked(1);
    sockets[0]?.write(`${value('a', 900)}${value('b', 900)}${value('c', 900)}END\r\n`);
    await expect(answer).rejects.toEqual(tooLarge);
  });

  test('of statistics is not kept', async () => {
    const answer = connection.stats();
    await asked(1);
    for (let i = 0; i < 10; i += 1) sockets[0]?.write(`STAT name${i} ${'x'.repeat(500)}\r\n`);
    sockets[0]?.write('END\r\n');
    await expect(answer).rejects.toEqual(tooLarge);
  });

  test('of a configuration is not kept', async () => {
    const answers = [connection.configGet(), connection.version()];
    await asked(2);
    sockets[0]?.write(`CONFIG cluster 0 1500\r\n${'x'.repeat(1500)}\r\nEND\r\nVERSION 1\r\n`);
    await expect(answers[0]).rejects.toEqual(tooLarge);
    await expect(answers[1]).resolves.toBe('1');
  });
});

describe('a value of a gigabyte that comes after its deadline', () => {
  const CHUNK = Buffer.alloc(1024 * 1024, 'x');

  /** Writes so many MiB, each when the one before has gone out. */
  async function send(mebibytes: number): Promise<void> {
    for (let i = 0; i < mebibytes; i += 1) await new Promise((sent) => sockets[0]?.write(CHUNK, sent));
  }

  test('passes by, and the connection goes on with the next answer', async () => {
    connection = open({ valueBytesMax: 1024 * 1024 * 1024 });
    const answer = connection.get('k');
    await asked(1);
    sockets[0]?.write(`VALUE k 0 ${64 * CHUNK.length}\r\n`);
    await send(16);
    clock.advance(1000);
    await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
    await send(48);
    sockets[0]?.write('\r\nEND\r\n');
    // The next request on the same connection shows that all of it has been read.
    const next = connection.version();
    await asked(2);
    sockets[0]?.write('VERSION 1\r\n');
    await expect(next).resolves.toBe('1');
    expect(sockets).toHaveLength(1);
  });

  test('costs the connection if it does not end', async () => {
    const answer = connection.get('k');
    await asked(1);
    sockets[0]?.write('VALUE k 0 1000000000\r\n');
    const settled = expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
    let ended = false;
    sockets[0]?.on('close', () => (ended = true));
    // A byte a second: never silent, never done.
    for (let second = 0; second < LATE_FACTOR - 1; second += 1) {
      clock.advance(1000);
      await new Promise((sent) => sockets[0]?.write('x', sent));
      // Twice around the loop, for the byte to be read.
      for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await settled;
    expect(ended).toBe(false);
    clock.advance(1000);
    await until('the connection is given up', () => ended);
    expect(connection.available).toBe(false);
  });
});
