/**
 * Whose fault was it? Finds the times in which a server answered nothing although requests were waiting, and what the
 * server did in each of them:
 *
 *     ran        on the processor: a stop of the server's own
 *     waited     could have run, but another process had its core
 *     neither    asleep, or the machine as a whole was held up
 *
 * The load generator looks again and again (some 100,000 times a second). While it was itself held up it saw nothing, and
 * what came in meanwhile is no proof of a stop: such times are added up as blind. Owns no clock.
 */

/** Silences from here on are looked at more closely: asking how long the server ran costs some µs, mostly its own. */
const SAMPLE_AFTER_MS = 0.2;
/** Time between two such questions in one silence. */
const SAMPLE_EVERY_MS = 0.5;
/** A generator that did not look for longer than this was held up. */
const BLIND_MS = 0.5;
/** The bounds that stops are counted by. */
export const STOP_BOUNDS_MS: readonly number[] = [1, 2, 3, 4, 5, 10, 20, 50];
/** How many of the longest stops are kept. */
const LONGEST_KEPT = 5;

/** What tells how long a server ran: {@link ProcessorClock}, or a test's. */
export interface ServerClock {
  readonly length: number;
  readonly names: readonly string[];
  read(times: Float64Array): void;
}

/** One time without an answer. */
export interface Stop {
  /** Seconds after the run began. */
  readonly atSeconds: number;
  readonly wallMs: number;
  /** Of that the server's threads ran, at most: what lies before the first look counts in full. */
  readonly ranMs: number;
  readonly waitedMs: number;
  /** Which threads ran for how many ms. */
  readonly threads: Readonly<Record<string, number>>;
}

/** What was seen in a run. */
export interface StopSummary {
  /** Silences by the time that the server ran in them, counted from each of {@link STOP_BOUNDS_MS} on. */
  readonly byRan: readonly number[];
  /** The same silences by their whole length. */
  readonly byWall: readonly number[];
  /** Of those of 1 ms and more: how long the server ran, waited for its core, did neither. */
  readonly ranMs: number;
  readonly waitedMs: number;
  readonly neitherMs: number;
  /** How long the load generator was held up while answers may have come in, or a stop begun. */
  readonly blindMs: number;
  /** The stops in which the server ran longest, the longest first. */
  readonly longest: readonly Stop[];
}

export class StopWatch {
  readonly #clock: ServerClock;
  readonly #startMs: number;
  readonly #byRan = STOP_BOUNDS_MS.map(() => 0);
  readonly #byWall = STOP_BOUNDS_MS.map(() => 0);
  #ranMs = 0;
  #waitedMs = 0;
  #neitherMs = 0;
  #blindMs = 0;
  #longest: Stop[] = [];
  #lookedMs: number;
  #answers = 0;
  /** When the present silence began; NaN while nothing is due. */
  #silentSinceMs = Number.NaN;
  /** When the first and the last sample of the present silence were taken; NaN before. */
  #firstMs = Number.NaN;
  #lastMs = Number.NaN;
  readonly #first: Float64Array;
  readonly #last: Float64Array;

  constructor(clock: ServerClock, nowMs: number) {
    this.#clock = clock;
    this.#startMs = this.#lookedMs = nowMs;
    this.#first = new Float64Array(clock.length);
    this.#last = new Float64Array(clock.length);
  }

  /**
   * @param answers that have come in so far
   * @param isDue whether the server has requests to answer
   */
  look(nowMs: number, answers: number, isDue: boolean): void {
    const gapMs = nowMs - this.#lookedMs;
    if (answers !== this.#answers) {
      this.#answered(nowMs, gapMs > BLIND_MS);
      this.#answers = answers;
      this.#begin(isDue ? nowMs : Number.NaN);
    } else if (!isDue) this.#begin(Number.NaN);
    else if (Number.isNaN(this.#silentSinceMs)) this.#begin(nowMs);
    else if (gapMs > BLIND_MS && Number.isNaN(this.#firstMs)) {
      // Silent it was, but nobody asked in time what the server did.
      this.#blindMs += gapMs;
      this.#begin(nowMs);
    } else if (nowMs - (this.#lastMs || this.#silentSinceMs) >= (this.#lastMs ? SAMPLE_EVERY_MS : SAMPLE_AFTER_MS)) {
      this.#sample(nowMs);
    }
    this.#lookedMs = nowMs;
  }

  summary(): StopSummary {
    return {
      byRan: this.#byRan,
      byWall: this.#byWall,
      ranMs: this.#ranMs,
      waitedMs: this.#waitedMs,
      neitherMs: this.#neitherMs,
      blindMs: this.#blindMs,
      longest: this.#longest,
    };
  }

  #begin(sinceMs: number): void {
    this.#silentSinceMs = sinceMs;
    this.#firstMs = this.#lastMs = Number.NaN;
  }

  #sample(nowMs: number): void {
    this.#clock.read(this.#last);
    this.#lastMs = nowMs;
    if (!Number.isNaN(this.#firstMs)) return;
    this.#firstMs = nowMs;
    this.#first.set(this.#last);
  }

  /** Answers came in at a look; somewhere since the look before if that was long ago. */
  #answered(nowMs: number, wasBlind: boolean): void {
    if (wasBlind) this.#blindMs += nowMs - this.#lookedMs;
    if (Number.isNaN(this.#firstMs)) return;
    const endMs = wasBlind ? this.#lastMs : nowMs;
    const wallMs = endMs - this.#silentSinceMs;
    if (wallMs < STOP_BOUNDS_MS[0]) return;
    if (!wasBlind) this.#sample(nowMs);
    this.#count(wallMs);
  }

  #count(wallMs: number): void {
    const { names } = this.#clock;
    const deltas = this.#last.map((value, i) => value - (this.#first[i] ?? 0));
    const sampledMs = names.reduce((sum, _, i) => sum + (deltas[i] ?? 0), 0);
    const ranMs = Math.min(wallMs, this.#firstMs - this.#silentSinceMs + sampledMs);
    const waitedMs = Math.min(wallMs - ranMs, deltas[names.length] ?? 0);
    this.#ranMs += ranMs;
    this.#waitedMs += waitedMs;
    this.#neitherMs += wallMs - ranMs - waitedMs;
    for (const [i, bound] of STOP_BOUNDS_MS.entries()) {
      if (wallMs >= bound) this.#byWall[i]++;
      if (ranMs >= bound) this.#byRan[i]++;
    }
    if (this.#longest.length === LONGEST_KEPT && ranMs <= (this.#longest.at(-1)?.ranMs ?? 0)) return;
    const threads: Record<string, number> = {};
    for (const [i, name] of names.entries()) {
      if ((deltas[i] ?? 0) > 0.05) threads[name] = round((threads[name] ?? 0) + deltas[i]);
    }
    const atSeconds = (this.#silentSinceMs - this.#startMs) / 1000;
    this.#longest.push({
      atSeconds: round(atSeconds),
      wallMs: round(wallMs),
      ranMs: round(ranMs),
      waitedMs: round(waitedMs),
      threads,
    });
    this.#longest.sort((a, b) => b.ranMs - a.ranMs).splice(LONGEST_KEPT);
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
