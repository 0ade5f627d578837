/**
 * Discovery from a list: given on the command line, or in a file ({@link file://./static-file.ts}) that is read again
 * whenever it changes.
 *
 * The form is `NAME=HOST:PORT=SIDECARURL`, then optionally `=WEIGHT`; in a flag separated by commas, in a file by
 * line ends too, with `#` comments. HOST may be a name: it is looked up for `ip`, again and again, while the ring
 * stays where `HOST:PORT` puts it. A line that is removed is a fact and counts at once, whatever DNS does meanwhile.
 */
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { httpUrl } from '../../base/config.ts';
import { hostPort } from '../../base/host-port.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { NAME_LENGTH_MAX, WEIGHT_MAX } from '../../topology/limits.ts';
import { STATIC_POLL_MS } from '../limits.ts';
import type { DiscoveryAdapter, DiscoverySink, LeftOut, ObservedNode } from './adapter.ts';
import { AddressBook } from './address-book.ts';
import type { HostLookup } from './host-lookup.ts';

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

const NO_ADDRESS = 'it has no known address';

/** Where a list comes from. */
export interface StaticSource {
  /** Gives the list as text; asked again every {@link STATIC_POLL_MS}. Fails with a FleetError. */
  readonly read: () => Promise<string>;
  /** Calls back when the list may have changed, until the function it returns is called. */
  readonly watch?: (changed: () => void) => () => void;
}

export interface StaticOptions extends StaticSource {
  readonly clock: Clock;
  readonly lookup: HostLookup;
}

/** The list that a flag gives. */
export function fromText(text: string): StaticSource {
  return { read: async () => text };
}

/** Discovery from a list. */
export function staticDiscovery(options: StaticOptions): DiscoveryAdapter {
  return new StaticDiscovery(options);
}

class StaticDiscovery implements DiscoveryAdapter {
  readonly name = 'static';
  readonly lossy = false;
  readonly #options: StaticOptions;
  #book: AddressBook | undefined;
  /** The list as it was read last; undefined while it cannot be read. */
  #listed: readonly StaticNode[] | undefined;
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

  start(sink: DiscoverySink, remembered?: (host: string) => string | undefined): void {
    const { clock, lookup } = this.#options;
    const book = new AddressBook({ lookup, clock, remembered, changed: () => this.#report(sink, book) });
    this.#book = book;
    this.#unwatch = this.#options.watch?.(() => this.#lookNow(sink, book));
    this.#lookNow(sink, book);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch?.();
    this.#cancelTimer();
    this.#book?.close();
    await this.#round;
  }

  /** Looks, once more if something may have changed meanwhile, and again when the next look is due. */
  #lookNow(sink: DiscoverySink, book: AddressBook): void {
    this.#lookAgain = this.#looking;
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    this.#cancelTimer();
    this.#round = this.#look(sink, book).finally(() => {
      this.#looking = false;
      if (this.#closed) return;
      if (this.#lookAgain) this.#lookNow(sink, book);
      else this.#cancelTimer = this.#options.clock.setTimer(STATIC_POLL_MS, () => this.#lookNow(sink, book));
    });
  }

  async #look(sink: DiscoverySink, book: AddressBook): Promise<void> {
    try {
      const listed = parseStaticNodes(await this.#options.read());
      await book.refresh(listed.map(({ host }) => host).filter((host) => isIP(host) === 0));
      this.#listed = listed;
      this.#report(sink, book);
    } catch (error) {
      if (!isFleetError(error)) throw error;
      // The next good list is news again, even if it is the one from before.
      this.#reported = '';
      this.#listed = undefined;
      if (!this.#closed) sink.lost(new FleetError('DISCOVERY_FAILED', error.message, error));
    }
  }

  #report(sink: DiscoverySink, book: AddressBook): void {
    if (this.#closed || this.#listed === undefined) return;
    const nodes: ObservedNode[] = [];
    const leftOut: LeftOut[] = [];
    for (const node of this.#listed) {
      const { host } = node;
      const { address, why } = isIP(host) === 0 ? book.of(host) : { address: host, why: undefined };
      if (address === undefined)
        leftOut.push({ name: node.name, reason: 'unresolved', why: `${host}: ${why ?? NO_ADDRESS}` });
      else nodes.push({ ...node, ip: address, hint: why === undefined ? 'running' : 'unlisted', instance: '' });
    }
    const report = JSON.stringify([nodes, leftOut]);
    if (report === this.#reported) return;
    this.#reported = report;
    sink.observed(nodes, leftOut);
  }
}
