/**
 * The questions that are asked of DNS servers: which of them, how, and what their silence means. No cache of the system
 * and no search list stands in between. A name that does not exist has an empty answer; a server that cannot say
 * (time-out, refusal, SERVFAIL) is an error. That difference is what this file owns.
 *
 * Names of the fleet are asked for over TCP, where answers are whole: Consul, for one, answers a plain datagram with
 * three of many records and does not say that it left some out. A server that cannot be reached over TCP is asked by
 * datagram, with EDNS, and over TCP again after DNS_TCP_RETRY_MS. An address of one host is asked for by datagram.
 */
import { Resolver } from 'node:dns';
import { FleetError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { hostPort } from '../../base/host-port.ts';
import { DNS_QUERY_MAX_MS, DNS_SERVERS_MAX, DNS_TCP_RETRY_MS, DNS_TRIES, DNS_TRY_MS } from '../limits.ts';
import { askByConnection, askByDatagram, ExchangeError, type DnsServer, type Exchange } from './dns-exchange.ts';
import type { DnsAnswer, DnsQuestion, ServiceTarget } from './dns-message.ts';

/** Records of a name, each once and sorted; none if the name does not exist or has none of that type. */
export interface DnsRecords<T> {
  readonly records: readonly T[];
  /** There are more: the answer was cut, and the server cannot be asked over TCP. */
  readonly cut: boolean;
}

/**
 * What can be asked. All fail with a FleetError DISCOVERY_FAILED, within {@link DNS_QUERY_MAX_MS} for each type; its cause
 * is an ExchangeError if the server that was asked last did not answer at all.
 */
export interface DnsQueries {
  /** The IPv4 addresses of a name whose records are the fleet; its IPv6 addresses if it has no others. */
  members(name: string): Promise<DnsRecords<string>>;
  /** The SRV records of a name. */
  services(name: string): Promise<DnsRecords<ServiceTarget>>;
  /** The addresses of one host, of one family as {@link members}. */
  addresses(host: string): Promise<readonly string[]>;
  /** Ends what is on its way, for good. */
  cancel(): void;
}

const DNS_PORT = 53;

/**
 * Asks these servers (`ADDRESS` or `ADDRESS:PORT`, IPv6 with a port in brackets), or the system's if there are none.
 * @throws FleetError BAD_CONFIG: an entry is no such address
 */
export function dnsQueries(clock: Clock, servers: readonly string[] = []): DnsQueries {
  const resolver = new Resolver();
  try {
    if (servers.length > 0) resolver.setServers(servers);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `DNS servers: expected ADDRESS[:PORT], got ${JSON.stringify(servers)}`, error);
  }
  const given = servers.length > 0 ? resolver.getServers().map(toServer) : undefined;
  return new Queries(clock, given);
}

/** c-ares writes an address with its port only where that is not 53. */
function toServer(text: string): DnsServer {
  const withPort = /^\[.*\]:\d+$|^[^:]*:\d+$/.test(text);
  return withPort ? hostPort.parse(text) : { host: text, port: DNS_PORT };
}

class Queries implements DnsQueries {
  readonly #clock: Clock;
  readonly #given: readonly DnsServer[] | undefined;
  readonly #closing = new AbortController();
  /** Server → until when it is not asked over TCP. */
  readonly #withoutTcp = new Map<string, number>();

  constructor(clock: Clock, given: readonly DnsServer[] | undefined) {
    this.#clock = clock;
    this.#given = given;
  }

  async members(name: string): Promise<DnsRecords<string>> {
    const found = await this.#ask({ name, type: 'A' }, true);
    // Both families name the same nodes, and nothing says which two addresses are one: one family must do.
    const { addresses, truncated } = found.addresses.length > 0 ? found : await this.#ask({ name, type: 'AAAA' }, true);
    return { records: [...new Set(addresses)].sort(), cut: truncated };
  }

  async services(name: string): Promise<DnsRecords<ServiceTarget>> {
    const { services, truncated } = await this.#ask({ name, type: 'SRV' }, true);
    // RFC 2782: the target "." says that the service is decidedly not available.
    const usable = services.filter(({ target, port }) => target !== '' && port > 0);
    const byPlace = new Map(usable.map((record) => [`${record.target}:${record.port}`, record]));
    const records = [...byPlace.values()].sort((a, b) =>
      a.target < b.target ? -1 : a.target > b.target ? 1 : a.port - b.port,
    );
    return { records, cut: truncated };
  }

  async addresses(host: string): Promise<readonly string[]> {
    const found = await this.#ask({ name: host, type: 'A' }, false);
    const { addresses } = found.addresses.length > 0 ? found : await this.#ask({ name: host, type: 'AAAA' }, false);
    return [...new Set(addresses)].sort();
  }

  cancel(): void {
    this.#closing.abort();
  }

  /** @param whole the answer may be long, and nobody may say that it was cut */
  async #ask(question: DnsQuestion, whole: boolean): Promise<DnsAnswer> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(DNS_QUERY_MAX_MS)]);
    let why = 'there is no server to ask';
    let cause: unknown;
    for (let round = 0; round < DNS_TRIES; round += 1) {
      for (const server of this.#servers()) {
        if (signal.aborted) break;
        try {
          const answer = await this.#askServer({ question, server, timeoutMs: DNS_TRY_MS, signal, edns: true }, whole);
          const failed = failureText(answer.rcode);
          if (failed === undefined) return answer;
          why = failed;
          cause = undefined;
        } catch (error) {
          if (!(error instanceof ExchangeError)) throw error;
          cause = error;
          why = FAILURES[error.failure];
        }
      }
    }
    if (this.#closing.signal.aborted) why = FAILURES.cancelled;
    else if (why === FAILURES.cancelled) why = FAILURES.timeout;
    throw new FleetError('DISCOVERY_FAILED', `DNS, ${question.type} of ${question.name}: ${why}`, cause);
  }

  /** Read anew each time: the system's may change, and reading them costs a fraction of a millisecond. */
  #servers(): readonly DnsServer[] {
    return (this.#given ?? new Resolver().getServers().map(toServer)).slice(0, DNS_SERVERS_MAX);
  }

  async #askServer(exchange: Exchange, whole: boolean): Promise<DnsAnswer> {
    if (whole) {
      const answer = await this.#overTcp(exchange);
      if (answer !== undefined) return answer;
    }
    const answer = await withoutEdnsIfRefused(exchange, askByDatagram);
    if (!answer.truncated) return answer;
    return (await this.#overTcp(exchange)) ?? answer;
  }

  /** Undefined if this server does not answer over TCP, now or for some time. */
  async #overTcp(exchange: Exchange): Promise<DnsAnswer | undefined> {
    const { host, port } = exchange.server;
    const key = `${host} ${port}`;
    if (this.#clock.monotonicMs() < (this.#withoutTcp.get(key) ?? Number.NEGATIVE_INFINITY)) return undefined;
    try {
      return await withoutEdnsIfRefused(exchange, askByConnection);
    } catch (error) {
      if (!(error instanceof ExchangeError) || exchange.signal.aborted) throw error;
      // The system's servers may change, so those of long ago are not kept.
      if (this.#withoutTcp.size >= 2 * DNS_SERVERS_MAX) this.#withoutTcp.clear();
      this.#withoutTcp.set(key, this.#clock.monotonicMs() + DNS_TCP_RETRY_MS);
      return undefined;
    }
  }
}

const FORMERR = 1;
const NXDOMAIN = 3;
const NOTIMP = 4;

/** A server from before EDNS answers so that it does not understand (RFC 6891, 7). */
async function withoutEdnsIfRefused(
  exchange: Exchange,
  ask: (exchange: Exchange) => Promise<DnsAnswer>,
): Promise<DnsAnswer> {
  const answer = await ask(exchange);
  return answer.rcode === FORMERR || answer.rcode === NOTIMP ? ask({ ...exchange, edns: false }) : answer;
}

const FAILURES = {
  timeout: 'no answer in time',
  refused: 'no server there',
  unreachable: 'the server cannot be reached',
  closed: 'the server has ended the connection',
  cancelled: 'cancelled',
} as const;

/** Undefined if the server knows: NOERROR, or that there is no such name. */
function failureText(rcode: number): string | undefined {
  switch (rcode) {
    case 0:
    case NXDOMAIN:
      return undefined;
    case 2:
      return 'the server could not find out (SERVFAIL)';
    case 5:
      return 'the server refuses to answer (REFUSED)';
    default:
      return `the server answered with an error (RCODE ${rcode})`;
  }
}
