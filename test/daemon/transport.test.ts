/**
 * The transports of Node over real sockets. Both are one contract (src/daemon/transport/transport.ts), so both run one suite, with
 * a whole daemon behind them and its own clock, which stands still unless a test moves it.
 */
import { connect as connectTo, type Socket } from 'node:net';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { STALLED_READER_SECONDS } from '../../src/daemon/limits.ts';
import { Server } from '../../src/daemon/server.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/daemon/settings.ts';
import { nodeHandleTransport } from '../../src/daemon/transport/node-handle.ts';
import { nodeTransport } from '../../src/daemon/transport/node.ts';
import type { ListenAddress, Transport } from '../../src/daemon/transport/transport.ts';
import { until } from '../support/until.ts';
import { makeValue } from './support/engine-driver.ts';

const LOOPBACK: ListenAddress = { host: '127.0.0.1', port: 0 };

const transports: [string, Transport][] = [['streams', nodeTransport]];
const handles = nodeHandleTransport();
if (handles !== undefined) transports.push(['handles', handles]);

/** A client that keeps what it got, and reads only when it is let. */
class Client {
  readonly socket: Socket;
  closed = false;
  readonly #chunks: Buffer[] = [];
  bytes = 0;

  constructor(address: ListenAddress, allowHalfOpen = false) {
    this.socket = connectTo({ ...address, allowHalfOpen });
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.bytes += chunk.length;
    });
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.closed = true;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Waits until the text has come. */
  async expects(text: string): Promise<void> {
    const bytes = Buffer.from(text, 'latin1');
    await until(`${bytes.length} bytes`, () => this.bytes >= bytes.length);
    expect(this.received().toString('latin1')).toBe(text);
  }
}

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(transport: Transport, settings: Partial<Settings> = {}): Promise<Server> {
  const server = new Server({
    settings: { ...DEFAULT_SETTINGS, listen: [LOOPBACK], ...settings },
    transport,
    productVersion: '0.0.0',
    clock: systemClock,
    hashSeed: 1,
    log: { write() {}, dropped: 0 },
  });
  await server.listen();
  cleanUps.push(() => server.close());
  return server;
}

function open(server: Server, allowHalfOpen = false): Client {
  const client = new Client({ host: '127.0.0.1', port: server.ports[0] }, allowHalfOpen);
  cleanUps.push(() => client.socket.destroy());
  return client;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe.each(transports)('sockets over %s', (_name, transport) => {
  test('a request is answered, and quit closes', async () => {
    const server = await start(transport);
    const client = open(server);
    client.send('set k 0 0 1\r\nv\r\nget k\r\nquit\r\nget k\r\n');
    await client.expects('STORED\r\nVALUE k 0 1\r\nv\r\nEND\r\n');
    await until('the connection is closed', () => client.closed);
    await until('it is forgotten', () => server.counters.currentConnections === 0);
  });

  test('a client that has quit and keeps its side open is forgotten all the same', async () => {
    const server = await start(transport);
    const client = open(server, true);
    client.send('quit\r\n');
    await until('the connection is closed', () => client.closed);
    await until('it is forgotten', () => server.counters.currentConnections === 0);
  });

  test.each([3, 20, 90, 400])(
    'a reader that stops, over answers of %i kB, gets every byte in order',
    async (kilobytes) => {
      const server = await start(transport);
      const value = makeValue(kilobytes * 1000, 5);
      const writer = open(server);
      writer.send(Buffer.concat([Buffer.from(`set k 0 0 ${value.length}\r\n`), value, Buffer.from('\r\n')]));
      await writer.expects('STORED\r\n');
      const client = open(server);
      client.socket.pause();
      const answer = Buffer.concat([Buffer.from(`VALUE k 0 ${value.length}\r\n`), value, Buffer.from('\r\nEND\r\n')]);
      // More than the kernel's buffers of both sides hold.
      const count = Math.ceil(24_000_000 / answer.length);
      let sent = 0;
      const suspended = (): boolean => [...server.connections()].some((connection) => connection.isSuspended);
      while (sent < count) {
        const batch = Math.min(20, count - sent);
        client.send('get k\r\n'.repeat(batch));
        sent += batch;
      }
      await until('the daemon waits for its reader', suspended);
      // Others are served meanwhile.
      const other = open(server);
      other.send('get none\r\n');
      await other.expects('END\r\n');
      client.socket.resume();
      await until('all has come', () => client.bytes >= count * answer.length, 25_000);
      const received = client.received();
      expect(received.length).toBe(count * answer.length);
      for (let i = 0; i < count; i++) {
        const part = received.subarray(i * answer.length, (i + 1) * answer.length);
        if (!part.equals(answer)) throw new Error(`answer ${i} is not what was stored`);
      }
      expect(suspended()).toBe(false);
    },
  );

  test('a small answer that is the first not to be taken is not the last that is sent', async () => {
    const server = await start(transport);
    const client = open(server);
    client.send(`set k 0 0 20000\r\n${'x'.repeat(20_000)}\r\n`);
    await client.expects('STORED\r\n');
    client.socket.pause();
    const [connection] = server.connections();
    let count = 0;
    while (!connection.isSuspended) {
      client.send('get k\r\n');
      count++;
      await until('the request is read', () => server.counters.getCommands === count || connection.isSuspended);
    }
    client.socket.resume();
    client.send('version\r\n');
    await until('the answer behind it', () => client.received().subarray(-100).toString('latin1').includes('VERSION'));
    expect(server.counters.getCommands).toBe(count);
  });

  test('a connection that is reset in the middle of an answer leaves nothing behind', async () => {
    const server = await start(transport);
    const client = open(server);
    client.send(`set k 0 0 500000\r\n${'x'.repeat(500_000)}\r\n`);
    await client.expects('STORED\r\n');
    client.socket.pause();
    client.send('get k\r\n'.repeat(100));
    await until('the daemon waits', () => [...server.connections()].some((connection) => connection.isSuspended));
    client.socket.resetAndDestroy();
    const next = open(server);
    next.send('version\r\n');
    await until('the next is served', () => next.bytes > 0);
    // The daemon has stopped reading, so it learns of the reset by its write or when its patience ends.
    expect(STALLED_READER_SECONDS).toBeGreaterThan(0);
  });

  test('one connection more than allowed is told so and closed, and the others go on', async () => {
    const server = await start(transport, { maxConnections: 2 });
    const [first, second] = [open(server), open(server)];
    for (const client of [first, second]) client.send('set k 0 0 1\r\nv\r\n');
    for (const client of [first, second]) await client.expects('STORED\r\n');
    const third = open(server, true);
    await third.expects('ERROR Too many open connections\r\n');
    await until('the third is closed', () => third.closed);
    expect(server.counters).toMatchObject({ currentConnections: 2, totalConnections: 2, rejectedConnections: 1 });
    second.socket.destroy();
    await until('the second is forgotten', () => server.counters.currentConnections === 1);
    const fourth = open(server);
    fourth.send('get k\r\n');
    await fourth.expects('VALUE k 0 1\r\nv\r\nEND\r\n');
    first.send('version\r\n');
    await until('the first is served', () => first.bytes > 'STORED\r\n'.length);
  });

  test('close answers what has arrived, ends every connection and takes no more', async () => {
    const server = await start(transport);
    const clients = [open(server), open(server)];
    for (const client of clients) client.send('set k 0 0 1\r\nv\r\n');
    for (const client of clients) await client.expects('STORED\r\n');
    for (const client of clients) client.send('get k\r\n'.repeat(1000));
    await Promise.all([server.close(), server.close()]);
    for (const client of clients) {
      await client.expects(`STORED\r\n${'VALUE k 0 1\r\nv\r\nEND\r\n'.repeat(1000)}`);
      await until('it is closed', () => client.closed);
    }
    const late = open(server);
    await until('nobody listens', () => late.closed);
    expect(server.counters.totalConnections).toBe(2);
  });

  test('a port that is taken is named, and no other address stays open', async () => {
    const holder = await start(transport);
    const taken = { host: '127.0.0.1', port: holder.ports[0] };
    const path = join(temporaryFolder(), 'socket');
    const listen: ListenAddress[] = [{ path, mode: 0o700 }, taken];
    await expect(start(transport, { listen })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: `127.0.0.1:${taken.port} is in use`,
    });
    const client = new Client({ path, mode: 0o700 });
    await until('the socket is closed', () => client.closed);
  });

  test('an address that is not ours is refused with its name', async () => {
    const listen = [{ host: '192.0.2.1', port: 0 }];
    await expect(start(transport, { listen })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining('192.0.2.1:0'),
    });
  });

  test('a Unix socket has the mode that was asked for and takes the place of one left behind', async () => {
    const path = join(temporaryFolder(), 'socket');
    const listen = [{ path, mode: 0o640 }];
    await start(transport, { listen });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    const client = new Client({ path, mode: 0 });
    cleanUps.push(() => client.socket.destroy());
    client.send('set k 0 0 1\r\nv\r\nstats conns\r\n');
    await until('both are answered', () => client.received().toString().endsWith('END\r\n'));
    expect(client.received().toString()).toContain(`:addr unix:${path}\r\n`);
    const second = await start(transport, { listen });
    const next = new Client({ path, mode: 0 });
    cleanUps.push(() => next.socket.destroy());
    next.send('get k\r\n');
    await next.expects('END\r\n');
    expect(second.counters.totalConnections).toBe(1);
  });

  test('a file that is no socket is left alone', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, 'mine');
    await expect(start(transport, { listen: [{ path, mode: 0o700 }] })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    expect(statSync(path).size).toBe(4);
  });

  test('several addresses, IPv6 among them, reach one store', async () => {
    const listen = [LOOPBACK, LOOPBACK, { host: '::1', port: 0 }];
    const server = await start(transport, { listen });
    const [first, second, third] = server.ports;
    expect(new Set(server.ports).size).toBe(3);
    const clients = [
      new Client({ host: '127.0.0.1', port: first }),
      new Client({ host: '127.0.0.1', port: second }),
      new Client({ host: '::1', port: third }),
    ];
    for (const client of clients) {
      cleanUps.push(() => client.socket.destroy());
      client.send('add n 0 0 1\r\n0\r\nincr n 1\r\n');
      await until('it is answered', () => client.bytes > 10);
    }
    expect(clients.map((client) => client.received().toString().split('\r\n').at(-2))).toEqual(['1', '2', '3']);
    clients[2].send('stats conns\r\n');
    await until('stats', () => clients[2].received().toString().endsWith('END\r\n'));
    expect(clients[2].received().toString()).toContain(`listen_addr tcp6:[::1]:${third}\r\n`);
  });
});
