/**
 * The daemon's second hand. memcached counts time in whole seconds since shortly before its start, and so do we: items
 * hold 32-bit seconds, and a request reads a field instead of asking the system. These seconds are monotonic: a clock that
 * is set moves no expiry and no idle time. What is said in seconds since 1970, and read so, follows the machine's clock,
 * where memcached's stays with what it was at its start (memcached/memcached#278).
 */
import type { Clock } from '../base/clock.ts';
import { EXPTIME_RELATIVE_MAX_SECONDS } from '../base/memcached.ts';

/** memcached's clock starts here (memcached.c, settings_init: ITEM_UPDATE_INTERVAL + 2): no time of an item is ever 0. */
const FIRST_SECOND = 62;

/** By so much the machine's clock must differ from what it was, to be taken for set: it is told to the second. */
const CLOCK_SET_MS = 1000;

/** An exptime second that has passed whatever the time is. */
const LONG_AGO = 1;

export class SecondHand {
  /** Seconds as items count them; moves only with {@link tick}. */
  now = FIRST_SECOND;
  readonly #clock: Clock;
  readonly #startedMs: number;
  /** When the daemon started, in milliseconds since 1970 by the machine's clock as it was set last. */
  #startedUnixMs: number;
  /** The same in whole seconds. */
  #startedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#startedUnixMs = clock.nowMs();
    this.#startedAt = Math.floor(this.#startedUnixMs / 1000);
  }

  /** Reads the clock; called at least once a second. */
  tick(): void {
    const elapsedMs = this.#clock.monotonicMs() - this.#startedMs;
    this.now = FIRST_SECOND + Math.floor(elapsedMs / 1000);
    const startedUnixMs = this.#clock.nowMs() - elapsedMs;
    if (Math.abs(startedUnixMs - this.#startedUnixMs) < CLOCK_SET_MS) return;
    this.#startedUnixMs = startedUnixMs;
    this.#startedAt = Math.floor(startedUnixMs / 1000);
  }

  /** Seconds since the start. */
  get uptime(): number {
    return this.now - FIRST_SECOND;
  }

  /** Seconds since 1970. */
  get unixTime(): number {
    return this.#startedAt + this.uptime;
  }

  /** A second as items count them, in seconds since 1970. */
  unixAt(second: number): number {
    return this.#startedAt + second - FIRST_SECOND;
  }

  /** The time since 1970, for log lines. */
  precise(): { seconds: number; microseconds: number } {
    const nowMs = this.#clock.nowMs();
    const seconds = Math.floor(nowMs / 1000);
    return { seconds, microseconds: Math.floor((nowMs - seconds * 1000) * 1000) };
  }

  /**
   * A client's exptime as the second at which an item expires; 0 = never.
   *
   * @param exptime a signed 32-bit number: 0, seconds from now up to 30 days, an absolute time, or negative for "at once"
   */
  deadline(exptime: number): number {
    if (exptime === 0) return 0;
    if (exptime < 0) return LONG_AGO;
    if (exptime <= EXPTIME_RELATIVE_MAX_SECONDS) return this.now + exptime;
    return Math.max(exptime - this.#startedAt + FIRST_SECOND, LONG_AGO);
  }
}
