/**
 * One connection from bytes to bytes. Goal: answers do not depend on how requests are cut, and a reader that takes its
 * answers slowly gets every byte once and in order, while others are served. Method: a whole daemon over a transport in
 * memory; what a slow reader takes is read from the daemon's memory only then.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LOGIN_DELAY_MS_MAX,
  OUTPUT_BYTES_TIGHT,
  OUTPUT_REGIONS,
  STALLED_READER_SECONDS,
} from '../../src/daemon/limits.ts';
import { checkStore } from './support/check-store.ts';
import { makeValue } from './support/engine-driver.ts';
import { startMemoryServer, stat, type MemoryServer } from './support/memory-server.ts';

const SECOND_MS = 1000;

function set(key: string, value: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([
    Buffer.from(`set ${key} ${flags} 0 ${value.length}\r\n`, 'latin1'),
    value,
    Buffer.from('\r\n'),
  ]);
}

function answerOf(key: string, value: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([
    Buffer.from(`VALUE ${key} ${flags} ${value.length}\r\n`, 'latin1'),
    value,
    Buffer.from('\r\n'),
  ]);
}

const END = Buffer.from('END\r\n');

function configSet(body: string, by: string, length = body.length): string {
  return `config set cluster 0 ${length} ${by}\r\n${body}\r\n`;
}

async function converse(pieces: Iterable<Uint8Array>): Promise<string> {
  const { connect } = await startMemoryServer({ maxBytes: 1024 * 1024, itemSizeMax: 20_000 });
  const socket = connect();
  for (const piece of pieces) socket.send(piece);
  expect(socket.ended).toBe(true);
  return socket.received().toString('latin1');
}

describe('requests cut anywhere', () => {
  const binary = Buffer.from('a\r\nset x 0 0 1\r\n\0\xff\n\r', 'latin1');
  const conversation = Buffer.concat([
    set('a', Buffer.from('one'), 7),
    set('b', binary),
    Buffer.from('get a b nothing\r\nadd a 0 0 1\r\nx\r\nappend a 0 0 3\r\ntwo\r\ngets a\r\nget  a   b \r\n'),
    Buffer.from('set n 0 0 2\r\n18\r\nincr n 5\r\ndecr n 100\r\nincr a 1\r\nincr n x\r\n'),
    Buffer.from('set bad 0 0 3\r\nlonger\r\nset q 0 0 2 noreply\r\nqq\r\nget q\r\nbogus\r\nget\r\n\r\n'),
    Buffer.from('set big 0 0 20000\r\n'),
    Buffer.alloc(20_000, 'x'),
    Buffer.from('\r\ndelete a\r\ntouch b 100\r\ngat 0 b\r\nflush_all noreply\r\nget b\r\nverbosity 1\r\nversion\n'),
    Buffer.from(
      `get ${'k'.repeat(251)}\r\nget ${'key '.repeat(3000)}\r\nget q\0ignored\r\nmn_bogus\r\nquit\r\nget a\r\n`,
    ),
  ]);

  function* cutAt(positions: number[]): Generator<Uint8Array> {
    let from = 0;
    for (const position of positions) {
      yield conversation.subarray(from, position);
      from = position;
    }
    yield conversation.subarray(from);
  }

  const wholeAnswer = converse([conversation]);

  test('give the answers that the commands call for', async () => {
    const answer = await wholeAnswer;
    expect(answer).toContain('VALUE a 7 3\r\none\r\nVALUE b 0 20\r\n');
    expect(answer).toMatch(/NOT_STORED\r\nSTORED\r\nVALUE a 7 6 \d+\r\nonetwo\r\nEND\r\n/);
    expect(answer).toContain('STORED\r\n23\r\n0\r\nCLIENT_ERROR ');
    expect(answer).toContain('SERVER_ERROR object too large for cache\r\nDELETED\r\nTOUCHED\r\n');
    expect(answer.endsWith('END\r\n'), 'nothing is answered behind quit').toBe(false);
  });

  test('byte by byte', async () => {
    const head = conversation.indexOf('set big');
    const bytes = Array.from({ length: head }, (_, i) => i + 1);
    const tailStart = conversation.indexOf('\r\ndelete a');
    const tail = Array.from({ length: conversation.length - tailStart - 1 }, (_, i) => tailStart + i + 1);
    expect(await converse(cutAt([...bytes, head + 5, head + 30, tailStart, ...tail]))).toBe(await wholeAnswer);
  });

  test('at every cut', async () => {
    const expected = await wholeAnswer;
    const skipFrom = conversation.indexOf('set big') + 40;
    const skipTo = conversation.indexOf('\r\ndelete a') - 20;
    const manyKeys = conversation.indexOf('get key key') + 20;
    for (let cut = 1; cut < conversation.length; cut++) {
      if (cut > skipFrom && cut < skipTo) cut = skipTo;
      if (cut > manyKeys && cut < manyKeys + 11_900) cut = manyKeys + 11_900;
      if ((await converse(cutAt([cut]))) !== expected) throw new Error(`another answer when cut at ${cut}`);
    }
  });

  test('at random', async () => {
    const expected = await wholeAnswer;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: conversation.length - 1 }), { maxLength: 50 }),
        async (cuts) => {
          expect(await converse(cutAt(cuts.sort((a, b) => a - b)))).toBe(expected);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('lines', () => {
  test('of garbage never harm the daemon, and another connection is served as before', async () => {
    const { server, connect } = await startMemoryServer({ maxBytes: 2 * 1024 * 1024, itemSizeMax: 1024 * 1024 });
    const words = fc.constantFrom(
      'get',
      'set',
      'cas',
      'incr',
      'k',
      '0',
      '-1',
      '5',
      'noreply',
      '\r\n',
      '\n',
      ' ',
      '\0',
      'stats',
      'config',
      'gat',
      'flush_all',
    );
    const lines = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.array(words, { maxLength: 12 }).map((list) => list.join(' ')),
      fc.array(words, { maxLength: 12 }).map((list) => list.join('')),
    );
    const other = connect();
    fc.assert(
      fc.property(fc.array(lines, { maxLength: 20 }), (list) => {
        const socket = connect();
        for (const line of list) socket.send(`${line}\r\n`);
        socket.close();
        other.ask('set safe 0 0 4\r\nsafe\r\n');
        expect(other.ask('get safe\r\n')).toBe('VALUE safe 0 4\r\nsafe\r\nEND\r\n');
      }),
      { numRuns: 300 },
    );
    expect(server.counters.currentConnections).toBe(1);
    expect(checkStore(server.store)).toBe(0);
  });

  test('without an end close the connection once they are longer than any command may be', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.send('x'.repeat(2048));
    expect(socket.destroyed).toBe(false);
    socket.send('x');
    expect(socket.destroyed).toBe(true);
  });

  test('with very many keys are answered up to a bound, however they arrive', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.send(set('k', Buffer.from('v')));
    socket.received();
    const line = `get ${'k nothing '.repeat(20_000)}\r\n`;
    for (let at = 0; at < line.length; at += 50_000) socket.send(line.slice(at, at + 50_000));
    expect(socket.received().toString('latin1')).toBe(`${'VALUE k 0 1\r\nv\r\n'.repeat(20_000)}END\r\n`);
    socket.send(`get ${'k'.repeat(2 * 1024 * 1024)}`);
    expect(socket.destroyed).toBe(true);
  });

  test('an unfinished value is given back when the connection closes', async () => {
    const { server, connect } = await startMemoryServer();
    const sockets = Array.from({ length: 50 }, () => connect());
    for (const [i, socket] of sockets.entries()) socket.send(`set k${i} 0 0 100000\r\n${'part'.repeat(5000)}`);
    expect(checkStore(server.store)).toBe(50);
    for (const socket of sockets) socket.close();
    expect(checkStore(server.store)).toBe(0);
    expect(server.counters.currentConnections).toBe(0);
  });
});

describe('a reader that takes its answers slowly', () => {
  const values = [100, 5000, 70_000, 200_000, 600_000, 3].map((length, i) => makeValue(length, i));

  async function filled(): Promise<MemoryServer> {
    const memory = await startMemoryServer();
    const socket = memory.connect();
    for (const [i, value] of values.entries()) socket.send(set(`k${i}`, value, i));
    socket.close();
    return memory;
  }

  test.each([1, 1000, 65_536, 300_000])('gets every byte once and in order, %i at a time', async (count) => {
    const { connect } = await filled();
    const slow = connect();
    const other = connect();
    slow.room = 10;
    const keys = values.map((_, i) => `k${i}`).join(' ');
    slow.send(`get ${keys}\r\nget k1 none k5\r\nset after 0 0 5\r\nvalue\r\nget after\r\n`);
    expect(slow.paused).toBe(true);
    slow.send('get k0\r\n');
    const steps = count === 1 ? 1000 : Infinity;
    for (let i = 0; i < steps && (slow.waitingBytes > 0 || slow.paused); i++) {
      slow.take(count);
      // Others use the regions that are free meanwhile.
      other.send('get k1 k3\r\n');
      await Promise.resolve();
    }
    for (let i = 0; i < 100; i++) {
      slow.take();
      await Promise.resolve();
    }
    const expected = Buffer.concat([
      ...values.map((value, i) => answerOf(`k${i}`, value, i)),
      END,
      answerOf('k1', values[1], 1),
      answerOf('k5', values[5], 5),
      END,
      Buffer.from('STORED\r\n'),
      answerOf('after', Buffer.from('value')),
      END,
      answerOf('k0', values[0]),
      END,
    ]);
    expect(slow.received().equals(expected)).toBe(true);
    expect(slow.paused).toBe(false);
  });

  test('random mixes of requests and of what is taken lose no byte and mix none up', async () => {
    const { connect } = await filled();
    const steps = fc.array(
      fc.record({
        socket: fc.integer({ min: 0, max: 11 }),
        keys: fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 6 }),
        withCas: fc.boolean(),
        room: fc.constantFrom(0, 1, 100, 10_000, 300_000, Infinity),
        taken: fc.constantFrom(0, 1, 5000, 100_000, Infinity),
      }),
      { minLength: 10, maxLength: 60, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const sockets = Array.from({ length: 12 }, () => ({ socket: connect(), expected: [] as Buffer[] }));
        for (const step of list) {
          const { socket, expected } = sockets[step.socket];
          socket.room = step.room;
          socket.send(`get ${step.keys.map((key) => `k${key}`).join(' ')}\r\n`);
          for (const key of step.keys) if (key < values.length) expected.push(answerOf(`k${key}`, values[key], key));
          expected.push(END);
          sockets[(step.socket + 1) % 12].socket.take(step.taken);
          await Promise.resolve();
        }
        for (const { socket, expected } of sockets) {
          socket.room = Infinity;
          for (let i = 0; i < 200; i++) {
            socket.take();
            await Promise.resolve();
          }
          if (!socket.received().equals(Buffer.concat(expected))) throw new Error(`${socket.peer} got other bytes`);
          socket.close();
        }
      }),
      { numRuns: 40 },
    );
  });

  test('all regions can be with slow readers while others are served', async () => {
    const { connect, server } = await filled();
    const slow = Array.from({ length: OUTPUT_REGIONS + 3 }, () => connect());
    for (const socket of slow) {
      socket.room = 0;
      socket.send('get k2 k0\r\n');
      expect(socket.paused).toBe(true);
    }
    const quick = connect();
    const expected = Buffer.concat([answerOf('k3', values[3], 3), END]);
    for (let i = 0; i < 5; i++) {
      quick.send('get k3\r\n');
      expect(quick.received().equals(expected)).toBe(true);
    }
    expect(server.output.room).toBe(OUTPUT_BYTES_TIGHT);
    const slowAnswer = Buffer.concat([answerOf('k2', values[2], 2), answerOf('k0', values[0]), END]);
    for (const [i, socket] of slow.entries()) {
      if (i % 2 === 0) {
        socket.room = Infinity;
        socket.take();
        expect(socket.received().equals(slowAnswer)).toBe(true);
      } else {
        socket.close();
      }
    }
    // Every region is free again: as many readers can be slow once more, and the answers are still right.
    for (let i = 0; i < OUTPUT_REGIONS; i++) {
      const socket = connect();
      socket.room = 5;
      socket.send('get k2 k0\r\n');
      socket.take();
      expect(socket.received().equals(slowAnswer)).toBe(true);
    }
  });

  test('is cut off when it takes nothing for too long, and its memory comes back', async () => {
    const { connect, clock, server } = await filled();
    const dead = connect();
    const slow = connect();
    for (const socket of [dead, slow]) {
      socket.room = 0;
      socket.send('get k2\r\n');
    }
    clock.advance((STALLED_READER_SECONDS - 1) * SECOND_MS);
    slow.take();
    slow.send('get k2\r\n');
    clock.advance(3 * SECOND_MS);
    await Promise.resolve();
    expect(dead.destroyed).toBe(true);
    expect(slow.destroyed).toBe(false);
    expect(server.counters.currentConnections).toBe(1);
  });

  test('a miss count does not grow because an answer went out in parts', async () => {
    const { connect, server } = await filled();
    const slow = connect();
    slow.room = 0;
    slow.send('get k0 k4\r\nget k4\r\n');
    for (let i = 0; i < 10; i++) slow.take();
    expect(slow.received().length).toBeGreaterThan(1_200_000);
    expect(server.counters.getMisses).toBe(0);
    expect(server.counters.getCommands).toBe(3);
  });

  test('quit is obeyed when everything before it was taken', async () => {
    const { connect } = await filled();
    const slow = connect();
    slow.room = 3;
    slow.send('get k3\r\nquit\r\nget k0\r\n');
    expect(slow.ended).toBe(false);
    for (let i = 0; i < 10; i++) {
      slow.take();
      await Promise.resolve();
    }
    expect(slow.received().equals(Buffer.concat([answerOf('k3', values[3], 3), END]))).toBe(true);
    expect(slow.ended).toBe(true);
  });
});

describe('the configuration of the cluster', () => {
  const payload = '12\nhost-1|10.0.0.1|11211 host-2|10.0.0.2|11211\n';
  const token = 'secret';

  test('is set by who knows the token and read by anybody', async () => {
    const { connect, clock } = await startMemoryServer({ configToken: token });
    const socket = connect();
    expect(socket.ask('config get cluster\r\n')).toBe('END\r\n');
    socket.send(configSet(payload, 'wrong') + configSet(payload, ''));
    clock.advance(2 * LOGIN_DELAY_MS_MAX);
    expect(socket.received().toString()).toMatch(/^(CLIENT_ERROR [^\r]+\r\n){2}$/);
    expect(socket.ask('config get cluster\r\n')).toBe('END\r\n');
    expect(socket.ask(configSet(payload, token))).toBe('STORED\r\n');
    const answer = `CONFIG cluster 0 ${payload.length}\r\n${payload}\r\nEND\r\n`;
    expect(connect().ask('config get cluster\r\n')).toBe(answer);
    expect(connect().ask('get AmazonElastiCache:cluster\r\n')).toBe(
      `VALUE AmazonElastiCache:cluster 0 ${payload.length}\r\n${payload}\r\nEND\r\n`,
    );
    expect(socket.ask('config get other\r\n')).toBe('END\r\n');
    expect(socket.ask('version\r\n')).toMatch(/^VERSION /);
  });

  test('has the signature that it came with, and loses it with the next that has none', async () => {
    const { connect } = await startMemoryServer({ configToken: token });
    const socket = connect();
    const signature = 'Abc-_'.padEnd(43, '0');
    expect(socket.ask('config get cluster-signature\r\n')).toBe('END\r\n');
    expect(socket.ask(configSet(payload, `${token} ${signature}`))).toBe('STORED\r\n');
    const answer = `CONFIG cluster-signature 0 43\r\n${signature}\r\nEND\r\n`;
    expect(connect().ask('config get cluster-signature\r\n')).toBe(answer);
    expect(connect().ask('config get cluster\r\n')).toContain(payload);
    for (const none of ['', ` ${signature}0`, ' a|b']) {
      expect(socket.ask(configSet(payload, `${token}${none}`))).toBe('STORED\r\n');
      expect(socket.ask('config get cluster-signature\r\n')).toBe('END\r\n');
    }
  });

  test('cannot be set while no token is', async () => {
    const { connect } = await startMemoryServer();
    expect(connect().ask(configSet(payload, ''))).toMatch(/^CLIENT_ERROR /);
    expect(connect().ask(configSet(payload, 'undefined'))).toMatch(/^CLIENT_ERROR /);
  });

  test('cannot be set through its reserved key', async () => {
    const { connect } = await startMemoryServer({ configToken: token });
    const socket = connect();
    const answer = socket.ask('set AmazonElastiCache:cluster 0 0 3\r\nget\r\nversion\r\n');
    expect(answer).toMatch(/^CLIENT_ERROR [^\r]*\r\nVERSION [\d.]+\r\n$/);
  });

  test('a data block that is too large is refused and skipped, not taken for commands', async () => {
    const { connect, server } = await startMemoryServer({ configToken: token });
    const socket = connect();
    const body = 'flush_all\r\n'.repeat(20_000);
    const answer = socket.ask(`${configSet(body, token)}version\r\n`);
    expect(answer).toMatch(/^SERVER_ERROR [^\r]*\r\nVERSION [\d.]+\r\n$/);
    expect(server.counters.flushCommands).toBe(0);
  });

  test('comes whole among answers that fill the output, and nothing of it reaches another connection', async () => {
    const { connect } = await startMemoryServer({ configToken: token });
    const large = `1\n${'host|10.0.0.1|11211 '.repeat(3000)}\n`;
    const value = makeValue(215_000, 1);
    const slow = connect();
    expect(slow.ask(configSet(large, token))).toBe('STORED\r\n');
    slow.ask(set('k', value));
    slow.room = 0;
    slow.send('get k AmazonElastiCache:cluster none\r\n');
    const other = connect();
    expect(other.ask('get none\r\n')).toBe('END\r\n');
    for (let i = 0; i < 10; i++) slow.take();
    const config = `VALUE AmazonElastiCache:cluster 0 ${large.length}\r\n${large}\r\n`;
    const expected = Buffer.concat([answerOf('k', value), Buffer.from(config), END]);
    expect(slow.received().equals(expected)).toBe(true);
  });
});

test('stat is a number that grows with what is read', async () => {
  const { connect } = await startMemoryServer();
  const socket = connect();
  const before = stat(socket, 'bytes_read');
  socket.ask('version\r\n');
  expect(stat(socket, 'bytes_read') - before).toBe('version\r\nstats\r\n'.length);
});
