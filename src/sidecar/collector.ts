/**
 * Reads a daemon's statistics over the memcached protocol, over one connection that it is given and owns.
 *
 * Whatever comes in over HTTP, the daemon sees at most one collection and one read of each other kind at a time:
 * who asks meanwhile gets the same answer. Every read is bounded in time, so a hung daemon hangs nobody.
 */
import type { Clock } from '../base/clock.ts';
import { FleetError, isFleetError } from '../base/errors.ts';
import { byClass, type Snapshot, type Stats } from './snapshot.ts';

/** What the collector needs of a connection to the daemon. */
export interface StatsSource {
  /** `stats` or, for example, `stats items`. */
  stats(argument?: string): Promise<Map<string, string>>;
  close(): unknown;
}

export interface CollectorOptions {
  source: StatsSource;
  clock: Clock;
  /** For one read or a whole collection. */
  timeoutMs: number;
}

/** The blocks of statistics that can be read one by one; the empty word is plain `stats`. */
export type StatsBlock = '' | 'items' | 'slabs' | 'settings' | 'sizes' | 'conns';

export class Collector {
  readonly #source: StatsSource;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(options: CollectorOptions) {
    this.#source = options.source;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  /**
   * Everything that the metrics are made of. The four commands are pipelined.
   * @throws FleetError CONNECT_FAILED, TIMEOUT, PROTOCOL or SERVER
   */
  collect(): Promise<Snapshot> {
    return this.#shared('collect', async () => {
      const [general, settings, items, slabs] = await Promise.all([
        this.#source.stats(),
        this.#optional('settings'),
        this.#optional('items'),
        this.#optional('slabs'),
      ]);
      return { general, settings, items: byClass(items), slabs: byClass(slabs) };
    });
  }

  /**
   * One block of statistics.
   * @throws FleetError CONNECT_FAILED, TIMEOUT, PROTOCOL or, for a block that the daemon does not know, SERVER
   */
  read(block: StatsBlock): Promise<Stats> {
    return this.#shared(block, () => this.#source.stats(...(block === '' ? [] : [block])));
  }

  close(): unknown {
    return this.#source.close();
  }

  /** A proxy in front of memcached may know `stats` alone: what it refuses is empty, and the rest still counts. */
  async #optional(block: StatsBlock): Promise<Stats> {
    try {
      return await this.#source.stats(block);
    } catch (error) {
      if (isFleetError(error, 'SERVER')) return new Map();
      throw error;
    }
  }

  #shared<T>(what: string, read: () => Promise<T>): Promise<T> {
    const underWay = this.#underWay.get(what) as Promise<T> | undefined;
    if (underWay !== undefined) return underWay;
    const result = this.#bounded(read()).finally(() => this.#underWay.delete(what));
    this.#underWay.set(what, result);
    return result;
  }

  #bounded<T>(reading: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(this.#timeoutMs, () => {
        reject(new FleetError('TIMEOUT', `the daemon gave no complete answer within ${this.#timeoutMs} ms`));
      });
      reading.then(resolve, reject).finally(cancel);
    });
  }
}
