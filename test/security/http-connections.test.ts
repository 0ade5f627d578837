/**
 * Clients that connect and do not go on, on a coordinator and a sidecar as processes. Goal: they shut nobody out, and
 * they keep no seat of a follower, and no descriptor, that others need. How long each may take is in
 * test/http/guard.test.ts, with a clock that is moved.
 */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { HTTP_BOUNDS } from '../../src/sidecar/limits.ts';
import { parseExposition, valueOf } from '../sidecar/support/parse-exposition.ts';
import { until } from '../support/until.ts';
import { hold, holdMany, probing, release, serveCoordinator, serveSidecar, type Served } from './http-support.ts';

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
});

async function metric(server: Served, name: string): Promise<number> {
  return valueOf(parseExposition((await server.get('/metrics')).body), name) ?? Number.NaN;
}

test.each([
  ['nothing', ''],
  ['half a head', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
  ['a request and no more', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['half of a body', 'POST /stats HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf'],
])('a sidecar is not shut by more connections than it takes that send %s', async (_what, text) => {
  const server = (served = await serveSidecar());
  const before = server.descriptors();
  const idle: Socket[] = [];
  const counts = await probing(server, async () => {
    for (let round = 0; round < 3; round += 1) {
      const sockets = await holdMany(server.port, Math.ceil(HTTP_BOUNDS.connectionsMax / 2));
      if (text !== '') for (const socket of sockets) socket.write(text);
      idle.push(...sockets);
    }
  });
  expect(counts.missed).toEqual([]);
  expect(counts.served).toBeGreaterThan(0);
  expect(server.descriptors() - before).toBeLessThanOrEqual(HTTP_BOUNDS.connectionsMax);
  expect(await metric(server, 'memfleet_http_cut_off_total')).toBeGreaterThan(0);
  await release(server, idle, before);
});

describe('seats of followers', () => {
  const WAIT = '/v1/topology?after=2147483647&wait=60s';

  test('a connection has one, however many long polls it sends, and gives it back when it closes', async () => {
    const server = (served = await serveCoordinator());
    const before = server.descriptors();
    await until('something is published', async () => (await server.get('/readyz')).status === 200);
    const greedy: Socket[] = [];
    for (let count = 0; count < 5; count += 1) {
      const socket = await hold(server.port);
      socket.write(`GET ${WAIT} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(100));
      greedy.push(socket);
    }
    await until('they follow', async () => (await metric(server, 'memfleet_topology_watchers')) === greedy.length);
    await release(server, greedy, before);
    await until('nobody follows', async () => (await metric(server, 'memfleet_topology_watchers')) === 0);
  });

  test('one that follows and sends what a follower does not send is cut off', async () => {
    const server = (served = await serveCoordinator());
    await until('something is published', async () => (await server.get('/readyz')).status === 200);
    const socket = await hold(server.port);
    let closed = false;
    socket.on('close', () => (closed = true)).resume();
    socket.write(`GET ${WAIT} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(2000));
    await until('it is cut off', () => closed);
    await until('its seat is free', async () => (await metric(server, 'memfleet_topology_watchers')) === 0);
  });

  test('event streams that are closed without a word free theirs', async () => {
    const server = (served = await serveCoordinator());
    const before = server.descriptors();
    const streams = await holdMany(server.port, 200);
    for (const socket of streams) socket.write('GET /v1/topology/events HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('they follow', async () => (await metric(server, 'memfleet_topology_watchers')) === streams.length);
    await release(server, streams, before);
    await until('nobody follows', async () => (await metric(server, 'memfleet_topology_watchers')) === 0);
  });
});
