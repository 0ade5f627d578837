/**
 * Clients of the auto-discovery port that do not go on, on a coordinator as a process. Goal: they shut nobody out, keep no
 * descriptor beyond the bound, and fill no memory. Its times are in test/coordinator/discovery-endpoint.test.ts.
 */
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { DISCOVERY_CONNECTIONS_MAX, DISCOVERY_REFUSED_MAX } from '../../src/coordinator/limits.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';
import { hold, holdMany, release, serveCoordinator } from './http-support.ts';

const MEBIBYTE = 1024 * 1024;

/** The process's own, and what the test asks over. */
const DESCRIPTORS_BESIDES = 20;

let served: Awaited<ReturnType<typeof serveCoordinator>> | undefined;

afterEach(async () => {
  await served?.stop();
});

async function version(port: number): Promise<string> {
  const client = await RawClient.connect(port);
  await client.send([Buffer.from('version\r\n')]);
  const answer = await client.receiveUntil(Buffer.from('\r\n'));
  client.destroy();
  return answer.toString();
}

test.each([
  ['ask nothing', ''],
  ['send half a line', 'config get clu'],
  ['asked once', 'version\r\n'],
])('more connections than it takes that %s shut nobody out', async (_what, text) => {
  const server = (served = await serveCoordinator());
  const before = server.descriptors();
  const idle: Socket[] = [];
  for (let round = 0; round < 5; round += 1) {
    const sockets = await holdMany(server.discoveryPort, DISCOVERY_CONNECTIONS_MAX / 2);
    if (text !== '') for (const socket of sockets) socket.write(text);
    idle.push(...sockets);
    expect(await version(server.discoveryPort)).toMatch(/^VERSION 1\.6\.\d+\r\n$/);
  }
  const most = DISCOVERY_CONNECTIONS_MAX + DISCOVERY_REFUSED_MAX + DESCRIPTORS_BESIDES;
  expect(server.descriptors() - before).toBeLessThan(most);
  await release(server, idle, before);
});

test('clients that ask and never read fill no memory', async () => {
  const server = (served = await serveCoordinator());
  await until('something is published', async () => (await server.get('/readyz')).status === 200);
  const before = { rss: server.rssBytes(), descriptors: server.descriptors() };
  const greedy: Socket[] = [];
  for (let count = 0; count < 20; count += 1) {
    const socket = await hold(server.discoveryPort);
    socket.write('stats\r\n'.repeat(20_000));
    greedy.push(socket);
  }
  let grown = -1;
  await until('their sockets are full', async () => {
    const last = grown;
    grown = server.rssBytes() - before.rss;
    expect(await version(server.discoveryPort)).toMatch(/^VERSION/);
    return grown - last < MEBIBYTE / 4;
  });
  // Little of it is held; the rest is garbage of the answers that the sockets took.
  expect(grown).toBeLessThan(192 * MEBIBYTE);
  await release(server, greedy, before.descriptors);
});
