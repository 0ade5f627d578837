/**
 * Clients that ask and do not read, on a coordinator and a sidecar as processes. Goal: what is held for them is bounded,
 * others are served meanwhile, and memory and descriptors are as before when they are gone.
 */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { parseExposition, valueOf } from '../sidecar/support/parse-exposition.ts';
import { until } from '../support/until.ts';
import { hold, holdMany, probing, release, serveCoordinator, serveSidecar, type Served } from './http-support.ts';

const MEBIBYTE = 1024 * 1024;

/** What a process may take beyond what it had: V8's garbage before it is collected, above all. */
const GROWTH_BYTES_MAX = 96 * MEBIBYTE;

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
});

async function metric(server: Served, name: string): Promise<number> {
  return valueOf(parseExposition((await server.get('/metrics')).body), name) ?? Number.NaN;
}

describe.each<[string, () => Promise<Served>]>([
  ['coordinator', serveCoordinator],
  ['sidecar', serveSidecar],
])('a %s', (_name, serve) => {
  test.each(['/openapi.json', '/metrics'])(
    'is not filled by %s asked thousands of times and not read',
    async (path) => {
      const server = (served = await serve());
      // Once before, so that what it makes once is there.
      await server.get(path);
      const before = { rss: server.rssBytes(), descriptors: server.descriptors() };
      const greedy: Socket[] = [];
      const counts = await probing(server, async () => {
        for (let count = 0; count < 8; count += 1) {
          const socket = await hold(server.port);
          socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(1600));
          greedy.push(socket);
        }
        let held = -1;
        await until('their sockets are full', async () => {
          const last = held;
          held = server.rssBytes();
          return held - last < MEBIBYTE / 4 && (await metric(server, 'memfleet_http_connections')) > greedy.length;
        });
      });
      expect(counts.missed).toEqual([]);
      expect(counts.served).toBeGreaterThan(0);
      expect(server.rssBytes() - before.rss).toBeLessThan(GROWTH_BYTES_MAX);
      expect(await metric(server, 'memfleet_http_requests')).toBeLessThanOrEqual(greedy.length + 1);
      await release(server, greedy, before.descriptors);
      await until('nothing is held', async () => (await metric(server, 'memfleet_http_held_bytes')) < MEBIBYTE);
    },
  );

  test('is not filled by heads that do not end', async () => {
    const server = (served = await serve());
    const before = { rss: server.rssBytes(), descriptors: server.descriptors() };
    const half = await holdMany(server.port, 800);
    const counts = await probing(server, async () => {
      for (const socket of half) socket.write(`GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(800)}`);
      await until('they are read', async () => (await metric(server, 'memfleet_http_held_bytes')) > 3 * MEBIBYTE);
    });
    expect(counts.missed).toEqual([]);
    expect(server.rssBytes() - before.rss).toBeLessThan(GROWTH_BYTES_MAX);
    await release(server, half, before.descriptors);
  });
});

test('a request of a thousand pipelined is answered, each once, in order', async () => {
  const server = (served = await serveCoordinator());
  const socket = await hold(server.port);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.resume();
  const keys = Array.from({ length: 1000 }, (_, at) => at);
  socket.write(keys.map((key) => `GET /none/${key} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''));
  await until('all are answered', () => text.split('HTTP/1.1 404').length - 1 === keys.length, 60_000);
  expect([...text.matchAll(/GET \/none\/(\d+)"/g)].map(([, key]) => Number(key))).toEqual(keys);
  socket.destroy();
});
