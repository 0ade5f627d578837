/**
 * Values that are sent from where they lie, and received where they belong. Goal: every byte comes once and in order,
 * wherever the system cuts a write or a read, and what a client gets is what was stored when it asked. Method: a daemon
 * over a transport in memory that gathers.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Runs } from '../../src/daemon/transport/runs.ts';
import {
  IN_PLACE_BYTES_MAX,
  OUTPUT_BYTES,
  PLACED_BYTES_MAX,
  PLACED_BYTES_MIN,
  READ_BYTES,
} from '../../src/daemon/limits.ts';
import { Magic, Opcode } from '../../src/protocol/binary/opcodes.ts';
import { HEADER_BYTES, PacketHead, writePacketHead } from '../../src/protocol/binary/packet.ts';
import { answer as packet, answers, request, storage } from '../conformance/binary-packets.ts';
import { until } from '../support/until.ts';
import { checkStore } from './support/check-store.ts';
import { makeValue } from './support/engine-driver.ts';
import { startMemoryServer } from './support/memory-server.ts';

const MEBIBYTE = 1024 * 1024;

function set(key: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`set ${key} 0 0 ${value.length}\r\n`), value, Buffer.from('\r\n')]);
}

function answer(key: string, value: Uint8Array, cas = ''): Buffer {
  return Buffer.concat([Buffer.from(`VALUE ${key} 0 ${value.length}${cas}\r\n`), value, Buffer.from('\r\n')]);
}

const END = Buffer.from('END\r\n');

/** The head of an answer by the binary protocol, of the first item with a CAS if it has a body. */
function binaryHead(opcode: number, bodyBytes: number, keyBytes = 0): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const head = new PacketHead();
  head.opcode = opcode;
  head.opaque = 0x01020304;
  head.bodyBytes = bodyBytes;
  head.keyBytes = keyBytes;
  head.extrasBytes = bodyBytes > 0 ? 4 : 0;
  head.casLow = bodyBytes > 0 ? 2 : 0;
  writePacketHead(bytes, 0, Magic.RESPONSE, head);
  return bytes;
}

function binaryItem(key: string, value: Uint8Array): Buffer {
  const head = binaryHead(Opcode.GETK, 4 + key.length + value.length, key.length);
  return Buffer.concat([head, Buffer.alloc(4), Buffer.from(key), value]);
}

describe('runs of bytes', () => {
  test('what is behind the first so many bytes, wherever that is', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 6 }), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, (all) => {
        const runs = new Runs();
        for (const piece of all) {
          const padded = Buffer.concat([Buffer.from('<<'), piece, Buffer.from('>')]);
          runs.add(padded, 2, 2 + piece.length);
        }
        const whole = Buffer.concat(all);
        expect(runs.byteLength).toBe(whole.length);
        for (let cut = 0; cut <= whole.length; cut++)
          expect(Buffer.from(runs.slice(cut, whole.length))).toEqual(whole.subarray(cut));
      }),
    );
  });
});

describe('values sent from where they lie', () => {
  test('are not collected first, and leave with the rest of their answer', async () => {
    const { connect } = await startMemoryServer({ maxBytes: 16 * MEBIBYTE, itemSizeMax: 2 * MEBIBYTE }, true);
    const socket = connect();
    const values = [20_000, 100, 100_000, 500_000].map((length) => makeValue(length, 3));
    for (const [i, value] of values.entries()) socket.send(set(`k${i}`, value));
    socket.received();
    for (const [i, value] of values.entries()) {
      const writes = socket.writes;
      socket.send(`get k${i}\r\n`);
      expect(socket.received()).toEqual(Buffer.concat([answer(`k${i}`, value), END]));
      expect(socket.writes - writes).toBe(1);
    }
    socket.send('get k1 k0 none k1 k2 k3 k1\r\ngets k0\r\n');
    const order = [1, 0, 1, 2, 3, 1].map((i) => answer(`k${i}`, values[i]));
    expect(socket.received()).toEqual(Buffer.concat([...order, END, answer('k0', values[0], ' 2'), END]));
  });

  test('come whole wherever the system cuts the write', async () => {
    const value = makeValue(50_000, 4);
    const other = makeValue(OUTPUT_BYTES, 5);
    const expected = Buffer.concat([answer('a', value), answer('b', other), answer('a', value), END, END]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 60_000 }), { minLength: 1, maxLength: 4 }), async (cuts) => {
        const { connect } = await startMemoryServer({ maxBytes: 4 * MEBIBYTE }, true);
        const socket = connect();
        socket.send(Buffer.concat([set('a', value), set('b', other)]));
        socket.received();
        const got: Buffer[] = [];
        const [first, ...later] = cuts;
        socket.room = first;
        // Behind the get the items are changed: what was asked for before is still the old value.
        socket.send(
          Buffer.concat([Buffer.from('get a b a\r\n'), set('a', other), Buffer.from('delete b\r\nget none\r\n')]),
        );
        for (const cut of later) {
          got.push(socket.received());
          socket.take(cut);
        }
        socket.room = Infinity;
        for (let left = 10; left > 0; left--) {
          socket.take();
          // What waits while reading is paused comes with the next turn.
          await Promise.resolve();
          got.push(socket.received());
        }
        const text = Buffer.concat(got).toString('latin1').replace('STORED\r\nDELETED\r\n', '');
        expect(text === expected.toString('latin1')).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('by the meta protocol and the binary one, too, whole wherever the system cuts the write', async () => {
    const value = makeValue(100_000, 12);
    const mg = Buffer.concat([Buffer.from(`VA ${value.length} kk t-1\r\n`), value, Buffer.from('\r\n')]);
    const asked: [Buffer, Buffer][] = [
      [Buffer.from('mg k v k t\r\nmg k s\r\nmg none v\r\n'), Buffer.concat([mg, Buffer.from('HD s100000\r\nEN\r\n')])],
      [
        Buffer.concat([request(Opcode.GETK, { key: 'k' }), request(Opcode.NOOP)]),
        Buffer.concat([binaryItem('k', value), binaryHead(Opcode.NOOP, 0)]),
      ],
    ];
    for (const [requests, expected] of asked) {
      for (const room of [0, 3, 40, 16_384, 50_000, 100_020, Infinity]) {
        const { connect } = await startMemoryServer({ maxBytes: 4 * MEBIBYTE }, true);
        const writer = connect();
        writer.send(set('k', value));
        const socket = connect();
        socket.room = room;
        socket.send(requests);
        if (room === Infinity) expect(socket.writes).toBe(2);
        // What was asked for before is still the old value.
        writer.send(set('k', makeValue(100_000, 13)));
        socket.room = Infinity;
        socket.take();
        await Promise.resolve();
        expect(socket.received().equals(expected)).toBe(true);
      }
    }
  });

  test('with more pieces than a write can name leave in several', async () => {
    const { connect } = await startMemoryServer({ maxBytes: 64 * MEBIBYTE, itemSizeMax: 32 * MEBIBYTE }, true);
    const socket = connect();
    const value = makeValue(IN_PLACE_BYTES_MAX + 1, 6);
    socket.send(set('k', value));
    socket.received();
    socket.send('get k\r\n');
    const expected = Buffer.concat([answer('k', value), END]);
    const got: Buffer[] = [];
    await until('the whole value', () => {
      got.push(socket.received());
      return Buffer.concat(got).length === expected.length;
    });
    expect(Buffer.concat(got).equals(expected)).toBe(true);
  });
});

describe('values received where they belong', () => {
  const sizes = [PLACED_BYTES_MIN - 3, PLACED_BYTES_MIN, 16_334, 100_000, PLACED_BYTES_MAX + 20_000];
  const kinds: [string, (value: Buffer) => Buffer, Buffer][] = [
    ['set', (value) => set('k', value), Buffer.from('STORED\r\n')],
    [
      'ms',
      (value) => Buffer.concat([Buffer.from(`ms k ${value.length}\r\n`), value, Buffer.from('\r\n')]),
      Buffer.from('HD\r\n'),
    ],
  ];

  test.each(kinds)(
    '%s: every byte, wherever the reads are cut, and what comes behind',
    async (_name, store, stored) => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...sizes),
          fc.array(fc.nat({ max: 40_000 }), { maxLength: 8 }),
          async (byteLength, cuts) => {
            const { server, connect } = await startMemoryServer({ maxBytes: 8 * MEBIBYTE }, true);
            const [socket, other] = [connect(), connect()];
            const value = makeValue(byteLength, 7);
            const all = Buffer.concat([store(value), Buffer.from('get k\r\n')]);
            let at = 0;
            for (const cut of [...cuts, all.length]) {
              socket.send(all.subarray(at, at + cut));
              at = Math.min(all.length, at + cut);
              // Another connection's value in between goes its own way.
              other.send(set('other', makeValue(40_000, 8)));
            }
            expect(socket.received().equals(Buffer.concat([stored, answer('k', value), END]))).toBe(true);
            checkStore(server.store);
          },
        ),
        { numRuns: 80 },
      );
    },
  );

  test('a value goes straight into its item but for what came with its line', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 8 * MEBIBYTE, itemSizeMax: 2 * MEBIBYTE }, true);
    const socket = connect();
    const value = makeValue(READ_BYTES + 2 * PLACED_BYTES_MAX, 9);
    socket.send(set('k', value));
    expect(socket.placedReads).toBe(2);
    expect(server.counters.bytesRead).toBe(set('k', value).length);
    socket.received();
    socket.send('get k\r\n');
    expect(socket.received().equals(Buffer.concat([answer('k', value), END]))).toBe(true);
  });

  test('the binary protocol, too', async () => {
    const { connect } = await startMemoryServer({ maxBytes: 8 * MEBIBYTE }, true);
    const socket = connect();
    const value = makeValue(300_000, 10);
    socket.send(Buffer.concat([request(Opcode.SET, { key: 'k', extras: storage(), value }), request(Opcode.NOOP)]));
    expect(socket.placedReads).toBeGreaterThan(0);
    expect(socket.received().toString('latin1')).toMatch(
      answers(packet(Opcode.SET, { cas: true }), packet(Opcode.NOOP)),
    );
    socket.send(request(Opcode.GET, { key: 'k' }));
    expect(socket.received().subarray(-value.length).equals(value)).toBe(true);
  });

  test('a value that does not end its line is refused, and its memory is free again', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 8 * MEBIBYTE }, true);
    const socket = connect();
    socket.send(
      Buffer.concat([Buffer.from('set k 0 0 200000\r\n'), makeValue(200_002, 11), Buffer.from('version\r\n')]),
    );
    expect(socket.received().toString('latin1')).toMatch(/^CLIENT_ERROR bad data chunk\r\nVERSION /);
    expect(server.store.stats.currentItems).toBe(0);
    checkStore(server.store);
  });

  test('a client that leaves in the middle leaves nothing behind', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 8 * MEBIBYTE }, true);
    for (const start of ['set k 0 0 500000\r\n', 'ms k 500000\r\n']) {
      const socket = connect();
      socket.send(start + 'x'.repeat(300_000));
      expect(socket.placedReads).toBeGreaterThan(0);
      socket.close();
      checkStore(server.store);
    }
  });
});
