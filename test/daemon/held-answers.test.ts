/**
 * What slow readers and unfinished requests cost, and that it comes back. Goal: large values cost nothing while their items
 * are there, and one copy for all their readers once they are not; everything else is charged to who holds it, and the
 * largest are cut off. Method: a whole daemon over a transport in memory, with and without a system that gathers.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONN_MEMORY_PAUSE_SECONDS, OUTPUT_BYTES_TIGHT, OUTPUT_REGIONS } from '../../src/daemon/limits.ts';
import { DEFAULT_EXTENDED } from '../../src/daemon/settings.ts';
import type { MemorySocket } from '../support/memory-transport.ts';
import { until } from '../support/until.ts';
import { checkStore } from './support/check-store.ts';
import { makeValue } from './support/engine-driver.ts';
import { startMemoryServer, stat } from './support/memory-server.ts';

const MEBIBYTE = 1024 * 1024;

function set(key: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`set ${key} 0 0 ${value.length}\r\n`), value, Buffer.from('\r\n')]);
}

function answer(key: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`VALUE ${key} 0 ${value.length}\r\n`), value, Buffer.from('\r\nEND\r\n')]);
}

/** Everything that a reader is sent once it reads again. */
async function readAll(socket: MemorySocket, byteLength: number): Promise<Buffer> {
  socket.room = Infinity;
  const got: Buffer[] = [];
  await until('the whole answer', () => {
    socket.take();
    got.push(socket.received());
    return got.reduce((sum, { length }) => sum + length, 0) >= byteLength;
  });
  return Buffer.concat(got);
}

function small(megabytes: number, maxBytes: number): Parameters<typeof startMemoryServer>[0] {
  const itemSizeMax = 4 * MEBIBYTE;
  return { maxBytes, itemSizeMax, extended: { ...DEFAULT_EXTENDED, connMemoryLimit: megabytes * MEBIBYTE } };
}

describe.each([
  ['a system that gathers', true],
  ['one that does not', false],
])('large values to slow readers, on %s', (_name, gathers) => {
  test('cost nothing, or a piece of them, and come whole', async () => {
    const { connect, server } = await startMemoryServer(small(16, 64 * MEBIBYTE), gathers);
    const value = makeValue(3 * MEBIBYTE, 1);
    connect().send(set('k', value));
    const readers = Array.from({ length: 100 }, () => connect());
    for (const socket of readers) {
      socket.room = 100_000;
      socket.send('get k k\r\n');
      socket.room = 0;
      expect(socket.paused).toBe(true);
    }
    expect(server.held.heldBytes).toBeLessThanOrEqual(100 * (64 + (gathers ? 0 : OUTPUT_BYTES_TIGHT)));
    expect(server.held.cutOffs).toBe(0);
    const twice = Buffer.concat([answer('k', value).subarray(0, -5), answer('k', value)]);
    for (const socket of readers.slice(0, 5)) {
      expect((await readAll(socket, twice.length)).equals(twice)).toBe(true);
    }
    for (const socket of readers) socket.close();
    expect([server.held.heldBytes, server.store.lent.size]).toEqual([0, 0]);
  });

  test('are copied once for all when their item goes, and cost nothing again when they are taken', async () => {
    const { connect, server } = await startMemoryServer(small(16, 64 * MEBIBYTE), gathers);
    const value = makeValue(2 * MEBIBYTE, 2);
    const writer = connect();
    writer.send(set('k', value));
    const readers = Array.from({ length: OUTPUT_REGIONS - 1 }, () => connect());
    for (const socket of readers) {
      socket.room = 50_000;
      socket.send('get k\r\n');
      socket.room = 0;
    }
    expect(server.store.lent.size).toBe(1);
    writer.send(set('k', makeValue(2 * MEBIBYTE, 3)));
    checkStore(server.store);
    expect(server.store.lent.size).toBe(0);
    expect(server.held.heldBytes).toBeGreaterThan(1.5 * MEBIBYTE);
    expect(server.held.heldBytes).toBeLessThan(2.1 * MEBIBYTE);
    // Who answers for the copy goes; somebody else does from now on.
    readers[0].close();
    expect(server.held.heldBytes).toBeGreaterThan(1.5 * MEBIBYTE);
    for (const socket of readers.slice(1)) {
      expect((await readAll(socket, answer('k', value).length)).equals(answer('k', value))).toBe(true);
    }
    expect(server.held.heldBytes).toBe(0);
  });

  test('come whole when the pages move in which they lie', async () => {
    const { connect, server } = await startMemoryServer(small(16, 64 * MEBIBYTE), gathers);
    const writer = connect();
    const values = Array.from({ length: 12 }, (_, i) => makeValue(300_000 + 1000 * i, i));
    for (const [i, value] of values.entries()) writer.send(set(`k${i}`, value));
    // Every other one leaves room to move into.
    for (let i = 0; i < 12; i += 2) writer.send(`delete k${i}\r\n`);
    const readers = [1, 3, 5, 7].map((i) => ({ i, socket: connect() }));
    for (const { i, socket } of readers) {
      socket.room = 50_000;
      socket.send(`get k${i}\r\n`);
      socket.room = 0;
    }
    const { slabs, stats } = server.store;
    const { largest, chunksPerPage } = slabs.classes;
    while (slabs.freeChunks(largest) >= chunksPerPage[largest]) server.store.movePage(largest, largest - 1);
    expect(stats.pageMoveChunkRescues).toBeGreaterThan(4);
    expect(stats.total('evicted')).toBe(0);
    for (const { i, socket } of readers) {
      const expected = answer(`k${i}`, values[i]);
      expect((await readAll(socket, expected.length)).equals(expected), `k${i}`).toBe(true);
    }
    checkStore(server.store);
    expect([server.held.heldBytes, server.store.lent.size]).toEqual([0, 0]);
  });

  test('do not keep their items from being evicted: at the limit readers are cut off, and everything can be stored', async () => {
    const { connect, server } = await startMemoryServer(small(4, 16 * MEBIBYTE), gathers);
    const [writer, other] = [connect(), connect()];
    const values = Array.from({ length: 12 }, (_, i) => makeValue(MEBIBYTE, i));
    for (const [i, value] of values.entries()) writer.send(set(`k${i}`, value));
    const readers = values.map(() => connect());
    for (const [i, socket] of readers.entries()) {
      socket.room = 10;
      socket.send(`get k${i}\r\n`);
      socket.room = 0;
    }
    writer.received();
    for (let i = 0; i < 30; i++) {
      writer.send(set(`new${i}`, makeValue(MEBIBYTE, i)));
      expect(writer.received().toString()).toBe('STORED\r\n');
      expect(other.ask('get none\r\n')).toBe('END\r\n');
      expect(server.held.heldBytes).toBeLessThanOrEqual(server.held.limitBytes);
    }
    checkStore(server.store);
    expect(server.held.cutOffs).toBeGreaterThan(4);
    expect(readers.filter(({ destroyed }) => destroyed).length).toBe(server.held.cutOffs);
    await until('all to be gone', () => server.counters.currentConnections === 2 + 12 - server.held.cutOffs);
    for (const socket of readers) socket.close();
    expect([server.held.heldBytes, server.store.lent.size]).toEqual([0, 0]);
  });

  test('every byte comes once and in order, wherever reading stops and whatever becomes of the items', async () => {
    const lengths = [20_000, 70_000, 300_000, 1_500_000];
    const step = fc.record({ take: fc.nat(400_000), key: fc.nat(3), change: fc.constantFrom('set', 'delete', 'none') });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), fc.array(step), async (keys, steps) => {
        const { connect, server } = await startMemoryServer(small(64, 32 * MEBIBYTE), gathers);
        const [writer, reader] = [connect(), connect()];
        const values = lengths.map((length, i) => makeValue(length, i));
        for (const [i, value] of values.entries()) writer.send(set(`k${i}`, value));
        const expected = Buffer.concat(keys.map((i) => answer(`k${i}`, values[i])));
        // What is asked for behind an answer that is not taken is looked up when that was.
        const known = keys.findIndex((i) => lengths[i] > 200_000);
        reader.room = 30_000;
        reader.send(keys.map((i) => `get k${i}\r\n`).join(''));
        reader.room = 0;
        const got: Buffer[] = [reader.received()];
        for (const { take, key, change } of steps) {
          reader.take(take);
          got.push(reader.received());
          if (known === 0 && keys.length === 1 && change === 'set') writer.send(set(`k${key}`, makeValue(50_000, 9)));
          if (known === 0 && keys.length === 1 && change === 'delete') writer.send(`delete k${key}\r\n`);
        }
        const sofar = got.reduce((sum, { length }) => sum + length, 0);
        got.push(await readAll(reader, expected.length - sofar));
        expect(Buffer.concat(got).equals(expected)).toBe(true);
        expect([server.held.heldBytes, server.store.lent.size]).toEqual([0, 0]);
        checkStore(server.store);
      }),
      { numRuns: 40 },
    );
  });

  test('quit behind one is obeyed when it was taken', async () => {
    const { connect } = await startMemoryServer(small(16, 64 * MEBIBYTE), gathers);
    const socket = connect();
    const value = makeValue(2 * MEBIBYTE, 4);
    socket.send(set('k', value));
    socket.received();
    socket.room = 1000;
    socket.send('get k\r\nquit\r\n');
    expect(socket.ended).toBe(false);
    expect((await readAll(socket, answer('k', value).length)).equals(answer('k', value))).toBe(true);
    await until('the end', () => {
      socket.take();
      return socket.ended;
    });
  });
});

describe('what connections hold is charged, bounded, and comes back', () => {
  test('lines without an end: the largest are cut off, whoever is small is served', async () => {
    const { connect, server } = await startMemoryServer(small(8, 16 * MEBIBYTE));
    const probe = connect();
    const line = `get ${'k'.repeat(200)}${' k'.repeat(50_000)}`;
    const attackers: MemorySocket[] = [];
    for (let i = 0; i < 200; i++) {
      const socket = connect();
      attackers.push(socket);
      for (let at = 0; at < line.length; at += 20_000) socket.send(line.slice(at, at + 20_000));
      expect(server.held.heldBytes).toBeLessThanOrEqual(server.held.limitBytes);
      expect(probe.ask('get a\r\n')).toBe('END\r\n');
    }
    expect(stat(probe, 'memfleet_conn_memory')).toBe(server.held.heldBytes);
    expect(stat(probe, 'memfleet_conn_memory_paused')).toBeGreaterThan(0);
    expect(stat(probe, 'memfleet_conn_memory_limit')).toBe(8 * MEBIBYTE);
    for (const socket of attackers) socket.close();
    expect([server.held.heldBytes, server.held.pausedCount]).toEqual([0, 0]);
  });

  test('who was not read for too long to keep the limit is cut off, and the others are read again', async () => {
    const { connect, server, clock } = await startMemoryServer(small(4, 16 * MEBIBYTE));
    const line = `get${' k'.repeat(100_000)}`;
    const sockets = Array.from({ length: 20 }, () => connect());
    for (const socket of sockets)
      for (let at = 0; at < line.length; at += 20_000) socket.send(line.slice(at, at + 20_000));
    expect(server.held.pausedCount).toBeGreaterThan(5);
    const cutOffs = server.held.cutOffs;
    clock.advance((CONN_MEMORY_PAUSE_SECONDS + 2) * 1000);
    await until('those to be gone', () => server.held.pausedCount === 0);
    expect(server.held.cutOffs).toBeGreaterThan(cutOffs + 5);
    const left = sockets.find(({ destroyed }) => !destroyed);
    left?.send('\r\n');
    expect(left?.received().toString()).toBe('END\r\n');
  });

  test.each(['stats detail dump', 'stats conns', 'stats cachedump 63 0', 'lru_crawler metadump all', 'stats items'])(
    '%s that nobody reads is a piece for each, and comes whole to who reads',
    async (command) => {
      const { connect, server } = await startMemoryServer({ ...small(64, 32 * MEBIBYTE), detailEnabled: true });
      const writer = connect();
      for (let i = 0; i < 3000; i++) writer.send(set(`prefix${i}:${'k'.repeat(150)}`, makeValue(i, i)));
      const readers = Array.from({ length: 100 }, () => connect());
      for (const socket of readers) {
        socket.room = 0;
        socket.send(`${command}\r\n`);
      }
      await until('all to wait', () => readers.every(({ waitingBytes }) => waitingBytes > 0));
      expect(server.held.heldBytes).toBeLessThanOrEqual(100 * OUTPUT_BYTES_TIGHT * 1.1);
      const [reader] = readers;
      reader.room = Infinity;
      let text = '';
      await until('the whole answer', () => {
        reader.take();
        text += reader.received().toString('latin1');
        return text.endsWith('END\r\n');
      });
      for (const line of text.split('\n')) expect(line.length).toBeLessThan(400);
      for (const socket of readers) socket.close();
      expect(server.held.heldBytes).toBe(0);
    },
  );

  test('a reader of the log, and who waits to be admitted', async () => {
    const { connect, server } = await startMemoryServer({
      ...small(64, 32 * MEBIBYTE),
      maxConnections: 2,
      extended: { ...DEFAULT_EXTENDED, maxconnsFast: false },
    });
    const [writer, watcher, waiting] = [connect(), connect(), connect()];
    watcher.send('watch mutations\r\n');
    await until('the log', () => watcher.received().includes('OK'));
    watcher.room = 0;
    writer.send(set('k', Buffer.from('v')));
    await until('it to be held', () => server.held.heldBytes >= DEFAULT_EXTENDED.watcherLogbufSize);
    const before = server.held.heldBytes;
    waiting.send('get k\r\n');
    expect(server.held.heldBytes).toBe(before + 7);
    watcher.close();
    expect(server.held.heldBytes).toBe(0);
    expect(waiting.received().toString()).toContain('VALUE k');
  });
});
