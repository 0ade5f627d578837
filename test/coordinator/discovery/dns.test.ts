/** Discovery by DNS, on answers that the test gives. Servers are asked in test/integration/dns*.test.ts. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError } from '../../../src/base/errors.ts';
import type { LeftOut, ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { dnsDiscovery, parseDnsNames } from '../../../src/coordinator/discovery/dns.ts';
import type { ServiceTarget } from '../../../src/coordinator/discovery/dns-message.ts';
import { dnsQueries, type DnsQueries, type DnsRecords } from '../../../src/coordinator/discovery/dns-resolver.ts';
import { DNS_ABSENT_LOOKS, INTERVAL_JITTER, LOOKUP_PATIENCE_MS, NODES_MAX } from '../../../src/coordinator/limits.ts';
import { describeAdapter } from './adapter-suite.ts';
import { pass, settled } from '../support.ts';

const INTERVAL_MS = 2_000;

/** A DNS that the test is. */
class FakeDns implements DnsQueries {
  addressesOf: Record<string, string[] | 'silent' | 'hangs'> = {};
  targets: ServiceTarget[] = [];
  /** While set, every question fails. */
  silent = false;
  /** Answers are cut. */
  cut = false;
  questions = 0;
  cancelled = false;

  async members(name: string): Promise<DnsRecords<string>> {
    return { records: await this.addresses(name), cut: this.cut };
  }

  async addresses(name: string): Promise<string[]> {
    this.questions += 1;
    const found = this.addressesOf[name] ?? [];
    if (this.silent || found === 'silent') throw new FleetError('DISCOVERY_FAILED', `${name}: silence`);
    return found === 'hangs' ? new Promise(() => {}) : found;
  }

  async services(name: string): Promise<DnsRecords<ServiceTarget>> {
    this.questions += 1;
    if (this.silent) throw new FleetError('DISCOVERY_FAILED', `${name}: silence`);
    return { records: this.targets, cut: this.cut };
  }

  cancel(): void {
    this.cancelled = true;
  }
}

function started(name: string, random = () => 0.5, remembered?: (host: string) => string | undefined) {
  const clock = new ManualClock();
  const queries = new FakeDns();
  const [parsed] = parseDnsNames(name);
  if (parsed === undefined) throw new Error(`no name in ${name}`);
  const adapter = dnsDiscovery({ name: parsed, queries, sidecarPort: 9150, intervalMs: INTERVAL_MS, clock, random });
  const lists: (readonly ObservedNode[])[] = [];
  const leftOut: (readonly LeftOut[])[] = [];
  const losses: string[] = [];
  const observed = (nodes: readonly ObservedNode[], left: readonly LeftOut[] = []): void => {
    lists.push(nodes);
    leftOut.push(left);
  };
  const start = async (): Promise<void> => {
    adapter.start({ observed, lost: (error) => losses.push(error.message) }, remembered);
    await settled();
  };
  const hints = (): string[] => (lists.at(-1) ?? []).map((node) => `${node.name} ${node.ip} ${node.hint}`);
  const next = (looks = 1): Promise<void> => pass(clock, looks * INTERVAL_MS, 500);
  return { adapter, clock, queries, lists, leftOut, losses, hints, start, next };
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
      { name: 'tasks.cache', kind: 'addresses', port: 11211 },
      { name: 'cache', kind: 'addresses', port: 11311 },
      { name: '_memcache._tcp.cache.default.svc.cluster.local.', kind: 'services', port: 11211 },
    ]);
  });

  test('are asked for what their prefix says, whatever they begin with', () => {
    expect(parseDnsNames('dnssrv+cache.service.consul,dns+_odd.test:11311')).toEqual([
      { name: 'cache.service.consul', kind: 'services', port: 11211 },
      { name: '_odd.test', kind: 'addresses', port: 11311 },
    ]);
    expect(started('dnssrv+cache.service.consul').adapter.name).toBe('dnssrv:cache.service.consul');
  });

  test.each([
    '',
    'a,',
    'a b',
    'a..b',
    'a:0',
    'a:65536',
    'a:b',
    'a,a',
    '_memcache._tcp.a:1',
    `${'a.'.repeat(127)}aa`,
    'dnssrv+a:1',
    'srv+a',
    'dns+',
    'dns+dns+a',
  ])('%j is refused', (text) => {
    expect(() => parseDnsNames(text)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  test('servers that are none are refused', () => {
    expect(() => dnsQueries(new ManualClock(), ['dns.example'])).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG' }),
    );
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

  test('keeps its last address while nobody can say, and while one answer says that it has none', async () => {
    const { adapter, queries, leftOut, losses, hints, start, next } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.test'), target('b.test')];
    queries.addressesOf = { 'a.test': ['10.0.0.1'], 'b.test': ['10.0.0.2'] };
    await start();
    queries.addressesOf['a.test'] = 'silent';
    delete queries.addressesOf['b.test'];
    await next(2);
    expect(hints()).toEqual(['a 10.0.0.1 unlisted', 'b 10.0.0.2 unlisted']);
    expect([leftOut.at(-1), losses]).toEqual([[], []]);
    await next(DNS_ABSENT_LOOKS);
    expect(hints()).toEqual(['a 10.0.0.1 unlisted']);
    expect(leftOut.at(-1)).toEqual([{ name: 'b.test', reason: 'unresolved', why: 'it has no address' }]);
    await adapter.close();
  });

  test('that never had an address is left out, with the reason, and the others are in the fleet', async () => {
    const { adapter, queries, leftOut, losses, hints, start, next } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.test'), target('b.test'), target('c.test')];
    queries.addressesOf = { 'a.test': ['10.0.0.1'], 'b.test': 'silent' };
    await start();
    expect(hints()).toEqual(['a 10.0.0.1 running']);
    expect(leftOut).toEqual([
      [
        { name: 'b.test', reason: 'unresolved', why: 'b.test: silence' },
        { name: 'c.test', reason: 'unresolved', why: 'it has no address' },
      ],
    ]);
    queries.addressesOf['d.test'] = ['10.0.0.4'];
    queries.targets.push(target('d.test'));
    await next();
    expect(hints()).toEqual(['a 10.0.0.1 running', 'd 10.0.0.4 running']);
    expect(losses).toEqual([]);
    await adapter.close();
  });

  test('whose look-up hangs is waited for once, and later looks do not wait for it', async () => {
    const { adapter, clock, queries, leftOut, hints, start, next } = started('_memcache._tcp.cache.test');
    queries.targets = [target('a.test'), target('b.test')];
    queries.addressesOf = { 'a.test': ['10.0.0.1'], 'b.test': 'hangs' };
    await start();
    expect(hints()).toEqual([]);
    await pass(clock, LOOKUP_PATIENCE_MS);
    expect(hints()).toEqual(['a 10.0.0.1 running']);
    expect(leftOut.at(-1)?.map(({ name }) => name)).toEqual(['b.test']);
    queries.addressesOf['a.test'] = ['10.0.0.9'];
    await next();
    expect(hints()).toEqual(['a 10.0.0.9 running']);
    await adapter.close();
  });

  test('has the address of the last topology while nobody can say at the start', async () => {
    const memory = new Map([['a.test', '10.0.0.7']]);
    const remembered = (host: string): string | undefined => memory.get(host);
    const { adapter, queries, hints, start } = started('_memcache._tcp.cache.test', () => 0.5, remembered);
    queries.targets = [target('a.test')];
    queries.addressesOf = { 'a.test': 'silent' };
    await start();
    expect(hints()).toEqual(['a 10.0.0.7 unlisted']);
    await adapter.close();
  });

  test('beyond the bound is not asked for', async () => {
    const { adapter, queries, leftOut, start } = started('_memcache._tcp.cache.test');
    queries.targets = Array.from({ length: NODES_MAX + 5 }, (_, index) => target(`n${index}.test`));
    await start();
    expect(queries.questions).toBe(1 + NODES_MAX);
    expect(leftOut[0]?.filter(({ reason }) => reason === 'limit').length).toBe(5);
    await adapter.close();
  });
});

describe('a node that one answer lacks', () => {
  test.each(['cache', '_cache._tcp.test'])(
    'of %s stays for several looks, marked, and is back without a word',
    async (name) => {
      const { adapter, queries, lists, hints, start, next } = started(name);
      const hold = (...numbers: number[]): void => {
        queries.addressesOf[name] = numbers.map((number) => `10.0.0.${number}`);
        queries.targets = numbers.map((number) => target(`10.0.0.${number}`));
        for (const number of numbers) queries.addressesOf[`10.0.0.${number}`] = [`10.0.0.${number}`];
      };
      hold(1, 2, 3);
      await start();
      const whole = lists[0];
      hold(1);
      await next(DNS_ABSENT_LOOKS - 1);
      expect(hints().map((line) => line.split(' ').at(-1))).toEqual(['running', 'unlisted', 'unlisted']);
      hold(1, 2, 3);
      await next();
      expect(lists.at(-1)).toEqual(whole);
      hold(1);
      await next(DNS_ABSENT_LOOKS);
      expect(hints().length).toBe(1);
      await adapter.close();
    },
  );

  test('while the server cannot be asked is not missed', async () => {
    const { adapter, queries, hints, start, next } = started('cache');
    queries.addressesOf['cache'] = ['10.0.0.1', '10.0.0.2'];
    await start();
    queries.addressesOf['cache'] = ['10.0.0.1'];
    await next(DNS_ABSENT_LOOKS - 1);
    queries.silent = true;
    await next(3 * DNS_ABSENT_LOOKS);
    expect(hints()).toEqual(['10.0.0.1 10.0.0.1 running', '10.0.0.2 10.0.0.2 unlisted']);
    await adapter.close();
  });
});

test('an answer that was cut says so', async () => {
  const { adapter, queries, leftOut, start } = started('cache');
  queries.addressesOf['cache'] = ['10.0.0.1'];
  queries.cut = true;
  await start();
  expect(leftOut[0]?.map(({ name, reason }) => `${name} ${reason}`)).toEqual(['cache cut']);
  await adapter.close();
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
  const members = async (): Promise<DnsRecords<string>> => {
    open += 1;
    await new Promise<void>((resolve) => answers.push(resolve));
    open -= 1;
    return { records: [], cut: false };
  };
  const queries: DnsQueries = {
    members,
    services: () => expect.unreachable(),
    addresses: () => expect.unreachable(),
    cancel: () => answers.splice(0).forEach((a) => a()),
  };
  const name = { name: 'cache', kind: 'addresses', port: 11211 } as const;
  const adapter = dnsDiscovery({ name, queries, sidecarPort: 9150, intervalMs: 100, clock, random: () => 0.5 });
  const lists: unknown[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes), lost: () => expect.unreachable() });
  await pass(clock, 1_000, 100);
  expect(open).toBe(1);
  await adapter.close();
  expect([open, lists]).toEqual([0, []]);
});
