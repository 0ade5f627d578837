/**
 * `npm run bench -- latency`: does anything ever stop the server? Millions of items, half load, and everything that
 * might take long at once happening under it: the hash table grows, all items expire, everything is flushed.
 *
 * All latencies are of the open loop, so a stop of 5 ms shows as a maximum of at least 5 ms and as all the requests
 * that were due during it. The load's own lateness stands beside: on a busy machine it is the reason.
 */
import type { OpenLoopResult } from './load/target.ts';
import type { Workload } from './load/workload.ts';
import { coresOf, type BenchContext, type BenchOutcome } from './harness/context.ts';
import { LoadProcess } from './harness/load-process.ts';
import { askOnce, startServer, type RunningServer, type Subject } from './harness/server.ts';
import { roundOrder } from './harness/statistics.ts';
import { figure, table } from './harness/table.ts';

/** Five million items of 100 bytes take memcached 0.9 GiB. */
const MEMORY_MEGABYTES = 1536;
const ROUNDS = 2;
const SECONDS = 20;
/** Share of the slowest server's throughput. */
const LOAD = 0.5;

/** One scenario on one server in one round. */
export interface LatencyResult extends OpenLoopResult {
  readonly server: string;
  readonly scenario: string;
}

function workloadOf(items: number, operations: Workload['operations']): Workload {
  return {
    name: 'latency',
    title: 'latency',
    connections: 50,
    pipeline: 1,
    operations,
    items,
    keyBytes: 20,
    sizes: { kind: 'fixed', bytes: 100 },
    complete: false,
  };
}

const MIXED: Workload['operations'] = [
  ['get', 10],
  ['set', 1],
];

export async function latency(context: BenchContext): Promise<BenchOutcome> {
  const { subjects, options, say } = context;
  const load = new LoadProcess(coresOf(context).load, options.loadRuntime);
  const results: LatencyResult[] = [];
  try {
    const ratePerSecond = options.rate ?? (await halfLoad(context, load));
    for (let round = 0; round < (options.rounds ?? ROUNDS); round++) {
      for (const subject of roundOrder(subjects, round)) {
        for (const result of await scenarios(context, load, subject, ratePerSecond)) {
          results.push(result);
          say(`${subject.name}, ${result.scenario}: p99.9 ${figure(result.p999Us)} µs, max ${figure(result.maxUs)} µs`);
        }
      }
    }
  } finally {
    load.close();
  }
  return { data: { latency: results }, text: latencyText(results) };
}

/** Half of what the slowest server can do. */
async function halfLoad(context: BenchContext, load: LoadProcess): Promise<number> {
  await load.ask('prepare', { workload: workloadOf(10_000, MIXED) });
  let slowest = Number.POSITIVE_INFINITY;
  for (const subject of context.subjects) {
    const { name } = subject;
    const server = await startServer(subject, coresOf(context).server, MEMORY_MEGABYTES);
    try {
      await load.ask('open', { name, address: server.address, pid: server.pid });
      const { operationsPerSecond } = await load.ask('closedLoop', { name, warmupSeconds: 1.5, seconds: 2 });
      slowest = Math.min(slowest, operationsPerSecond);
      await load.ask('close', { name });
    } finally {
      await server.stop();
    }
  }
  return slowest * LOAD;
}

async function scenarios(
  context: BenchContext,
  load: LoadProcess,
  subject: Subject,
  ratePerSecond: number,
): Promise<LatencyResult[]> {
  const { items } = context.options;
  const seconds = context.options.seconds ?? SECONDS;
  const { name } = subject;
  const server = await startServer(subject, coresOf(context).server, MEMORY_MEGABYTES);
  const open = (): Promise<object> => load.ask('open', { name, address: server.address, pid: server.pid });
  const run = async (scenario: string, runSeconds: number): Promise<LatencyResult> => ({
    server: name,
    scenario,
    ...(await load.ask('openLoop', { name, ratePerSecond, warmupSeconds: 0.5, seconds: runSeconds })),
  });
  try {
    await load.ask('prepare', { workload: workloadOf(items, [['set', 1]]) });
    await open();
    const results = [await run('growth', seconds)];
    await load.ask('prepare', { workload: workloadOf(items, MIXED) });
    await open();
    await load.ask('fill', { name, from: 0, to: items });
    results.push(await run('steady', seconds));
    const flushed = flushAfter(server, seconds / 2);
    results.push(await run('flush_all', seconds));
    await flushed;
    // Everything expires in the middle of the run, in as many seconds as filling took.
    const ttlSeconds = Math.ceil(seconds / 2);
    const fillSeconds = (await load.ask('fill', { name, from: 0, to: items, ttlSeconds })).seconds;
    results.push(await run('expiry', Math.max(seconds, ttlSeconds + fillSeconds)));
    return results;
  } finally {
    await load.ask('close', { name }).catch(() => ({}));
    await server.stop();
  }
}

async function flushAfter(server: RunningServer, seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await askOnce(server.address, 'flush_all\r\n');
}

function latencyText(results: readonly LatencyResult[]): string {
  const rows = results.map((result) => [
    `${result.scenario}, ${result.server}`,
    figure(result.ratePerSecond),
    figure(result.p50Us),
    figure(result.p99Us),
    figure(result.p999Us),
    figure(result.p9999Us),
    figure(result.maxUs),
    figure(result.lateP999Us),
    result.byMs.slice(1).join(' ') || '0',
  ]);
  const head = [
    'scenario',
    'op/s',
    'p50 µs',
    'p99 µs',
    'p99.9 µs',
    'p99.99 µs',
    'max µs',
    'sent late p99.9',
    '≥ 1 2 4 8 … ms',
  ];
  return table(head, rows);
}
