/**
 * Values that are sent from where they lie. Goal: every byte comes once and in order, wherever the system cuts the write,
 * and what a client gets is what was stored when it asked. Method: a daemon over a transport in memory that gathers.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Runs } from '../../src/daemon/transport/runs.ts';
import { IN_PLACE_BYTES_MAX, OUTPUT_BYTES } from '../../src/daemon/limits.ts';
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
        for (let cut = 0; cut <= whole.length; cut++) expect(Buffer.from(runs.rest(cut))).toEqual(whole.subarray(cut));
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
    expect(socket.received()).toEqual(Buffer.concat([...order, END, answer('k0', values[0], ' 1'), END]));
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

  test('are copied when they have more pieces than a write can name', async () => {
    const { connect } = await startMemoryServer({ maxBytes: 64 * MEBIBYTE, itemSizeMax: 32 * MEBIBYTE }, true);
    const socket = connect();
    const value = makeValue(IN_PLACE_BYTES_MAX + 1, 6);
    socket.send(set('k', value));
    socket.received();
    socket.send('get k\r\n');
    expect(socket.received().equals(Buffer.concat([answer('k', value), END]))).toBe(true);
  });
});
