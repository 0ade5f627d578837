/**
 * Clients that mean harm or do not know better. Goal: whatever they send, or do not, the daemon lives, its memory is
 * bounded and others are served as before. Method: a whole daemon over a transport in memory with a clock that stands
 * still, so that what is asserted are our own counters and structures; every stream of bytes is made from a seed.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CARRY_BYTES,
  RETRIEVAL_LINE_BYTES_MAX,
  STALLED_SENDER_SECONDS,
  UNFINISHED_LINE_SECONDS,
  VALUE_BYTES_PER_SECOND_MIN,
} from '../../src/daemon/limits.ts';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { DEFAULT_EXTENDED } from '../../src/daemon/settings.ts';
import { request, storage } from '../conformance/binary-packets.ts';
import { until } from '../support/until.ts';
import type { MemorySocket } from '../support/memory-transport.ts';
import { checkStore } from './support/check-store.ts';
import { startMemoryServer, stat, type MemoryServer } from './support/memory-server.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const MEGABYTE = 1024 * 1024;

/** A turn of the event loop, in which a connection that had to let others go first goes on. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function expectServed({ connect }: MemoryServer): void {
  const other = connect();
  expect(other.ask('set served 0 0 3\r\nyes\r\nget served\r\n')).toBe('STORED\r\nVALUE served 0 3\r\nyes\r\nEND\r\n');
  other.close();
}

describe('slow clients', () => {
  test('one that sends a byte a minute is closed: between two lines by idle_timeout, within one by itself', async () => {
    const all = await startMemoryServer({ extended: { ...DEFAULT_EXTENDED, idleTimeout: 90 } });
    const [between, within, busy] = [all.connect(), all.connect(), all.connect()];
    between.ask('version\r\n');
    for (const byte of 'get') {
      within.send(byte);
      all.clock.advance(MINUTE_MS);
      expect(busy.ask('version\r\n')).toMatch(/^VERSION/);
    }
    expect([between.destroyed, within.destroyed, busy.destroyed]).toEqual([true, true, false]);
    await turn();
    expect([stat(busy, 'idle_kicks'), stat(busy, 'memfleet_stalled_kicks')]).toEqual([1, 1]);
    expect(stat(busy, 'curr_connections')).toBe(1);
  });

  test('without idle_timeout nobody is closed for being quiet', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    clock.advance(60 * MINUTE_MS);
    expect(socket.ask('get a\r\n')).toBe('END\r\n');
    clock.advance(60 * MINUTE_MS);
    expect(socket.ask('get a\r\n')).toBe('END\r\n');
  });

  test.each([
    ['a line', ['get ', 'a', 'b', 'c']],
    ['a long line', [`get ${'k '.repeat(3000)}`, 'a ', 'b ', 'c ']],
    ["a packet's head", ['\x80', '\0', '\0', '\0']],
  ])('%s that does not end is cut off after its time, however it trickles', async (_what, parts) => {
    const { connect, clock, server } = await startMemoryServer();
    const [socket, watcher] = [connect(), connect()];
    watcher.send('watch connevents\r\n');
    for (const part of parts) {
      expect(socket.destroyed).toBe(false);
      socket.send(part);
      expect(server.held.heldBytes).toBeGreaterThan(0);
      clock.advance((UNFINISHED_LINE_SECONDS / 3) * SECOND_MS);
    }
    clock.advance(SECOND_MS);
    expect(socket.destroyed).toBe(true);
    await until('its end to be told', () => watcher.received().includes('reason=line_timeout'));
    expect([server.held.heldBytes, server.counters.stalledKicks]).toEqual([0, 1]);
  });

  test('lines that end in time may go on for ever', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    for (let i = 0; i < 5; i++) {
      socket.send(i === 0 ? 'get a' : '\r\nget a');
      clock.advance((UNFINISHED_LINE_SECONDS - 2) * SECOND_MS);
    }
    expect([socket.destroyed, socket.received().toString()]).toEqual([false, 'END\r\n'.repeat(4)]);
  });

  test('values that are announced and never sent give their memory back', async () => {
    const all = await startMemoryServer({ maxBytes: 8 * MEGABYTE });
    const announcing = Array.from({ length: 50 }, () => all.connect());
    for (const [i, socket] of announcing.entries()) socket.send(`set k${i} 0 0 1000000\r\n`);
    const other = all.connect();
    expect(other.ask('get k1\r\n')).toBe('END\r\n');
    all.clock.advance((STALLED_SENDER_SECONDS + 2) * SECOND_MS);
    await turn();
    expect(announcing.every((socket) => socket.destroyed)).toBe(true);
    expect(stat(other, 'curr_connections')).toBe(1);
    expectServed(all);
    checkStore(all.server.store);
  });

  test.each([
    ['text', 'set a 0 0 20000\r\n'],
    ['meta', 'ms a 20000\r\n'],
    ['binary', request(Opcode.SET, { key: 'a', extras: storage(), bodyBytes: 8 + 1 + 20_000 })],
  ])('a value of which a byte comes now and then gives its memory back (%s)', async (_protocol, head) => {
    const { server, connect, clock } = await startMemoryServer();
    const socket = connect();
    socket.send(head);
    socket.send('x'.repeat(9000));
    expect(server.engine.arriving.bytes).toBeGreaterThan(0);
    for (let second = 0; second <= STALLED_SENDER_SECONDS + 9000 / VALUE_BYTES_PER_SECOND_MIN; second += 18) {
      expect(socket.destroyed, `after ${second} seconds`).toBe(false);
      socket.send('x');
      clock.advance(18 * SECOND_MS);
    }
    await turn();
    expect(socket.destroyed).toBe(true);
    expect(server.engine.arriving.bytes).toBe(0);
    expect(checkStore(server.store)).toBe(0);
  });

  test('a large value that comes slowly, but at its pace, is not cut off', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    const length = 10 * STALLED_SENDER_SECONDS * VALUE_BYTES_PER_SECOND_MIN;
    socket.send(`set a 0 0 ${length}\r\n`);
    for (let sent = 0; sent < length; sent += 30 * VALUE_BYTES_PER_SECOND_MIN) {
      clock.advance(30 * SECOND_MS);
      socket.send('x'.repeat(30 * VALUE_BYTES_PER_SECOND_MIN));
    }
    expect(socket.ask('\r\nmg a s\r\n')).toBe(`STORED\r\nHD s${length}\r\n`);
  });

  test('a refused value that is skipped has no time to keep to', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    expect(socket.ask('set a 0 0 5000000\r\n')).toBe('SERVER_ERROR object too large for cache\r\n');
    for (let i = 0; i < 10; i++) {
      clock.advance((STALLED_SENDER_SECONDS - 1) * SECOND_MS);
      socket.send('x');
    }
    socket.send('x'.repeat(5_000_000 - 10));
    expect(socket.ask('\r\nmn\r\n')).toBe('MN\r\n');
  });
});

describe('greedy clients', () => {
  test('one that never reads stops being read, and others are served', async () => {
    const all = await startMemoryServer();
    const value = 'x'.repeat(100_000);
    all.connect().send(`set large 0 0 ${value.length}\r\n${value}\r\n`);
    const greedy = Array.from({ length: 20 }, () => all.connect());
    for (const socket of greedy) {
      socket.room = 0;
      for (let i = 0; i < 100; i++) socket.send('get large\r\n'.repeat(100));
    }
    const waitingMax = Math.max(...greedy.map((socket) => socket.waitingBytes));
    expect(greedy.every((socket) => socket.paused)).toBe(true);
    expect(waitingMax).toBeLessThan(MEGABYTE);
    expectServed(all);
  });

  test('one that pipelines lets the others have their turn', async () => {
    const { connect, server } = await startMemoryServer({ reqsPerEvent: 10 });
    const [greedy, other] = [connect(), connect()];
    greedy.send('set n 0 0 1\r\n0\r\n' + 'incr n 1\r\n'.repeat(1000));
    const before = Number(/\r\n(\d+)\r\n/.exec(other.ask('get n\r\n'))?.[1]);
    expect(before).toBeLessThanOrEqual(10);
    for (let i = 0; i < 200; i++) await turn();
    expect(other.ask('get n\r\n')).toBe('VALUE n 0 4\r\n1000\r\nEND\r\n');
    expect(greedy.received().toString().split('\r\n').slice(1, -1)).toEqual(
      Array.from({ length: 1000 }, (_, i) => String(i + 1)),
    );
    expect(server.counters.connectionYields).toBe(100);
  });

  test('what it sends while it waits for its turn comes in order', async () => {
    const { connect } = await startMemoryServer({ reqsPerEvent: 3 });
    const socket = connect();
    for (let i = 0; i < 30; i++) socket.send(`set k${i} 0 0 1\r\nx\r\nget k${i}\r\nge`.slice(0, -2));
    for (let i = 0; i < 60; i++) await turn();
    const expected = Array.from({ length: 30 }, (_, i) => `STORED\r\nVALUE k${i} 0 1\r\nx\r\nEND\r\n`).join('');
    expect(socket.received().toString()).toBe(expected);
  });

  test('connections above -c wait under no_maxconns_fast, and are served in order', async () => {
    const { connect, server } = await startMemoryServer({
      maxConnections: 2,
      backlog: 2,
      extended: { ...DEFAULT_EXTENDED, maxconnsFast: false },
    });
    const [first, second, third, fourth, fifth] = Array.from({ length: 5 }, connect) as [
      MemorySocket,
      MemorySocket,
      MemorySocket,
      MemorySocket,
      MemorySocket,
    ];
    third.send('version\r\n');
    expect(third.received().length).toBe(0);
    expect(fifth.received().toString(), 'as many wait as -b says').toBe('ERROR Too many open connections\r\n');
    expect(stat(first, 'accepting_conns')).toBe(0);
    expect(stat(first, 'listen_disabled_num')).toBe(1);
    second.close();
    expect(third.received().toString()).toMatch(/^VERSION/);
    fourth.close();
    expect(stat(first, 'accepting_conns')).toBe(1);
    expect(stat(first, 'curr_connections')).toBe(2);
    expect(server.counters.rejectedConnections).toBe(1);
  });
});

describe('long lines', () => {
  test('a line of keys that comes in small pieces costs what its bytes cost, and is answered', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.send('set key 0 0 1\r\nx\r\n');
    socket.received();
    const keys = 3 * CARRY_BYTES;
    const line = Buffer.from(`get ${'key '.repeat(keys / 4)}\r\n`);
    for (let at = 0; at < line.length; at += 7) socket.send(line.subarray(at, at + 7));
    expect(socket.received().toString()).toBe(`${'VALUE key 0 1\r\nx\r\n'.repeat(keys / 4)}END\r\n`);
    expect(socket.ask('version\r\n')).toMatch(/^VERSION/);
  });

  test('one that never ends is closed at its bound', async () => {
    const all = await startMemoryServer();
    const socket = all.connect();
    for (let sent = 0; sent <= RETRIEVAL_LINE_BYTES_MAX + 5000 && !socket.destroyed; sent += 5000) {
      socket.send(`${sent === 0 ? 'get ' : ''}${'k'.repeat(5000)}`);
    }
    expect(socket.destroyed).toBe(true);
    expectServed(all);
  });
});

// ---- fuzz ----

const binary = (opcode: number, key: string, extras = '', value = ''): string => {
  const head = Buffer.alloc(24);
  head.set([0x80, opcode]);
  head.writeUInt16BE(key.length, 2);
  head[4] = extras.length;
  head.writeUInt32BE(key.length + extras.length + value.length, 8);
  return head.toString('latin1') + extras + key + value;
};

const TEXT = [
  'set a 1 0 3\r\nabc\r\n',
  'get a b c\r\n',
  'gats 10 a b\r\n',
  'cas a 0 0 1 5\r\nx\r\n',
  'append a 0 0 2\r\nxy\r\n',
  'incr a 1\r\n',
  'delete a\r\n',
  'touch a 10\r\n',
  'flush_all\r\n',
  'stats\r\n',
  'verbosity 0\r\n',
  'set large 0 0 40000\r\n',
];
const META = [
  'mg a v f k c O1 t\r\n',
  'ms a 3 T0 F5 c\r\nabc\r\n',
  'md a q\r\n',
  'ma a N0 J5 v\r\n',
  'mn\r\n',
  'me a\r\n',
  'mg YQ== b v\r\n',
];
const BINARY = [
  binary(0x01, 'a', '\0\0\0\0\0\0\0\0', 'value'),
  binary(0x00, 'a'),
  binary(0x0d, 'a'),
  binary(0x04, 'a'),
  binary(0x05, 'n', '\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0'),
  binary(0x0e, 'a', '', 'more'),
  binary(0x1c, 'a', '\0\0\0\x09'),
  binary(0x10, ''),
  binary(0x0a, ''),
];

/** What is done to a stream of commands, each at a place from 0 to 1 of it. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom('set', 'insert', 'remove', 'repeat'),
  byte: fc.oneof(fc.constantFrom(0x00, 0xff, 0x0a, 0x0d, 0x20, 0x80, 0x2d, 0x39), fc.nat(255)),
});

function mutated(source: Buffer, mutations: readonly { at: number; kind: string; byte: number }[]): Buffer {
  let bytes = [...source];
  for (const { at, kind, byte } of mutations) {
    const place = Math.floor(at * bytes.length);
    if (kind === 'set') bytes[place] = byte;
    else if (kind === 'insert') bytes.splice(place, 0, byte);
    else if (kind === 'remove') bytes.splice(place, 1);
    else bytes = [...bytes.slice(0, place), ...bytes.slice(Math.max(0, place - byte))];
  }
  return Buffer.from(bytes);
}

describe('mutated streams never harm the daemon', () => {
  test.each([
    ['text', TEXT],
    ['meta', META],
    ['binary', BINARY],
    ['all of them', [...TEXT, ...META, ...BINARY]],
  ])('%s', async (_name, commands) => {
    const all = await startMemoryServer({ maxBytes: 4 * MEGABYTE });
    const stream = fc.array(fc.constantFrom(...commands), { minLength: 1, maxLength: 12 });
    const cuts = fc.array(fc.nat(600), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(stream, fc.array(mutation, { maxLength: 12 }), cuts, async (parts, mutations, places) => {
        const socket = all.connect();
        const bytes = mutated(Buffer.from(parts.join(''), 'latin1'), mutations);
        let from = 0;
        for (const place of [...places].sort((a, b) => a - b).concat(bytes.length)) {
          socket.send(bytes.subarray(from, Math.max(from, place)));
          from = Math.max(from, place);
        }
        socket.close();
        expectServed(all);
      }),
      { numRuns: 400 },
    );
    expect(all.server.counters.currentConnections).toBe(0);
    checkStore(all.server.store);
  });

  test.each([
    ['\\0', 0x00],
    ['0xff', 0xff],
    ['\\n', 0x0a],
    ['0x80', 0x80],
    ['space', 0x20],
  ])('nothing but %s', async (_name, byte) => {
    const all = await startMemoryServer();
    const socket = all.connect();
    for (let i = 0; i < 20 && !socket.destroyed; i++) socket.send(Buffer.alloc(50_000, byte));
    for (let i = 0; i < 100; i++) await turn();
    socket.close();
    expectServed(all);
    expect(all.server.counters.currentConnections).toBe(0);
  });
});
