/** What each part of the benchmark gets, and what it gives back. */
import type { Machine } from './machine.ts';
import type { BenchOptions } from './options.ts';
import type { Subject } from './server.ts';

export interface BenchContext {
  readonly options: BenchOptions;
  /** The servers to compare; the last one is the measure of the others. */
  readonly subjects: readonly Subject[];
  /** Whether processes are pinned to cores. */
  readonly pin: boolean;
  readonly machine: Machine;
  /** Says what is going on; to standard error, so that standard output is the report. */
  readonly say: (line: string) => void;
}

/** A part's outcome: what is recorded, and the report for people. */
export interface BenchOutcome {
  readonly data: object;
  readonly text: string;
}

/** A part of the benchmark. @throws Error if a server answers wrongly or does not start */
export type BenchPart = (context: BenchContext) => Promise<BenchOutcome>;

/** The cores for servers and load, undefined where processes are not pinned. */
export function coresOf({ pin, options }: BenchContext): { server: number | undefined; load: number | undefined } {
  return { server: pin ? options.cores[0] : undefined, load: pin ? options.cores[1] : undefined };
}
