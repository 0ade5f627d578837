/** A daemon as a whole, over a transport in memory: what it counts, its settings, its clockwork and its end. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { DEFAULT_EXTENDED } from '../../src/daemon/settings.ts';
import { askAll, startMemoryServer, stat } from './support/memory-server.ts';

const SECOND_MS = 1000;

/** The names and values of a `stats` answer; fails if a line has another form. */
function statsOf(answer: string): Map<string, string> {
  const lines = answer.split('\r\n');
  expect(lines.splice(-2)).toEqual(['END', '']);
  return new Map(
    lines.map((line) => {
      const match = /^STAT (\S+) (.*)$/.exec(line);
      if (match === null) throw new Error(`not a statistic: ${line}`);
      return [match[1], match[2]];
    }),
  );
}

/** The sum of one statistic over all classes. */
function total(rows: [string, string][], name: string): number {
  return rows.filter(([key]) => key.endsWith(`:${name}`)).reduce((sum, [, value]) => sum + Number(value), 0);
}

describe('statistics', () => {
  test.each(['stats', 'stats settings', 'stats items', 'stats slabs', 'stats sizes', 'stats conns'])(
    '%s is lines of name and value, before and after there are items',
    async (command) => {
      const { connect } = await startMemoryServer();
      const socket = connect();
      statsOf(socket.ask(`${command}\r\n`));
      for (let i = 0; i < 50; i++) socket.ask(`set k${i} 0 0 ${i * 100}\r\n${'x'.repeat(i * 100)}\r\n`);
      expect(statsOf(await askAll(socket, `${command}\r\n`)).size).toBeGreaterThan(0);
    },
  );

  test('count each command once, hits and misses apart', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    socket.ask('set a 0 0 1\r\n1\r\nset gone 0 1 1\r\n1\r\nadd a 0 0 1\r\n2\r\nset big 0 0 9999999\r\n');
    socket.ask(`${'x'.repeat(9_999_999)}\r\n`);
    socket.ask('get a none\r\ngets a\r\nincr a 1\r\nincr none 1\r\ndecr a 1\r\ndecr none 1\r\n');
    socket.ask('cas a 0 0 1 999\r\n3\r\ncas none 0 0 1 1\r\n3\r\ntouch a 0\r\ntouch none 0\r\ngat 0 a none\r\n');
    clock.advance(2 * SECOND_MS);
    socket.ask('get gone\r\ndelete a\r\ndelete a\r\nset flushed 0 0 1\r\n1\r\nflush_all\r\nget flushed\r\n');
    const stats = Object.fromEntries(statsOf(socket.ask('stats\r\n')));
    expect(stats).toMatchObject({
      cmd_set: '6',
      cmd_get: '5',
      get_hits: '2',
      get_misses: '3',
      get_flushed: '1',
      incr_hits: '1',
      incr_misses: '1',
      decr_hits: '1',
      decr_misses: '1',
      cas_misses: '1',
      cas_hits: '0',
      cas_badval: '1',
      cmd_touch: '4',
      touch_hits: '2',
      touch_misses: '2',
      delete_hits: '1',
      delete_misses: '1',
      cmd_flush: '1',
      store_too_large: '1',
      curr_items: '0',
      bytes: '0',
      total_items: '3',
      curr_connections: '1',
      uptime: '2',
    });
    // Met dead by the get, or by the crawler before it.
    expect(Number(stats['get_expired']) + Number(stats['crawler_reclaimed'])).toBe(1);
    expect(stats['rusage_user']).toMatch(/^\d+\.\d{6}$/);
    expect(stats['version']).toMatch(/^1\.6\.\d+$/);
  });

  test('classes and items add up to the whole', async () => {
    const { connect } = await startMemoryServer({ maxBytes: 4 * 1024 * 1024 });
    const socket = connect();
    for (let i = 0; i < 6000; i++) socket.send(`set k${i} 0 0 ${i % 3000}\r\n${'x'.repeat(i % 3000)}\r\n`);
    socket.received();
    const general = statsOf(socket.ask('stats\r\n'));
    const items = [...statsOf(await askAll(socket, 'stats items\r\n'))];
    const slabs = [...statsOf(await askAll(socket, 'stats slabs\r\n'))];
    expect(total(items, 'number')).toBe(Number(general.get('curr_items')));
    expect(total(items, 'number_hot') + total(items, 'number_warm') + total(items, 'number_cold')).toBe(
      total(items, 'number'),
    );
    expect(total(items, 'mem_requested')).toBe(Number(general.get('bytes')));
    // A class that has neither items nor pages any more is not listed, as memcached's is not.
    expect(total(items, 'evicted')).toBeLessThanOrEqual(Number(general.get('evictions')));
    expect(total(items, 'evicted')).toBeGreaterThan(0);
    expect(total(slabs, 'used_chunks')).toBe(Number(general.get('curr_items')));
    expect(total(slabs, 'total_pages') * 128 * 1024).toBe(Number(new Map(slabs).get('total_malloced')));
  });

  test('stats reset begins to count anew and keeps what is there', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.ask('set k 0 0 1\r\n1\r\nget k none\r\n');
    expect(socket.ask('stats reset\r\n')).toBe('RESET\r\n');
    expect(stat(socket, 'cmd_get')).toBe(0);
    expect(stat(socket, 'cmd_set')).toBe(0);
    expect(stat(socket, 'curr_items')).toBe(1);
    expect(stat(socket, 'curr_connections')).toBe(1);
  });
});

describe('settings', () => {
  test('-F refuses flush_all', async () => {
    const { connect } = await startMemoryServer({ flushEnabled: false });
    expect(connect().ask('set k 0 0 1\r\nv\r\nflush_all\r\nget k\r\n')).toMatch(
      /^STORED\r\nCLIENT_ERROR [^\r]+\r\nVALUE k 0 1\r\nv\r\nEND\r\n$/,
    );
  });

  test('shutdown is obeyed only where it was allowed', async () => {
    const refused = await startMemoryServer();
    expect(refused.connect().ask('shutdown\r\n')).toBe('SERVER_ERROR: shutdown not enabled\r\n');
    const { server, connect } = await startMemoryServer({ shutdownEnabled: true });
    const stopped = server.untilStopped();
    connect().ask('shutdown\r\n');
    await stopped;
  });
});

describe('the clockwork', () => {
  test('expires items by itself and gives their memory back', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    for (let i = 0; i < 1000; i++) socket.send(`set k${i} 0 5 10 noreply\r\n0123456789\r\n`);
    expect(stat(socket, 'curr_items')).toBe(1000);
    clock.advance(10 * SECOND_MS);
    expect(stat(socket, 'curr_items')).toBe(0);
    expect(stat(socket, 'crawler_reclaimed')).toBe(1000);
    expect(stat(socket, 'bytes')).toBe(0);
  });

  test('the crawler looks at a thousand items in the time that it is told to sleep', async () => {
    const { connect, clock } = await startMemoryServer();
    const socket = connect();
    for (let i = 0; i < 4000; i++) socket.send(`set k${i} 0 1000 10 noreply\r\n0123456789\r\n`);
    const checkedIn = (ms: number): number => {
      const before = stat(socket, 'crawler_items_checked');
      clock.advance(ms);
      return stat(socket, 'crawler_items_checked') - before;
    };
    expect(socket.ask('lru_crawler crawl all\r\nlru_crawler sleep 1000000\r\n')).toBe('OK\r\nOK\r\n');
    expect(checkedIn(2 * SECOND_MS)).toBe(2000);
    expect(socket.ask('lru_crawler crawl all\r\nlru_crawler sleep 0\r\n')).toBe('OK\r\nOK\r\n');
    expect(checkedIn(100)).toBe(4000);
    expect(socket.ask('lru_crawler tocrawl 10\r\n')).toBe('OK\r\n');
    expect(checkedIn(200)).toBe(20);
  });

  test('items that nobody asks for leave HOT by themselves, unless that is switched off', async () => {
    for (const lruMaintainer of [true, false]) {
      const { connect, clock } = await startMemoryServer({ extended: { ...DEFAULT_EXTENDED, lruMaintainer } });
      const socket = connect();
      for (let i = 0; i < 10; i++) socket.send(`set k${i} 0 0 10 noreply\r\n0123456789\r\n`);
      clock.advance(30 * SECOND_MS);
      const hot = total([...statsOf(socket.ask('stats items\r\n'))], 'number_hot');
      expect(hot > 0, `${hot} in HOT`).toBe(!lruMaintainer);
      expect(/lru_maintainer_juggles \d+/.test(socket.ask('stats\r\n'))).toBe(lruMaintainer);
    }
  });
});

describe('connections', () => {
  test('beyond the limit are told so and do not count as served', async () => {
    const { connect, server } = await startMemoryServer({ maxConnections: 3 });
    const sockets = [connect(), connect(), connect()];
    for (let i = 0; i < 5; i++) {
      const refused = connect();
      expect(refused.ended).toBe(true);
      expect(refused.received().toString()).toBe('ERROR Too many open connections\r\n');
      refused.send('set k 0 0 1\r\nv\r\n');
      refused.close();
    }
    expect(server.counters).toMatchObject({ currentConnections: 3, rejectedConnections: 5, totalConnections: 3 });
    sockets[1].close();
    expect(connect().ask('get k\r\n')).toBe('END\r\n');
  });
});

describe('close', () => {
  test('lets a slow reader take its answers, within the time of grace', async () => {
    const { connect, server, clock } = await startMemoryServer();
    const [slow, dead] = [connect(), connect()];
    slow.ask(`set k 0 0 5000\r\n${'x'.repeat(5000)}\r\n`);
    for (const socket of [slow, dead]) {
      socket.room = 10;
      socket.send('get k\r\n');
    }
    const state = { closed: false };
    const close = async (): Promise<void> => {
      await server.close();
      state.closed = true;
    };
    const closing = close();
    const pass = async (): Promise<void> => {
      clock.advance(20);
      for (let turn = 0; turn < 5; turn++) await setImmediate();
    };
    for (let i = 0; i < 10; i++) await pass();
    slow.take();
    expect(slow.received().length).toBeGreaterThan(5000);
    for (let i = 0; i < 400 && !state.closed; i++) {
      await pass();
      if (slow.ended) slow.close();
    }
    await closing;
    expect(slow.ended).toBe(true);
    expect(dead.destroyed).toBe(true);
  });
});
