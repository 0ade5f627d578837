/**
 * Discovery by DNS: one name, asked for again and again. Of a Kubernetes headless service, of a Swarm service
 * (`tasks.SERVICE`), of a compose service, of anything that lists its members in DNS.
 *
 * A name whose first label begins with `_` is asked for SRV records, any other for addresses. An address is a node of
 * that name: DNS says nothing else of it. A target of an SRV record is a node named by its first label, placed on the
 * ring by its whole name and port, so it keeps its keys when it gets another address. Times to live are not looked at:
 * Docker's are ten minutes.
 */
import type { Clock } from '../../base/clock.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { MEMCACHED_PORT } from '../../base/memcached.ts';
import { NAME_LENGTH_MAX } from '../../topology/limits.ts';
import { NODES_MAX } from '../limits.ts';
import { sidecarUrl, type DiscoveryAdapter, type DiscoverySink, type ObservedNode } from './adapter.ts';
import type { DnsQueries, ServiceTarget } from './dns-resolver.ts';
import { pollWaitMs } from './waits.ts';

/** A name to ask for. */
export interface DnsName {
  readonly name: string;
  /** The daemons' port where the records do not say it. */
  readonly port: number;
}

/** RFC 1123's labels, and the underscores of SRV names and of Docker's names. */
const NAME = /^[\w-]{1,63}(\.[\w-]{1,63})*\.?$/;

/**
 * Reads `NAME[:PORT],…`.
 * @throws FleetError BAD_CONFIG naming the entry that cannot be read
 */
export function parseDnsNames(text: string): DnsName[] {
  const entries = text.split(',').map((entry) => entry.trim());
  const names = entries.map((entry): DnsName => {
    const [, name = '', portText] = /^([^:]+)(?::(\d{1,5}))?$/.exec(entry) ?? [];
    const port = Number(portText ?? MEMCACHED_PORT);
    const portFits = port >= 1 && port <= 65_535 && !(isServiceName(name) && portText !== undefined);
    if (!NAME.test(name) || name.length > NAME_LENGTH_MAX || !portFits) {
      throw new FleetError('BAD_CONFIG', `expected NAME[:PORT] or _SERVICE._PROTO.NAME, got ${JSON.stringify(entry)}`);
    }
    return { name, port };
  });
  if (new Set(entries).size < entries.length) throw new FleetError('BAD_CONFIG', `a name stands twice in ${text}`);
  return names;
}

function isServiceName(name: string): boolean {
  return name.startsWith('_');
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

class DnsDiscovery implements DiscoveryAdapter {
  readonly name: string;
  readonly #options: DnsOptions;
  /** The address of each target when it was last known. */
  #addresses = new Map<string, string>();
  #reported: string | undefined;
  #cancelTimer = (): void => {};
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: DnsOptions) {
    this.#options = options;
    this.name = `dns:${options.name.name}`;
  }

  start(sink: DiscoverySink): void {
    this.#round = this.#look(sink);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#options.queries.cancel();
    await this.#round;
  }

  async #look(sink: DiscoverySink): Promise<void> {
    const { name, intervalMs, clock, random } = this.#options;
    try {
      const nodes = isServiceName(name.name) ? await this.#byServices() : await this.#byAddresses();
      const report = JSON.stringify(nodes);
      if (!this.#closed && report !== this.#reported) {
        this.#reported = report;
        sink.observed(nodes);
      }
    } catch (error) {
      if (!isFleetError(error)) throw error;
      // The next answer is news, even if it is the one from before: the source is back.
      this.#reported = undefined;
      if (!this.#closed) sink.lost(error);
    }
    if (this.#closed) return;
    this.#cancelTimer = clock.setTimer(pollWaitMs(intervalMs, random), () => {
      this.#round = this.#look(sink);
    });
  }

  async #byAddresses(): Promise<ObservedNode[]> {
    const { name, queries } = this.#options;
    const addresses = await queries.addresses(name.name);
    return addresses.map((ip) => this.#node(ip, ip, ip, name.port));
  }

  async #byServices(): Promise<ObservedNode[]> {
    const { name, queries } = this.#options;
    // Each target costs a query: what is beyond the bound would be left out anyway.
    const targets = (await queries.services(name.name)).slice(0, NODES_MAX);
    const known = new Map<string, string>();
    await Promise.all(
      [...new Set(targets.map(({ target }) => target))].map(async (target) => {
        known.set(target, await this.#addressOf(target));
      }),
    );
    this.#addresses = known;
    const labels = targets.map(({ target }) => firstLabel(target));
    return targets.map(({ target, port }, index) => {
      const label = labels[index] ?? '';
      const unique = labels.indexOf(label) === labels.lastIndexOf(label);
      return this.#node(unique ? label : `${target}:${port}`, target, known.get(target) ?? '', port);
    });
  }

  /** The one from before as long as it is among the target's addresses, or while nobody can say. */
  async #addressOf(target: string): Promise<string> {
    const before = this.#addresses.get(target) ?? '';
    try {
      const addresses = await this.#options.queries.addresses(target);
      return addresses.includes(before) ? before : (addresses[0] ?? '');
    } catch (error) {
      if (before === '') throw error;
      return before;
    }
  }

  #node(name: string, host: string, ip: string, port: number): ObservedNode {
    const sidecar = sidecarUrl(ip, this.#options.sidecarPort);
    // A target without an address cannot be reached by anybody.
    return { name, host, ip, port, weight: 1, sidecar, hint: ip === '' ? 'stopped' : 'running', instance: '' };
  }
}

function firstLabel(target: ServiceTarget['target']): string {
  return target.split('.')[0] ?? target;
}
