/**
 * The addresses of the hosts of one source. Each host is looked up alone: one whose look-up fails or hangs keeps the
 * address that it had, and none waits for another. At most one look-up of a host is on its way, and LOOKUPS_MAX in all.
 */
import type { Clock } from '../../base/clock.ts';
import { LOOKUP_PATIENCE_MS, LOOKUPS_MAX } from '../limits.ts';

export interface AddressBookOptions {
  /** All addresses of a host, the preferred one first; none if it has none. Fails if nobody can say. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  /** What a host was called in the last topology. */
  readonly remembered?: ((host: string) => string | undefined) | undefined;
  /** An address, or why there is none, is another than before. */
  readonly changed: () => void;
}

/** What is known of a host. */
export interface KnownHost {
  /** The last address that it had; undefined if it never had one. */
  readonly address: string | undefined;
  /** Why the last look-up gave no address; undefined if it did, or has not ended. */
  readonly why: string | undefined;
  /** The last look-up that ended said that the host has no address. */
  readonly gone: boolean;
}

const UNKNOWN: KnownHost = { address: undefined, why: undefined, gone: false };
const NO_ANSWER: KnownHost = { ...UNKNOWN, why: 'its look-up has not ended' };

/** Addresses by host. */
export class AddressBook {
  readonly #options: AddressBookOptions;
  /** The hosts of the last list; undefined for one whose first look-up has not ended and is still waited for. */
  readonly #hosts = new Map<string, KnownHost | undefined>();
  /** Hosts whose look-up has begun or waits for its turn. */
  readonly #onWay = new Set<string>();
  readonly #queue: string[] = [];
  #running = 0;
  /** Ends the waiting of the {@link refresh} that is on its way. */
  #stopWaiting: (() => void) | undefined;

  constructor(options: AddressBookOptions) {
    this.#options = options;
  }

  /**
   * Looks up these hosts and forgets all others; not to be called again before it has resolved. Resolves when each of
   * them was looked up at least once, or after LOOKUP_PATIENCE_MS; what comes later is told by `changed`.
   */
  async refresh(hosts: readonly string[]): Promise<void> {
    const wanted = new Set(hosts);
    for (const host of this.#hosts.keys()) if (!wanted.has(host)) this.#hosts.delete(host);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopWaiting = resolve;
    for (const host of wanted) {
      if (!this.#hosts.has(host)) this.#hosts.set(host, undefined);
      if (this.#onWay.has(host)) continue;
      this.#onWay.add(host);
      this.#queue.push(host);
    }
    this.#begin();
    if (this.#isWaiting()) {
      const cancel = this.#options.clock.setTimer(LOOKUP_PATIENCE_MS, resolve);
      await promise;
      cancel();
    }
    this.#stopWaiting = undefined;
    for (const [host, known] of this.#hosts) if (known === undefined) this.#hosts.set(host, NO_ANSWER);
  }

  /** What is known of a host that {@link refresh} was given. */
  of(host: string): KnownHost {
    const known = this.#hosts.get(host) ?? UNKNOWN;
    return known.address === undefined ? { ...known, address: this.#options.remembered?.(host) } : known;
  }

  /** Waits for nothing any more; what is on its way ends unheard. */
  close(): void {
    this.#hosts.clear();
    this.#queue.length = 0;
    this.#stopWaiting?.();
  }

  #isWaiting(): boolean {
    return [...this.#hosts.values()].includes(undefined);
  }

  #begin(): void {
    while (this.#running < LOOKUPS_MAX) {
      const host = this.#queue.shift();
      if (host === undefined) return;
      this.#running += 1;
      void this.#lookUp(host).finally(() => {
        this.#running -= 1;
        this.#onWay.delete(host);
        this.#begin();
      });
    }
  }

  async #lookUp(host: string): Promise<void> {
    // Forgotten while it waited for its turn.
    if (!this.#hosts.has(host)) return;
    const found = await this.#ask(host);
    if (!this.#hosts.has(host)) return;
    const before = this.#hosts.get(host);
    this.#hosts.set(host, found);
    if (this.#stopWaiting !== undefined) {
      // Whoever has called refresh looks at all of them when it resolves.
      if (before === undefined && !this.#isWaiting()) this.#stopWaiting();
    } else if (before?.address !== found.address || before?.why !== found.why) this.#options.changed();
  }

  async #ask(host: string): Promise<KnownHost> {
    try {
      const addresses = await this.#options.lookup(host);
      const last = this.of(host).address;
      // The one from before as long as it is among them: servers turn their order around.
      const address = last !== undefined && addresses.includes(last) ? last : (addresses[0] ?? last);
      const gone = addresses.length === 0;
      return { address, why: gone ? 'it has no address' : undefined, gone };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { ...this.of(host), why, gone: false };
    }
  }
}
