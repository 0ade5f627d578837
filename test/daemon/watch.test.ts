/** Watchers: what they are told, and what becomes of one that does not read. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_EXTENDED } from '../../src/daemon/settings.ts';
import type { MemorySocket } from '../support/memory-transport.ts';
import { until } from '../support/until.ts';
import { startMemoryServer, stat, type MemoryServer } from './support/memory-server.ts';

const LINE = /^ts=\d+\.\d+ gid=(\d+) (.*)$/;

/** A socket that watches, and a way to wait for the lines it gets. */
async function watcher(
  daemon: MemoryServer,
  events: string,
): Promise<{ socket: MemorySocket; lines: (count: number) => Promise<string[]> }> {
  const socket = daemon.connect();
  socket.send(`watch ${events}\r\n`);
  let text = '';
  const lines = async (count: number): Promise<string[]> => {
    await until('the lines', () => {
      text += socket.received().toString('latin1');
      return text.split('\n').length > count;
    });
    const all = text.split('\n').slice(0, -1);
    text = '';
    return all.map((line) => LINE.exec(line)?.[2] ?? line);
  };
  expect(await lines(1)).toEqual(['OK\r']);
  return { socket, lines };
}

describe('a watcher', () => {
  test('of fetchers hears of hits and misses, with the connection', async () => {
    const daemon = await startMemoryServer();
    const client = daemon.connect();
    client.ask('set a%b 0 0 3\r\nabc\r\n');
    const { lines } = await watcher(daemon, 'fetchers');
    client.ask('get a%b none\r\nset x 0 0 1\r\nx\r\n');
    expect(await lines(3)).toEqual([
      expect.stringMatching(/^type=item_get key=a%25b status=found clsid=\d+ cfd=2 size=3$/),
      'type=item_get key=none status=not_found clsid=0 cfd=2 size=0',
      'type=item_get key=x status=not_found clsid=0 cfd=2 size=0',
    ]);
  });

  test('of fetchers hears of each look for a key that memcached takes', async () => {
    const daemon = await startMemoryServer();
    const client = daemon.connect();
    client.ask('set a 0 0 1\r\n1\r\n');
    const { lines } = await watcher(daemon, 'fetchers mutations');
    client.ask('append a 0 0 1\r\n2\r\nms a 1 MA\r\n3\r\nma a N0 c t\r\nincr a 999\r\nma a C1\r\nma new N0 J5\r\n');
    client.ask('get last\r\n');
    const heard = (await lines(11)).map((line) => line.replace(/ (clsid|cfd|size|ttl)=\d+/g, ''));
    expect(heard).toEqual([
      'type=item_get key=a status=found',
      'type=item_store key=a status=stored cmd=append',
      'type=item_get key=a status=found',
      'type=item_store key=a status=stored cmd=append',
      'type=item_get key=a status=found',
      'type=item_get key=a status=found',
      'type=item_get key=a status=found',
      'type=item_get key=new status=not_found',
      'type=item_get key=new status=not_found',
      'type=item_store key=new status=stored cmd=add',
      'type=item_get key=last status=not_found',
    ]);
  });

  test('of mutations and deletions hears what became of a command', async () => {
    const daemon = await startMemoryServer();
    const client = daemon.connect();
    const { lines } = await watcher(daemon, 'mutations deletions');
    client.ask('set a 0 100 1\r\nx\r\nadd a 0 0 1\r\nx\r\nappend a 0 0 2\r\nyz\r\ncas a 0 0 1 1\r\nx\r\n');
    client.ask('set big 0 0 9999999\r\n');
    client.ask(`${'x'.repeat(9_999_999)}\r\nma n N0\r\ndelete a\r\nmd n q\r\n`);
    expect((await lines(8)).map((line) => line.replace(/ clsid=\d+/, ''))).toEqual([
      'type=item_store key=a status=stored cmd=set ttl=100 cfd=2 size=1',
      'type=item_store key=a status=not_stored cmd=add ttl=0 cfd=2 size=1',
      'type=item_store key=a status=stored cmd=append ttl=100 cfd=2 size=3',
      'type=item_store key=a status=exists cmd=cas ttl=0 cfd=2 size=1',
      'type=item_store key=big status=too_large cmd=set ttl=0 cfd=2 size=0',
      'type=item_store key=n status=stored cmd=add ttl=0 cfd=2 size=1',
      'type=deleted key=a cmd=delete size=3',
      'type=deleted key=n cmd=md size=1',
    ]);
  });

  test('of evictions hears which items went', async () => {
    const daemon = await startMemoryServer({ maxBytes: 2 * 1024 * 1024 });
    const client = daemon.connect();
    const { lines } = await watcher(daemon, 'evictions');
    for (let i = 0; i < 2000; i++) client.send(`set k${i} 0 500 2000 noreply\r\n${'v'.repeat(2000)}\r\n`);
    const heard = await lines(stat(client, 'evictions'));
    expect(heard).toHaveLength(stat(client, 'evictions'));
    expect(heard[0]).toMatch(/^type=eviction key=k\d+ fetch=no ttl=500 la=0 clsid=\d+ size=2000$/);
  });

  test('of connevents hears who comes and goes', async () => {
    const daemon = await startMemoryServer();
    const { lines } = await watcher(daemon, 'connevents');
    daemon.connect().close();
    expect(await lines(2)).toEqual([
      'type=conn_new rip=unix rport=0 transport=local cfd=3',
      'type=conn_close rip=unix rport=0 transport=local reason=normal cfd=3',
    ]);
  });

  test('can be told apart by number from what others heard', async () => {
    const daemon = await startMemoryServer();
    const client = daemon.connect();
    const socket = daemon.connect();
    socket.ask('watch fetchers\r\n');
    client.ask('get a b c\r\n');
    let text = '';
    await until('it to happen', () => (text += socket.received().toString('latin1')).split('\n').length > 4);
    const ids = text.split('\n').flatMap((line) => LINE.exec(line)?.[1] ?? []);
    expect(ids.map(Number)).toEqual(ids.map((_, i) => Number(ids[0]) + i));
  });

  test('what it sends is not looked at', async () => {
    const daemon = await startMemoryServer();
    const { socket } = await watcher(daemon, 'fetchers');
    expect(socket.ask('set a 0 0 1\r\nx\r\nquit\r\n')).toBe('');
    expect(daemon.connect().ask('get a\r\n')).toBe('END\r\n');
    expect(socket.ended).toBe(false);
  });
});

describe('bounds', () => {
  test('a watcher that does not read loses lines, and is told how many', async () => {
    const daemon = await startMemoryServer({ extended: { ...DEFAULT_EXTENDED, watcherLogbufSize: 2000 } });
    const client = daemon.connect();
    const { socket, lines } = await watcher(daemon, 'fetchers');
    socket.room = 0;
    client.ask('get first\r\n');
    await until('it to happen', () => socket.waitingBytes > 0);
    for (let i = 0; i < 100; i++) client.ask(`get k${i}\r\n`);
    const skipped = stat(client, 'log_watcher_skipped');
    expect(skipped).toBeGreaterThan(0);
    expect(stat(client, 'log_watcher_sent')).toBe(101 - skipped);
    socket.room = Infinity;
    socket.take();
    await lines(101 - skipped);
    client.ask('get last\r\n');
    expect(await lines(2)).toEqual([
      `skipped=${skipped}`,
      'type=item_get key=last status=not_found clsid=0 cfd=2 size=0',
    ]);
  });

  test('the twenty-first watcher is refused until one goes', async () => {
    const daemon = await startMemoryServer();
    const sockets = Array.from({ length: 20 }, () => daemon.connect());
    for (const socket of sockets) socket.ask('watch\r\n');
    const late = daemon.connect();
    expect(late.ask('watch\r\n')).toBe('WATCHER_TOO_MANY log watcher limit reached\r\n');
    expect(stat(late, 'log_watchers')).toBe(20);
    sockets[3]?.close();
    late.send('watch\r\n');
    await until('it to happen', () => late.received().toString() === 'OK\r\n');
  });

  test('nobody listens to the store when the last watcher has gone', async () => {
    const daemon = await startMemoryServer();
    expect(daemon.server.store.observer).toBeUndefined();
    const { socket } = await watcher(daemon, 'fetchers connevents');
    expect(daemon.server.store.observer).toBeDefined();
    socket.close();
    expect(daemon.server.store.observer).toBeUndefined();
    await watcher(daemon, 'connevents');
    expect(daemon.server.store.observer).toBeUndefined();
  });
});
