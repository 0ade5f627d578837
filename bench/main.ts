/**
 * `npm run bench`: ours beside the real memcached. This file reads the flags, finds the servers, and calls the part
 * that was asked for; `docs/performance.md` says how to read what it prints.
 */
import { compare } from './compare.ts';
import { compareReport } from './harness/compare-report.ts';
import { describeMachine, type Machine } from './harness/machine.ts';
import { readOptions, USAGE, type BenchOptions } from './harness/options.ts';
import { canPin } from './harness/processes.ts';
import { headText, recordResult, resultHead } from './harness/record.ts';
import type { Subject } from './harness/server.ts';
import { findSubjects } from './harness/subjects.ts';

/** sysexits.h: wrong usage. */
const EXIT_USAGE = 64;

/** What a part of the benchmark gets. */
export interface BenchContext {
  readonly options: BenchOptions;
  readonly subjects: readonly Subject[];
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

const PARTS: Record<string, (context: BenchContext) => Promise<BenchOutcome>> = {
  async compare({ subjects, options, pin, say }) {
    const workloads = await compare(subjects, options, pin, say);
    const text = options.smoke
      ? `smoke: every answer of ${subjects.map(({ name }) => name).join(' and ')} to ${workloads.length} workloads was right`
      : compareReport(workloads, subjects, options.rounds);
    return { data: { workloads }, text };
  },
};

/** Progress goes to standard error, so that standard output is the report. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  let read: ReturnType<typeof readOptions>;
  try {
    read = readOptions(args);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    return EXIT_USAGE;
  }
  if (read === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const { part, options } = read;
  const run = PARTS[part];
  if (run === undefined) {
    process.stderr.write(`bench: there is no part ${part}; there are ${Object.keys(PARTS).join(', ')}\n`);
    return EXIT_USAGE;
  }
  const pin = canPin();
  const machine = describeMachine(pin);
  const subjects = findSubjects(options);
  const head = resultHead(part, machine, subjects);
  process.stdout.write(`${headText(head)}\n`);
  const { data, text } = await run({ options, subjects, pin, machine, say });
  process.stdout.write(`${text}\n`);
  for (const path of recordResult(options, head, data, text)) say(`written: ${path}`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
