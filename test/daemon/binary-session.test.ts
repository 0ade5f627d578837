/**
 * One connection of the binary protocol from bytes to bytes. Goal: answers do not depend on how requests are cut, a slow
 * reader gets every byte once, and no bytes harm the daemon. Method: a whole daemon over a transport in memory.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Opcode, Status } from '../../src/protocol/binary/opcodes.ts';
import {
  answer,
  answers,
  arithmetic,
  failure,
  number,
  request,
  requests,
  storage,
  words,
} from '../conformance/binary-packets.ts';
import { checkStore } from './support/check-store.ts';
import { makeValue } from './support/engine-driver.ts';
import { startMemoryServer, stat, type MemoryServer } from './support/memory-server.ts';

const MEGABYTE = 1024 * 1024;
const set = (key: string, value: string | Buffer): Buffer => request(Opcode.SET, { key, extras: storage(3), value });
const NOOP = request(Opcode.NOOP);
const NOOP_ANSWER = answer(Opcode.NOOP);

async function converse(pieces: Iterable<Uint8Array>): Promise<string> {
  const { connect } = await startMemoryServer({ maxBytes: 2 * MEGABYTE });
  const socket = connect();
  for (const piece of pieces) socket.send(piece);
  expect(socket.ended).toBe(true);
  return socket.received().toString('latin1');
}

describe('packets cut anywhere', () => {
  const conversation = requests(
    set('a', 'one'),
    set('b', '\x80\n\r\n\0'),
    request(Opcode.GETK, { key: 'b' }),
    request(Opcode.GETQ, { key: 'none' }),
    request(Opcode.APPEND, { key: 'a', value: 'two' }),
    request(Opcode.ADDQ, { key: 'a', extras: storage(), value: 'no' }),
    request(Opcode.INCREMENT, { key: 'n', extras: arithmetic(1n, 5n, 0) }),
    request(Opcode.INCREMENT, { key: 'a', extras: arithmetic(1n, 5n, 0) }),
    request(0x7f, { value: 'skipped' }),
    request(Opcode.SET, { key: 'big', extras: storage(), value: 'b'.repeat(2 * MEGABYTE) }),
    request(Opcode.GATKQ, { key: 'a', extras: words(100) }),
    request(Opcode.STAT, { key: 'sizes' }),
    request(Opcode.DELETEQ, { key: 'a' }),
    request(Opcode.FLUSHQ),
    request(Opcode.GET, { key: 'b' }),
    request(Opcode.QUIT),
    NOOP,
  );
  const skipFrom = conversation.indexOf('bbbbbbbbb') + 10;
  const skipTo = conversation.lastIndexOf('bbbbbbbbb');
  const wholeAnswer = converse([conversation]);

  test('whole', async () => {
    expect(await wholeAnswer).toMatch(
      answers(
        answer(Opcode.SET, { cas: true }),
        answer(Opcode.SET, { cas: true }),
        answer(Opcode.GETK, { key: 'b', extras: words(3), value: '\x80\n\r\n\0', cas: true }),
        answer(Opcode.APPEND, { cas: true }),
        failure(Opcode.ADDQ, Status.KEY_EXISTS),
        answer(Opcode.INCREMENT, { value: number(5n), cas: true }),
        failure(Opcode.INCREMENT, Status.NOT_A_NUMBER),
        failure(0x7f, Status.UNKNOWN_COMMAND),
        failure(Opcode.SET, Status.TOO_LARGE),
        answer(Opcode.GATKQ, { key: 'a', extras: words(3), value: 'onetwo', cas: true }),
        answer(Opcode.STAT, { key: 'sizes_status', value: 'disabled' }),
        answer(Opcode.STAT),
        failure(Opcode.GET, Status.KEY_NOT_FOUND),
        answer(Opcode.QUIT),
      ),
    );
  });

  test('byte by byte', async () => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < conversation.length;) {
      const end = at > skipFrom && at < skipTo ? skipTo : at + 1;
      pieces.push(conversation.subarray(at, end));
      at = end;
    }
    expect(await converse(pieces)).toBe(await wholeAnswer);
  });

  test('at every cut', async () => {
    for (let cut = 1; cut < conversation.length; cut++) {
      if (cut > skipFrom && cut < skipTo) cut = skipTo;
      const answered = await converse([conversation.subarray(0, cut), conversation.subarray(cut)]);
      if (answered !== (await wholeAnswer)) throw new Error(`another answer when cut at ${cut}`);
    }
  });
});

describe('the first byte', () => {
  const text = 'version\r\n'.padEnd(30, ' ');

  test('tells the protocol of a connection', async () => {
    const { connect } = await startMemoryServer();
    const binary = connect();
    expect(binary.ask(NOOP.subarray(0, 1))).toBe('');
    expect(binary.ask(NOOP.subarray(1))).toMatch(answers(NOOP_ANSWER));
    expect(connect().ask('version\r\n')).toMatch(/^VERSION /);
    expect(connect().ask('\x81bogus\r\n')).toBe('ERROR\r\n');
  });

  test('matters no more once the protocol is told', async () => {
    const { connect } = await startMemoryServer();
    const binary = connect();
    expect(binary.ask(Buffer.concat([NOOP, Buffer.from(text)]))).toMatch(answers(NOOP_ANSWER));
    expect(binary.ended).toBe(true);
    const ascii = connect();
    expect(ascii.ask('version\r\n')).toMatch(/^VERSION /);
    expect(ascii.ask('\x80\n')).toBe('CLIENT_ERROR bad command line format\r\n');
  });

  test('matters not at all under -B', async () => {
    const binary = (await startMemoryServer({ protocol: 'binary' })).connect();
    expect(binary.ask(text)).toBe('');
    expect(binary.ended).toBe(true);
    const ascii = (await startMemoryServer({ protocol: 'ascii' })).connect();
    expect(ascii.ask('\x80\n')).toBe('CLIENT_ERROR bad command line format\r\n');
  });
});

describe('a reader that takes its answers slowly', () => {
  test('gets every byte once and in order', async () => {
    const { connect } = await startMemoryServer({ maxBytes: 16 * MEGABYTE });
    const values = Array.from({ length: 20 }, (_, i) => makeValue(40_000 + i * 7919, i));
    const socket = connect();
    socket.send(requests(...values.map((value, i) => set(`k${i}`, value))));
    socket.received();
    socket.room = 10;
    socket.send(requests(...values.map((_, i) => request(Opcode.GETK, { key: `k${i}` })), NOOP));
    while (socket.waitingBytes > 0) {
      socket.take(9_973);
      socket.room = 100;
    }
    let rest = socket.received();
    for (const [i, value] of values.entries()) {
      const valueStart = 28 + `k${i}`.length;
      expect(rest.readUInt32BE(8), `k${i}`).toBe(valueStart - 24 + value.length);
      expect(rest.subarray(28, valueStart).toString()).toBe(`k${i}`);
      expect(rest.subarray(valueStart, valueStart + value.length).equals(value), `k${i}`).toBe(true);
      rest = rest.subarray(valueStart + value.length);
    }
    expect(rest.toString('latin1')).toMatch(answers(NOOP_ANSWER));
  });
});

describe('bytes of all kinds', () => {
  const opcodes = [...Object.values(Opcode), 0x1f, 0x7f, 0xff];
  const part = fc.oneof(
    fc.record({
      opcode: fc.constantFrom(...opcodes),
      key: fc.constantFrom('', 'a', 'n', 'settings', 'k'.repeat(251)),
      extras: fc.constantFrom('', words(0), storage(), arithmetic(1n, 2n, 0), 'x'.repeat(40)),
      value: fc.constantFrom('', '1', 'v'.repeat(5000)),
      cas: fc.constantFrom(0n, 1n, 2n ** 64n - 1n),
      bodyBytes: fc.constantFrom(undefined, undefined, undefined, 0, 5, 100_000, 0xffff_ffff),
    }),
  );

  test('never harm the daemon, and another connection is served as before', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 2 * MEGABYTE });
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }),
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(300),
        (list, noise, cut) => {
          const bytes = Buffer.concat([
            ...list.map(({ opcode, bodyBytes, ...parts }) =>
              request(opcode, bodyBytes === undefined ? parts : { ...parts, bodyBytes }),
            ),
            noise,
          ]);
          const socket = connect();
          socket.send(bytes.subarray(0, cut));
          socket.send(bytes.subarray(cut));
          socket.close();
          expect(connect().ask(NOOP)).toMatch(answers(NOOP_ANSWER));
        },
      ),
      { numRuns: 300 },
    );
    checkStore(server.store);
  });

  test('a connection that ends within a value leaves nothing behind', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 2 * MEGABYTE });
    const socket = connect();
    socket.send(set('a', 'v'.repeat(100_000)).subarray(0, 50_000));
    socket.close();
    expect(server.store.stats.currentItems).toBe(0);
    checkStore(server.store);
  });
});

/** What a daemon has counted after some packets. */
async function after(...packets: Buffer[]): Promise<(name: string) => number> {
  const { connect }: MemoryServer = await startMemoryServer();
  connect().send(requests(...packets));
  const text = connect();
  return (name) => stat(text, name);
}

describe('counters', () => {
  test('a get and touch counts as a touch alone', async () => {
    const count = await after(
      set('a', 'v'),
      request(Opcode.GAT, { key: 'a', extras: words(0) }),
      request(Opcode.GATQ, { key: 'none', extras: words(0) }),
      request(Opcode.GETQ, { key: 'a' }),
    );
    expect(['cmd_touch', 'touch_hits', 'touch_misses', 'cmd_get', 'get_hits', 'get_misses'].map(count)).toEqual([
      2, 1, 1, 1, 1, 0,
    ]);
  });

  test('a number that is made is neither a miss nor a set', async () => {
    const count = await after(
      request(Opcode.INCREMENT, { key: 'n', extras: arithmetic(1n, 5n, 0) }),
      request(Opcode.INCREMENT, { key: 'n', extras: arithmetic(1n, 5n, 0) }),
      request(Opcode.DECREMENT, { key: 'm', extras: arithmetic(1n, 5n, 0xffffffff) }),
    );
    expect(['incr_hits', 'incr_misses', 'decr_misses', 'cmd_set', 'curr_items'].map(count)).toEqual([1, 0, 1, 0, 1]);
  });
});

describe('the configuration of the fleet', () => {
  const PAYLOAD = '7\nn1|10.0.0.1|11211\n';

  test('is told to clients with auto-discovery, and not changed by them', async () => {
    const { server, connect } = await startMemoryServer();
    const socket = connect();
    const ask = request(Opcode.CONFIG_GET, { key: 'cluster' });
    expect(socket.ask(ask)).toMatch(answers(failure(Opcode.CONFIG_GET, Status.KEY_NOT_FOUND)));
    server.clusterConfig.set(PAYLOAD);
    const told = { extras: words(0), value: PAYLOAD };
    expect(socket.ask(ask)).toMatch(answers(answer(Opcode.CONFIG_GET, told)));
    expect(socket.ask(request(Opcode.CONFIG_GETK, { key: 'cluster' }))).toMatch(
      answers(answer(Opcode.CONFIG_GETK, { ...told, key: 'cluster' })),
    );
    expect(socket.ask(request(Opcode.GET, { key: 'AmazonElastiCache:cluster' }))).toMatch(
      answers(answer(Opcode.GET, told)),
    );
    for (const opcode of [Opcode.CONFIG_SET, Opcode.SET]) {
      const key = opcode === Opcode.SET ? 'AmazonElastiCache:cluster' : 'cluster';
      expect(socket.ask(requests(request(opcode, { key, extras: storage(), value: 'x' }), NOOP))).toMatch(
        answers(failure(opcode, Status.AUTH_ERROR), NOOP_ANSWER),
      );
    }
    expect(socket.ask(ask)).toMatch(answers(answer(Opcode.CONFIG_GET, told)));
  });
});
