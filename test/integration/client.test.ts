/**
 * Goal: our client works with real servers, memcached and our own daemon alike, and shares a fleet with python-memcached.
 * Method: three servers of a kind, one suite for all kinds; a server is killed and started again under load.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFleet, type Fleet, type FleetOptions } from '../../src/client/index.ts';
import { installedMemcached, ourDaemons, type Server, type ServerKind } from '../conformance/driver.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);

/** Three servers and what is needed to break one of them. */
class Cluster implements AsyncDisposable {
  readonly kind: ServerKind;
  servers: Server[] = [];

  constructor(kind: ServerKind) {
    this.kind = kind;
  }

  async start(): Promise<void> {
    for (let i = 0; i < 3; i += 1) this.servers.push(await this.kind.start());
  }

  get addresses(): string[] {
    return this.servers.map((server) => `127.0.0.1:${server.port}`);
  }

  fleet(options: Partial<FleetOptions> = {}): Fleet {
    return createFleet({ servers: this.addresses, ...options } as FleetOptions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

const keys = Array.from({ length: 5000 }, (_, index) => `key:${index}`);

function clientSuite(kind: () => ServerKind | undefined): void {
  let cluster: Cluster;

  beforeAll(async () => {
    const found = kind();
    if (found === undefined) throw new Error('the server to test with is not there');
    cluster = new Cluster(found);
    await cluster.start();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  beforeEach(async () => {
    await using fleet = cluster.fleet();
    expect(await fleet.flush()).toBe(true);
  });

  test('values of every kind come back as they were', async () => {
    await using fleet = cluster.fleet();
    const values = [
      '',
      'text',
      'é€💾',
      'a\r\nEND\r\n',
      0,
      -7,
      2 ** 53 - 1,
      2n ** 64n,
      1.5,
      true,
      null,
      [1, { a: 'b' }],
    ];
    for (const [index, value] of values.entries()) {
      expect(await fleet.set(`v${index}`, value, { ttl: 60 })).toBe(true);
      expect(await fleet.get(`v${index}`)).toEqual(value);
    }
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await fleet.set('bytes', bytes);
    expect(await fleet.get('bytes')).toEqual(bytes);
    const large = Buffer.alloc(1_000_000, 'large');
    expect(await fleet.set('large', large)).toBe(true);
    expect((await fleet.get<Buffer>('large'))?.equals(large)).toBe(true);
    await expect(fleet.set('too-large', Buffer.alloc(2_000_000))).rejects.toMatchObject({ code: 'SERVER' });
    expect(await fleet.get('large')).toBeDefined();
  });

  test('every command', async () => {
    await using fleet = cluster.fleet();
    expect(await fleet.add('k', 'b')).toBe(true);
    expect(await fleet.add('k', 'x')).toBe(false);
    expect(await fleet.append('k', 'c')).toBe(true);
    expect(await fleet.prepend('k', 'a')).toBe(true);
    expect(await fleet.get('k')).toBe('abc');
    expect(await fleet.replace('none', 1)).toBe(false);
    await fleet.set('n', 10);
    expect(await fleet.decr('n')).toBe(9n);
    expect(await fleet.get('n')).toBe(9);
    expect(await fleet.incr('n', 2n ** 64n - 1n)).toBe(8n);
    expect(await fleet.incr('none')).toBeUndefined();
    await expect(fleet.incr('k')).rejects.toMatchObject({ code: 'SERVER' });
    const found = await fleet.gets('k');
    expect(await fleet.cas('k', 'new', found?.cas ?? 0n)).toBe(true);
    expect(await fleet.cas('k', 'newer', found?.cas ?? 0n)).toBe(false);
    expect(await fleet.touch('k', { ttl: 100 })).toBe(true);
    expect(await fleet.getAndTouch('k', { ttl: 100 })).toBe('new');
    expect(await fleet.delete('k')).toBe(true);
    expect(await fleet.get('k')).toBeUndefined();
    const stats = await fleet.stats();
    expect([...stats.keys()]).toEqual(cluster.addresses);
    for (const values of stats.values()) expect(values?.get('version')).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('five thousand keys are spread over the nodes and found again', async () => {
    // Five thousand requests in one batch: on a busy machine their replies may take longer than a second.
    await using fleet = cluster.fleet({ commandTimeoutMs: 30_000 });
    const stored = await Promise.all(keys.map((key) => fleet.set(key, { key })));
    expect(stored.every(Boolean)).toBe(true);
    const found = await fleet.getMany<{ key: string }>(keys);
    expect([...found].map(([key, value]) => [key, value.key])).toEqual(keys.map((key) => [key, key]));
    const counts = [...(await fleet.stats()).values()].map((values) => Number(values?.get('curr_items')));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5000);
    expect(Math.min(...counts)).toBeGreaterThan(500);
  });

  test('a node that goes and comes back under load costs misses, and no error', async () => {
    await using proxy = await FaultyProxy.start(cluster.servers[0].port);
    const servers = [`127.0.0.1:${proxy.port}`, ...cluster.addresses.slice(1)];
    await using fleet = cluster.fleet({ servers, backoffMaxMs: 200 });
    const events: string[] = [];
    fleet.on('nodeDown', () => events.push('down'));
    fleet.on('nodeUp', () => events.push('up'));
    await Promise.all(keys.map((key) => fleet.set(key, key)));
    await using load = new Load(fleet);
    await proxy.kill();
    await until('the node is known to be down', () => events.includes('down'));
    expect((await fleet.getMany(keys)).size).toBeLessThan(5000);
    await proxy.restore();
    await until('the node is back', () => events.includes('up'));
    await until('every key is there again', async () => (await fleet.getMany(keys)).size === 5000);
    await load.stop();
    expect(load.wrong).toEqual([]);
    expect(load.requests).toBeGreaterThan(0);
  });

  test('a server that is killed costs the keys it had, and no error', async () => {
    await using other = new Cluster(cluster.kind);
    await other.start();
    await using fleet = other.fleet();
    await Promise.all(keys.map((key) => fleet.set(key, key)));
    await using load = new Load(fleet);
    const lost = Number((await fleet.stats()).get(other.addresses[1])?.get('curr_items'));
    await other.servers[1].stop();
    await until('its keys are misses', async () => (await fleet.getMany(keys)).size === 5000 - lost);
    await load.stop();
    expect(load.wrong).toEqual([]);
    expect(fleet.counts.failures).toBeGreaterThan(0);
  });
}

/** Twenty callers that read keys and store what they miss, until they are stopped. An error fails {@link Load.stop}. */
class Load implements AsyncDisposable {
  requests = 0;
  readonly wrong: string[] = [];
  #stopped = false;
  readonly #callers: Promise<void>[];

  constructor(fleet: Fleet) {
    this.#callers = Array.from({ length: 20 }, (_, caller) => this.#call(fleet, caller));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled(this.#callers);
  }

  async #call(fleet: Fleet, caller: number): Promise<void> {
    for (let i = caller; !this.#stopped; i = (i + 20) % keys.length) {
      const value = await fleet.get(keys[i]);
      this.requests += 1;
      if (value === undefined) await fleet.set(keys[i], keys[i]);
      else if (value !== keys[i]) this.wrong.push(keys[i]);
    }
  }
}

describeWith(['memcached'], 'our client with memcached', () => {
  clientSuite(installedMemcached);
});

for (const daemon of ourDaemons()) {
  describe(`our client with ${daemon.name}`, () => {
    clientSuite(() => daemon);
  });
}

const PYTHON = `
import json, sys, memcache
cache = memcache.Client(sys.argv[2].split(','))
if sys.argv[1] == 'write':
    for i in range(500):
        cache.set('py:text:%d' % i, 'é%d' % i)
        cache.set('py:int:%d' % i, i)
        cache.set('py:bytes:%d' % i, b'b%d' % i)
else:
    print(json.dumps([[cache.get('ts:text:%d' % i).decode(), cache.get('ts:int:%d' % i), cache.get('ts:json:%d' % i)] for i in range(500)]))
`;

describeWith(['memcached', 'pythonMemcache'], 'our client and python-memcached share a fleet', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    const kind = installedMemcached();
    if (kind === undefined) throw new Error('no memcached');
    cluster = new Cluster(kind);
    await cluster.start();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const python = (verb: string): Promise<{ stdout: string }> =>
    run('/usr/bin/python3', ['-c', PYTHON, verb, cluster.addresses.join(',')]);

  test('with its hashing each finds what the other stored', async () => {
    await using fleet = cluster.fleet({ hashing: 'modulo-crc32-shift' });
    await python('write');
    for (let i = 0; i < 500; i += 1) {
      expect(await fleet.get(`py:text:${i}`)).toBe(`é${i}`);
      expect(await fleet.get(`py:int:${i}`)).toBe(i);
      expect(await fleet.get(`py:bytes:${i}`)).toBe(`b${i}`);
      await fleet.set(`ts:text:${i}`, `é${i}`);
      await fleet.set(`ts:int:${i}`, i);
      await fleet.set(`ts:json:${i}`, { i });
    }
    const { stdout } = await python('read');
    expect(JSON.parse(stdout)).toEqual(Array.from({ length: 500 }, (_, i) => [`é${i}`, i, `{"i":${i}}`]));
  });

  test('the squares of either language get faster', async () => {
    for (const [command, program] of [
      ['/usr/bin/python3', 'squares.py'],
      [process.execPath, 'squares.ts'],
    ]) {
      const path = fileURLToPath(new URL(`../../examples/${program}`, import.meta.url));
      const { stdout } = await run(command, [path, ...cluster.addresses]);
      const seconds = [...stdout.matchAll(/ (\d+\.\d\d)s/g)].map((match) => Number(match[1]));
      expect(stdout).toMatch(/^Ten successive runs: /);
      expect(seconds).toHaveLength(10);
      // The point of the example: what takes a millisecond to compute is rarely computed in the end.
      expect(seconds[9]).toBeLessThan(seconds[0] / 3);
    }
  });

  test('squares in Python without a server that answers end, instead of computing everything', async () => {
    const path = fileURLToPath(new URL('../../examples/squares.py', import.meta.url));
    await expect(run('/usr/bin/python3', [path, '127.0.0.1:1'])).rejects.toMatchObject({
      stderr: expect.stringContaining('none of 127.0.0.1:1 answers'),
    });
  });
});
