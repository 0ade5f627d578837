/**
 * Questions to DNS servers that do what real ones do to their clients, and discovery by such names: over UDP and TCP, with
 * answers that lack records, are cut, refused, or do not come.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../src/base/clock.ts';
import { DNS_QUERY_MAX_MS, DNS_TCP_RETRY_MS } from '../../src/coordinator/limits.ts';
import { dnsQueries, type DnsQueries } from '../../src/coordinator/discovery/dns-resolver.ts';
import { DnsServer, type NameZone } from '../support/dns-server.ts';
import { until } from '../support/until.ts';

const FIVE = [1, 2, 3, 4, 5].map((number) => `10.0.0.${number}`);
const open: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function serverWith(zone: Record<string, NameZone>, over?: 'udp'): Promise<DnsServer> {
  const server = await DnsServer.start(zone, over);
  open.push(server);
  return server;
}

function asking(clock: Clock = new ManualClock(), ...servers: DnsServer[]): DnsQueries {
  const queries = dnsQueries(
    clock,
    servers.map(({ address }) => address),
  );
  open.push({ close: () => queries.cancel() });
  return queries;
}

const ways = (server: DnsServer): string[] =>
  server.asked.splice(0).map(({ type, over, edns }) => {
    return `${type} ${over}${edns ? ' edns' : ''}`;
  });

describe('the records of a name', () => {
  test('are asked for over TCP, where an answer is whole that a datagram only has a part of', async () => {
    const services = FIVE.map((_, index) => `n${index + 1}.test:11211`);
    const server = await serverWith({
      'cache.test': { A: FIVE, limit: 3 },
      '_mc._tcp.test': { SRV: services, limit: 3 },
    });
    const queries = asking(undefined, server);
    expect(await queries.members('cache.test')).toEqual({ records: FIVE, cut: false });
    const { records, cut } = await queries.services('_mc._tcp.test');
    expect([records.map(({ target, port }) => `${target}:${port}`), cut]).toEqual([services, false]);
    expect(ways(server)).toEqual(['A tcp edns', 'SRV tcp edns']);
  });

  test.each(['refused', 'silent'])(
    'are asked for by datagram, with EDNS, where TCP is %s, and by TCP again later',
    async (how) => {
      const server = await serverWith({ 'cache.test': { A: FIVE } }, how === 'refused' ? 'udp' : undefined);
      server.tcpSilent = true;
      const clock = new ManualClock();
      const queries = asking(clock, server);
      expect(await queries.members('cache.test')).toEqual({ records: FIVE, cut: false });
      expect(await queries.members('cache.test')).toEqual({ records: FIVE, cut: false });
      expect(ways(server)).toEqual(['A udp edns', 'A udp edns']);
      server.tcpSilent = false;
      clock.advance(DNS_TCP_RETRY_MS);
      await queries.members('cache.test');
      expect(ways(server)).toEqual([how === 'refused' ? 'A udp edns' : 'A tcp edns']);
    },
  );

  test('are known to be cut where the server says so and cannot be asked over TCP', async () => {
    const server = await serverWith({ 'cache.test': { A: FIVE, truncated: 2 } }, 'udp');
    const { records, cut } = await asking(undefined, server).members('cache.test');
    expect([records.length, cut]).toEqual([2, true]);
  });

  test('of a server from before EDNS are asked for once more without', async () => {
    const server = await serverWith({ 'cache.test': { A: FIVE } });
    server.old = true;
    expect((await asking(undefined, server).members('cache.test')).records).toEqual(FIVE);
    expect(ways(server)).toEqual(['A tcp edns', 'A tcp']);
  });

  test('are followed through aliases, are IPv6 only where there is nothing else, and each once', async () => {
    const zone = { alias: { CNAME: 'cache.test' }, 'cache.test': { A: [...FIVE, ...FIVE], AAAA: ['fd00::1'] } };
    const server = await serverWith({ ...zone, six: { AAAA: ['fd00::b', 'fd00::a'] } });
    const queries = asking(undefined, server);
    expect((await queries.members('alias')).records).toEqual(FIVE);
    expect((await queries.members('six')).records).toEqual(['fd00::a', 'fd00::b']);
  });

  test('of a name that does not exist, or has none, are none', async () => {
    const queries = asking(undefined, await serverWith({ 'empty.test': {} }));
    expect(await queries.members('nowhere.test')).toEqual({ records: [], cut: false });
    expect(await queries.services('empty.test')).toEqual({ records: [], cut: false });
  });

  test('of a service that is decidedly not available are none', async () => {
    const queries = asking(undefined, await serverWith({ '_mc._tcp.test': { SRV: ['.:0'] } }));
    expect((await queries.services('_mc._tcp.test')).records).toEqual([]);
  });
});

describe('the address of a host', () => {
  test('is asked for by datagram, and over TCP if the answer is cut', async () => {
    const server = await serverWith({ 'a.test': { A: ['10.0.0.1'] }, 'b.test': { A: FIVE, truncated: 1 } });
    const queries = asking(undefined, server);
    expect(await queries.addresses('a.test')).toEqual(['10.0.0.1']);
    expect(await queries.addresses('b.test')).toEqual(FIVE);
    expect(ways(server)).toEqual(['A udp edns', 'A udp edns', 'A tcp edns']);
  });
});

describe('a server that cannot say', () => {
  test.each([
    [2, 'SERVFAIL'],
    [5, 'REFUSED'],
    [9, 'RCODE 9'],
  ])('with RCODE %d is an error, and another server is asked', async (rcode, why) => {
    const bad = await serverWith({ 'cache.test': { rcode } });
    const good = await serverWith({ 'cache.test': { A: FIVE } });
    await expect(asking(undefined, bad).members('cache.test')).rejects.toThrow(why);
    expect((await asking(undefined, bad, good).members('cache.test')).records).toEqual(FIVE);
  });

  test('because it is silent is given up in time, and holds up no other question', async () => {
    const server = await serverWith({ 'slow.test': { silent: true }, 'fast.test': { A: FIVE } });
    const queries = asking(undefined, server);
    const begunMs = performance.now();
    const slow = queries.addresses('slow.test').catch((error: unknown) => String(error));
    expect(await queries.addresses('fast.test')).toEqual(FIVE);
    expect(await Promise.race([slow, Promise.resolve('still waiting')])).toBe('still waiting');
    expect(await slow).toContain('no answer in time');
    // Two tries; the bound for all of them is far above.
    expect(performance.now() - begunMs).toBeGreaterThan(1_000);
    expect(server.asked.filter(({ name }) => name === 'slow.test').length).toBeLessThanOrEqual(
      DNS_QUERY_MAX_MS / 1_000,
    );
  });

  test('is let go at once when nobody wants the answer any more', async () => {
    const server = await serverWith({ 'slow.test': { silent: true } });
    const queries = asking(systemClock, server);
    const slow = queries.members('slow.test').catch((error: unknown) => String(error));
    await until('the question', () => server.asked.length > 0);
    queries.cancel();
    expect(await slow).toContain('cancelled');
  });
});
