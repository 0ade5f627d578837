/**
 * Goal: one connection keeps requests and answers in step and loses no more than it must, whatever the network does.
 * Method: a memcached in miniature behind a proxy that holds, splits or cuts replies; time is moved by hand.
 */
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { Connection } from '../../../src/client/wire/connection.ts';
import type { ConnectionOptions } from '../../../src/client/wire/options.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { TinyMemcached } from '../../support/tiny-memcached.ts';
import { until } from '../../support/until.ts';

let server: TinyMemcached;
let proxy: FaultyProxy;
let clock: ManualClock;
let events: string[];
let connection: Connection;

function open(options: Partial<ConnectionOptions> = {}): Connection {
  return new Connection({
    host: '127.0.0.1',
    port: proxy.port,
    clock,
    random: () => 0.5,
    onDown: (error) => events.push(`down ${error.code}`),
    onUp: () => events.push('up'),
    ...options,
  });
}

beforeEach(async () => {
  server = await TinyMemcached.start();
  proxy = await FaultyProxy.start(server.port);
  clock = new ManualClock();
  events = [];
  connection = open();
});

afterEach(async () => {
  vi.restoreAllMocks();
  proxy.cut();
  void connection.close();
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function failing(code: ErrorCode): unknown {
  return expect.objectContaining({ code });
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

/** What became of a promise, without waiting for it. */
function fate(promise: Promise<unknown>): { state: string } {
  const result = { state: 'pending' };
  promise.then(
    () => (result.state = 'fulfilled'),
    (error: { code: string }) => (result.state = error.code),
  );
  return result;
}

function undecodable(): never {
  throw new RangeError('undecodable');
}

describe('commands', () => {
  test('each has its answer', async () => {
    await expect(connection.version()).resolves.toBe('1.6.0');
    await expect(connection.get('k')).resolves.toBeUndefined();
    await expect(connection.set('k', text('5'), 60, 9)).resolves.toBe('stored');
    await expect(connection.get('k')).resolves.toEqual({ flags: 9, data: text('5'), cas: undefined });
    await expect(connection.gets('k')).resolves.toMatchObject({ cas: 1n });
    await expect(connection.inspect('none')).resolves.toBeUndefined();
    await expect(connection.inspect('k')).resolves.toEqual({
      valueBytes: 1,
      flags: 9,
      cas: 1n,
      ttl: undefined,
      idleSeconds: 0,
      wasRead: false,
    });
    await expect(connection.store('add', 'k', { data: text('x'), flags: 0 })).resolves.toBe('not-stored');
    await expect(connection.store('set', 'k', { data: text('6'), flags: 0 }, 0, 1n)).resolves.toBe('stored');
    await expect(connection.store('set', 'k', { data: text('6'), flags: 0 }, 0, 1n)).resolves.toBe('exists');
    await expect(connection.store('set', 'no', { data: text('6'), flags: 0 }, 0, 1n)).resolves.toBe('not-found');
    await expect(connection.arithmetic('incr', 'k', 4n)).resolves.toBe(10n);
    await expect(connection.arithmetic('decr', 'none', 4)).resolves.toBeUndefined();
    await expect(connection.touch('k', 5)).resolves.toBe(true);
    await expect(connection.retrieveAndTouch('k', 5, (value) => value.data.toString())).resolves.toBe('10');
    await expect(connection.delete('k')).resolves.toBe(true);
    await expect(connection.delete('k')).resolves.toBe(false);
    await expect(connection.stats()).resolves.toEqual(
      new Map([
        ['curr_items', '0'],
        ['argument', ' x'],
      ]),
    );
    expect((await connection.stats('items')).get('argument')).toBe('items x');
    await expect(connection.flushAll(3)).resolves.toBeUndefined();
    expect(server.lines.at(-1)).toBe('flush_all 3');
  });

  test('a long list of keys is several commands and one answer', async () => {
    const keys = Array.from({ length: 777 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => connection.set(key, text(key))));
    const found = await connection.retrieve('get', [...keys, 'missing'], (value) => value.data.toString());
    expect([...found]).toEqual(keys.map((key) => [key, key]));
    expect(server.lines.filter((line) => line.startsWith('get ')).length).toBe(4);
  });

  test("a server's refusal rejects that request alone", async () => {
    await connection.set('k', text('text'));
    const results = await Promise.allSettled([connection.arithmetic('incr', 'k', 1), connection.get('k')]);
    expect(results).toMatchObject([{ reason: failing('SERVER') }, { value: { data: text('text') } }]);
  });

  test('an error of the decoder rejects that request alone', async () => {
    await connection.set('k', text('text'));
    const results = await Promise.allSettled([
      connection.retrieveOne('get', 'k', undecodable),
      connection.retrieve('get', ['k', 'k2'], undecodable),
      connection.get('k'),
    ]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(proxy.connectionCount).toBe(1);
  });
});

describe('batches', () => {
  test('what is asked in one turn leaves in one write, also out of promises that are ready', async () => {
    await connection.version();
    const write = vi.spyOn(Socket.prototype, 'write');
    const ownWrites = (): number =>
      write.mock.contexts.filter((socket) => (socket as Socket).remotePort === proxy.port).length;
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        await Promise.resolve();
        await connection.get(`k${index}`);
      }),
    );
    expect(ownWrites()).toBe(1);
    await Promise.all([connection.get('a'), connection.set('b', text('b'))]);
    expect(ownWrites()).toBe(2);
  });
});

describe('cuts', () => {
  test('replies in single bytes are read', async () => {
    proxy.replies = 'bytewise';
    await connection.set('k', Buffer.alloc(300, 'z'));
    await expect(connection.get('k')).resolves.toMatchObject({ data: Buffer.alloc(300, 'z') });
  });

  test('a reply that is cut anywhere fails its request, and the next one works', async () => {
    await connection.set('k', text('hello'));
    const reply = 'VALUE k 0 5\r\nhello\r\nEND\r\n'.length;
    for (let bytes = 1; bytes < reply; bytes += 3) {
      proxy.cutAfterBytes = bytes;
      await expect(connection.get('k')).rejects.toEqual(failing('CONNECT_FAILED'));
      await expect(connection.get('k')).resolves.toMatchObject({ data: text('hello') });
    }
  });

  test('requests before the cut have their answers, requests behind it fail', async () => {
    await connection.set('k', text('hello'));
    proxy.cutAfterBytes = 25 + 3;
    const results = await Promise.allSettled([connection.get('k'), connection.get('k'), connection.get('k')]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });
});

describe('a node that is not there', () => {
  test('fails requests, at once from the second on, and is told of once', async () => {
    await proxy.kill();
    await expect(connection.get('k')).rejects.toEqual(failing('CONNECT_FAILED'));
    expect(connection.available).toBe(false);
    const refused = fate(connection.get('k'));
    await Promise.resolve();
    await Promise.resolve();
    expect(refused.state).toBe('CONNECT_FAILED');
    expect(events).toEqual(['down CONNECT_FAILED']);
  });

  test('is found when it comes back, without being asked', async () => {
    await connection.version();
    await proxy.kill();
    await until('the loss is noticed', () => !connection.available);
    await proxy.restore();
    await until('the connection is back', () => {
      clock.advance(2000);
      return events.includes('up');
    });
    expect(events).toEqual(['down CONNECT_FAILED', 'up']);
    await expect(connection.version()).resolves.toBe('1.6.0');
  });

  test('that never accepts is given up after the time to connect', async () => {
    // An address of the block that RFC 5737 keeps for documentation: nobody answers, or the network says so at once.
    const lost = open({ host: '192.0.2.1', port: 9 });
    const asked = lost.get('k');
    clock.advance(1000);
    await expect(asked).rejects.toEqual(failing('CONNECT_FAILED'));
    await lost.close();
  });
});

describe('time-outs', () => {
  test('a late reply is not given to another request', async () => {
    await connection.set('a', text('A'));
    await connection.set('b', text('B'));
    proxy.replies = 'hold';
    const late = connection.get('a');
    await until('the reply is held', () => proxy.heldCount === 1);
    const expectation = expect(late).rejects.toEqual(failing('TIMEOUT'));
    clock.advance(1000);
    await expectation;
    const next = connection.get('b');
    proxy.release();
    await expect(next).resolves.toMatchObject({ data: text('B') });
    await expect(connection.get('a')).resolves.toMatchObject({ data: text('A') });
    expect(proxy.connectionCount).toBe(1);
    expect(events).toEqual([]);
  });

  test('only the requests whose time is up fail', async () => {
    await connection.version();
    proxy.replies = 'hold';
    const early = fate(connection.get('a'));
    await until('the reply is held', () => proxy.heldCount === 1);
    clock.advance(600);
    const later = connection.get('b');
    const laterFate = fate(later);
    await until('both replies are held', () => proxy.heldCount === 2);
    clock.advance(500);
    await until('the first has failed', () => early.state === 'TIMEOUT');
    expect(laterFate.state).toBe('pending');
    proxy.release();
    await expect(later).resolves.toBeUndefined();
  });

  test.each([-7_200_000, 7_200_000])('a time-out lasts as long with a clock that is set by %i ms', async (byMs) => {
    await connection.version();
    proxy.replies = 'hold';
    const asked = connection.get('k');
    const result = fate(asked);
    await until('the request has gone out', () => server.lines.includes('get k'));
    clock.set(byMs);
    clock.advance(999);
    await Promise.resolve();
    expect(result.state).toBe('pending');
    clock.advance(1);
    await expect(asked).rejects.toEqual(failing('TIMEOUT'));
  });

  test('a silent node is given up, and must answer before it is asked again', async () => {
    await connection.version();
    proxy.replies = 'hold';
    const asked = fate(connection.get('a'));
    await until('the reply is held', () => proxy.heldCount === 1);
    clock.advance(1000);
    await until('the request has failed', () => asked.state === 'TIMEOUT');
    expect(connection.available).toBe(true);
    clock.advance(1000);
    expect(connection.available).toBe(false);
    expect(events).toEqual(['down TIMEOUT']);
    clock.advance(100);
    await until('it has connected again and asks for a sign of life', () => proxy.heldCount === 2);
    expect(connection.available).toBe(false);
    await expect(connection.get('a')).rejects.toEqual(failing('TIMEOUT'));
    proxy.release();
    await until('the node has answered', () => connection.available);
    expect(events).toEqual(['down TIMEOUT', 'up']);
    await expect(connection.get('a')).resolves.toBeUndefined();
  });
});

describe('bounds', () => {
  test('a full queue refuses, and takes requests again when there is room', async () => {
    const small = open({ queueMax: 2 });
    await small.version();
    proxy.replies = 'hold';
    const waiting = [small.get('a'), small.get('b')];
    await expect(small.get('c')).rejects.toEqual(failing('QUEUE_FULL'));
    await until('the replies are held', () => proxy.heldCount > 0);
    proxy.release();
    await Promise.all(waiting);
    await expect(small.get('c')).resolves.toBeUndefined();
    await small.close();
  });
});

describe('a peer that does not speak the protocol', () => {
  test.each([
    ['nonsense', 'HTTP/1.1 400 Bad Request\r\n'],
    ['an answer of the wrong kind', 'STORED\r\n'],
    ['a value of another key', 'VALUE other 0 1\r\nx\r\nEND\r\n'],
    ['a value twice', 'VALUE k 0 1\r\nx\r\nVALUE k 0 1\r\nx\r\nEND\r\n'],
  ])('is left: %s', async (_, reply) => {
    await connection.version();
    proxy.replies = 'hold';
    const asked = connection.get('k');
    proxy.inject(reply);
    await expect(asked).rejects.toEqual(failing('PROTOCOL'));
    proxy.release();
    await expect(connection.get('k')).resolves.toBeUndefined();
    expect(proxy.connectionCount).toBe(2);
  });

  test.each([
    ['without what was asked for', 'HD s1 f0\r\n'],
    ['with a value', 'VA 1 s1 f0 c1 t-1 l0 h0\r\nx\r\n'],
    ['with a number that is not one', 'HD s1 f0 c1 t-1 lx h0\r\n'],
    ['of the classic protocol', 'END\r\n'],
  ])('is left when it describes an item %s', async (_, reply) => {
    await connection.version();
    proxy.replies = 'hold';
    const asked = connection.inspect('k');
    proxy.inject(reply);
    await expect(asked).rejects.toEqual(failing('PROTOCOL'));
  });

  test('is left when it answers what nobody asked', async () => {
    await connection.version();
    proxy.inject('END\r\n');
    await until('a new connection is made', () => proxy.connectionCount === 2);
    await expect(connection.version()).resolves.toBe('1.6.0');
    expect(events).toEqual(['down PROTOCOL', 'up']);
  });
});

describe('closing', () => {
  test('waits for the answers that are due and refuses what comes later', async () => {
    await connection.version();
    proxy.replies = 'hold';
    const due = connection.get('k');
    await until('the reply is held', () => proxy.heldCount === 1);
    const closed = connection.close();
    await expect(connection.get('k')).rejects.toEqual(failing('CLOSED'));
    const closing = fate(closed);
    await Promise.resolve();
    expect(closing.state).toBe('pending');
    proxy.release();
    await expect(due).resolves.toBeUndefined();
    await closed;
    await until('the server has seen the end', () => server.sockets.size === 0);
  });

  test('does not wait longer than the requests may take', async () => {
    await connection.version();
    proxy.replies = 'hold';
    const due = fate(connection.get('k'));
    await until('the reply is held', () => proxy.heldCount === 1);
    const closed = connection.close();
    clock.advance(1000);
    await closed;
    expect(due.state).toBe('TIMEOUT');
  });

  test('a connection that was never used, twice', async () => {
    const unused = open();
    await unused.close();
    await unused.close();
    await expect(unused.get('k')).rejects.toEqual(failing('CLOSED'));
  });

  test('ends the attempts to connect', async () => {
    await proxy.kill();
    await expect(connection.get('k')).rejects.toEqual(failing('CONNECT_FAILED'));
    await connection.close();
    await proxy.restore();
    clock.advance(60_000);
    expect(proxy.connectionCount).toBe(0);
  });
});
