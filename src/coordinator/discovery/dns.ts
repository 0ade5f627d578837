/**
 * Discovery by DNS: one name, asked for again and again. Of a Kubernetes headless service, of a Swarm service
 * (`tasks.SERVICE`), of a compose service, of anything that lists its members in DNS.
 *
 * A name whose first label begins with `_` is asked for SRV records, any other for addresses, unless it is written with
 * `dnssrv+` or `dns+` before it. An address is a node of that name: DNS says nothing else of it. A target of an SRV record
 * is a node named by its first label, placed on the ring by its whole name and port, so it keeps its keys when it gets
 * another address. Times to live are not looked at: Docker's are ten minutes. A record that one answer lacks is kept
 * for DNS_ABSENT_LOOKS ({@link file://./absences.ts}).
 */
import type { Clock } from '../../base/clock.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { MEMCACHED_PORT } from '../../base/memcached.ts';
import { NAME_LENGTH_MAX } from '../../topology/limits.ts';
import { DNS_ABSENT_LOOKS, NODES_MAX } from '../limits.ts';
import { afterAnswer, HOLDS_NOTHING } from './absences.ts';
import { sidecarUrl, type DiscoveryAdapter, type DiscoverySink, type LeftOut, type ObservedNode } from './adapter.ts';
import { AddressBook } from './address-book.ts';
import type { DnsQueries } from './dns-resolver.ts';
import type { ServiceTarget } from './dns-message.ts';
import { pollWaitMs } from './waits.ts';

/** A name to ask for. */
export interface DnsName {
  readonly name: string;
  /** The records that name the nodes: their addresses, or services. */
  readonly kind: 'addresses' | 'services';
  /** The daemons' port where the records do not say it. */
  readonly port: number;
}

/** RFC 1123's labels, and the underscores of SRV names and of Docker's names. */
const NAME = /^[\w-]{1,63}(\.[\w-]{1,63})*\.?$/;

/**
 * Reads `[dns+|dnssrv+]NAME[:PORT],…`. The prefixes are those of Thanos and Mimir.
 * @throws FleetError BAD_CONFIG naming the entry that cannot be read
 */
export function parseDnsNames(text: string): DnsName[] {
  const entries = text.split(',').map((entry) => entry.trim());
  const names = entries.map((entry): DnsName => {
    const [, prefix, name = '', portText] = /^(?:(dns|dnssrv)\+)?([^:+]+)(?::(\d{1,5}))?$/.exec(entry) ?? [];
    const port = Number(portText ?? MEMCACHED_PORT);
    const services = prefix === 'dnssrv' || (prefix === undefined && name.startsWith('_'));
    const portFits = port >= 1 && port <= 65_535 && !(services && portText !== undefined);
    if (!NAME.test(name) || name.length > NAME_LENGTH_MAX || !portFits) {
      const wanted = 'NAME[:PORT], _SERVICE._PROTO.NAME or dnssrv+NAME';
      throw new FleetError('BAD_CONFIG', `expected ${wanted}, got ${JSON.stringify(entry)}`);
    }
    return { name, kind: services ? 'services' : 'addresses', port };
  });
  if (new Set(entries).size < entries.length) throw new FleetError('BAD_CONFIG', `a name stands twice in ${text}`);
  return names;
}

export interface DnsOptions {
  readonly name: DnsName;
  readonly queries: DnsQueries;
  /** The port of each node's sidecar, which is at the daemon's address. */
  readonly sidecarPort: number;
  /** Between two looks; each wait is up to INTERVAL_JITTER shorter or longer, so that coordinators do not ask in step. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Discovery by one name. */
export function dnsDiscovery(options: DnsOptions): DiscoveryAdapter {
  return new DnsDiscovery(options);
}

/** What an answer lists. */
interface Listed {
  readonly nodes: readonly ObservedNode[];
  readonly leftOut: readonly LeftOut[];
}

class DnsDiscovery implements DiscoveryAdapter {
  readonly name: string;
  readonly lossy = true;
  readonly #options: DnsOptions;
  #book: AddressBook | undefined;
  /** The last answer as nodes, made anew when an address changes; undefined while DNS cannot be seen. */
  #listed: (() => Listed) | undefined;
  #holding = HOLDS_NOTHING;
  #reported: string | undefined;
  #cancelTimer = (): void => {};
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: DnsOptions) {
    const { name, kind } = options.name;
    this.#options = options;
    this.name = `${kind === 'services' && !name.startsWith('_') ? 'dnssrv' : 'dns'}:${name}`;
  }

  start(sink: DiscoverySink, remembered?: (host: string) => string | undefined): void {
    const { queries, clock } = this.#options;
    this.#book = new AddressBook({
      lookup: (host) => queries.addresses(host),
      clock,
      remembered,
      changed: () => this.#report(sink, 0),
    });
    this.#round = this.#look(sink, this.#book);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#options.queries.cancel();
    this.#book?.close();
    await this.#round;
  }

  async #look(sink: DiscoverySink, book: AddressBook): Promise<void> {
    const { name, intervalMs, clock, random } = this.#options;
    try {
      this.#listed = name.kind === 'services' ? await this.#byServices(book) : await this.#byAddresses();
      this.#report(sink, 1);
    } catch (error) {
      if (!isFleetError(error)) throw error;
      // The next answer is news, even if it is the one from before: the source is back.
      this.#reported = undefined;
      this.#listed = undefined;
      if (!this.#closed) sink.lost(error);
    }
    if (this.#closed) return;
    this.#cancelTimer = clock.setTimer(pollWaitMs(intervalMs, random), () => {
      this.#round = this.#look(sink, book);
    });
  }

  /** @param looks whether this is another answer, or the same again */
  #report(sink: DiscoverySink, looks: 0 | 1): void {
    if (this.#closed || this.#listed === undefined) return;
    const listed = this.#listed();
    this.#holding = afterAnswer(this.#holding, listed.nodes, DNS_ABSENT_LOOKS, looks);
    const hosts = new Set(this.#holding.nodes.map(({ host }) => host));
    const leftOut = listed.leftOut.filter(({ name }) => !hosts.has(name));
    const report = JSON.stringify([this.#holding.nodes, leftOut]);
    if (report === this.#reported) return;
    this.#reported = report;
    sink.observed(this.#holding.nodes, leftOut);
  }

  async #byAddresses(): Promise<() => Listed> {
    const { name, queries } = this.#options;
    const { records, cut } = await queries.members(name.name);
    const nodes = records.map((ip) => this.#node(ip, ip, ip, name.port));
    return () => ({ nodes, leftOut: this.#cutOff(cut) });
  }

  async #byServices(book: AddressBook): Promise<() => Listed> {
    const { name, queries } = this.#options;
    const { records, cut } = await queries.services(name.name);
    // Each target costs a query: what is beyond the bound would be left out anyway.
    const targets = records.slice(0, NODES_MAX);
    const beyond = records.slice(NODES_MAX).map(({ target }): LeftOut => {
      return { name: target, reason: 'limit', why: `the fleet has ${NODES_MAX} nodes already` };
    });
    await book.refresh(targets.map(({ target }) => target));
    return () => {
      const unresolved = targets.flatMap(({ target }) => {
        const { address, why = 'it has no known address', gone } = book.of(target);
        return address === undefined || gone ? [{ name: target, reason: 'unresolved' as const, why }] : [];
      });
      return {
        nodes: targets.flatMap((target) => this.#target(target, book)),
        leftOut: [...unresolved, ...beyond, ...this.#cutOff(cut)],
      };
    };
  }

  /** A target of which nobody can say where it is keeps its address; one that has none counts as one that is missing. */
  #target({ target, port }: ServiceTarget, book: AddressBook): ObservedNode[] {
    const { address, why, gone } = book.of(target);
    if (address === undefined || gone) return [];
    const node = this.#node(target.split('.')[0] ?? target, target, address, port);
    return [why === undefined ? node : { ...node, hint: 'unlisted' }];
  }

  #cutOff(cut: boolean): LeftOut[] {
    if (!cut) return [];
    const why = 'the answer was cut, and the server does not answer over TCP';
    return [{ name: this.#options.name.name, reason: 'cut', why }];
  }

  #node(name: string, host: string, ip: string, port: number): ObservedNode {
    const sidecar = sidecarUrl(ip, this.#options.sidecarPort);
    return { name, host, ip, port, weight: 1, sidecar, hint: 'running', instance: '' };
  }
}
