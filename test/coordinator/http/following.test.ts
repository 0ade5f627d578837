/** Following the topology over real sockets: event streams and long polls, many, slow and sudden ones. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { followCoordinator } from '../../../src/client/following/topology-source.ts';
import { HEARTBEAT_MS, STALL_MAX_MS, WAIT_MAX_MS } from '../../../src/coordinator/limits.ts';
import { DEFAULT_HASHING, type TopologyDocument } from '../../../src/topology/document.ts';
import { until } from '../../support/until.ts';
import { startApp, type AppSettings, type AppWorld } from './app-support.ts';
import { observedOf } from '../support.ts';

interface Listening extends AppWorld {
  url: string;
  port: number;
}

async function listening(settings: AppSettings = {}, ...numbers: number[]): Promise<Listening> {
  const world = await startApp(settings);
  await world.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = world.app.server.address() as AddressInfo;
  world.hold(...numbers);
  await until('the ring', () => activeCount(world) === numbers.length);
  return Object.assign(world, { port, url: `http://127.0.0.1:${port}` });
}

function activeCount({ publisher }: AppWorld): number {
  return publisher.current?.document.nodes.filter((node) => node.state === 'active').length ?? -1;
}

function versionOf({ publisher }: AppWorld): number {
  return publisher.current?.document.version ?? 0;
}

/** Publishes a document of about `bytes`, past the fleet, which would never make so many or such large ones. */
function publishPadded(world: AppWorld, bytes: number): number {
  const version = versionOf(world) + 1;
  const document: TopologyDocument = {
    fleet: 'x'.repeat(bytes),
    version,
    publishedAt: new Date(0).toISOString(),
    hashing: DEFAULT_HASHING,
    nodes: [],
  };
  world.publisher.publish(document);
  return version;
}

/** An event stream read by hand. */
class Stream {
  text = '';
  closed = false;
  readonly socket: Socket;

  constructor(port: number, query = '', host = 'a') {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString();
    });
    this.socket.write(`GET /v1/topology/events${query} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  }

  /** The last document. */
  get document(): TopologyDocument {
    const line = this.text.match(/^data: .*$(?=\n\n)/gm)?.at(-1) ?? '';
    return JSON.parse(line.slice('data: '.length)) as TopologyDocument;
  }

  get ids(): number[] {
    return [...this.text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  }
}

describe('an event stream', () => {
  test('begins with the document and brings every change, as the client follows it', async () => {
    await using world = await listening({}, 1);
    const documents: TopologyDocument[] = [];
    const source = followCoordinator({ url: world.url });
    await source.start((document) => documents.push(document));
    expect(documents[0]).toEqual(world.publisher.current?.document);
    world.hold(1, 2);
    await until('two nodes', () => documents.at(-1)?.nodes.length === 2 && activeCount(world) === 2);
    await until('the last one', () => documents.at(-1)?.version === versionOf(world));
    expect(documents.map((document) => document.version)).toEqual(
      documents.map((d) => d.version).sort((a, b) => a - b),
    );
    source.close();
    await until('nobody follows', () => world.publisher.watcherCount === 0);
  });

  test('has the form of server-sent events, with a hint when to come back', async () => {
    await using world = await listening({}, 1);
    const stream = new Stream(world.port);
    await until('the document', () => stream.ids.length === 1);
    expect(stream.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(stream.text).toMatch(/content-type: text\/event-stream; charset=utf-8\r\n/i);
    expect(stream.text).toMatch(/x-content-type-options: nosniff\r\n/i);
    expect(stream.text).toContain('retry: 1750\n\n');
    expect(stream.text).toContain(
      `id: ${versionOf(world)}\nevent: topology\ndata: ${world.publisher.current?.json}\n\n`,
    );
    stream.socket.destroy();
  });

  test('waits for the first document where there is none', async () => {
    await using world = await startApp();
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    const stream = new Stream((world.app.server.address() as AddressInfo).port);
    await until('the hint', () => stream.text.includes('retry: '));
    expect(stream.ids).toEqual([]);
    world.hold(1);
    await until('the document', () => stream.ids.length > 0);
    stream.socket.destroy();
  });

  test('is kept open by comments', async () => {
    const clock = new ManualClock();
    await using world = await listening({ clock }, 1);
    const stream = new Stream(world.port);
    await until('the document', () => stream.ids.length === 1);
    clock.advance(HEARTBEAT_MS);
    await until('a comment', () => stream.text.includes('\n: still here\n\n'));
    stream.socket.destroy();
  });

  test('to a slow reader skips to the newest, and is cut off when it is never read', async () => {
    const clock = new ManualClock();
    await using world = await listening({ clock }, 1);
    const slow = new Stream(world.port);
    const stuck = new Stream(world.port);
    const quick = new Stream(world.port);
    await until('all have begun', () => [slow, stuck, quick].every((stream) => stream.ids.length === 1));
    slow.socket.pause();
    stuck.socket.pause();
    // More than two sockets' buffers hold.
    let version = 0;
    for (let round = 0; round < 40; round += 1) {
      version = publishPadded(world, 500_000);
      await until('the quick one has it', () => quick.ids.at(-1) === version);
    }
    slow.socket.resume();
    await until('the slow one has the newest', () => slow.ids.at(-1) === version);
    expect(slow.ids.length).toBeLessThan(quick.ids.length);
    expect(world.publisher.watcherCount).toBe(3);
    clock.advance(STALL_MAX_MS + HEARTBEAT_MS);
    await until('the stuck one is gone', () => world.publisher.watcherCount === 2);
    expect([slow.closed, quick.closed]).toEqual([false, false]);
    for (const stream of [slow, stuck, quick]) stream.socket.destroy();
  });

  test('beyond the bound is refused, and there is room again when one leaves', async () => {
    await using world = await listening({ watchersMax: 2 }, 1);
    const streams = [new Stream(world.port), new Stream(world.port)];
    await until('two follow', () => world.publisher.watcherCount === 2);
    const refused = await fetch(`${world.url}/v1/topology/events`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    const poll = await fetch(`${world.url}/v1/topology?after=${versionOf(world)}&wait=1s`);
    expect(poll.status).toBe(503);
    streams[0]?.socket.destroy();
    await until('one is gone', () => world.publisher.watcherCount === 1);
    const room = new Stream(world.port);
    await until('another follows', () => room.ids.length === 1);
    for (const stream of [...streams, room]) stream.socket.destroy();
  });

  test('to five hundred readers brings each of them the same', async () => {
    await using world = await listening({ watchersMax: 1_000 }, 1);
    const streams = Array.from({ length: 500 }, () => new Stream(world.port));
    await until('all have begun', () => streams.every((stream) => stream.ids.length === 1));
    world.hold(1, 2, 3);
    await until(
      'all have three nodes',
      () => activeCount(world) === 3 && streams.every((stream) => stream.ids.at(-1) === versionOf(world)),
    );
    for (const stream of streams) stream.socket.destroy();
    await until('nobody follows', () => world.publisher.watcherCount === 0);
  });

  test('with view=host has published ports, by the name that its reader has for the host', async () => {
    await using world = await listening({}, 1);
    const inside = new Stream(world.port);
    const outside = new Stream(world.port, '?view=host', '192.0.2.7:8080');
    const elsewhere = new Stream(world.port, '?view=host', 'cache.example');
    // More names than the coordinator keeps frames for.
    const others = Array.from({ length: 20 }, (_, index) => new Stream(world.port, '?view=host', `host-${index}`));
    const all = [inside, outside, elsewhere, ...others];
    await until('all have begun', () => all.every((stream) => stream.ids.length === 1));
    expect(outside.document.nodes).toEqual(inside.document.nodes);
    world.source.observe(observedOf('cache-1'), observedOf('cache-2', { published: { ip: '', port: 32_768 } }));
    await until(
      'two nodes',
      () => activeCount(world) === 2 && all.every((stream) => stream.ids.at(-1) === versionOf(world)),
    );
    const places = (stream: Stream): string[] => stream.document.nodes.map(({ host, port }) => `${host}:${port}`);
    expect(places(inside)).toEqual(['cache-1:11211', 'cache-2:11211']);
    expect(places(outside)).toEqual(['cache-1:11211', '192.0.2.7:32768']);
    expect(places(elsewhere)).toEqual(['cache-1:11211', 'cache.example:32768']);
    expect(others.map((stream) => places(stream)[1])).toEqual(others.map((_, index) => `host-${index}:32768`));
    const refused = new Stream(world.port, '?view=host', 'a"b');
    await until('it is refused', () => refused.text !== '');
    expect(refused.text).toMatch(/^HTTP\/1\.1 400 /);
    for (const stream of [...all, refused]) stream.socket.destroy();
  });

  test('ends when the coordinator closes', async () => {
    const world = await listening({}, 1);
    const stream = new Stream(world.port);
    await until('the document', () => stream.ids.length === 1);
    const closed = once(stream.socket, 'close');
    await world[Symbol.asyncDispose]();
    await closed;
    expect(world.publisher.watcherCount).toBe(0);
  });
});

describe('a long poll', () => {
  test('is answered as soon as there is news', async () => {
    await using world = await listening({}, 1);
    const before = versionOf(world);
    const poll = fetch(`${world.url}/v1/topology?after=${before}&wait=60s`);
    await until('it waits', () => world.publisher.watcherCount === 1);
    world.hold(1, 2);
    const response = await poll;
    expect(response.status).toBe(200);
    expect(((await response.json()) as TopologyDocument).version).toBeGreaterThan(before);
    expect(world.publisher.watcherCount).toBe(0);
  });

  test('with view=host is answered with published ports', async () => {
    await using world = await listening({}, 1);
    const poll = fetch(`${world.url}/v1/topology?view=host&after=${versionOf(world)}&wait=60s`);
    await until('it waits', () => world.publisher.watcherCount === 1);
    world.source.observe(
      observedOf('cache-1', { hint: 'stopped' }),
      observedOf('cache-2', { published: { ip: '', port: 32_768 } }),
    );
    const { nodes } = (await (await poll).json()) as TopologyDocument;
    expect(nodes.map(({ name, host, port }) => [name, host, port])).toContainEqual(['cache-2', '127.0.0.1', 32_768]);
  });

  test('is answered 304 when its time is up, and held no longer than the bound', async () => {
    const clock = new ManualClock();
    await using world = await listening({ clock }, 1);
    const version = versionOf(world);
    for (const [wait, heldMs] of [
      ['30s', 30_000],
      ['5', 5_000],
      ['250ms', 250],
      ['999999s', WAIT_MAX_MS],
    ] as const) {
      const poll = fetch(`${world.url}/v1/topology?after=${version}&wait=${wait}`);
      await until('it waits', () => world.publisher.watcherCount === 1);
      clock.advance(heldMs - 1);
      expect(world.publisher.watcherCount).toBe(1);
      clock.advance(1);
      const response = await poll;
      expect([response.status, response.headers.get('etag')]).toEqual([304, `"${version}"`]);
    }
  });

  test('waits for the first document where there is none', async () => {
    await using world = await startApp();
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = world.app.server.address() as AddressInfo;
    const poll = fetch(`http://127.0.0.1:${port}/v1/topology?wait=60s`);
    await until('it waits', () => world.publisher.watcherCount === 1);
    world.hold(1);
    expect((await poll).status).toBe(200);
  });

  test('is forgotten when its client goes away', async () => {
    await using world = await listening({}, 1);
    const leaving = new AbortController();
    const poll = fetch(`${world.url}/v1/topology?after=${versionOf(world)}&wait=60s`, { signal: leaving.signal });
    await until('it waits', () => world.publisher.watcherCount === 1);
    leaving.abort();
    await expect(poll).rejects.toThrow();
    await until('nobody waits', () => world.publisher.watcherCount === 0);
  });

  test('does not keep the coordinator from closing', async () => {
    const world = await listening({}, 1);
    const poll = fetch(`${world.url}/v1/topology?after=${versionOf(world)}&wait=60s`).catch(() => 'cut off');
    await until('it waits', () => world.publisher.watcherCount === 1);
    await world[Symbol.asyncDispose]();
    await poll;
    expect(world.publisher.watcherCount).toBe(0);
  });
});
