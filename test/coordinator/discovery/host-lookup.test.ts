/** How the host of a static list is found: in the file of hosts, by the search list, in DNS; the system's last. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FleetError } from '../../../src/base/errors.ts';
import { ExchangeError } from '../../../src/coordinator/discovery/dns-exchange.ts';
import type { DnsQueries } from '../../../src/coordinator/discovery/dns-resolver.ts';
import { addressesInHosts, hostLookup, searchedNames } from '../../../src/coordinator/discovery/host-lookup.ts';

describe('the file of hosts', () => {
  const text =
    '127.0.0.1\tlocalhost\n::1 localhost ip6\n# 10.0.0.9 a\n10.0.0.1 A a.example # b\nnot-an-address a\nfd00::1 six';

  test.each([
    ['localhost', ['127.0.0.1']],
    ['ip6', ['::1']],
    ['a', ['10.0.0.1']],
    ['A.Example.', ['10.0.0.1']],
    ['six', ['fd00::1']],
    ['b', []],
    ['10.0.0.1', []],
  ])('%s is %j', (host, addresses) => {
    expect(addressesInHosts(text, host)).toEqual(addresses);
  });
});

describe('the search list', () => {
  const kubernetes = 'nameserver 10.0.0.10\nsearch shop.svc.test svc.test\noptions ndots:5 timeout:1\n';

  test.each([
    ['cache', '', ['cache']],
    ['cache', 'search a.test b.test', ['cache.a.test', 'cache.b.test', 'cache']],
    ['cache.x', 'search a.test', ['cache.x', 'cache.x.a.test']],
    ['cache.x', kubernetes, ['cache.x.shop.svc.test', 'cache.x.svc.test', 'cache.x']],
    ['cache.', kubernetes, ['cache.']],
    ['cache', 'domain a.test\nsearch b.test', ['cache.b.test', 'cache']],
    ['cache', 'search a b c d e f g h', ['cache.a', 'cache.b', 'cache.c', 'cache.d', 'cache.e', 'cache.f', 'cache']],
  ])('%s with %j is asked for as %j', (host, text, names) => {
    expect(searchedNames(host, text)).toEqual(names);
  });
});

describe('a look-up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-hosts-'));
  const files = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
  writeFileSync(files.hosts, '10.0.0.1 listed\n');
  writeFileSync(files.resolvConf, 'search a.test b.test\n');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A DNS with these names; what is no list is a failure. */
  function lookupIn(known: Record<string, string[] | FleetError>) {
    const asked: string[] = [];
    const queries: DnsQueries = {
      members: () => expect.unreachable(),
      services: () => expect.unreachable(),
      async addresses(host) {
        asked.push(host);
        const found = known[host] ?? [];
        if (found instanceof FleetError) throw found;
        return found;
      },
      cancel: () => {},
    };
    return { lookup: hostLookup(queries, files), asked };
  }

  const silence = new FleetError('DISCOVERY_FAILED', 'no answer in time', new ExchangeError('timeout'));

  test('asks no server for a name that the file of hosts has', async () => {
    const { lookup, asked } = lookupIn({});
    expect([await lookup('listed'), asked]).toEqual([['10.0.0.1'], []]);
  });

  test('takes the first name of the search list that has an address, past one that nobody can tell of', async () => {
    const { lookup, asked } = lookupIn({ 'cache.a.test': silence, 'cache.b.test': ['10.0.0.2'] });
    expect([await lookup('cache'), asked]).toEqual([['10.0.0.2'], ['cache.a.test', 'cache.b.test']]);
  });

  test('fails where a server is silent, and does not go on to wait for the system, which would ask it too', async () => {
    const { lookup } = lookupIn({ localhost: silence });
    await expect(lookup('localhost')).rejects.toThrow('no answer in time');
  });

  test('that finds nothing asks the system, which may know more', async () => {
    const { lookup, asked } = lookupIn({});
    expect(await lookup('localhost')).toEqual(['127.0.0.1']);
    expect(asked).toEqual(['localhost.a.test', 'localhost.b.test', 'localhost']);
  });

  test('asks the system where no DNS server runs', async () => {
    const refused = new FleetError('DISCOVERY_FAILED', 'no server there', new ExchangeError('refused'));
    const { lookup } = lookupIn({ 'localhost.a.test': refused, 'localhost.b.test': refused, localhost: refused });
    expect(await lookup('localhost')).toEqual(['127.0.0.1']);
  });
});
