/**
 * Goal: clients with ElastiCache's auto-discovery find our fleet by any of its endpoints, work with what they found, and
 * follow it. Method: the real ones from npm; pymemcache and dalli-elasticache, whose discovery Debian does not have, in
 * scripts that read an answer as these do; and for those of Java, .NET, Go and others the pattern that each parses by.
 */
import { createRequire } from 'node:module';
import { once, type EventEmitter } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Memcache } from 'memcache';
import { ourDaemons } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { describeWith, type Requirement } from '../support/requirements.ts';
import { until } from '../support/until.ts';
import { LEAST_SHARE, LEAST_SHARE_OF_FEW_POINTS, ask, itemCount, run } from './clients/support.ts';

const SCRIPTS = fileURLToPath(new URL('clients', import.meta.url));
const KEYS = 2000;
/** How often a client asks again: what an application would set to a minute. */
const POLL_MS = 50;
/** A paused node has to miss its probes, and one that is back to answer some. */
const CHANGE_LIMIT_MS = 60_000;

const keys = Array.from({ length: KEYS }, (_, i) => `found:${i}`);

/** What of memcached-elasticache is used here; it comes without types. */
interface ElastiCacheClient extends EventEmitter {
  set(key: string, value: string, lifetime: number, callback: (error: unknown) => void): void;
  get(key: string, callback: (error: unknown, value: unknown) => void): void;
  end(): void;
}
const MemcachedElastiCache = createRequire(import.meta.url)('memcached-elasticache') as new (
  endpoint: string,
  options: object,
) => ElastiCacheClient;

const SCRIPTED: readonly [Requirement, string, string][] = [
  ['pymemcache', '/usr/bin/python3', 'pymemcache-elasticache.py'],
  ['dalli', 'ruby', 'dalli-elasticache.rb'],
];

/** What a client does with an answer: the pattern by which it takes it apart, and how it asks. */
const PARSERS: readonly [client: string, request: string, answer: RegExp][] = [
  [
    'Java: two lines, each node with a host',
    'config get cluster',
    /^CONFIG cluster \d+ \d+\r\n\d+\n[^|\s]+\|[^\n]+\n\r\nEND\r\n$/,
  ],
  ['php and libmemcached of AWS: a space before the end', 'config get cluster ', /^CONFIG cluster 0 \d+\r\n/],
  [
    '.NET: the version fits into 31 bits',
    'config get cluster',
    /\r\n(?:\d{1,9}|1\d{9}|20\d{8}|21[0-3]\d{7}|214[0-6]\d{6})\n/,
  ],
  ['Go: an id and three fields a node', 'config get cluster', /\r\n\d+\n(?:[^|\s]+\|\d+\.\d+\.\d+\.\d+\|\d+ ?)+\n/],
  ['emcache: flags 0 and the hosts', 'config get cluster', /^CONFIG cluster 0 (\d+)\r\n(?:.*\n)+\r\nEND\r\n$/],
  [
    'engines before 1.4.14',
    'get AmazonElastiCache:cluster',
    /^VALUE AmazonElastiCache:cluster 0 \d+\r\n\d+\n[^\n]+\n\r\nEND\r\n$/,
  ],
  ['a key that is not there', 'config get other', /^END\r\n$/],
  ['.NET and memcached-elasticache: a version of digits', 'stats', /\r\nSTAT version 1\.6\.\d+\r\n/],
];

for (const { name, runtime } of ourDaemons().map((kind) => ({
  name: kind.name,
  runtime: kind.name.split(' ').at(-1),
}))) {
  describe(`a local fleet with ${name}`, () => {
    let fleet: LocalFleet;
    let nodes: number[];
    /** The coordinator's endpoint, and a node, which answers the same. */
    const endpoints = (): number[] => [fleet.ports.discovery, fleet.ports.daemon + 1];
    const addresses = (): string[] => nodes.map((port) => `127.0.0.1:${port}`);

    beforeAll(async () => {
      process.env['MEMFLEET_RUNTIME'] = runtime;
      try {
        fleet = await LocalFleet.start(2);
      } finally {
        delete process.env['MEMFLEET_RUNTIME'];
      }
      nodes = [fleet.ports.daemon, fleet.ports.daemon + 1];
      for (const port of [fleet.ports.discovery, ...nodes]) await untilTold(port, nodes);
    });
    afterAll(() => fleet[Symbol.asyncDispose]());

    async function expectShares(work: () => Promise<void>, leastShare = LEAST_SHARE): Promise<void> {
      for (const port of nodes) await ask(port, 'flush_all');
      await work();
      const counts = await Promise.all(nodes.map(itemCount));
      expect(Math.min(...counts)).toBeGreaterThan(KEYS * leastShare);
      // Every key is with one node, and with no other.
      expect(counts.reduce((sum, count) => sum + count)).toBe(KEYS);
    }

    test.each(PARSERS)('%s', async (_, request, answer) => {
      for (const port of [...endpoints(), ...nodes]) expect(await ask(port, request, /END\r\n$/)).toMatch(answer);
    });

    test('every endpoint gives the same, with the true size', async () => {
      const answers = await Promise.all(
        [fleet.ports.discovery, ...nodes].map((port) => ask(port, 'config get cluster')),
      );
      expect(new Set(answers).size).toBe(1);
      const [, size, payload] = /^CONFIG cluster 0 (\d+)\r\n([^]*)\r\nEND\r\n$/.exec(answers[0] ?? '') ?? [];
      expect(payload?.length).toBe(Number(size));
      expect(payload?.split('\n')[1]).toBe(nodes.map((port) => `127.0.0.1|127.0.0.1|${port}`).join(' '));
    });

    test('no client can change what a node says', async () => {
      const [port = 0] = nodes;
      const before = await ask(port, 'config get cluster');
      for (const request of ['config set cluster 0 3\r\nbad', 'set AmazonElastiCache:cluster 0 0 3\r\nbad']) {
        const client = await RawClient.connect(port);
        await client.send([Buffer.from(`${request}\r\nmn\r\n`)]);
        expect((await client.receiveUntilMatch(/MN\r\n$/)).toString()).not.toContain('STORED');
        client.destroy();
      }
      expect(await ask(port, 'config get cluster')).toBe(before);
    });

    test.each([false, true])("npm's memcache finds both nodes, by the command of old: %s", async (useLegacyCommand) => {
      for (const port of endpoints()) {
        const autoDiscover = { enabled: true, configEndpoint: `127.0.0.1:${port}`, useLegacyCommand };
        const client = new Memcache({ nodes: [], timeout: 20_000, autoDiscover });
        await client.connect();
        expect(client.nodeIds.toSorted()).toEqual(addresses().toSorted());
        // Requests at once that find no connection open one each, and all but one of these stay open for good.
        for (const node of client.getNodes()) if (!node.isConnected()) await node.connect();
        await expectShares(async () => {
          await Promise.all(keys.map((key) => client.set(key, key)));
          expect(await client.gets(keys)).toEqual(new Map(keys.map((key) => [key, key])));
        }, LEAST_SHARE_OF_FEW_POINTS);
        await client.disconnect();
      }
    });

    test("npm's memcached-elasticache finds both nodes", async () => {
      for (const port of endpoints()) {
        const client = new MemcachedElastiCache(`127.0.0.1:${port}`, { timeout: 20_000, autoDiscoverInterval: 60_000 });
        expect(await once(client, 'autoDiscover')).toEqual([addresses().toSorted()]);
        const [set, get] = [promisify(client.set.bind(client)), promisify(client.get.bind(client))];
        await expectShares(async () => {
          for (const key of keys) await set(key, key, 0);
          for (const key of keys) expect(await get(key)).toBe(key);
        });
        client.end();
      }
    });

    for (const [requirement, command, script] of SCRIPTED) {
      describeWith([requirement], script, () => {
        test('finds both nodes', async () => {
          for (const port of endpoints()) {
            const args = [join(SCRIPTS, script), `127.0.0.1:${port}`, String(KEYS)];
            await expectShares(async () => expect(await run(command, args)).toBe('ok 2\n'));
          }
        });
      });
    }

    describeWith(['phpMemcached'], 'php-memcached', () => {
      test('works with the plain list', async () => {
        const list = await (await fetch(`${fleet.url}/v1/topology/servers.txt`)).text();
        const servers = list.trim().split('\n');
        expect(servers.toSorted()).toEqual(addresses().toSorted());
        await expectShares(async () => {
          const output = await run('php', [join(SCRIPTS, 'memcached.php'), 'ketama', String(KEYS), ...servers]);
          expect(output).toBe(`ok ${KEYS}\n`);
        });
      });
    });

    test('clients that ask again follow a node that is lost and comes back', async () => {
      const autoDiscover = {
        enabled: true,
        configEndpoint: `127.0.0.1:${fleet.ports.discovery}`,
        pollingInterval: POLL_MS,
      };
      const one = new Memcache({ nodes: [], autoDiscover });
      await one.connect();
      const options = { autoDiscoverInterval: POLL_MS };
      const other = new MemcachedElastiCache(`127.0.0.1:${fleet.ports.discovery}`, options);
      let seen: string[] = [];
      other.on('autoDiscover', (found: string[]) => (seen = found));
      const see = (wanted: string[]): Promise<void> =>
        until(
          wanted.join(),
          () => one.nodeIds.toSorted().join() === wanted.join() && seen.join() === wanted.join(),
          CHANGE_LIMIT_MS,
        );
      const both = addresses().toSorted();
      await see(both);
      const paused = fleet.daemonPid(2);
      process.kill(paused, 'SIGSTOP');
      try {
        await see(addresses().slice(0, 1));
      } finally {
        process.kill(paused, 'SIGCONT');
      }
      await see(both);
      await one.disconnect();
      other.end();
    });
  });
}

/** Waits until an endpoint names all nodes. */
async function untilTold(port: number, nodes: readonly number[]): Promise<void> {
  await until(`${nodes.length} nodes from ${port}`, async () => {
    const answer = await ask(port, 'config get cluster');
    return nodes.every((node) => answer.includes(`|${node}`));
  });
}
