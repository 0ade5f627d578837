/**
 * The example this project grew from: squares that are slow to compute, and faster with every run, as more of them are
 * in the cache. Pure but for the cache, the clock and the waiting that it is given.
 *
 * With 5001 numbers and 2000 requests a run, the share of hits rises from 18 % in the first run to 98 % in the tenth:
 * what remains then is the way to the cache and back.
 */
import { FleetError } from '../base/errors.ts';

/** What the example needs of a cache; a fleet has it. */
export interface SquaresCache {
  get(key: string): Promise<unknown>;
  set(key: string, value: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
}

export interface SquaresOptions {
  cache: SquaresCache;
  /** Monotonic, in milliseconds. */
  monotonicMs: () => number;
  /** 0 ≤ x < 1. */
  random: () => number;
  /** Waits for so many milliseconds: the work that squaring stands for. */
  work: (durationMs: number) => Promise<unknown>;
  /** Keep what earlier programs left under the example's keys, instead of beginning with none of it. */
  warm?: boolean;
}

/** How many runs one program makes. */
export const RUN_COUNT = 10;
/** Requests of one run, one after another. */
export const REQUESTS_PER_RUN = 2000;
/** The largest number that is squared; the least is 0. */
export const NUMBER_MAX = 5000;
/** What squaring takes when the cache does not have it. */
const WORK_MS = 1;

/**
 * Makes ten runs and gives the duration of each, in milliseconds, as it ends.
 *
 * @throws FleetError BAD_VALUE if the cache has something else under a key than the square
 */
export async function* squares(options: SquaresOptions): AsyncGenerator<number, void, void> {
  if (options.warm !== true) await forget(options.cache);
  for (let run = 0; run < RUN_COUNT; run += 1) {
    const startMs = options.monotonicMs();
    for (let request = 0; request < REQUESTS_PER_RUN; request += 1) {
      await square(Math.floor(options.random() * (NUMBER_MAX + 1)), options);
    }
    yield options.monotonicMs() - startMs;
  }
}

async function square(n: number, { cache, work }: SquaresOptions): Promise<number> {
  const key = `sq:${n}`;
  const known = await cache.get(key);
  // A program in another language may have stored it as text.
  if (known !== undefined && Number(known) !== n * n) {
    throw new FleetError('BAD_VALUE', `${key} is ${JSON.stringify(known)}, expected ${n * n}`);
  }
  if (known !== undefined) return n * n;
  await work(WORK_MS);
  await cache.set(key, n * n);
  return n * n;
}

async function forget(cache: SquaresCache): Promise<void> {
  await Promise.all(Array.from({ length: NUMBER_MAX + 1 }, (_, n) => cache.delete(`sq:${n}`)));
}

/** The line that the example prints, for example `Ten successive runs: 2.75s 1.98s 0.55s`. */
export function squaresLine(durationsMs: readonly number[]): string {
  return `Ten successive runs: ${durationsMs.map((durationMs) => `${(durationMs / 1000).toFixed(2)}s`).join(' ')}`;
}
