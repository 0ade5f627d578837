/** Discovery by DNS, on answers that the test gives. Real servers are asked in test/integration/dns.test.ts. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError } from '../../../src/base/errors.ts';
import type { ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { dnsDiscovery, parseDnsNames } from '../../../src/coordinator/discovery/dns.ts';
import { dnsQueries, type DnsQueries, type ServiceTarget } from '../../../src/coordinator/discovery/dns-resolver.ts';
import { INTERVAL_JITTER, NODES_MAX } from '../../../src/coordinator/limits.ts';
import { describeAdapter } from './adapter-suite.ts';
import { pass, settled } from '../support.ts';

const INTERVAL_MS = 2_000;

/** A DNS that the test is. */
class FakeDns implements DnsQueries {
  addressesOf: Record<string, string[] | 'silent'> = {};
  targets: ServiceTarget[] = [];
  /** While set, every question fails. */
  silent = false;
  questions = 0;
  cancelled = false;

  async addresses(name: string): Promise<string[]> {
    this.questions += 1;
    const found = this.addressesOf[name] ?? [];
    if (this.silent || found === 'silent') throw new FleetError('DISCOVERY_FAILED', `${name}: silence`);
    return found;
  }

  async services(name: string): Promise<ServiceTarget[]> {
    this.questions += 1;
    if (this.silent) throw new FleetError('DISCOVERY_FAILED', `${name}: silence`);
    return this.targets;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

function started(name: string, random = () => 0.5) {
  const clock = new ManualClock();
  const queries = new FakeDns();
  const [parsed = { name, port: 1 }] = parseDnsNames(name);
  const adapter = dnsDiscovery({ name: parsed, queries, sidecarPort: 9150, intervalMs: INTERVAL_MS, clock, random });
  const lists: (readonly ObservedNode[])[] = [];
  const losses: string[] = [];
  const start = async (): Promise<void> => {
    adapter.start({ observed: (nodes) => lists.push(nodes), lost: (error) => losses.push(error.message) });
    await settled();
  };
  return { adapter, clock, queries, lists, losses, start, next: () => pass(clock, INTERVAL_MS, 500) };
}

describeAdapter('a name with addresses', async () => {
  const { adapter, clock, queries } = started('tasks.cache');
  return {
    adapter,
    hold: (...numbers) => {
      queries.addressesOf['tasks.cache'] = numbers.map((number) => `10.0.0.${number}`);
    },
    readable: (yes) => {
      queries.silent = !yes;
    },
    pass: () => pass(clock, INTERVAL_MS, 500),
    nameOf: (number) => `10.0.0.${number}`,
  };
});

describeAdapter('a name with services', async () => {
  const { adapter, clock, queries } = started('_memcache._tcp.cache.test');
  return {
    adapter,
    hold: (...numbers) => {
      queries.targets = numbers.map((number) => ({ target: `cache-${number}.cache.test`, port: 11211 }));
      for (const number of numbers) queries.addressesOf[`cache-${number}.cache.test`] = [`10.0.0.${number}`];
    },
    readable: (yes) => {
      queries.silent = !yes;
    },
    pass: () => pass(clock, INTERVAL_MS, 500),
    nameOf: (number) => `cache-${number}`,
  };
});

describe('the names', () => {
  test('are names, names with the daemons’ port, or names of services', () => {
    expect(parseDnsNames('tasks.cache, cache:11311,_memcache._tcp.cache.default.svc.cluster.local.')).toEqual([
      { name: 'tasks.cache', port: 11211 },
      { name: 'cache', port: 11311 },
      { name: '_memcache._tcp.cache.default.svc.cluster.local.', port: 11211 },
    ]);
  });

  test.each(['', 'a,', 'a b', 'a..b', 'a:0', 'a:65536', 'a:b', 'a,a', '_memcache._tcp.a:1', `${'a.'.repeat(127)}aa`])(
    '%j is refused',
    (text) => {
      expect(() => parseDnsNames(text)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
    },
  );

  test('servers that are none are refused', () => {
    expect(() => dnsQueries(['dns.example'])).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});

describe('a node by its address', () => {
  test('is named by it and placed by it, IPv6 too', async () => {
    const { adapter, queries, lists, start } = started('cache:11311');
    queries.addressesOf['cache'] = ['10.0.0.1', 'fd00::1'];
    await start();
    const rest = { port: 11311, weight: 1, hint: 'running', instance: '' };
    expect(lists).toEqual([
      [
        { name: '10.0.0.1', host: '10.0.0.1', ip: '10.0.0.1', sidecar: 'http://10.0.0.1:9150', ...rest },
        { name: 'fd00::1', host: 'fd00::1', ip: 'fd00::1', sidecar: 'http://[fd00::1]:9150', ...rest },
      ],
    ]);
    await adapter.close();
    expect(queries.cancelled).toBe(true);
  });
});

const target = (name: string, port = 11211): ServiceTarget => ({ target: name, port });

describe('a node by a service record', () => {
  test('is named by the first label, placed by the whole name, and has the record’s port', async () => {
    const { adapter, queries, lists, start } = started('_memcache._tcp.cache.test');
    queries.targets = [target('cache-0.cache.test', 11311)];
    queries.addressesOf['cache-0.cache.test'] = ['10.0.0.9'];
    await start();
    expect(lists[0]).toEqual([
      {
        name: 'cache-0',
        host: 'cache-0.cache.test',
        ip: '10.0.0.9',
        port: 11311,
        weight: 1,
        sidecar: 'http://10.0.0.9:9150',
        hint: 'running',
        instance: '',
      },
    ]);
    await adapter.close();
  });

  test('keeps name and place when its address changes', async () => {
    const { adapter, queries, lists, start, next } = started('_memcache._tcp.cache.test');
    queries.targets = [target('cache-0.cache.test')];
    queries.addressesOf['cache-0.cache.test'] = ['10.0.0.9'];
    await start();
    queries.addressesOf['cache-0.cache.test'] = ['10.0.0.10'];
    await next();
    expect(lists.map(([node]) => [node?.name, node?.host, node?.ip])).toEqual([
      ['cache-0', 'cache-0.cache.test', '10.0.0.9'],
      ['cache-0', 'cache-0.cache.test', '10.0.0.10'],
    ]);
    await adapter.close();
  });

  test('with several addresses keeps the one it has', async () => {
    const { adapter, queries, lists, start, next } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.test')];
    queries.addressesOf['a.test'] = ['10.0.0.5'];
    await start();
    queries.addressesOf['a.test'] = ['10.0.0.1', '10.0.0.5'];
    await next();
    expect(lists.length).toBe(1);
    await adapter.close();
  });

  test('keeps its last address while nobody can say, and has none when it has none', async () => {
    const { adapter, queries, lists, losses, start, next } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.test'), target('b.test')];
    queries.addressesOf = { 'a.test': ['10.0.0.1'], 'b.test': ['10.0.0.2'] };
    await start();
    queries.addressesOf['a.test'] = 'silent';
    await next();
    expect([lists.length, losses]).toEqual([1, []]);
    delete queries.addressesOf['b.test'];
    await next();
    expect(lists[1]?.map((node) => `${node.name} ${node.ip} ${node.hint}`)).toEqual([
      'a 10.0.0.1 running',
      'b  stopped',
    ]);
    await adapter.close();
  });

  test('that never had an address makes the source unseen, not the fleet smaller', async () => {
    const { adapter, queries, lists, losses, start } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.test'), target('b.test')];
    queries.addressesOf = { 'a.test': ['10.0.0.1'], 'b.test': 'silent' };
    await start();
    expect([lists.length, losses]).toEqual([0, ['b.test: silence']]);
    await adapter.close();
  });

  test('whose first label is not its own is named by all of it', async () => {
    const { adapter, queries, lists, start } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.x', 1), target('a.x', 2), target('b.x', 1)];
    queries.addressesOf = { 'a.x': ['10.0.0.1'], 'b.x': ['10.0.0.2'] };
    await start();
    expect(lists[0]?.map((node) => node.name)).toEqual(['a.x:1', 'a.x:2', 'b']);
    await adapter.close();
  });

  test('beyond the bound is not asked for', async () => {
    const { adapter, queries, start } = started('_memcache._tcp.cache.test');
    queries.targets = Array.from({ length: NODES_MAX + 5 }, (_, index) => target(`n${index}.test`));
    await start();
    expect(queries.questions).toBe(1 + NODES_MAX);
    await adapter.close();
  });
});

test.each([
  [0, INTERVAL_MS * (1 - INTERVAL_JITTER)],
  [1, INTERVAL_MS * (1 + INTERVAL_JITTER)],
])('at chance %d the next look is after %d ms', async (chance, waitMs) => {
  const { adapter, clock, queries, start } = started('cache', () => chance);
  await start();
  clock.advance(waitMs - 1);
  await settled();
  expect(queries.questions).toBe(1);
  clock.advance(1);
  await settled();
  expect(queries.questions).toBe(2);
  await adapter.close();
});

test('looks are never two at once, however long one takes', async () => {
  const clock = new ManualClock();
  let open = 0;
  const answers: (() => void)[] = [];
  const addresses = async (): Promise<string[]> => {
    open += 1;
    await new Promise<void>((resolve) => answers.push(resolve));
    open -= 1;
    return [];
  };
  const queries: DnsQueries = {
    addresses,
    services: async () => [],
    cancel: () => answers.splice(0).forEach((a) => a()),
  };
  const name = { name: 'cache', port: 11211 };
  const adapter = dnsDiscovery({ name, queries, sidecarPort: 9150, intervalMs: 100, clock, random: () => 0.5 });
  const lists: unknown[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes), lost: () => expect.unreachable() });
  await pass(clock, 1_000, 100);
  expect(open).toBe(1);
  await adapter.close();
  expect([open, lists]).toEqual([0, []]);
});
