/** What is asked of a daemon, over a real connection. */
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memcachedProber } from '../../../src/coordinator/health/prober.ts';
import { READYZ_BYTES_MAX } from '../../../src/coordinator/limits.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { TinyMemcached } from '../../support/tiny-memcached.ts';
import { until } from '../../support/until.ts';

const GENEROUS_MS = 10_000;

test('a daemon that answers tells its version and statistics, and forgets what it is told to', async () => {
  await using daemon = await TinyMemcached.start();
  const prober = memcachedProber({ ip: '127.0.0.1', port: daemon.port, sidecar: '' }, GENEROUS_MS);
  expect(await prober.probe()).toMatch(/^\d/);
  daemon.items.set('a', { flags: '0', exptime: 0, data: 'x', cas: 1 });
  await prober.flush();
  expect(daemon.items.size).toBe(0);
  expect((await prober.stats()).size).toBeGreaterThan(0);
  expect(daemon.sockets.size).toBe(1);
  await prober.close();
  await until('it is gone', () => daemon.sockets.size === 0);
});

test('a daemon that is not there fails at once', async () => {
  const daemon = await TinyMemcached.start();
  const { port } = daemon;
  await daemon[Symbol.asyncDispose]();
  const prober = memcachedProber({ ip: '127.0.0.1', port, sidecar: '' }, GENEROUS_MS);
  await expect(prober.probe()).rejects.toMatchObject({ name: 'FleetError', code: 'CONNECT_FAILED' });
  await prober.close();
});

test('a daemon that takes no further connection is told apart from one that is gone, and asked anew', async () => {
  let isFull = true;
  const daemon = createTcpServer((socket) => {
    socket.on('error', () => {});
    if (isFull) socket.end('ERROR Too many open connections\r\n');
    else socket.on('data', () => socket.write('VERSION 1.6.45\r\n'));
  });
  await new Promise<void>((resolve) => daemon.listen(0, '127.0.0.1', resolve));
  const { port } = daemon.address() as AddressInfo;
  const prober = memcachedProber({ ip: '127.0.0.1', port, sidecar: '' }, GENEROUS_MS);
  for (let count = 0; count < 20; count += 1) {
    await expect(prober.probe()).rejects.toMatchObject({ name: 'FleetError', code: 'NODE_FULL' });
  }
  isFull = false;
  expect(await prober.probe()).toBe('1.6.45');
  await prober.close();
  daemon.close();
});

test('a daemon that is silent fails in time, and is found again by the next probe', async () => {
  await using daemon = await TinyMemcached.start();
  await using proxy = await FaultyProxy.start(daemon.port);
  proxy.replies = 'hold';
  const prober = memcachedProber({ ip: '127.0.0.1', port: proxy.port, sidecar: '' }, 100);
  await expect(prober.probe()).rejects.toMatchObject({ code: 'TIMEOUT' });
  proxy.replies = 'pass';
  await until('an answer', () =>
    prober.probe().then(
      () => true,
      () => false,
    ),
  );
  await prober.close();
});

async function answering(
  status: number,
  body: string | Buffer,
  headers: OutgoingHttpHeaders = {},
): Promise<boolean | undefined> {
  const server = createServer((_request, response) => void response.writeHead(status, headers).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const target = { ip: '127.0.0.1', port: 1, sidecar: `http://127.0.0.1:${port}` };
  const leaving = await memcachedProber(target, GENEROUS_MS).isLeaving();
  server.closeAllConnections();
  server.close();
  return leaving;
}

describe('a sidecar', () => {
  test('says whether its node leaves', async () => {
    expect(await answering(200, '{}')).toBe(false);
    expect(await answering(503, '{"code":"draining"}')).toBe(true);
  });

  test.each([
    [503, '{"code":"CONNECT_FAILED"}'],
    [503, 'no JSON'],
    [404, '{}'],
  ])('that answers %i %s says nothing', async (status, body) => {
    expect(await answering(status, body)).toBeUndefined();
  });

  test('that is not there says nothing', async () => {
    const target = { ip: '127.0.0.1', port: 1, sidecar: 'http://127.0.0.1:1' };
    expect(await memcachedProber(target, GENEROUS_MS).isLeaving()).toBeUndefined();
    expect(await memcachedProber({ ...target, sidecar: '' }, GENEROUS_MS).isLeaving()).toBeUndefined();
  });

  test('whose answer is endless, encoded or a redirect says nothing', async () => {
    const large = `{"code":"draining","pad":"${'x'.repeat(READYZ_BYTES_MAX)}"}`;
    expect(await answering(503, large)).toBeUndefined();
    const draining = '{"code":"draining"}';
    expect(await answering(503, gzipSync(draining), { 'content-encoding': 'gzip' })).toBeUndefined();
    expect(await answering(302, draining, { location: 'http://127.0.0.1:1' })).toBeUndefined();
  });
});

test('a configuration of a gigabyte is not kept, and the next probe is answered', async () => {
  const daemon = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (line) => {
      if (line.toString().startsWith('version')) socket.write('VERSION 1\r\n');
      else socket.write(`CONFIG cluster 0 1000000000\r\n${'x'.repeat(100_000)}`);
    });
  });
  await new Promise<void>((resolve) => daemon.listen(0, '127.0.0.1', resolve));
  const { port } = daemon.address() as AddressInfo;
  const prober = memcachedProber({ ip: '127.0.0.1', port, sidecar: '' }, 300);
  await expect(prober.topology()).rejects.toMatchObject({ code: 'TIMEOUT' });
  await expect(prober.probe()).resolves.toBe('1');
  await prober.close();
  await new Promise((resolve) => daemon.close(resolve));
});
