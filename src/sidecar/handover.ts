/**
 * Hands the topology on to the daemon, so that every daemon answers `config get cluster` with the current document.
 *
 * A daemon keeps its configuration in memory only. So the sidecar asks it once an interval which version it has, and
 * hands over the one it knows if that is newer. One loop and one rule cover a new document, a restarted daemon and a
 * hand-over that failed.
 */
import type { Clock } from '../base/clock.ts';
import { isFleetError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { discoveryPayload, parseDiscoveryPayload, untoldNodes } from '../topology/discovery-payload.ts';
import type { TopologyDocument } from '../topology/document.ts';

/** What the hand-over needs of a connection to the daemon. */
export interface ConfigTarget {
  configGet(): Promise<string | undefined>;
  configSet(payload: string, token: string, signature?: string): Promise<void>;
}

export interface HandoverOptions {
  target: ConfigTarget;
  /** What the daemon knows a sidecar by. */
  token: string;
  clock: Clock;
  log: Logger;
  intervalMs: number;
}

export class Handover {
  readonly #options: HandoverOptions;
  #document: TopologyDocument | undefined;
  #daemonVersion: number | undefined;
  #looking = false;
  #lookAgain = false;
  #closed = false;
  #cancelTimer: () => void = () => {};
  #complaint: string | undefined;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** Version of the topology that the daemon had when it was looked at last; undefined if it had none. */
  get daemonVersion(): number | undefined {
    return this.#daemonVersion;
  }

  /** Takes a newer document and hands it over at once, or as soon as the daemon takes it. */
  offer(document: TopologyDocument): void {
    if (this.#document !== undefined && document.version <= this.#document.version) return;
    this.#document = document;
    void this.look();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
  }

  /** Looks at the daemon now and again after each interval. A look that is under way is followed by another. */
  async look(): Promise<void> {
    if (this.#closed) return;
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    this.#cancelTimer();
    do {
      this.#lookAgain = false;
      await this.#reconcile();
    } while (this.#lookAgain && !this.#closed);
    this.#looking = false;
    if (!this.#closed)
      this.#cancelTimer = this.#options.clock.setTimer(this.#options.intervalMs, () => void this.look());
  }

  async #reconcile(): Promise<void> {
    const document = this.#document;
    if (document === undefined) return;
    const payload = discoveryPayload(document);
    if (payload === undefined) return this.#complainOfNothing(document);
    const { target, token, log } = this.#options;
    try {
      const had = await target.configGet();
      this.#daemonVersion = had === undefined ? undefined : parseDiscoveryPayload(had).version;
      if (this.#daemonVersion === undefined || this.#daemonVersion < document.version) {
        await target.configSet(payload, token, document.signature);
        this.#daemonVersion = document.version;
        log.info({ version: document.version }, 'handed the topology to the daemon');
      }
      this.#complaint = undefined;
    } catch (error) {
      if (!isFleetError(error)) throw error;
      // A stock memcached answers ERROR to `config get`, and so is never sent a payload that it would read as commands.
      this.#complainOnce(`the daemon does not take the topology: ${error.message}`);
    }
  }

  /** An empty list breaks clients, so the daemon keeps the one that it has, or none. */
  #complainOfNothing(document: TopologyDocument): void {
    const untold = untoldNodes(document).length;
    if (untold === 0) return;
    this.#complainOnce(
      `nothing for auto-discovery: all ${untold} nodes have IPv6 alone; the coordinator's --ip-discovery ipv6 tells them`,
    );
  }

  /** The loop goes on for ever, so the same trouble is said once until it is over. */
  #complainOnce(complaint: string): void {
    if (this.#complaint !== complaint) this.#options.log.warn(complaint);
    this.#complaint = complaint;
  }
}
