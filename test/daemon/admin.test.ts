/** The administrator's commands where they act: dumps, memory, lists. What they answer is in the tables of test/conformance. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_EXTENDED } from '../../src/daemon/settings.ts';
import type { MemorySocket } from '../support/memory-transport.ts';
import { until } from '../support/until.ts';
import { askAll, startMemoryServer, stat } from './support/memory-server.ts';

const SECOND_MS = 1000;

/** Stores `count` items with values of some length. */
function fill(socket: MemorySocket, count: number, valueBytes: number, prefix = 'k'): void {
  const value = 'v'.repeat(valueBytes);
  for (let i = 0; i < count; i++) socket.send(`set ${prefix}${i} 0 0 ${valueBytes} noreply\r\n${value}\r\n`);
}

async function answerTo(socket: MemorySocket, command: string, end: string): Promise<string> {
  let answer = socket.ask(command);
  await until('the lines', () => {
    answer += socket.received().toString('latin1');
    return answer.endsWith(end);
  });
  return answer;
}

describe('dumps', () => {
  test('list every live item once, a piece at a time', async () => {
    const { connect, clock, server } = await startMemoryServer();
    const [socket, other] = [connect(), connect()];
    fill(socket, 10_000, 10);
    socket.ask('set gone 0 1 1\r\nx\r\nms AAEC/w== 1 b T100 F9\r\nx\r\n');
    clock.advance(5 * SECOND_MS);
    server.time.tick();
    socket.send('lru_crawler metadump all\r\n');
    expect(other.ask('get k1\r\n')).toContain('END');
    const lines = (await answerTo(socket, '', 'END\r\n')).split('\n');
    expect(lines[0]).toBe('OK\r');
    expect(lines).toHaveLength(1 + 10_001 + 2);
    expect(new Set(lines).size).toBe(lines.length);
    const start = Math.floor(clock.nowMs() / SECOND_MS) - 5;
    expect(lines.find((line) => line.startsWith('key=%00%01%02%FF'))).toMatch(
      new RegExp(`^key=%00%01%02%FF exp=${start + 100} la=${start} cas=\\d+ fetch=no cls=\\d+ size=\\d+ flags=9 $`),
    );
    const mgdump = await answerTo(socket, 'lru_crawler mgdump hash\r\n', 'EN\r\n');
    expect(mgdump).toMatch(/^OK\r\nmg /);
    expect(mgdump.split('\r\n')).toHaveLength(1 + 10_001 + 2);
    expect(mgdump).toContain('mg AAEC/w== b\r\n');
  });

  test('only of the classes that were asked for', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    fill(socket, 5, 1, 'small');
    fill(socket, 5, 5000, 'large');
    const sizeClass = /cls=(\d+)/.exec(socket.ask('me large0\r\n'))?.[1];
    const dump = await answerTo(socket, `lru_crawler metadump ${sizeClass}\r\n`, 'END\r\n');
    expect([...dump.matchAll(/key=(\w+)/g)].map((match) => match[1])).toEqual(
      Array.from({ length: 5 }, (_, i) => `large${i}`),
    );
  });

  test('wait for their reader, and what is sent meanwhile is answered behind them', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    fill(socket, 3000, 10);
    socket.room = 100;
    socket.send('lru_crawler metadump all\r\nversion\r\n');
    await until('it to happen', () => socket.waitingBytes > 0);
    socket.room = Infinity;
    socket.take();
    const answer = await answerTo(socket, '', 'VERSION 1.6.45\r\n');
    expect(answer.split('\n')).toHaveLength(1 + 3000 + 3);
    expect(answer).toMatch(/\nEND\r\nVERSION/);
  });

  test('end with their connection', async () => {
    const { connect, server } = await startMemoryServer();
    const socket = connect();
    fill(socket, 3000, 10);
    socket.send('lru_crawler metadump all\r\n');
    socket.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect([...server.connections()]).toHaveLength(0);
  });

  test('stats cachedump shows the newest first, as many as asked for', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    fill(socket, 3, 4);
    const sizeClass = /cls=(\d+)/.exec(socket.ask('me k0\r\n'))?.[1];
    expect(socket.ask(`stats cachedump ${sizeClass} 2\r\n`)).toBe(
      'ITEM k2 [4 b; 0 s]\r\nITEM k1 [4 b; 0 s]\r\nEND\r\n',
    );
  });

  test('stats cachedump of each class that memcached has shows every item, however large', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    fill(socket, 1, 100_000);
    expect(Number(/cls=(\d+)/.exec(socket.ask('me k0\r\n'))?.[1])).toBeGreaterThan(63);
    const dumps = Array.from({ length: 64 }, (_, sizeClass) => socket.ask(`stats cachedump ${sizeClass} 0\r\n`));
    expect(dumps.join('').replaceAll('END\r\n', '')).toBe('ITEM k0 [100000 b; 0 s]\r\n');
  });
});

describe('memory', () => {
  test('a higher limit gives more room, a lower one takes none away', async () => {
    const { connect, server } = await startMemoryServer({ maxBytes: 8 * 1024 * 1024 });
    const socket = connect();
    fill(socket, 3000, 4000);
    expect(stat(socket, 'evictions')).toBeGreaterThan(0);
    expect(socket.ask('cache_memlimit 32\r\n')).toBe('OK\r\n');
    expect(stat(socket, 'limit_maxbytes')).toBe(32 * 1024 * 1024);
    const evictions = stat(socket, 'evictions');
    fill(socket, 4000, 4000, 'more');
    expect(stat(socket, 'evictions')).toBe(evictions);
    for (let i = 0; i < 4000; i += 97) expect(socket.ask(`mg more${i} s\r\n`)).toBe('HD s4000\r\n');
    expect(server.store.slabs.pagesInUse).toBeGreaterThan(64);
    const items = stat(socket, 'curr_items');
    expect(socket.ask('cache_memlimit 8\r\n')).toBe('OK\r\n');
    expect(stat(socket, 'curr_items')).toBe(items);
    expect(stat(socket, 'slab_global_page_pool')).toBe(0);
    fill(socket, 4000, 4000, 'evicting');
    expect(stat(socket, 'evictions')).toBeGreaterThan(evictions);
  });

  test('more than can be addressed is refused', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    expect(socket.ask('cache_memlimit 100000\r\n')).toBe(
      'MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n',
    );
    expect(stat(socket, 'limit_maxbytes')).toBe(64 * 1024 * 1024);
  });

  test('slabs reassign moves a page from one class to another', async () => {
    const { connect, server } = await startMemoryServer();
    const socket = connect();
    fill(socket, 5000, 100, 'small');
    fill(socket, 10, 3000, 'large');
    const classOf = (key: string): number => Number(/cls=(\d+)/.exec(socket.ask(`me ${key}\r\n`))?.[1]);
    const [from, to] = [classOf('small0'), classOf('large0')];
    const pages = [...server.store.slabs.pageCount];
    expect(socket.ask(`slabs reassign ${from} ${to}\r\n`)).toBe('OK\r\n');
    expect(server.store.slabs.pageCount[from]).toBe(pages[from] - 1);
    expect(server.store.slabs.pageCount[to]).toBe(pages[to] + 1);
    expect(stat(socket, 'slabs_moved')).toBe(1);
    expect(socket.ask(`slabs reassign ${to + 1} ${from}\r\n`)).toBe('NOSPARE source class has no spare pages\r\n');
  });
});

describe('statistics', () => {
  test('classes without items are left out of stats items', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.ask('set a 0 0 1\r\n1\r\n');
    expect(socket.ask('stats items\r\n')).toContain('number 1\r\n');
    socket.ask('delete a\r\n');
    expect(socket.ask('stats items\r\n')).toBe('END\r\n');
  });

  test('an LRU factor without an end is inf', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.ask('lru tune 10 25 inf inf\r\n');
    expect(socket.ask('stats settings\r\n')).toMatch(/hot_max_factor inf\r\n.*warm_max_factor inf\r\n/);
  });

  test('a dead item counts as expired, whichever command finds it', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    for (const command of ['get e', 'touch e 0', 'delete e', 'incr e 1', 'mg e', 'add e 0 0 1\r\nx']) {
      socket.ask(`set e 0 -1 1\r\n1\r\n${command}\r\n`);
    }
    expect(stat(socket, 'get_expired')).toBe(6);
    expect(stat(socket, 'get_misses')).toBe(2);
  });

  test('a flush that is refused for its delay counts as one', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.ask('flush_all bogus\r\n');
    expect(stat(socket, 'cmd_flush')).toBe(1);
  });
});

test('without CAS a compare stores nothing, but appends and the binary protocol do not compare', async () => {
  const { connect } = await startMemoryServer({ casEnabled: false });
  const socket = connect();
  expect(socket.ask('set a 0 0 1\r\n1\r\ncas a 0 0 1 5\r\n2\r\nms a 1 C5\r\n2\r\nms a 1 E500 c\r\n3\r\n')).toBe(
    'STORED\r\nEXISTS\r\nEX\r\nHD c0\r\n',
  );
  expect(socket.ask('ms a 1 MA C5\r\n4\r\nmg a v c\r\n')).toBe('HD\r\nVA 2 c0\r\n34\r\n');
});

describe('lists', () => {
  test('lru mode flat keeps one, segmented begins with three again', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    expect(socket.ask('lru mode flat\r\n')).toBe('OK\r\n');
    fill(socket, 100, 10);
    // There is nothing to tell of lists that are not kept.
    expect(socket.ask('stats items\r\n')).not.toContain('number_hot');
    socket.ask('lru mode segmented\r\n');
    expect(socket.ask('stats items\r\n')).toMatch(/number_hot 0\r\n.*number_warm 0\r\n.*number_cold 100\r\n/);
    fill(socket, 1, 10, 'x');
    expect(socket.ask('stats items\r\n')).toMatch(/number_hot 1\r\n/);
  });

  test('lru temp_ttl keeps items with little time to live apart', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.ask('lru temp_ttl 60\r\nset short 0 30 1\r\nx\r\nset long 0 600 1\r\nx\r\nset ever 0 0 1\r\nx\r\n');
    expect(socket.ask('stats items\r\n')).toMatch(/number_temp 1\r\n/);
    socket.ask('lru temp_ttl -1\r\n');
    expect(socket.ask('stats items\r\n')).not.toMatch(/number_temp/);
  });

  test('-o shares of HOT and WARM act from the start', async () => {
    const extended = { ...DEFAULT_EXTENDED, hotLruPct: 50, warmLruPct: 20 };
    const { connect } = await startMemoryServer({ extended });
    const socket = connect();
    fill(socket, 1000, 10, 'long-enough-to-fill-one-class-');
    expect(socket.ask('stats items\r\n')).toMatch(/number 1000\r\nSTAT items:\d+:number_hot 5\d\d\r\n/);
  });
});

describe('statistics that are switched on', () => {
  test('stats detail counts prefixes while it is on', async () => {
    const { connect } = await startMemoryServer();
    const socket = connect();
    socket.ask('set a:1 0 0 1\r\nx\r\nstats detail on\r\nset a:1 0 0 1\r\nx\r\nget a:1 a:2 none\r\ndelete a:1\r\n');
    socket.ask('stats detail off\r\nget a:1\r\n');
    expect(socket.ask('stats detail dump\r\n')).toBe('PREFIX a get 2 hit 1 set 1 del 1\r\nEND\r\n');
    socket.ask('stats reset\r\n');
    expect(socket.ask('stats detail dump\r\n')).toBe('END\r\n');
  });

  test('the number of prefixes is bounded', async () => {
    const { connect } = await startMemoryServer({ detailEnabled: true });
    const socket = connect();
    for (let i = 0; i < 65_600; i++) socket.send(`get p${i}:x\r\n`);
    socket.received();
    expect((await askAll(socket, 'stats detail dump\r\n')).split('\r\n')).toHaveLength(65_536 + 2);
  });

  test('stats sizes counts what is there, with -o track_sizes', async () => {
    const { connect } = await startMemoryServer({ extended: { ...DEFAULT_EXTENDED, trackSizes: true } });
    const socket = connect();
    fill(socket, 3, 100, 'a');
    fill(socket, 2, 1000, 'b');
    expect(socket.ask('stats sizes\r\n')).toMatch(/^STAT \d+ 3\r\nSTAT \d+ 2\r\nEND\r\n$/);
    socket.ask('delete b0\r\ndelete b1\r\n');
    expect(socket.ask('stats sizes\r\n')).toMatch(/^STAT \d+ 3\r\nEND\r\n$/);
  });
});
