/**
 * What a daemon does by itself, a little at a time, so that no request waits for it: its second hand, the end of
 * connections that keep it waiting, and what memcached leaves to its LRU maintainer's and crawler's threads.
 */
import type { Clock } from '../base/clock.ts';
import type { Connection, ConnectionContext } from './connection.ts';
import * as limits from './limits.ts';

/** How often the second hand is read and stalled readers are looked for. */
const TICK_MS = 250;
/** How often the crawler takes a step, and how many chunks it looks at in one: about half a millisecond's work. */
const CRAWL_INTERVAL_MS = 100;
const CRAWL_CHUNKS = 5000;
/** Chunks it frees in one step: as long again. Where there are so many, the next step comes sooner. */
const CRAWL_FREED = 500;
const CRAWL_SOON_MS = 10;
/** Items between two of memcached's crawler's sleeps (crawler.c, crawls_persleep). */
const CRAWLS_PER_SLEEP = 1000;
/** Items that go from list to list with each of those steps, at most: a fraction of a millisecond's work. */
const LRU_MOVES = 500;

/** Why connections are cut off, as who watches connections is told; the first is memcached's. */
type CutOffReason = 'idle_timeout' | 'memory_limit' | 'reader_timeout' | 'value_timeout' | 'line_timeout';

const WORDS: Record<CutOffReason, string> = {
  idle_timeout: 'idle',
  memory_limit: 'it was not read for too long, since all connections held too much',
  reader_timeout: 'its answers were not read',
  value_timeout: 'its value was not sent',
  line_timeout: 'its line did not end',
};

/** The daemon that is looked after. */
export interface Household extends ConnectionContext {
  connections(): Iterable<Connection>;
}

export class HouseKeeping {
  readonly #server: Household;
  readonly #clock: Clock;
  /** How to cancel each repeated work's next turn. */
  readonly #timers = new Map<() => void, () => void>();

  constructor(server: Household, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  start(): void {
    this.#repeat(TICK_MS, () => this.#tick());
    this.#repeat(CRAWL_INTERVAL_MS, () => this.#maintainLru());
    this.#repeat(CRAWL_INTERVAL_MS, () => this.#crawl());
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** Does some work again and again until {@link stop}: after each interval, or when it says that it is to go on. */
  #repeat(intervalMs: number, work: () => number | void): void {
    const schedule = (delayMs: number): void => {
      this.#timers.set(
        work,
        this.#clock.setTimer(delayMs, () => schedule(work() ?? intervalMs)),
      );
    };
    schedule(intervalMs);
  }

  #tick(): void {
    const { counters, held, settings, time } = this.#server;
    time.tick();
    for (const connection of this.#server.connections()) {
      const why = this.#whyCutOff(connection);
      if (why === undefined) continue;
      if (settings.verbosity > 1) this.#server.say(`<${connection.id} cut off: ${WORDS[why]}`);
      if (why === 'idle_timeout') counters.idleKicks++;
      else if (why === 'memory_limit') held.cutOffs++;
      else counters.stalledKicks++;
      connection.destroy(why);
    }
  }

  /**
   * Why a connection must go, if it must: it leaves its answers unread, or a line or a value unfinished, or has asked for
   * nothing for as long as `-o idle_timeout` says. A byte now and then is no request, and ends
   * neither line nor value.
   */
  #whyCutOff(connection: Connection): CutOffReason | undefined {
    const { settings, time } = this.#server;
    const { now } = time;
    if (connection.isSuspended) {
      const since = connection.stalledSince;
      return since !== 0 && now - since > limits.STALLED_READER_SECONDS ? 'reader_timeout' : undefined;
    }
    const { stateName, unfinishedSince } = connection;
    if (!connection.isOpen || stateName === 'conn_watch') return undefined;
    const { starvedSince } = connection;
    if (starvedSince !== 0 && now - starvedSince > limits.CONN_MEMORY_PAUSE_SECONDS) return 'memory_limit';
    const { idleTimeout } = settings.extended;
    if (stateName === 'conn_nread' || stateName === 'conn_swallow') {
      const secondsMax = Math.min(limits.STALLED_SENDER_SECONDS, idleTimeout || Infinity);
      if (now - connection.lastDataAt > secondsMax) return 'value_timeout';
      // What is skipped holds nothing.
      if (stateName === 'conn_swallow') return undefined;
      const earned = connection.valueBytesHere / limits.VALUE_BYTES_PER_SECOND_MIN;
      return now - connection.lastCommandAt > secondsMax + earned ? 'value_timeout' : undefined;
    }
    if (unfinishedSince !== 0 && now - unfinishedSince > limits.UNFINISHED_LINE_SECONDS) return 'line_timeout';
    return idleTimeout === 0 || now - connection.lastCommandAt <= idleTimeout ? undefined : 'idle_timeout';
  }

  /** What memcached leaves to its LRU maintainer, a step of it. */
  #maintainLru(): void {
    const { settings, store, time } = this.#server;
    if (settings.extended.lruMaintainer) store.policy.maintain(time.now, LRU_MOVES);
  }

  /** What memcached leaves to its LRU crawler, a step of it; returns when the next one is due, if that is soon. */
  #crawl(): number | undefined {
    const { lruCrawler, lruCrawlerSleep, lruCrawlerTocrawl } = this.#server.settings.extended;
    if (!lruCrawler) return undefined;
    const sleepsPerStep = (CRAWL_INTERVAL_MS * 1000) / lruCrawlerSleep;
    const chunks = Math.min(CRAWL_CHUNKS, Math.ceil(sleepsPerStep * CRAWLS_PER_SLEEP));
    return this.#server.crawler.step(chunks, lruCrawlerTocrawl || Infinity, CRAWL_FREED) ? CRAWL_SOON_MS : undefined;
  }
}
