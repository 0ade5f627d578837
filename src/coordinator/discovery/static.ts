/**
 * Discovery from a list: given on the command line, or in a file ({@link file://./static-file.ts}) that is read again
 * whenever it changes.
 *
 * The form is `NAME=HOST:PORT=SIDECARURL`, then optionally `=WEIGHT`; in a flag separated by commas, in a file by
 * line ends too, with `#` comments. HOST may be a name: it is looked up for `ip`, again and again, while the ring
 * stays where `HOST:PORT` puts it.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { httpUrl } from '../../base/config.ts';
import { hostPort } from '../../base/host-port.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { NAME_LENGTH_MAX, WEIGHT_MAX } from '../../topology/limits.ts';
import type { DiscoveryAdapter, DiscoverySink, ObservedNode } from './adapter.ts';
import { STATIC_POLL_MS } from '../limits.ts';

/** One line of the list. */
export interface StaticNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly sidecar: string;
  readonly weight: number;
}

/**
 * Reads a list.
 * @throws FleetError BAD_CONFIG naming the entry that cannot be read
 */
export function parseStaticNodes(text: string): StaticNode[] {
  const entries = text
    .split('\n')
    .map((line) => line.replace(/#.*/, ''))
    .join(',')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const nodes = entries.map(parseEntry);
  const names = new Set<string>();
  for (const { name } of nodes) {
    if (names.has(name)) throw new FleetError('BAD_CONFIG', `two nodes are named ${JSON.stringify(name)}`);
    names.add(name);
  }
  return nodes;
}

function parseEntry(entry: string): StaticNode {
  const match = /^([^=\s|]+)=([^=\s|]+)(?:=([^=\s]*)(?:=([\d.]+))?)?$/.exec(entry);
  const [, name = '', address = '', sidecar = '', weightText = '1'] = match ?? [];
  const weight = Number(weightText);
  if (match === null || name.length > NAME_LENGTH_MAX || !(weight > 0 && weight <= WEIGHT_MAX)) {
    throw new FleetError('BAD_CONFIG', `expected NAME=HOST:PORT=SIDECARURL[=WEIGHT], got ${JSON.stringify(entry)}`);
  }
  return { name, ...hostPort.parse(address), sidecar: sidecar === '' ? '' : httpUrl.parse(sidecar), weight };
}

/** Where a list comes from. */
export interface StaticSource {
  /** Gives the list as text; asked again every {@link STATIC_POLL_MS}. Fails with a FleetError. */
  readonly read: () => Promise<string>;
  /** Calls back when the list may have changed, until the function it returns is called. */
  readonly watch?: (changed: () => void) => () => void;
}

export interface StaticOptions extends StaticSource {
  readonly clock: Clock;
  /** Default: the system's resolver, IPv4 first because clients with auto-discovery need that. */
  readonly lookup?: (host: string) => Promise<string>;
}

/** The list that a flag gives. */
export function fromText(text: string): StaticSource {
  return { read: async () => text };
}

async function systemLookup(host: string): Promise<string> {
  const { address } = await dnsLookup(host, { order: 'ipv4first' });
  return address;
}

/** Discovery from a list. */
export function staticDiscovery(options: StaticOptions): DiscoveryAdapter {
  return new StaticDiscovery(options);
}

class StaticDiscovery implements DiscoveryAdapter {
  readonly name = 'static';
  readonly #options: StaticOptions;
  readonly #addresses = new Map<string, string>();
  #reported = '';
  #cancelTimer = (): void => {};
  #unwatch: (() => void) | undefined;
  #looking = false;
  #lookAgain = false;
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: StaticOptions) {
    this.#options = options;
  }

  start(sink: DiscoverySink): void {
    this.#unwatch = this.#options.watch?.(() => this.#lookNow(sink));
    this.#lookNow(sink);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch?.();
    this.#cancelTimer();
    await this.#round;
  }

  /** Looks, once more if something may have changed meanwhile, and again when the next look is due. */
  #lookNow(sink: DiscoverySink): void {
    this.#lookAgain = this.#looking;
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    this.#cancelTimer();
    this.#round = this.#look(sink).finally(() => {
      this.#looking = false;
      if (this.#closed) return;
      if (this.#lookAgain) this.#lookNow(sink);
      else this.#cancelTimer = this.#options.clock.setTimer(STATIC_POLL_MS, () => this.#lookNow(sink));
    });
  }

  async #look(sink: DiscoverySink): Promise<void> {
    try {
      const nodes = parseStaticNodes(await this.#options.read());
      const observed = await Promise.all(nodes.map((node) => this.#observe(node)));
      const report = JSON.stringify(observed);
      if (!this.#closed && report !== this.#reported) {
        this.#reported = report;
        sink.observed(observed);
      }
    } catch (error) {
      if (!isFleetError(error)) throw error;
      // The next good list is news again, even if it is the one from before.
      this.#reported = '';
      if (!this.#closed) sink.lost(new FleetError('DISCOVERY_FAILED', error.message, error));
    }
  }

  async #observe(node: StaticNode): Promise<ObservedNode> {
    return { ...node, ip: await this.#address(node.host), hint: 'running', instance: '' };
  }

  /** The address of a host; the last known one while it does not resolve, the name itself if it never did. */
  async #address(host: string): Promise<string> {
    if (isIP(host) !== 0) return host;
    try {
      const address = await (this.#options.lookup ?? systemLookup)(host);
      this.#addresses.set(host, address);
    } catch {
      // A name that does not resolve is a node that does not answer: its probes say so.
    }
    return this.#addresses.get(host) ?? host;
  }
}
