/**
 * The meta commands in a whole daemon: where a data block may be cut, answers that do not fit, readers that do not read,
 * and time. What each flag answers is in the tables of test/conformance, which the real memcached passes too.
 */
import { describe, expect, test } from 'vitest';
import { startMemoryServer, stat } from './support/memory-server.ts';

const SECOND_MS = 1000;

describe('ms', () => {
  test('stores the same, wherever line and data are cut', async () => {
    const { connect } = await startMemoryServer();
    const request = Buffer.from('ms Zm9v 5 b k s c Oop T60 F7 E77\r\nhello\r\nmg foo v f c t\r\n');
    const expected = 'HD kZm9v b s5 c77 Oop\r\nVA 5 f7 c77 t60\r\nhello\r\n';
    for (let cut = 1; cut < request.length; cut++) {
      const socket = connect();
      socket.send(request.subarray(0, cut));
      expect(socket.ask('').concat(socket.ask(request.subarray(cut))), `cut at ${cut}`).toBe(expected);
    }
    const socket = connect();
    for (const byte of request) socket.send(Buffer.of(byte));
    expect(socket.received().toString('latin1')).toBe(expected);
  });

  test('two connections may send their data by turns', async () => {
    const { connect } = await startMemoryServer();
    const [one, other] = [connect(), connect()];
    one.send('ms one 4 Oa\r\n1');
    other.send('ms other 4 Ob s\r\n22');
    one.send('11');
    other.send('2222'.slice(0, 2));
    expect(one.ask('1\r\n')).toBe('HD Oa\r\n');
    expect(other.ask('\r\n')).toBe('HD Ob s4\r\n');
    expect(one.ask('mg one v\r\nmg other v\r\n')).toBe('VA 4\r\n1111\r\nVA 4\r\n2222\r\n');
  });

  test('skips the data of what it refuses, however it comes', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    expect(socket.ask('ms k 4 z\r\nget')).toBe('CLIENT_ERROR invalid flag\r\n');
    expect(socket.ask(' \r\nmn\r\n')).toBe('MN\r\n');
    expect(socket.ask(`ms k 9999999\r\n${'x'.repeat(9_999_999)}\r\nmn\r\n`)).toBe(
      'SERVER_ERROR object too large for cache\r\nMN\r\n',
    );
  });

  test('a connection that goes in the middle of its data gives back the memory', async () => {
    const { connect, server } = await startMemoryServer();
    const socket = connect();
    for (let i = 0; i < 200; i++) {
      const leaving = connect();
      leaving.send(`ms k 800000\r\n${'x'.repeat(300_000)}`);
      leaving.close();
    }
    expect(server.store.stats.currentItems).toBe(0);
    expect(socket.ask(`ms k 800000 q\r\n${'x'.repeat(800_000)}\r\nmg k s\r\n`)).toBe('HD s800000\r\n');
  });
});

describe('mg', () => {
  test('answers values that are larger than the output, and small ones behind them', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    const value = 'v'.repeat(700_000);
    socket.ask(`ms big 700000\r\n${value}\r\nms small 1\r\ns\r\n`);
    expect(socket.ask('mg small v\r\nmg big v k\r\nmg small v\r\n')).toBe(
      `VA 1\r\ns\r\nVA 700000 kbig\r\n${value}\r\nVA 1\r\ns\r\n`,
    );
  });

  test('waits for a reader that does not read, and counts each request once', async () => {
    const { connect } = await startMemoryServer();
    const [writer, reader] = [connect(), connect()];
    const value = 'v'.repeat(100_000);
    writer.ask(`ms k 100000\r\n${value}\r\n`);
    reader.room = 1000;
    const gets = stat(writer, 'cmd_get');
    reader.send('mg k v k\r\n'.repeat(20));
    expect(reader.paused).toBe(true);
    for (let i = 0; reader.waitingBytes > 0 && i < 10_000; i++) reader.take(77_777);
    expect(reader.received().toString('latin1')).toBe(`VA 100000 kk\r\n${value}\r\n`.repeat(20));
    expect(stat(writer, 'cmd_get')).toBe(gets + 20);
  });

  test('lets one client recache: vivified, expiring, stale', async () => {
    const { connect, clock, server } = await startMemoryServer();
    const socket = connect();
    const later = (seconds: number): void => {
      clock.advance(seconds * SECOND_MS);
      server.time.tick();
    };
    expect(socket.ask('mg k v N30 t\r\nmg k v N30 t\r\n')).toBe('VA 0 t30 W\r\n\r\nVA 0 t30 Z\r\n\r\n');
    expect(socket.ask('ms k 3 T60\r\nnew\r\nmg k v R10 t\r\n')).toBe('HD\r\nVA 3 t60\r\nnew\r\n');
    later(55);
    expect(socket.ask('mg k R10 t\r\nmg k R10 t\r\n')).toBe('HD t5 W\r\nHD t5 Z\r\n');
    expect(socket.ask('md k I T30\r\nmg k v t\r\nmg k v t\r\n')).toBe(
      'HD\r\nVA 3 t30 X W\r\nnew\r\nVA 3 t30 Z X\r\nnew\r\n',
    );
    later(31);
    expect(socket.ask('mg k v\r\n')).toBe('EN\r\n');
  });

  test('h and l tell of the time before, u leaves no trace', async () => {
    const { connect, clock, server } = await startMemoryServer();
    const socket = connect();
    socket.ask('ms k 1\r\nv\r\n');
    clock.advance(5 * SECOND_MS);
    server.time.tick();
    expect(socket.ask('mg k h l u\r\nmg k h l\r\nmg k h l\r\n')).toBe('HD h0 l5\r\nHD h0 l5\r\nHD h1 l0\r\n');
  });
});

describe('a CAS that a client chose', () => {
  test('does not decide what a flush takes', async () => {
    const { connect, clock, server } = await startMemoryServer();
    const socket = connect();
    socket.ask('ms old 1 E99999999999\r\nx\r\nms touched 1 E99999999999\r\nx\r\n');
    clock.advance(2 * SECOND_MS);
    server.time.tick();
    socket.ask('mg touched\r\nflush_all\r\nms new 1 E1\r\nx\r\n');
    expect(socket.ask('mg old\r\nmg touched\r\nmg new c\r\n')).toBe('EN\r\nEN\r\nHD c1\r\n');
    socket.ask('flush_all\r\n');
    expect(socket.ask('mg new\r\n')).toBe('EN\r\n');
    socket.ask('ms new 1 E1\r\nx\r\n');
    clock.advance(2 * SECOND_MS);
    server.time.tick();
    expect(socket.ask('mg new c\r\n')).toBe('HD c1\r\n');
  });
});
