import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { Connection } from '../../src/client/wire/connection.ts';
import { buildApp } from '../../src/sidecar/app.ts';
import { Collector } from '../../src/sidecar/collector.ts';
import { HTTP_BOUNDS } from '../../src/sidecar/limits.ts';
import { Exposition } from '../../src/sidecar/metrics/exposition.ts';
import { describeWith } from '../support/requirements.ts';
import { FakeDaemon, fixtureStats } from './support/fake-daemon.ts';
import { parseExposition, valueOf } from './support/parse-exposition.ts';

let daemon: FakeDaemon;
let collector: Collector;
let app: FastifyInstance;
let draining: boolean;

beforeEach(async () => {
  draining = false;
  daemon = await FakeDaemon.start();
  const source = new Connection({ host: '127.0.0.1', port: daemon.port, backoffMaxMs: 20, commandTimeoutMs: 200 });
  collector = new Collector({ source, clock: systemClock, timeoutMs: 2000 });
  app = await buildApp({
    collector,
    exposition: new Exposition(),
    status: () => ({ name: 'memfleet-cache-1', draining, topologyVersion: undefined }),
    daemon: `127.0.0.1:${daemon.port}`,
    clock: systemClock,
    log: silentLogger,
  });
});

afterEach(async () => {
  await app.close();
  await collector.close();
  await daemon.stop();
});

async function json(url: string): Promise<Record<string, unknown>> {
  const response = await app.inject(url);
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  return response.json();
}

async function problem(url: string, status: number, method: 'GET' | 'POST' = 'GET', payload?: string) {
  const response = await app.inject({ url, method, ...(payload === undefined ? {} : { payload }) });
  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(response.json()).toMatchObject({ type: 'about:blank', status, title: expect.any(String) });
  expect(response.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  return response.json<{ detail: string; code?: string }>();
}

async function metrics() {
  const response = await app.inject('/metrics');
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(response.body);
}

describe('health', () => {
  test('the process lives whatever the daemon does', async () => {
    daemon.hung = true;
    expect(await json('/healthz')).toMatchObject({ status: 'ok', node: 'memfleet-cache-1' });
    expect(daemon.commands).toEqual([]);
  });

  test('ready while the daemon answers', async () => {
    expect(await json('/readyz')).toEqual({
      status: 'ready',
      node: 'memfleet-cache-1',
      daemon: `127.0.0.1:${daemon.port}`,
    });
  });

  test('not ready while the node drains, though the daemon answers and everything else works', async () => {
    draining = true;
    expect(await problem('/readyz', 503)).toMatchObject({
      code: 'draining',
      detail: expect.stringContaining('draining'),
    });
    await json('/healthz');
    await json('/stats');
    expect(valueOf(await metrics(), 'memfleet_node_draining')).toBe(1);
  });

  test('ready, and says so, while the daemon takes no further connection', async () => {
    daemon.full = true;
    expect(await json('/readyz')).toMatchObject({ status: 'ready', full: true });
    expect(await problem('/stats', 503)).toMatchObject({ code: 'NODE_FULL' });
    const full = await metrics();
    expect([valueOf(full, 'memcached_up'), valueOf(full, 'memfleet_node_full')]).toEqual([1, 1]);
    expect(valueOf(full, 'memcached_current_connections')).toBeUndefined();
    daemon.full = false;
    await expect.poll(async () => (await json('/readyz'))['full'], { timeout: 20_000 }).toBeUndefined();
    await expect.poll(async () => valueOf(await metrics(), 'memfleet_node_full'), { timeout: 20_000 }).toBe(0);
  });

  test('not ready while the daemon hangs', async () => {
    daemon.hung = true;
    expect(await problem('/readyz', 503)).toMatchObject({
      code: 'TIMEOUT',
      detail: expect.stringContaining('the daemon'),
    });
  });

  test('not ready while the daemon is gone, and ready again with the next one', async () => {
    const { port } = daemon;
    await daemon.stop();
    expect(await problem('/readyz', 503)).toMatchObject({ code: 'CONNECT_FAILED' });
    daemon = await FakeDaemon.start(port);
    await expect.poll(async () => (await app.inject('/readyz')).statusCode, { timeout: 20_000 }).toBe(200);
  });
});

describe('statistics', () => {
  test('are those of the daemon, numbers as numbers', async () => {
    const stats = await json('/stats');
    expect(Object.keys(stats)).toEqual([...fixtureStats('').keys()]);
    expect(stats).toMatchObject({ version: '1.6.38', cmd_set: 1804, evictions: 1040 });
    expect(await json('/stats/settings')).toMatchObject({ maxconns: 1024, growth_factor: 1.25, lru_crawler: 'yes' });
  });

  test('of items and slabs are nested by class id', async () => {
    expect(await json('/stats/items')).toMatchObject({ '18': { evicted: 1040 } });
    expect(await json('/stats/slabs')).toMatchObject({ '1': { chunk_size: 96 }, active_slabs: 3 });
  });

  test('of sizes and connections are there too', async () => {
    daemon.answers.set('sizes', 'STAT 96 2\r\nEND\r\n');
    daemon.answers.set('conns', 'STAT 26:state conn_listening\r\nEND\r\n');
    expect(await json('/stats/sizes')).toEqual({ '96': 2 });
    expect(await json('/stats/conns')).toEqual({ '26': { state: 'conn_listening' } });
  });

  test('keep all digits of 64-bit values', async () => {
    daemon.answers.set('', 'STAT bytes_read 18446744073709551615\r\nEND\r\n');
    expect((await app.inject('/stats')).body).toBe('{"bytes_read":18446744073709551615}');
  });

  test('that the daemon refuses are a bad gateway, and those of no daemon unavailable', async () => {
    daemon.answers.set('conns', 'ERROR\r\n');
    expect(await problem('/stats/conns', 502)).toMatchObject({ code: 'SERVER' });
    daemon.hung = true;
    expect(await problem('/stats', 503)).toMatchObject({ code: 'TIMEOUT' });
  });
});

describe('metrics', () => {
  test('are read from the daemon', async () => {
    const parsed = await metrics();
    expect(valueOf(parsed, 'memcached_up')).toBe(1);
    expect(valueOf(parsed, 'memcached_current_items')).toBe(Number(fixtureStats('').get('curr_items')));
    expect(parsed.get('memcached_commands_total')?.type).toBe('counter');
  });

  test('do not add up over scrapes', async () => {
    await metrics();
    expect(valueOf(await metrics(), 'memcached_items_evicted_total')).toBe(1040);
  });

  test('of a hung daemon say that it is down, and count the failure', async () => {
    daemon.hung = true;
    expect(valueOf(await metrics(), 'memcached_up')).toBe(0);
    expect(valueOf(await metrics(), 'memfleet_sidecar_collect_failures_total', { code: 'TIMEOUT' })).toBeGreaterThan(0);
  });

  test('of a daemon that is gone say that it is down', async () => {
    await daemon.stop();
    expect(valueOf(await metrics(), 'memcached_up')).toBe(0);
    daemon = await FakeDaemon.start();
  });

  test('of many scrapes at once cost the daemon one collection', async () => {
    await Promise.all(Array.from({ length: 20 }, metrics));
    expect(daemon.commands).toEqual(['stats', 'stats settings', 'stats items', 'stats slabs']);
  });
});

describeWith(['promtool'], 'promtool', () => {
  test('accepts the metrics', async () => {
    const { body } = await app.inject('/metrics');
    let output = '';
    try {
      output = execFileSync('promtool', ['check', 'metrics'], {
        input: body,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    } catch (error) {
      // It ends with 3 over matters of style, and the exporter's names have some.
      const { status, stderr } = error as { status: number; stderr: string };
      expect(status).toBe(3);
      output = stderr;
    }
    const complaints = output.split('\n').filter((line) => line !== '' && !line.startsWith('memcached_'));
    expect(complaints.filter((line) => !line.startsWith('memfleet_sidecar_nodejs_'))).toEqual([]);
  });
});

describe('what is no route', () => {
  test('is a problem', async () => {
    expect(await problem('/nope', 404)).toMatchObject({ detail: 'there is no GET /nope' });
    expect(await problem('/stats/nope', 404)).toMatchObject({ detail: 'there is no GET /stats/nope' });
    await problem('/%', 400);
    await problem(`/${'a'.repeat(2000)}`, 404);
  });

  test('nothing can be written', async () => {
    const response = await app.inject({ url: '/stats?x=1', method: 'POST' });
    expect(response.statusCode).toBe(405);
    expect(response.headers['allow']).toBe('GET, HEAD');
    await problem('/nope', 404, 'POST');
    await problem('/stats', 405, 'POST', 'x'.repeat(HTTP_BOUNDS.bodyBytesMax + 1));
  });
});

async function exchange(request: string): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(request);
  let answer = '';
  for await (const text of socket) answer += String(text);
  return answer;
}

describe('over a socket', () => {
  test.each([
    ['what is not HTTP', 'stats\r\n\r\n', 400],
    ['a head without end', `GET /${'a'.repeat(HTTP_BOUNDS.headBytesMax)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ])('%s is a problem and the end of the connection', async (_what, request, status) => {
    const answer = await exchange(request);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('application/problem+json');
  });
});

describe('openapi.json', () => {
  test('describes every route of the contract', async () => {
    const description = await json('/openapi.json');
    expect(description).toMatchObject({ openapi: '3.1.0', info: { title: 'memfleet sidecar' } });
    expect(Object.keys(description['paths'] as object).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/stats',
      '/stats/conns',
      '/stats/items',
      '/stats/settings',
      '/stats/sizes',
      '/stats/slabs',
    ]);
  });
});
