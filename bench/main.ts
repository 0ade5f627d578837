/**
 * `npm run bench`: ours beside the real memcached. This file reads the flags, finds the servers, and calls the part
 * that was asked for; `docs/performance.md` says how to read what it prints.
 */
import { compare } from './compare.ts';
import { eviction } from './eviction/eviction.ts';
import { policies } from './eviction/policies.ts';
import type { BenchPart } from './harness/context.ts';
import { describeMachine } from './harness/machine.ts';
import { readOptions, USAGE } from './harness/options.ts';
import { canPin } from './harness/processes.ts';
import { headText, recordResult, resultHead } from './harness/record.ts';
import { findSubjects } from './harness/subjects.ts';
import { latency } from './latency/latency.ts';
import { memory } from './memory.ts';
import { micro } from './micro/micro.ts';
import { soak } from './soak.ts';
import { startup } from './startup.ts';

/** sysexits.h: wrong usage. */
const EXIT_USAGE = 64;

const PARTS: Record<string, BenchPart> = { compare, memory, eviction, policies, latency, startup, soak, micro };

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
