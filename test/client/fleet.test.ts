/**
 * Goal: the fleet is one cache, whatever its nodes do. Method: three memcacheds in miniature, one of them behind a proxy
 * that breaks it, and topologies that the test hands out.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { FleetEvents } from '../../src/client/events.ts';
import { Fleet, createFleet } from '../../src/client/fleet.ts';
import { settingsOf, type FleetOptions } from '../../src/client/options.ts';
import { bytesCodec } from '../../src/client/values/codec.ts';
import type { TopologySource } from '../../src/client/following/topology-source.ts';
import type { TopologyDocument, TopologyNode } from '../../src/topology/document.ts';
import { buildRing } from '../../src/topology/ring.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { TinyMemcached } from '../support/tiny-memcached.ts';
import { until } from '../support/until.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';

let servers: TinyMemcached[];
let proxy: FaultyProxy;
let fleets: Fleet[];
let nodes: TopologyNode[];

/** A source that delivers what the test publishes. */
class HandSource implements TopologySource {
  publish: (document: TopologyDocument) => void = () => undefined;
  closed = false;

  start(onDocument: (document: TopologyDocument) => void): Promise<void> {
    return new Promise((resolve) => {
      this.publish = (document) => {
        onDocument(document);
        resolve();
      };
    });
  }

  close(): void {
    this.closed = true;
  }
}

beforeEach(async () => {
  servers = await Promise.all([TinyMemcached.start(), TinyMemcached.start(), TinyMemcached.start()]);
  proxy = await FaultyProxy.start(servers[0].port);
  fleets = [];
  const ports = [proxy.port, servers[1].port, servers[2].port];
  nodes = ports.map((port, index) => nodeOf({ name: `n${index}`, ip: '127.0.0.1', port }));
});

afterEach(async () => {
  vi.restoreAllMocks();
  proxy.cut();
  for (const fleet of fleets) void fleet.close();
  await proxy[Symbol.asyncDispose]();
  for (const server of servers) await server[Symbol.asyncDispose]();
});

/** A fleet whose topology the test publishes. */
function handFleet(options: Partial<FleetOptions> = {}): { fleet: Fleet; source: HandSource } {
  const source = new HandSource();
  const fleet = new Fleet({
    ...settingsOf({ servers: ['x'], ...options } as FleetOptions),
    source,
    sourceName: 'the test',
  });
  fleets.push(fleet);
  return { fleet, source };
}

function openFleet(options: Partial<FleetOptions> = {}): Fleet {
  const { fleet, source } = handFleet(options);
  source.publish(documentOf(nodes));
  return fleet;
}

/** Keys that the node at `index` owns. */
function keysOf(index: number, count = 5): string[] {
  const ring = buildRing(documentOf(nodes));
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i += 1) if (ring.ownerIndex(`key-${i}`) === index) keys.push(`key-${i}`);
  return keys;
}

/** The exptime that some server was given for `key`. */
function exptimeIn(key: string): number | undefined {
  return servers.map((server) => server.items.get(key)).find((item) => item !== undefined)?.exptime;
}

const many = Array.from({ length: 300 }, (_, index) => `key-${index}`);

describe('one cache', () => {
  test('what is set on one fleet is found through another, on the node that owns it', async () => {
    const fleet = openFleet();
    for (const key of many) expect(await fleet.set(key, { key })).toBe(true);
    const other = openFleet();
    for (const key of many) expect(await other.get(key)).toEqual({ key });
    const ring = buildRing(documentOf(nodes));
    for (const key of many) expect(servers[ring.ownerIndex(key)].items.has(key)).toBe(true);
    await expect(fleet.owner('key-0')).resolves.toEqual(ring.owner('key-0'));
  });

  test('many keys are one command for each node, in the order they were asked for', async () => {
    const fleet = openFleet();
    await Promise.all(many.map((key) => fleet.set(key, key)));
    for (const server of servers) server.lines.length = 0;
    const reversed = [...many, many[0]].reverse();
    const found = await fleet.getMany<string>([...reversed, 'missing']);
    expect([...found.keys()]).toEqual([...new Set(reversed)]);
    expect([...found].every(([key, value]) => key === value)).toBe(true);
    expect(servers.map((server) => server.lines.length)).toEqual([1, 1, 1]);
    await expect(fleet.getMany([])).resolves.toEqual(new Map());
  });

  test('every command', async () => {
    const fleet = openFleet();
    await expect(fleet.add('k', 'b', { ttl: 9 })).resolves.toBe(true);
    await expect(fleet.add('k', 'x')).resolves.toBe(false);
    await expect(fleet.append('k', 'c')).resolves.toBe(true);
    await expect(fleet.prepend('k', Buffer.from('a'))).resolves.toBe(true);
    await expect(fleet.get('k')).resolves.toBe('abc');
    await expect(fleet.append('none', 'c')).resolves.toBe(false);
    await expect(fleet.replace('none', 1)).resolves.toBe(false);
    await expect(fleet.replace('k', 5)).resolves.toBe(true);
    await expect(fleet.incr('k')).resolves.toBe(6n);
    await expect(fleet.incr('k', 2n ** 64n - 1n)).resolves.toBe(5n);
    await expect(fleet.decr('k', 2)).resolves.toBe(3n);
    await expect(fleet.get('k')).resolves.toBe(3);
    await expect(fleet.incr('none')).resolves.toBeUndefined();
    const found = await fleet.gets<number>('k');
    expect(found?.value).toBe(3);
    await expect(fleet.cas('k', 4, found?.cas ?? 0n)).resolves.toBe(true);
    await expect(fleet.cas('k', 5, found?.cas ?? 0n)).resolves.toBe(false);
    await expect(fleet.gets('none')).resolves.toBeUndefined();
    await expect(fleet.inspect('k')).resolves.toMatchObject({ valueBytes: 1, ttl: undefined });
    await expect(fleet.inspect('none')).resolves.toBeUndefined();
    await expect(fleet.touch('k', { ttl: 9 })).resolves.toBe(true);
    await expect(fleet.touch('none')).resolves.toBe(false);
    await expect(fleet.getAndTouch('k', { ttl: 9 })).resolves.toBe(4);
    await expect(fleet.delete('k')).resolves.toBe(true);
    await expect(fleet.delete('k')).resolves.toBe(false);
    const stats = await fleet.stats('items');
    expect([...stats.keys()]).toEqual(['n0', 'n1', 'n2']);
    expect(stats.get('n1')?.get('argument')).toBe('items x');
    await expect(fleet.flush(2)).resolves.toBe(true);
    expect(servers.map((server) => server.lines.at(-1))).toEqual(['flush_all 2', 'flush_all 2', 'flush_all 2']);
  });

  test('times to live: of the call, else of the fleet', async () => {
    const clock = new ManualClock();
    const fleet = openFleet({ defaultTtl: 60, clock });
    await fleet.set('a', 1);
    await fleet.set('b', 1, { ttl: 5 });
    await fleet.set('c', 1, { ttl: 0 });
    await fleet.set('d', 1, { ttl: 40 * 24 * 3600 });
    const longMoment = clock.nowMs() / 1000 + 40 * 24 * 3600;
    expect(['a', 'b', 'c', 'd'].map(exptimeIn)).toEqual([60, 5, 0, longMoment]);
    await expect(fleet.set('e', 1, { ttl: -1 })).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await expect(fleet.touch('e', { ttl: -1 })).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });

  test('a prefix is part of the key, and not of what the caller sees', async () => {
    const fleet = openFleet({ keyPrefix: 'app:' });
    await fleet.set('k', 1);
    expect([...(await fleet.getMany(['k'])).keys()]).toEqual(['k']);
    await expect(openFleet().get('app:k')).resolves.toBe(1);
    await expect(fleet.get('k'.repeat(247))).rejects.toMatchObject({ code: 'BAD_KEY' });
  });

  test('another codec', async () => {
    const fleet = openFleet({ codec: bytesCodec });
    await fleet.set('k', Buffer.from([1, 2]));
    await expect(fleet.get('k')).resolves.toEqual(Buffer.from([1, 2]));
  });

  test.each(['', 'a b', 'a\r\nflush_all', 'k'.repeat(251)])('the key %j is refused by every command', async (key) => {
    const fleet = openFleet();
    const refused = { code: 'BAD_KEY' };
    await expect(fleet.get(key)).rejects.toMatchObject(refused);
    await expect(fleet.set(key, 1)).rejects.toMatchObject(refused);
    await expect(fleet.getMany(['good', key])).rejects.toMatchObject(refused);
    await expect(fleet.incr(key)).rejects.toMatchObject(refused);
    await expect(fleet.owner(key)).rejects.toMatchObject(refused);
    expect(servers.every((server) => server.lines.length === 0)).toBe(true);
  });

  test.each([-1, 1.5, 2 ** 53, NaN, -1n, 2n ** 64n])('a counter cannot change by %s', async (delta) => {
    await expect(openFleet().incr('k', delta)).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });

  test("a node's refusal is the caller's to see", async () => {
    const fleet = openFleet();
    await fleet.set('k', 'text');
    await expect(fleet.incr('k')).rejects.toMatchObject({ code: 'SERVER' });
  });
});

describe('a node that dies', () => {
  test('turns its keys into misses, and no others', async () => {
    const fleet = openFleet();
    const events: string[] = [];
    fleet.on('nodeDown', ({ node, error }) => events.push(`${node.name} down ${error.code}`));
    fleet.on('nodeUp', ({ node }) => events.push(`${node.name} up`));
    await Promise.all(many.map((key) => fleet.set(key, key)));
    await proxy.kill();
    const [lost] = keysOf(0);
    await expect(fleet.get(lost)).resolves.toBeUndefined();
    await expect(fleet.gets(lost)).resolves.toBeUndefined();
    await expect(fleet.inspect(lost)).resolves.toBeUndefined();
    await expect(fleet.set(lost, 1)).resolves.toBe(false);
    await expect(fleet.cas(lost, 1, 1n)).resolves.toBe(false);
    await expect(fleet.delete(lost)).resolves.toBe(false);
    await expect(fleet.incr(lost)).resolves.toBeUndefined();
    await expect(fleet.touch(lost)).resolves.toBe(false);
    await expect(fleet.flush()).resolves.toBe(false);
    const stats = await fleet.stats();
    expect([...stats].map(([name, values]) => [name, values !== undefined])).toEqual([
      ['n0', false],
      ['n1', true],
      ['n2', true],
    ]);
    await fleet.set(keysOf(1)[0], 'alive');
    await expect(fleet.get(keysOf(1)[0])).resolves.toBe('alive');
    expect(events).toEqual(['n0 down CONNECT_FAILED']);
    expect(fleet.counts.failures).toBeGreaterThan(0);
    await proxy.restore();
    await until('the node is back', () => events.length === 2);
    expect(events[1]).toBe('n0 up');
    await expect(fleet.set(lost, 'again')).resolves.toBe(true);
  });

  test('in the middle of many requests: each one comes to an end, without an error', async () => {
    const fleet = openFleet();
    await Promise.all(many.map((key) => fleet.set(key, key)));
    proxy.cutAfterBytes = 100;
    const found = await Promise.all(many.map((key) => fleet.get(key)));
    const mine = new Set(keysOf(0, 20));
    many.forEach((key, index) => {
      if (found[index] === undefined) return;
      expect(found[index]).toBe(key);
    });
    expect(found.filter((value) => value === undefined).length).toBeGreaterThan(0);
    expect(
      many.every((key, index) => found[index] !== undefined || mine.has(key) || keysOf(0, 200).includes(key)),
    ).toBe(true);
    const again = await fleet.getMany(many);
    expect(again.size).toBeGreaterThan(0);
  });

  test('that never answers costs a time-out, not a hang', async () => {
    const fleet = openFleet({ commandTimeoutMs: 50 });
    await fleet.stats();
    proxy.replies = 'hold';
    await expect(fleet.get(keysOf(0)[0])).resolves.toBeUndefined();
    await expect(fleet.getMany(many)).resolves.toEqual(new Map());
    expect(fleet.counts.failures).toBeGreaterThan(1);
  });

  test('is found again by a caller that does nothing but ask', async () => {
    const fleet = openFleet();
    const [key] = keysOf(0);
    await proxy.kill();
    let down = false;
    fleet.on('nodeDown', () => (down = true));
    await until('the node is known to be down', async () => (await fleet.get(key)) === undefined && down);
    await proxy.restore();
    while (!(await fleet.set(key, 'back')));
    await expect(fleet.get(key)).resolves.toBe('back');
  });

  test('may be all of them', async () => {
    const fleet = createFleet({ servers: ['127.0.0.1:1'] });
    fleets.push(fleet);
    await expect(fleet.get('k')).resolves.toBeUndefined();
    await expect(fleet.set('k', 1)).resolves.toBe(false);
  });
});

describe('a topology that changes', () => {
  test('sends keys to their new owners and lets go of the node that left', async () => {
    const { fleet, source } = handFleet();
    const seen: FleetEvents['topology'][] = [];
    fleet.on('topology', (event) => seen.push(event));
    source.publish(documentOf(nodes));
    await Promise.all(many.map((key) => fleet.set(key, key)));
    const rest = nodes.slice(1);
    source.publish(documentOf(rest, { version: 2 }));
    expect(fleet.topology?.version).toBe(2);
    expect(seen.map(({ document }) => document.version)).toEqual([1, 2]);
    expect(seen[1].diff.removed).toEqual([nodes[0]]);
    await until('the connection is closed', () => servers[0].sockets.size === 0);
    const [moved] = keysOf(0);
    await expect(fleet.get(moved)).resolves.toBeUndefined();
    await expect(fleet.set(moved, 'moved')).resolves.toBe(true);
    expect(servers[0].items.get(moved)?.data).toBe(moved);
  });

  test('leaves requests that are under way to the old connection', async () => {
    const { fleet, source } = handFleet();
    source.publish(documentOf(nodes));
    const [key] = keysOf(0);
    await fleet.set(key, 'old');
    proxy.replies = 'hold';
    const underWay = fleet.get(key);
    await until('the reply is held', () => proxy.heldCount === 1);
    source.publish(documentOf(nodes.slice(1), { version: 2 }));
    proxy.release();
    await expect(underWay).resolves.toBe('old');
    expect(fleet.counts.failures).toBe(0);
  });

  test('keeps the connections of nodes that stay, and follows a node to another address', async () => {
    const { fleet, source } = handFleet();
    source.publish(documentOf(nodes));
    const [key] = keysOf(0);
    await fleet.set(key, 'here');
    await fleet.set(keysOf(1)[0], 'there');
    source.publish(documentOf([{ ...nodes[0], ip: '127.0.0.2' }, nodes[1], nodes[2]], { version: 2 }));
    await expect(fleet.get(keysOf(1)[0])).resolves.toBe('there');
    expect(servers[1].sockets.size).toBe(1);
    source.publish(documentOf([{ ...nodes[0], ip: '', host: '127.0.0.1' }, ...nodes.slice(1)], { version: 3 }));
    await fleet.stats();
    expect(proxy.connectionCount).toBe(2);
  });

  test('without an active node: reads miss, and what is for all nodes has none', async () => {
    const { fleet, source } = handFleet();
    source.publish(documentOf(nodes.map((node) => ({ ...node, state: 'down' }))));
    await expect(fleet.get('k')).resolves.toBeUndefined();
    await expect(fleet.getMany(['k'])).resolves.toEqual(new Map());
    await expect(fleet.set('k', 1)).resolves.toBe(false);
    await expect(fleet.owner('k')).resolves.toBeUndefined();
    await expect(fleet.stats()).rejects.toMatchObject({ code: 'NO_NODES' });
    await expect(fleet.flush()).rejects.toMatchObject({ code: 'NO_NODES' });
  });

  test('a listener that throws disturbs nobody, and one that left is not called', async () => {
    const { fleet, source } = handFleet();
    const seen: string[] = [];
    const thrown: unknown[] = [];
    vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
    fleet.on('topology', () => {
      throw new Error('from the listener');
    });
    const off = fleet.on('topology', () => seen.push('second'));
    source.publish(documentOf(nodes));
    off();
    source.publish(documentOf(nodes, { version: 2 }));
    expect(seen).toEqual(['second']);
    expect(thrown).toHaveLength(2);
    await expect(fleet.ready()).resolves.toBeUndefined();
  });
});

describe('before the first topology', () => {
  test('operations wait for it', async () => {
    const { fleet, source } = handFleet();
    const all = Promise.all([fleet.set('a', 1), fleet.get('b'), fleet.getMany(['c']), fleet.owner('d'), fleet.ready()]);
    expect(fleet.topology).toBeUndefined();
    source.publish(documentOf(nodes));
    expect((await all).slice(0, 3)).toEqual([true, undefined, new Map()]);
  });

  test('they fail when none comes in time, at once from then on, and work when it comes after all', async () => {
    const clock = new ManualClock();
    const { fleet, source } = handFleet({ clock });
    const asked = fleet.get('k');
    clock.advance(5000);
    const late = { code: 'TIMEOUT', message: 'no topology from the test within 5000 ms' };
    await expect(asked).rejects.toMatchObject(late);
    await expect(fleet.ready()).rejects.toMatchObject(late);
    await expect(fleet.set('k', 1)).rejects.toMatchObject(late);
    source.publish(documentOf(nodes));
    await expect(fleet.ready()).resolves.toBeUndefined();
    await expect(fleet.set('k', 1)).resolves.toBe(true);
  });

  test('what the trouble was is told', async () => {
    const fleet = createFleet({ coordinator: 'http://127.0.0.1:1/', topologyTimeoutMs: 200 });
    fleets.push(fleet);
    const troubles: unknown[] = [];
    fleet.on('trouble', ({ error }) => troubles.push(error));
    await expect(fleet.ready()).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringMatching(/bad port/) as string,
    });
    expect(troubles.length).toBeGreaterThan(0);
  });
});

describe('closing', () => {
  test('answers what is due, refuses the rest, and leaves no connection', async () => {
    const { fleet, source } = handFleet();
    source.publish(documentOf(nodes));
    await fleet.set('a', 1);
    const due = fleet.get('a');
    await fleet.close();
    await expect(due).resolves.toBe(1);
    await expect(fleet.get('a')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(fleet.getMany(['a'])).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(fleet.stats()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(fleet.ready()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(source.closed).toBe(true);
    await until('no socket is left', () => servers.every((server) => server.sockets.size === 0));
  });

  test('before the first topology', async () => {
    const { fleet } = handFleet();
    const asked = fleet.get('a');
    await fleet.close();
    await expect(asked).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('by leaving the block', async () => {
    let outer: Fleet | undefined;
    {
      await using fleet = openFleet();
      await fleet.set('a', 1);
      outer = fleet;
    }
    await expect(outer.get('a')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
