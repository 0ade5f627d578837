/**
 * The two questions that are asked of DNS, through Node's resolver, which sends queries of its own: no cache of the
 * system and no search list stands in between. A name that does not exist has an empty answer; a server that cannot
 * say (time-out, refusal, SERVFAIL) is an error. That difference is what this file owns.
 */
import { Resolver } from 'node:dns/promises';
import { FleetError } from '../../base/errors.ts';

/** One SRV record, without weight and priority. */
export interface ServiceTarget {
  /** In lower case, without the dot at its end. */
  readonly target: string;
  readonly port: number;
}

/** What can be asked. Both fail with a FleetError DISCOVERY_FAILED. */
export interface DnsQueries {
  /** The IPv4 addresses of a name; its IPv6 addresses if it has no others. Sorted; empty if it has none. */
  addresses(name: string): Promise<string[]>;
  /** The SRV records of a name, sorted; empty if it has none. */
  services(name: string): Promise<ServiceTarget[]>;
  /** Ends what is on its way. */
  cancel(): void;
}

/** A query that is not answered is sent once more, and to each further server, before it has failed. */
const QUERY_TIMEOUT_MS = 1_000;
const QUERY_TRIES = 2;

/**
 * Asks these servers (`ADDRESS` or `ADDRESS:PORT`, IPv6 with a port in brackets), or the system's if there are none.
 * @throws FleetError BAD_CONFIG: an entry is no such address
 */
export function dnsQueries(servers: readonly string[] = []): DnsQueries {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  try {
    if (servers.length > 0) resolver.setServers(servers);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `DNS servers: expected ADDRESS[:PORT], got ${JSON.stringify(servers)}`, error);
  }
  return {
    async addresses(name) {
      const found = await answer(name, 'A', resolver.resolve4(name));
      // Both families name the same nodes, and nothing says which two addresses are one: one family must do.
      return found.length > 0 ? found.sort() : (await answer(name, 'AAAA', resolver.resolve6(name))).sort();
    },
    async services(name) {
      const records = await answer(name, 'SRV', resolver.resolveSrv(name));
      return (
        records
          .map((record) => ({ target: record.name.toLowerCase().replace(/\.$/, ''), port: record.port }))
          // RFC 2782: the target "." says that the service is decidedly not available.
          .filter(({ target, port }) => target !== '' && port > 0)
          .sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : a.port - b.port))
      );
    },
    cancel: () => resolver.cancel(),
  };
}

/** NXDOMAIN, and a name without records of the type that was asked for: the server knows, and there is nothing. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);

const REASONS: Readonly<Record<string, string>> = {
  ETIMEOUT: 'no answer in time',
  ECONNREFUSED: 'no server there',
  ESERVFAIL: 'the server could not find out (SERVFAIL)',
  EREFUSED: 'the server refuses to answer (REFUSED)',
  ECANCELLED: 'cancelled',
};

async function answer<T>(name: string, type: string, query: Promise<T[]>): Promise<T[]> {
  try {
    return await query;
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    if (NOTHING.has(code)) return [];
    throw new FleetError('DISCOVERY_FAILED', `DNS, ${type} of ${name}: ${REASONS[code] ?? String(error)}`, error);
  }
}
