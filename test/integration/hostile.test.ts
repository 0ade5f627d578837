/**
 * Hostile clients over real sockets, on both runtimes. Goal: others are served meanwhile, what the daemon takes on is
 * bounded by its own counters, and it is as before when they are gone. What needs time to pass or exact bytes is in
 * test/daemon/hostile.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ourDaemons, type Server, type ServerKind } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';

const IDLE_WANTED = 10_000;
/** Descriptors that this process and the daemon need besides. */
const DESCRIPTORS_KEPT = 300;
const AT_ONCE = 200;
const MEGABYTE = 1024 * 1024;

/** As many idle connections as this machine lets one process have. */
function idleCount(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return limit === 'unlimited' ? IDLE_WANTED : Math.min(IDLE_WANTED, Number(limit) - DESCRIPTORS_KEPT);
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.on('error', reject);
  });
}

async function openMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, () => open(port));
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

function closeAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

async function ask(client: RawClient, request: string, end: string): Promise<string> {
  await client.send([Buffer.from(request, 'latin1')]);
  return (await client.receiveUntil(Buffer.from(end))).toString('latin1');
}

async function stat(client: RawClient, name: string): Promise<number> {
  return Number(new RegExp(`STAT ${name} (\\S+)`).exec(await ask(client, 'stats\r\n', 'END\r\n'))?.[1]);
}

async function expectServed(client: RawClient): Promise<void> {
  expect(await ask(client, 'set served 0 0 3\r\nyes\r\n', '\r\n')).toBe('STORED\r\n');
  expect(await ask(client, 'get served\r\n', 'END\r\n')).toBe('VALUE served 0 3\r\nyes\r\nEND\r\n');
}

function runSuite(kind: ServerKind): void {
  describe(kind.name, () => {
    let server: Server | undefined;

    async function start(...flags: string[]): Promise<{ port: number; client: RawClient }> {
      server = await kind.start(flags);
      const client = await RawClient.connect(server.port);
      // The connection that found out whether the daemon accepts is gone, and must not count among the test's.
      await until('only ours is there', async () => (await stat(client, 'curr_connections')) === 1);
      return { port: server.port, client };
    }

    afterEach(() => server?.stop());

    test('clients that never read are not answered beyond what their sockets hold', async () => {
      const { port, client } = await start();
      const value = 'x'.repeat(MEGABYTE - 1000);
      await ask(client, `set large 0 0 ${value.length}\r\n${value}\r\n`, 'STORED\r\n');
      const greedy = await openMany(port, 8);
      for (const socket of greedy) socket.pause().write('get large\r\n'.repeat(1000));
      // They ask for 8 GB. What a socket takes is the system's to say, and far from that.
      let written = -1;
      await until('no more is written to them', async () => {
        const before = written;
        written = await stat(client, 'bytes_written');
        return written - before < MEGABYTE / 2 && (await stat(client, 'get_hits')) >= greedy.length;
      });
      expect(written).toBeLessThan(512 * MEGABYTE);
      await expectServed(client);
      closeAll(greedy);
      await until('they are gone', async () => (await stat(client, 'curr_connections')) === 1);
    });

    test('thousands of idle connections', async () => {
      const count = idleCount();
      const { port, client } = await start('-c', String(count + 100));
      const idle = await openMany(port, count);
      await until('all are there', async () => (await stat(client, 'curr_connections')) === count + 1);
      await expectServed(client);
      closeAll(idle);
      await until('all are gone', async () => (await stat(client, 'curr_connections')) === 1);
      await expectServed(client);
    });

    test('connections above the limit are told so, and those within it are served', async () => {
      const { port, client } = await start('-c', '20');
      const within = await openMany(port, 19);
      const above = await RawClient.connect(port);
      expect((await above.receiveUntilClosed()).toString()).toBe('ERROR Too many open connections\r\n');
      await expectServed(client);
      closeAll(within);
    });

    test('under no_maxconns_fast they wait, and are served when others leave', async () => {
      const { port, client } = await start('-c', '5', '-o', 'no_maxconns_fast');
      const within = await openMany(port, 4);
      const waiting = await RawClient.connect(port);
      await waiting.send([Buffer.from('version\r\n')]);
      await until('it is seen to wait', async () => (await stat(client, 'accepting_conns')) === 0);
      closeAll(within);
      expect((await waiting.receiveUntil(Buffer.from('\r\n'))).toString()).toMatch(/^VERSION/);
      expect(await stat(client, 'accepting_conns')).toBe(1);
      waiting.destroy();
    });

    test('values announced and never sent leave the daemon to others, and their memory comes back', async () => {
      const { port, client } = await start('-m', '64');
      const announcing = await openMany(port, 40);
      for (const [i, socket] of announcing.entries()) socket.write(`set k${i} 0 0 1000000\r\nsome`);
      await expectServed(client);
      closeAll(announcing);
      await until('they are gone', async () => (await stat(client, 'curr_connections')) === 1);
      const value = 'y'.repeat(1_000_000);
      for (let i = 0; i < 50; i++)
        expect(await ask(client, `set v${i} 0 0 1000000\r\n${value}\r\n`, '\r\n')).toBe('STORED\r\n');
      expect(await stat(client, 'evictions')).toBe(0);
    });

    test('streams of one byte value, whichever it is, end or are answered', async () => {
      const { port, client } = await start();
      for (const byte of [0x00, 0xff, 0x0a, 0x0d, 0x20, 0x80, 0x81]) {
        const socket = await open(port);
        socket.resume().on('error', () => {});
        await new Promise((resolve) => socket.write(Buffer.alloc(300_000, byte), resolve));
        socket.destroy();
      }
      await expectServed(client);
      await until('they are gone', async () => (await stat(client, 'curr_connections')) === 1);
    });

    test('a connection that pipelines does not keep the others waiting for its end', async () => {
      const { port, client } = await start();
      await ask(client, 'set n 0 0 1\r\n0\r\n', 'STORED\r\n');
      const greedy = await open(port);
      greedy.resume().on('error', () => {});
      greedy.write('incr n 1\r\n'.repeat(200_000));
      const during = Number(/\r\n(\d+) *\r\n/.exec(await ask(client, 'get n\r\n', 'END\r\n'))?.[1]);
      expect(during).toBeLessThan(200_000);
      await until('all of it is done', async () =>
        (await ask(client, 'get n\r\n', 'END\r\n')).includes('\r\n200000\r\n'),
      );
      expect(await stat(client, 'conn_yields')).toBeGreaterThan(0);
      greedy.destroy();
    });
  });
}

for (const kind of ourDaemons()) runSuite(kind);
