/**
 * Values that arrive in pieces. Goal: what is evicted follows what has come, not what was announced; nothing is lost or
 * left behind, whoever gives up when. Method: whole daemons over a transport in memory that copies values or puts them
 * in place, random interleavings of connections, and the store's invariants after each step.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Magic, Opcode, Status } from '../../src/protocol/binary/opcodes.ts';
import { HEADER_BYTES, PacketHead, parsePacketHead } from '../../src/protocol/binary/packet.ts';
import { EVICTION_POLICIES } from '../../src/daemon/storage/eviction.ts';
import * as layout from '../../src/daemon/storage/layout.ts';
import { ANNOUNCED_BYTES_MAX, ARRIVING_SHARE_MAX, STAGED_BYTES_MAX } from '../../src/daemon/limits.ts';
import { request, storage } from '../conformance/binary-packets.ts';
import type { MemorySocket } from '../support/memory-transport.ts';
import { checkStore } from './support/check-store.ts';
import { makeValue, MEGABYTE } from './support/engine-driver.ts';
import { startMemoryServer, stat, type MemoryServer } from './support/memory-server.ts';

const LINE_END = Buffer.from('\r\n');

/** How each protocol announces a value, what ends it, and which answers there are. */
interface Way {
  announce: (key: string, byteLength: number) => Buffer;
  ending: Buffer;
  outcome: (answer: Buffer) => string;
}

const lineWay = (announce: (key: string, byteLength: number) => string, stored: string): Way => ({
  announce: (key, byteLength) => Buffer.from(`${announce(key, byteLength)}\r\n`),
  ending: LINE_END,
  outcome: (answer) => answer.toString('latin1').replace(`${stored}\r\n`, STORED).replace('\r\n', ''),
});

const packetWay = (opcode: number): Way => ({
  announce(key, byteLength) {
    const extras = storage();
    return request(opcode, { key, extras, bodyBytes: extras.length + key.length + byteLength });
  },
  ending: Buffer.alloc(0),
  outcome(answer) {
    const head = new PacketHead();
    parsePacketHead(answer, 0, answer.length, Magic.RESPONSE, head);
    if (head.status === Status.OUT_OF_MEMORY) return OUT_OF_MEMORY;
    return head.status === 0 && answer.length === HEADER_BYTES ? STORED : `status ${head.status}`;
  },
});

const STORED = 'stored';
const OUT_OF_MEMORY = 'SERVER_ERROR out of memory storing object';

const WAYS: Record<string, Way> = {
  set: lineWay((key, length) => `set ${key} 0 0 ${length}`, 'STORED'),
  add: lineWay((key, length) => `add ${key} 0 0 ${length}`, 'STORED'),
  ms: lineWay((key, length) => `ms ${key} ${length}`, 'HD'),
  'ms base64': lineWay((key, length) => `ms ${Buffer.from(key).toString('base64')} ${length} b`, 'HD'),
  'binary set': packetWay(Opcode.SET),
  'binary add': packetWay(Opcode.ADD),
};

const ITEM_BYTES = 4000;

/** Fills a daemon with small items until it evicts; returns how many there are. */
function fill({ server, connect }: MemoryServer): number {
  const socket = connect();
  const value = 'x'.repeat(ITEM_BYTES);
  for (let i = 0; server.store.stats.total('evicted') === 0; i++) {
    socket.send(`set filler-${i} 0 0 ${ITEM_BYTES} noreply\r\n${value}\r\n`);
  }
  socket.close();
  return server.store.stats.currentItems;
}

function valueOf(socket: MemorySocket, key: string): Buffer | undefined {
  socket.send(`mg ${key} v\r\n`);
  const answer = socket.received();
  if (answer.toString('latin1', 0, 2) === 'EN') return undefined;
  return answer.subarray(answer.indexOf('\n') + 1, -LINE_END.length);
}

describe.each(Object.entries(WAYS))('%s', (_name, way) => {
  test('lines without their values evict nothing, and small values are stored', async () => {
    const all = await startMemoryServer({ maxBytes: 8 * MEGABYTE });
    const items = fill(all);
    const { server, connect } = all;
    const evicted = server.store.stats.total('evicted');
    const announcing = Array.from({ length: 70 }, () => connect());
    for (const [i, socket] of announcing.entries()) socket.send(way.announce(`L${i}`, 1_000_000));
    expect(server.store.stats.total('evicted')).toBe(evicted);
    expect(server.store.stats.currentItems).toBe(items);
    expect(connect().ask(`set filler-0 0 0 ${ITEM_BYTES}\r\n${'y'.repeat(ITEM_BYTES)}\r\n`)).toBe('STORED\r\n');
    expect(server.held.heldBytes).toBe(0);
    // Bytes that are too few for an item are held on the connections' account.
    for (const socket of announcing) socket.send('a few');
    expect(server.store.stats.total('evicted')).toBeLessThanOrEqual(evicted + 1);
    expect(server.held.heldBytes).toBe(70 * STAGED_BYTES_MAX);
    for (const socket of announcing) socket.close();
    expect(server.held.heldBytes).toBe(0);
    expect(checkStore(server.store)).toBe(0);
  });

  test('a value is stored whole, however its bytes come', async () => {
    for (const gathers of [false, true]) {
      const { server, connect } = await startMemoryServer({ maxBytes: 16 * MEGABYTE }, gathers);
      const [socket, reader] = [connect(), connect()];
      for (const length of [0, 1, ANNOUNCED_BYTES_MAX, 2000, 16_290, 16_400, 32_600, 65_536, 300_000]) {
        for (const piece of [1, 2, 100, 8191, 8192, 16_343, 16_344, 70_000]) {
          if (length / piece > 3000) continue;
          const key = `k${length}-${piece}`;
          const value = makeValue(length, piece);
          socket.send(way.announce(key, length));
          const rest = Buffer.concat([value, way.ending]);
          for (let at = 0; at < rest.length; at += piece) socket.send(rest.subarray(at, at + piece));
          expect(way.outcome(socket.received()), key).toBe(STORED);
          expect(valueOf(reader, key)?.equals(value), key).toBe(true);
        }
      }
      expect(server.engine.arriving.bytes).toBe(0);
      expect(checkStore(server.store)).toBe(0);
    }
  });

  test('a value that finds no memory on its way is skipped, and what follows is served', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 1.5 * MEGABYTE, evictionDisabled: true });
    const socket = connect();
    const store = (key: string, byteLength: number): string => {
      socket.send(way.announce(key, byteLength));
      for (let left = byteLength; left > 0; left -= 100_000) socket.send(Buffer.alloc(Math.min(left, 100_000)));
      socket.send(way.ending);
      return way.outcome(socket.received());
    };
    expect(store('fits', 900_000)).toBe(STORED);
    expect(store('does-not', 1_000_000)).toBe(OUT_OF_MEMORY);
    expect(store('small', 3000)).toBe(STORED);
    expect(server.engine.arriving.bytes).toBe(0);
    expect(checkStore(server.store)).toBe(0);
  });
});

test('append and prepend of values that come in pieces', async () => {
  const { server, connect } = await startMemoryServer({ maxBytes: 8 * MEGABYTE }, true);
  const socket = connect();
  const [middle, end, start] = [makeValue(50_000, 1), makeValue(70_000, 2), makeValue(90_000, 3)];
  const pieces: [head: Buffer, value: Buffer][] = [
    [Buffer.from('set k 0 0 50000\r\n'), middle],
    [Buffer.from('append k 0 0 70000\r\n'), end],
    [request(Opcode.PREPEND, { key: 'k', bodyBytes: 1 + start.length }), start],
  ];
  for (const [i, [head, value]] of pieces.entries()) {
    const connection = i === 2 ? connect() : socket;
    connection.send(head);
    for (let at = 0; at < value.length; at += 7000) connection.send(value.subarray(at, at + 7000));
    if (i < 2) connection.send(LINE_END);
  }
  expect(valueOf(connect(), 'k')?.equals(Buffer.concat([start, middle, end]))).toBe(true);
  expect(checkStore(server.store)).toBe(0);
});

test.each(EVICTION_POLICIES)(
  'large values that come side by side into a full cache are all kept (%s)',
  async (eviction) => {
    const all = await startMemoryServer({ maxBytes: 64 * MEGABYTE, itemSizeMax: 5 * MEGABYTE, eviction }, true);
    fill(all);
    const { server, connect } = all;
    const value = makeValue(4_000_000, 1);
    const sockets = Array.from({ length: 14 }, () => connect());
    for (const [i, socket] of sockets.entries()) socket.send(`set k${i} 0 0 ${value.length}\r\n`);
    for (let at = 0; at < value.length; at += 100_000) {
      for (const socket of sockets) socket.send(value.subarray(at, at + 100_000));
    }
    for (const socket of sockets) expect(socket.ask('\r\n')).toBe('STORED\r\n');
    for (const i of sockets.keys()) expect(valueOf(connect(), `k${i}`)?.equals(value), `k${i}`).toBe(true);
    expect(checkStore(server.store)).toBe(0);
  },
);

test('what arrives together has a bound, one value alone has none, and small values find room beside it', async () => {
  const { server, connect } = await startMemoryServer({ maxBytes: 8 * MEGABYTE, itemSizeMax: 8 * MEGABYTE });
  const { arriving } = server.engine;
  const alone = connect();
  alone.send('set alone 0 0 8000000\r\n');
  alone.send(Buffer.alloc(7_980_000));
  expect(arriving.bytes).toBeGreaterThan(arriving.limitBytes);
  alone.close();
  expect(arriving.bytes).toBe(0);
  const sockets = Array.from({ length: 10 }, () => connect());
  for (const [i, socket] of sockets.entries()) socket.send(`set k${i} 0 0 1000000\r\n`);
  for (let sent = 0; sent < 990_000; sent += 10_000) for (const socket of sockets) socket.send(Buffer.alloc(10_000));
  expect(arriving.limitBytes).toBe(8 * MEGABYTE * ARRIVING_SHARE_MAX);
  expect(arriving.bytes).toBeLessThanOrEqual(arriving.limitBytes);
  const small = connect();
  for (let length = 1; length < 16_000; length += 500) {
    expect(small.ask(`set s${length} 0 0 ${length}\r\n${'x'.repeat(length)}\r\n`), `${length} bytes`).toBe(
      'STORED\r\n',
    );
  }
  const refused = stat(small, 'memfleet_arriving_memory_refusals');
  expect(refused).toBeGreaterThan(0);
  for (const socket of sockets) socket.send(`${'x'.repeat(10_000)}\r\n`);
  const answers = sockets.map((socket) => socket.received().toString('latin1'));
  expect(answers.filter((answer) => answer === `${OUT_OF_MEMORY}\r\n`)).toHaveLength(refused);
  expect(answers.filter((answer) => answer === 'STORED\r\n')).toHaveLength(10 - refused);
  expect(stat(small, 'memfleet_arriving_memory')).toBe(0);
  expect(checkStore(server.store)).toBe(0);
});

// ---- random interleavings ----

type Step =
  | { kind: 'announce'; slot: number; way: string; byteLength: number }
  | { kind: 'send'; slot: number; count: number }
  | { kind: 'close'; slot: number }
  | { kind: 'store'; byteLength: number };

const SLOTS = 6;
const slots = fc.integer({ min: 0, max: SLOTS - 1 });
const lengths = fc.oneof(
  fc.integer({ min: 0, max: 2500 }),
  fc.integer({ min: 15_000, max: 34_000 }),
  fc.integer({ min: 100_000, max: 700_000 }),
);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      slot: slots,
      way: fc.constantFrom(...Object.keys(WAYS)),
      byteLength: lengths,
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('send' as const), slot: slots, count: lengths }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), slot: slots }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('store' as const), byteLength: lengths }) },
);

interface Upload {
  readonly socket: MemorySocket;
  readonly way: Way;
  readonly key: string;
  readonly value: Buffer;
  /** The value and its ending, and how much of them was sent. */
  readonly bytes: Buffer;
  sent: number;
}

/** Connections that announce, send and give up, and what must come of it. No key comes twice, so what is gone was evicted. */
class Uploads {
  readonly #all: MemoryServer;
  readonly #uploads = new Map<number, Upload>();
  readonly #stored = new Map<string, Buffer>();
  readonly #before: number;
  #count = 0;
  #linkedBytes = 0;
  #arrivedBytes = 0;

  constructor(all: MemoryServer) {
    this.#all = all;
    fill(all);
    this.#before = all.server.store.stats.bytes;
  }

  run(step: Step): void {
    if (step.kind === 'announce') this.#announce(step.slot, WAYS[step.way], step.byteLength);
    else if (step.kind === 'close') this.#close(step.slot);
    else if (step.kind === 'send') this.#send(step.slot, step.count);
    else this.#store(step.byteLength);
    this.#check();
  }

  /** Ends all connections; returns how many values were stored. */
  end(): number {
    for (const slot of this.#uploads.keys()) this.#close(slot);
    const { server, connect } = this.#all;
    expect(server.engine.arriving.bytes).toBe(0);
    expect(server.held.heldBytes).toBe(0);
    expect(checkStore(server.store)).toBe(0);
    const reader = connect();
    for (const [key, value] of this.#stored) {
      const found = valueOf(reader, key);
      expect(found === undefined || found.equals(value), key).toBe(true);
    }
    return this.#stored.size;
  }

  #announce(slot: number, way: Way, byteLength: number): void {
    if (this.#uploads.has(slot)) return;
    const key = `key-${this.#count++}`;
    const value = makeValue(byteLength, this.#count);
    const socket = this.#all.connect();
    this.#uploads.set(slot, { socket, way, key, value, bytes: Buffer.concat([value, way.ending]), sent: 0 });
    socket.send(way.announce(key, byteLength));
    if (byteLength === 0 && way.ending.length === 0) this.#finish(slot);
  }

  #send(slot: number, count: number): void {
    const upload = this.#uploads.get(slot);
    if (upload === undefined) return;
    const piece = upload.bytes.subarray(upload.sent, upload.sent + count);
    upload.sent += piece.length;
    this.#arrivedBytes += piece.length;
    upload.socket.send(piece);
    if (upload.sent === upload.bytes.length) this.#finish(slot);
  }

  #finish(slot: number): void {
    const upload = this.#uploads.get(slot)!;
    const { key, value, way, socket } = upload;
    const outcome = way.outcome(socket.received());
    expect([STORED, OUT_OF_MEMORY]).toContain(outcome);
    if (outcome === STORED) this.#linked(key, value);
    this.#close(slot);
  }

  #close(slot: number): void {
    this.#uploads.get(slot)?.socket.close();
    this.#uploads.delete(slot);
  }

  /** A value that comes whole is stored whatever arrives beside it. */
  #store(byteLength: number): void {
    const key = `key-${this.#count++}`;
    const value = makeValue(Math.min(byteLength, 60_000), this.#count);
    const socket = this.#all.connect();
    const line = `set ${key} 0 0 ${value.length}\r\n`;
    expect(socket.ask(Buffer.concat([Buffer.from(line), value, LINE_END]))).toBe('STORED\r\n');
    this.#arrivedBytes += value.length;
    this.#linked(key, value);
    socket.close();
  }

  #linked(key: string, value: Buffer): void {
    const { items, index } = this.#all.server.store;
    const bytes = Buffer.from(key);
    const ref = index.find(bytes, 0, bytes.length, index.hash(bytes, 0, bytes.length));
    expect(ref, key).not.toBe(layout.NONE);
    this.#linkedBytes += layout.HEADER_BYTES + items.runBytes(ref);
    this.#stored.set(key, value);
  }

  #check(): void {
    const { server } = this.#all;
    checkStore(server.store);
    const evictedBytes = this.#before + this.#linkedBytes - server.store.stats.bytes;
    expect(evictedBytes).toBeLessThanOrEqual(EVICTED_RATIO * this.#arrivedBytes + EVICTED_BEYOND);
    expect(server.engine.arriving.bytes).toBeLessThanOrEqual(EVICTED_RATIO * this.#arrivedBytes);
  }
}

/** A chunk is taken when half of it has come. */
const EVICTED_RATIO = 2.1;
/** What goes in one piece: a large item for one chunk of it, and a page for the first item of a size, of some sizes. */
const EVICTED_BEYOND = 3 * MEGABYTE;

describe.each(EVICTION_POLICIES)('uploads side by side, with %s', (eviction) => {
  test.each([false, true])(
    'evict what their bytes have paid for, and leave nothing behind (gathers: %s)',
    async (gathers) => {
      let stored = 0;
      let evicted = 0;
      const property = fc.asyncProperty(
        fc.array(steps, { minLength: 30, maxLength: 100, size: 'max' }),
        async (list) => {
          const all = await startMemoryServer({ maxBytes: 8 * MEGABYTE, eviction }, gathers);
          const uploads = new Uploads(all);
          for (const step of list) uploads.run(step);
          stored += uploads.end();
          evicted += all.server.store.stats.total('evicted');
        },
      );
      await fc.assert(property, { numRuns: 8 });
      expect(stored).toBeGreaterThan(20);
      expect(evicted).toBeGreaterThan(100);
    },
  );
});
