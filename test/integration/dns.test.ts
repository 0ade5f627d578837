/**
 * Discovery by DNS on a real server, dnsmasq: the adapter's contract, what a server that cannot answer means, and a
 * coordinator that follows a name. Looks are 100 ms apart here, so each test waits for what it is about.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { DiscoveryAdapter, ObservedNode } from '../../src/coordinator/discovery/adapter.ts';
import { dnsDiscovery, parseDnsNames } from '../../src/coordinator/discovery/dns.ts';
import { dnsQueries } from '../../src/coordinator/discovery/dns-resolver.ts';
import { describeAdapter } from '../coordinator/discovery/adapter-suite.ts';
import { Dnsmasq, type Records } from '../support/dnsmasq.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

const INTERVAL_MS = 100;
const adapters: DiscoveryAdapter[] = [];

const cacheAddress = (n: number): string => `10.0.0.${n}`;

/** Holds questions back while the server is changed. */
class Gate {
  #open: Promise<void> = Promise.resolve();
  #asking = 0;

  async pass<T>(ask: () => Promise<T>): Promise<T> {
    await this.#open;
    this.#asking += 1;
    try {
      return await ask();
    } finally {
      this.#asking -= 1;
    }
  }

  async closedFor(change: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open = promise;
    await until('no question is open', () => this.#asking === 0, 30_000);
    await change();
    resolve();
  }
}

/** An adapter for one name, and how often it has looked, successfully or not. */
function adapterFor(
  name: string,
  server: Dnsmasq,
  gate = new Gate(),
): { adapter: DiscoveryAdapter; looks: () => number } {
  const queries = dnsQueries(systemClock, [server.address]);
  const [parsed] = parseDnsNames(name);
  if (parsed === undefined) throw new Error(`no name in ${name}`);
  let looks = 0;
  const counted = async <T>(asked: string, ask: () => Promise<T>): Promise<T> => {
    try {
      return await gate.pass(ask);
    } finally {
      if (asked === parsed.name) looks += 1;
    }
  };
  const adapter = dnsDiscovery({
    name: parsed,
    queries: {
      members: (asked) => counted(asked, () => queries.members(asked)),
      addresses: (asked) => counted(asked, () => queries.addresses(asked)),
      services: (asked) => counted(asked, () => queries.services(asked)),
      cancel: () => queries.cancel(),
    },
    sidecarPort: 9150,
    intervalMs: INTERVAL_MS,
    clock: systemClock,
    random: Math.random,
  });
  adapters.push(adapter);
  return { adapter, looks: () => looks };
}

/** What an adapter has said. */
function follow(name: string, server: Dnsmasq) {
  const { adapter, looks } = adapterFor(name, server);
  const lists: (readonly ObservedNode[])[] = [];
  const losses: string[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes), lost: (error) => losses.push(error.message) });
  const names = (): string => (lists.at(-1) ?? []).map((node) => `${node.name} ${node.ip}:${node.port}`).join(', ');
  return { adapter, lists, losses, looks, names };
}

describeWith(['dnsmasq'], 'discovery by DNS', () => {
  let server: Dnsmasq;
  beforeAll(async () => {
    server = await Dnsmasq.start();
  });
  afterEach(async () => {
    await Promise.all(adapters.splice(0).map((adapter) => adapter.close()));
  });
  afterAll(() => server.close());

  /**
   * The suite on this server. Changes are made when time passes: no question is open meanwhile, and the adapter starts
   * after the first, because the server itself is started anew for each.
   */
  function contract(
    title: string,
    name: string,
    recordsOf: (numbers: number[]) => Records,
    nameOf: (n: number) => string,
  ): void {
    describeAdapter(title, async () => {
      const gate = new Gate();
      const { adapter, looks } = adapterFor(name, server, gate);
      let records = recordsOf([]);
      let readable = true;
      let begin: (() => void) | undefined;
      let closed = false;
      return {
        adapter: {
          name: adapter.name,
          lossy: adapter.lossy,
          start(sink) {
            begin = () => adapter.start(sink);
          },
          async close() {
            closed = true;
            await adapter.close();
          },
        },
        hold: (...numbers) => {
          records = recordsOf(numbers);
        },
        readable: (yes) => {
          readable = yes;
        },
        async pass() {
          await gate.closedFor(() => (readable ? server.serve(records) : server.stop()));
          begin?.();
          begin = undefined;
          // The look that is on its way may have begun before the change; the one after it has ended by the third.
          const before = looks();
          if (!closed) await until('two more looks', () => looks() >= before + 3, 30_000);
        },
        nameOf,
      };
    });
  }

  contract(
    'a name with addresses',
    'tasks.test',
    (numbers) => ({ addresses: { 'tasks.test': numbers.map(cacheAddress) } }),
    cacheAddress,
  );
  contract(
    'a name with services',
    '_memcache._tcp.cache.test',
    (numbers) => ({
      addresses: Object.fromEntries(numbers.map((n) => [`cache-${n}.cache.test`, [cacheAddress(n)]])),
      services: { '_memcache._tcp.cache.test': numbers.map((n) => `cache-${n}.cache.test:11211`) },
    }),
    (n) => `cache-${n}`,
  );

  describe('the address of a node', () => {
    test('is of one family: IPv6 counts where there is nothing else', async () => {
      await server.serve({ addresses: { 'both.test': ['10.0.0.1', 'fd00::1'], 'six.test': ['fd00::2', 'fd00::3'] } });
      const both = follow('both.test', server);
      const six = follow('six.test:11311', server);
      await until('both lists', () => both.lists.length > 0 && six.lists.length > 0);
      expect(both.names()).toBe('10.0.0.1 10.0.0.1:11211');
      expect(six.names()).toBe('fd00::2 fd00::2:11311, fd00::3 fd00::3:11311');
      expect(six.lists[0]?.[0]?.sidecar).toBe('http://[fd00::2]:9150');
    });

    test('of a service may change, time to live or not, and the node stays the same', async () => {
      const services = { '_memcache._tcp.cache.test': ['cache-0.cache.test:11311'] };
      await server.serve({ addresses: { 'cache-0.cache.test': ['10.0.0.1'] }, services });
      const { lists, names } = follow('_memcache._tcp.cache.test', server);
      await until('the first list', () => names() === 'cache-0 10.0.0.1:11311');
      await server.serve({ addresses: { 'cache-0.cache.test': ['10.0.0.2'] }, services });
      await until('the next address', () => names() === 'cache-0 10.0.0.2:11311');
      expect(new Set(lists.map(([node]) => node?.host))).toEqual(new Set(['cache-0.cache.test']));
    });

    test('comes whole when the answer is too long for a datagram', async () => {
      const many = Array.from({ length: 300 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
      await server.serve({ addresses: { 'many.test': many } });
      const { lists } = follow('many.test', server);
      await until('the list', () => lists.length > 0);
      expect(lists[0]?.map((node) => node.ip)).toEqual([...many].sort());
    });
  });

  describe('a name that does not exist', () => {
    test('has no nodes', async () => {
      await server.serve({});
      const { lists, losses, looks } = follow('nowhere.test', server);
      await until('some looks', () => looks() >= 3);
      expect([lists, losses]).toEqual([[[]], []]);
    });

    test('any more has none any more', async () => {
      await server.serve({ addresses: { 'tasks.test': ['10.0.0.1'] } });
      const { lists } = follow('tasks.test', server);
      await until('the node', () => lists.at(-1)?.length === 1);
      await server.serve({});
      await until('that it is gone', () => lists.at(-1)?.length === 0);
    });
  });

  describe('a server that does not answer is no word on the nodes', () => {
    test.each([
      ['is not there', () => server.stop(), /no server there|no answer in time/],
      ['is silent', async () => server.silence(true), /no answer in time/],
    ])('when it %s', async (_, break_, why) => {
      const records = { addresses: { 'tasks.test': ['10.0.0.1', '10.0.0.2'] } };
      await server.serve(records);
      const { lists, losses } = follow('tasks.test', server);
      await until('the list', () => lists.length > 0);
      await break_();
      await until('the loss', () => losses.length > 0, 30_000);
      expect(losses[0]).toMatch(why);
      expect(lists.length).toBe(1);
      await server.serve(records);
      await until('the list is back', () => lists.length === 2, 30_000);
      expect(lists[1]).toEqual(lists[0]);
    });

    test('when it refuses: it answers for .test alone', async () => {
      await server.serve({});
      const { lists, losses } = follow('cache.example', server);
      await until('the loss', () => losses.length > 0);
      expect(losses[0]).toContain('REFUSED');
      expect(lists).toEqual([]);
    });

    test('and closing does not wait for it', async () => {
      await server.serve({});
      const { adapter, lists, looks } = follow('tasks.test', server);
      await until('a look', () => looks() > 0);
      server.silence(true);
      const before = looks();
      await until('a look on its way', () => looks() >= before);
      await adapter.close();
      await server.serve({});
      expect(lists.length).toBe(1);
    });
  });
});
