/**
 * Goal: memory follows what clients send, not what they announce. Method: a full cache on the real daemon, on each runtime,
 * and beside it the memcached that is installed, with the same clients; what is asserted are evictions and answers.
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request, storage } from '../conformance/binary-packets.ts';
import { installedMemcached, ourDaemonsOnEachTransport, type Server, type ServerKind } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';

const ITEM = 'x'.repeat(1000);
const MEGABYTE = 1024 * 1024;

/** What announces a value of so many bytes, in each protocol. */
const HEADS: [protocol: string, head: (key: string, byteLength: number) => Buffer][] = [
  ['set', (key, byteLength) => Buffer.from(`set ${key} 0 0 ${byteLength}\r\n`)],
  ['ms', (key, byteLength) => Buffer.from(`ms ${key} ${byteLength}\r\n`)],
  [
    'binary set',
    (key, byteLength) => request(Opcode.SET, { key, extras: storage(), bodyBytes: 8 + key.length + byteLength }),
  ],
];

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
}

async function ask(client: RawClient, bytes: string, end: string): Promise<string> {
  await client.send([Buffer.from(bytes, 'latin1')]);
  return (await client.receiveUntil(Buffer.from(end))).toString('latin1');
}

function runSuite(kind: ServerKind, isOurs: boolean): void {
  describe(kind.name, () => {
    let server: Server | undefined;
    let client: RawClient;
    let port = 0;
    const sockets: Socket[] = [];

    async function stat(name: string): Promise<number> {
      return Number(new RegExp(`STAT ${name} (\\S+)`).exec(await ask(client, 'stats\r\n', 'END\r\n'))?.[1]);
    }

    /** Sends bytes on so many new connections, and waits until the server has read them. */
    async function announce(heads: Buffer[]): Promise<void> {
      const readBefore = await stat('bytes_read');
      const opened = await Promise.all(heads.map(() => open(port)));
      sockets.push(...opened);
      for (const [i, socket] of opened.entries()) socket.write(heads[i]);
      const sent = heads.reduce((sum, head) => sum + head.length, 0);
      await until('the lines are read', async () => (await stat('bytes_read')) >= readBefore + sent);
    }

    async function closeAll(): Promise<void> {
      for (const socket of sockets.splice(0)) socket.destroy();
      await until('only ours is there', async () => (await stat('curr_connections')) <= (isOurs ? 1 : 2));
    }

    beforeAll(async () => {
      server = await kind.start(['-m', '64', '-I', '31m']);
      port = server.port;
      client = await RawClient.connect(port);
      let batch = 0;
      do {
        let lines = '';
        for (let i = 0; i < 2000; i++) lines += `set item-${batch}-${i} 0 0 ${ITEM.length} noreply\r\n${ITEM}\r\n`;
        await ask(client, `${lines}mn\r\n`, 'MN\r\n');
        batch++;
      } while ((await stat('evictions')) === 0);
    });
    afterAll(async () => {
      client.destroy();
      await server?.stop();
    });

    test.each(HEADS)('70 lines of %s that announce 1 MB each evict nothing', async (_protocol, head) => {
      const evictions = await stat('evictions');
      const items = await stat('curr_items');
      await announce(Array.from({ length: 70 }, (_, i) => head(`L${i}`, 1_000_000)));
      expect(await stat('evictions')).toBe(evictions);
      expect(await stat('curr_items')).toBe(items);
      for (let i = 0; i < 50; i++) {
        expect(await ask(client, `set item-0-${i} 0 0 ${ITEM.length}\r\n${ITEM}\r\n`, '\r\n')).toBe('STORED\r\n');
      }
      await closeAll();
    });

    test.each(HEADS)('a line of %s that announces 30 MB evicts nothing', async (_protocol, head) => {
      const evictions = await stat('evictions');
      await announce([head('huge', 30_000_000)]);
      expect(await stat('evictions')).toBe(evictions);
      expect(await ask(client, `set item-0-0 0 0 ${ITEM.length}\r\n${ITEM}\r\n`, '\r\n')).toBe('STORED\r\n');
      await closeAll();
    });

    // memcached answers `SERVER_ERROR Out of memory during read` to the uploads.
    if (!isOurs) return;

    test('what has come is paid for with as much, and given back when the connections end', async () => {
      const evictions = await stat('evictions');
      await announce(HEADS.map(([, head]) => Buffer.concat([head('part', 1_000_000), Buffer.alloc(500_000)])));
      const evictedBytes = ((await stat('evictions')) - evictions) * (ITEM.length + 60);
      expect(evictedBytes).toBeLessThan(2 * HEADS.length * 500_000 + MEGABYTE);
      expect(await stat('memfleet_arriving_memory')).toBeGreaterThan(HEADS.length * 480_000);
      await closeAll();
      expect(await stat('memfleet_arriving_memory')).toBe(0);
      expect(await stat('memfleet_conn_memory')).toBe(0);
    });

    test('12 values of 4 MB that come side by side are all stored, byte for byte', async () => {
      const length = 4_000_000;
      const value = Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8) * 7) & 0xff));
      const pieces = 10;
      const uploads = await Promise.all(Array.from({ length: 12 }, () => open(port)));
      sockets.push(...uploads);
      const answers = uploads.map((socket) => once(socket, 'data') as Promise<[Buffer]>);
      for (const [i, socket] of uploads.entries()) socket.write(`set upload-${i} 0 0 ${length}\r\n`);
      for (let piece = 0; piece < pieces; piece++) {
        const bytes = value.subarray((piece * length) / pieces, ((piece + 1) * length) / pieces);
        await Promise.all(uploads.map((socket) => new Promise((taken) => socket.write(bytes, taken))));
      }
      for (const socket of uploads) socket.write('\r\n');
      for (const answer of answers) expect(String((await answer)[0])).toBe('STORED\r\n');
      for (const i of uploads.keys()) {
        const expected = Buffer.concat([Buffer.from(`VA ${length}\r\n`), value, Buffer.from('\r\nMN\r\n')]);
        await client.send([Buffer.from(`mg upload-${i} v\r\nmn\r\n`)]);
        expect((await client.receiveUntil(Buffer.from('MN\r\n'))).equals(expected), `upload-${i}`).toBe(true);
      }
      await closeAll();
    });
  });
}

for (const kind of ourDaemonsOnEachTransport()) runSuite(kind, true);
const memcached = installedMemcached();
if (memcached !== undefined) runSuite(memcached, false);
