/**
 * Latencies in a log-linear histogram: 128 buckets per power of two, so a value from 0.1 µs to 400 s is known within
 * 0.8 %; recording is a shift and an addition, so it hardly disturbs what it measures.
 */

/** Resolution of a recorded value: 0.1 µs. */
const TICKS_PER_MS = 10_000;
const SUB_BITS = 7;
const SUB_BUCKETS = 1 << SUB_BITS;
const BUCKETS = (33 - SUB_BITS) * SUB_BUCKETS;

function bucketOf(ticks: number): number {
  const shift = Math.max(0, 31 - SUB_BITS - Math.clz32(ticks));
  return shift * SUB_BUCKETS + (ticks >>> shift);
}

/** The highest tick that falls into a bucket. */
function highestOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / SUB_BUCKETS) - 1);
  return (bucket - shift * SUB_BUCKETS + 1) * 2 ** shift - 1;
}

/** What a histogram amounts to; all in microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly p9999Us: number;
  readonly maxUs: number;
  /** How many latencies lay in [1, 2), [2, 4), [4, 8) … ms; the first is everything below 1 ms. */
  readonly byMs: readonly number[];
}

/** Counts durations. Values above 400 s count as 400 s, negative ones as 0. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  readonly #byMs: number[] = Array.from({ length: 20 }, () => 0);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Counts one duration, in milliseconds. */
  record(durationMs: number): void {
    const ms = durationMs > 0 ? durationMs : 0;
    const bucket = bucketOf(Math.min(0xffff_ffff, Math.round(ms * TICKS_PER_MS)) >>> 0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    const octave = ms < 1 ? 0 : Math.min(this.#byMs.length - 1, 1 + Math.floor(Math.log2(ms)));
    this.#byMs[octave] = (this.#byMs[octave] ?? 0) + 1;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** The latency, in µs, that the given share (0 … 1) of all did not exceed; 0 if nothing was recorded. */
  quantileUs(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count - 1e-9));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return Math.min(highestOf(bucket) / 10, this.#maxMs * 1000);
    }
    return 0;
  }

  summary(): LatencySummary {
    const byMs = this.#byMs.slice(0, this.#byMs.findLastIndex((count) => count > 0) + 1);
    return {
      count: this.#count,
      meanUs: this.#count === 0 ? 0 : (this.#sumMs / this.#count) * 1000,
      p50Us: this.quantileUs(0.5),
      p99Us: this.quantileUs(0.99),
      p999Us: this.quantileUs(0.999),
      p9999Us: this.quantileUs(0.9999),
      maxUs: this.#maxMs * 1000,
      byMs,
    };
  }
}
