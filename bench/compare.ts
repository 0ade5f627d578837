/**
 * The comparison: each workload on each server, alternating, for several rounds.
 *
 * For a workload all its servers run at the same time on the same core, but only one of them has work at a time; the
 * others sleep. The load generator has its connections to all of them open. One round is one run on each.
 */
import type { OpenLoopResult } from './load/open-loop.ts';
import type { ClosedLoopResult } from './load/target.ts';
import { memoryUse } from './load/usage.ts';
import { isAbleTo } from './harness/abilities.ts';
import { compareReport, smokeReport } from './harness/compare-report.ts';
import { coresOf, type BenchContext, type BenchOutcome } from './harness/context.ts';
import { LoadProcess } from './harness/load-process.ts';
import type { BenchOptions } from './harness/options.ts';
import { startServer, type RunningServer } from './harness/server.ts';
import { median, roundOrder } from './harness/statistics.ts';
import { WORKLOADS, type BenchWorkload } from './workloads.ts';

/** `-m` of all servers: enough for every workload, so that nothing is evicted. */
const MEMORY_MEGABYTES = 1024;
const COMPARE_ROUNDS = 5;
const SECONDS = 2;
/** Before the first measured run: time for a just-in-time compiler to see the work. */
const FIRST_WARMUP_SECONDS = 1.5;
const WARMUP_SECONDS = 0.3;
/** Share of the slowest server's throughput at which latencies are measured. */
const LATENCY_LOAD = 0.5;
const SMOKE_SECONDS = 0.1;
const SMOKE_ITEMS_MAX = 2000;
const SMOKE_BATCHES_MAX = 4096;

/** One server's measurements of one workload; one entry per round. */
export interface ServerResult {
  readonly server: string;
  readonly closed: readonly ClosedLoopResult[];
  readonly open: readonly OpenLoopResult[];
  readonly residentBytes: number;
  readonly proportionalBytes: number;
}

export interface WorkloadResult {
  readonly name: string;
  readonly title: string;
  readonly goal?: BenchWorkload['goal'];
  readonly servers: readonly ServerResult[];
  /** Servers that cannot do this, with why. */
  readonly skipped: readonly string[];
}

/** Chooses the workloads. @throws Error naming one that does not exist */
export function chooseWorkloads(options: BenchOptions): BenchWorkload[] {
  for (const name of options.workloads) {
    if (!WORKLOADS.some((workload) => workload.name === name)) {
      throw new Error(`--workload ${name}: there are ${WORKLOADS.map((workload) => workload.name).join(', ')}`);
    }
  }
  const chosen = WORKLOADS.filter(({ name }) => options.workloads.length === 0 || options.workloads.includes(name));
  if (!options.smoke) return chosen;
  return chosen.map((workload) => ({ ...workload, items: Math.min(workload.items, SMOKE_ITEMS_MAX) }));
}

/** Runs the comparison. @throws Error at the first wrong answer of any server */
export async function compare(context: BenchContext): Promise<BenchOutcome> {
  const { options, subjects, say } = context;
  const load = new LoadProcess(coresOf(context).load, options.loadRuntime);
  try {
    const results: WorkloadResult[] = [];
    for (const workload of chooseWorkloads(options)) {
      say(`${workload.name}: ${workload.title}`);
      results.push(await compareOn(workload, context, load));
    }
    const text = options.smoke
      ? smokeReport(results, subjects)
      : compareReport(results, subjects, options.rounds ?? COMPARE_ROUNDS);
    return { data: { workloads: results }, text };
  } finally {
    load.close();
  }
}

async function compareOn(workload: BenchWorkload, context: BenchContext, load: LoadProcess): Promise<WorkloadResult> {
  const { subjects, options, say } = context;
  const servers: RunningServer[] = [];
  const skipped: string[] = [];
  try {
    await load.ask('prepare', {
      workload,
      ...(options.smoke ? { fullCheckEvery: 1, batchesMax: SMOKE_BATCHES_MAX } : {}),
    });
    for (const subject of subjects) {
      const server = await startServer(subject, coresOf(context).server, MEMORY_MEGABYTES);
      servers.push(server);
      if (workload.needs === undefined || (await isAbleTo(server, workload.needs))) continue;
      skipped.push(`${subject.name} does not speak ${workload.needs}`);
      servers.pop();
      await server.stop();
    }
    for (const server of servers) await prepare(server, workload, options, load);
    const closed = await closedRounds(servers, workload, options, load, say);
    const open =
      options.latency && workload.latency ? await openRounds(servers, closed, options, load, say) : undefined;
    return {
      name: workload.name,
      title: workload.title,
      ...(workload.goal === undefined ? {} : { goal: workload.goal }),
      servers: servers.map(({ subject, pid }) => ({
        server: subject.name,
        closed: closed.get(subject.name) ?? [],
        open: open?.get(subject.name) ?? [],
        ...memoryUse(pid),
      })),
      skipped,
    };
  } finally {
    for (const { subject } of servers) await load.ask('close', { name: subject.name }).catch(() => ({}));
    for (const server of servers) await server.stop();
  }
}

/** Opens the connections, sets every key, proves that all are there, and warms the server up. */
async function prepare(
  server: RunningServer,
  workload: BenchWorkload,
  options: BenchOptions,
  load: LoadProcess,
): Promise<void> {
  const { name } = server.subject;
  await load.ask('open', { name, address: server.address, pid: server.pid });
  await load.ask('fill', { name, from: 0, to: workload.items });
  const { asked, held } = await load.ask('probe', { name, count: 1000, from: 0, to: workload.items });
  if (held !== asked) throw new Error(`${name}: only ${held} of ${asked} items are there after they were set`);
  if (!options.smoke) await load.ask('closedLoop', { name, warmupSeconds: FIRST_WARMUP_SECONDS, seconds: 0.1 });
}

async function closedRounds(
  servers: readonly RunningServer[],
  workload: BenchWorkload,
  options: BenchOptions,
  load: LoadProcess,
  say: (line: string) => void,
): Promise<Map<string, ClosedLoopResult[]>> {
  const results = new Map<string, ClosedLoopResult[]>(servers.map(({ subject }) => [subject.name, []]));
  const counts = workload.operations.every(([operation]) => operation === 'incr');
  for (let round = 0; round < (options.smoke ? 1 : (options.rounds ?? COMPARE_ROUNDS)); round++) {
    for (const server of roundOrder(servers, round)) {
      const { name } = server.subject;
      const before = counts ? (await load.ask('counters', { name })).sum : 0;
      const result = await load.ask('closedLoop', {
        name,
        warmupSeconds: options.smoke ? 0 : WARMUP_SECONDS,
        seconds: options.smoke ? SMOKE_SECONDS : (options.seconds ?? SECONDS),
      });
      if (!(result.operations > 0)) throw new Error(`${name}: no request was answered`);
      if (counts) await checkCounters(server, before, load);
      results.get(name)?.push(result);
      say(
        `  ${name}: ${result.serverCpuUs.toFixed(2)} µs/op, ${Math.round(result.operationsPerSecond)} op/s, ` +
          `server ${Math.round(result.serverBusy * 100)} % busy`,
      );
    }
  }
  return results;
}

/** Every increment must have counted exactly once. */
async function checkCounters(server: RunningServer, before: number, load: LoadProcess): Promise<void> {
  const { name } = server.subject;
  const { sum, operations } = await load.ask('counters', { name });
  if (sum - before !== operations) {
    throw new Error(`${name}: the counters rose by ${sum - before}, but ${operations} increments were answered`);
  }
}

async function openRounds(
  servers: readonly RunningServer[],
  closed: ReadonlyMap<string, readonly ClosedLoopResult[]>,
  options: BenchOptions,
  load: LoadProcess,
  say: (line: string) => void,
): Promise<Map<string, OpenLoopResult[]>> {
  const results = new Map<string, OpenLoopResult[]>(servers.map(({ subject }) => [subject.name, []]));
  const slowest = Math.min(...[...closed.values()].map((runs) => median(runs.map((run) => run.operationsPerSecond))));
  const ratePerSecond = options.rate ?? slowest * LATENCY_LOAD;
  for (let round = 0; round < (options.smoke ? 1 : (options.rounds ?? COMPARE_ROUNDS)); round++) {
    for (const { subject } of roundOrder(servers, round)) {
      const result = await load.ask('openLoop', {
        name: subject.name,
        ratePerSecond,
        warmupSeconds: options.smoke ? 0 : WARMUP_SECONDS,
        seconds: options.smoke ? SMOKE_SECONDS : (options.seconds ?? SECONDS),
      });
      results.get(subject.name)?.push(result);
      say(
        `  ${subject.name}: at ${Math.round(result.ratePerSecond)} op/s p50 ${Math.round(result.p50Us)} µs, ` +
          `p99 ${Math.round(result.p99Us)}, p99.9 ${Math.round(result.p999Us)}`,
      );
    }
  }
  return results;
}
