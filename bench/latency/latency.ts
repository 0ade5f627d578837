/**
 * `npm run bench -- latency`: does anything ever stop the server? Millions of items, half load, and everything that
 * might take long at once happening under it: the hash table grows, all items expire, everything is flushed.
 *
 * All servers hold their items at the same time and are measured in turns of some seconds, the others being halted
 * (SIGSTOP) meanwhile: what the machine does to one it so does to all, and nothing else runs on their core.
 */
import type { OpenLoopResult } from '../load/open-loop.ts';
import { coresOf, type BenchContext, type BenchOutcome } from '../harness/context.ts';
import { LoadProcess } from '../harness/load-process.ts';
import { findBun } from '../harness/processes.ts';
import { startServer, type RunningServer } from '../harness/server.ts';
import { roundOrder } from '../harness/statistics.ts';
import { latencyText, progressLine } from './report.ts';
import { mixedLoad, scenariosOf, type Scenario } from './scenarios.ts';

/** Five million items of 100 bytes take memcached 0.9 GiB. */
const MEMORY_MEGABYTES = 1536;
/** Slices of each scenario and server, and their length. */
const ROUNDS = 5;
const SECONDS = 8;
const WARMUP_SECONDS = 0.5;
/** Share of the slowest server's throughput. */
const LOAD = 0.5;
/** Items by which the throughput is found. */
const RATE_ITEMS = 10_000;
/** Time allowed for filling, as a multiple of what it is expected to take. */
const FILL_RESERVE = 1.3;

/** One slice of a scenario on one server. */
export interface LatencyResult extends OpenLoopResult {
  readonly server: string;
  readonly scenario: string;
}

/** A server while it is the one that is measured. */
type Measure<T> = (server: RunningServer) => Promise<T>;

export async function latency(context: BenchContext): Promise<BenchOutcome> {
  const { subjects, options, say } = context;
  const load = new LoadProcess(coresOf(context).load, options.loadRuntime ?? findBun());
  const results: LatencyResult[] = [];
  const servers: RunningServer[] = [];
  try {
    for (const subject of subjects) {
      servers.push(await startServer(subject, coresOf(context).server, MEMORY_MEGABYTES));
    }
    const ratePerSecond = options.rate ?? (await halfLoad(load, servers));
    for (const scenario of scenariosOf(options.items, options.seconds ?? SECONDS)) {
      if (options.workloads.length > 0 && !options.workloads.includes(scenario.name)) continue;
      await prepare(context, load, servers, scenario);
      for await (const result of slices(context, load, servers, scenario, ratePerSecond)) {
        results.push(result);
        say(progressLine(result));
      }
    }
  } finally {
    load.close();
    for (const server of servers) await server.stop();
  }
  return { data: { latency: results }, text: latencyText(results, subjects) };
}

/** Halts all servers but one, which does something. */
async function alone<T>(servers: readonly RunningServer[], server: RunningServer, measure: Measure<T>): Promise<T> {
  for (const other of servers) process.kill(other.pid, other === server ? 'SIGCONT' : 'SIGSTOP');
  return await measure(server);
}

/** Half of what the slowest server can do. */
async function halfLoad(load: LoadProcess, servers: readonly RunningServer[]): Promise<number> {
  await load.ask('prepare', { workload: mixedLoad(RATE_ITEMS) });
  let slowest = Number.POSITIVE_INFINITY;
  for (const one of servers) {
    const result = await alone(servers, one, async ({ subject: { name }, address, pid }) => {
      await load.ask('open', { name, address, pid });
      return load.ask('closedLoop', { name, warmupSeconds: 1.5, seconds: 2 });
    });
    slowest = Math.min(slowest, result.operationsPerSecond);
  }
  return slowest * LOAD;
}

/** Fills all servers, and opens the connections of the load. */
async function prepare(
  { options, say }: BenchContext,
  load: LoadProcess,
  servers: readonly RunningServer[],
  { name: scenario, workload, filled, expires }: Scenario,
): Promise<void> {
  await load.ask('prepare', { workload });
  const fill = (one: RunningServer, exptime: number): Promise<{ seconds: number }> =>
    alone(servers, one, ({ subject: { name } }) =>
      load.ask('fill', { name, from: 0, to: filled, ttlSeconds: exptime }),
    );
  for (const { subject, address, pid } of servers) {
    process.kill(pid, 'SIGCONT');
    await load.ask('open', { name: subject.name, address, pid });
  }
  let exptime = 0;
  const [first] = servers;
  if (expires && first !== undefined) {
    // Everything expires in the same second, about a third into the measuring: the first fill says how long all will take.
    const fillSeconds = (await fill(first, 0)).seconds * servers.length * FILL_RESERVE;
    const measuredSeconds = (options.rounds ?? ROUNDS) * (options.seconds ?? SECONDS) * servers.length;
    exptime = Math.ceil(Date.now() / 1000 + fillSeconds + measuredSeconds / 3);
  }
  for (const one of servers) await fill(one, exptime);
  say(`${scenario}: ${filled.toLocaleString('en-US')} items set in each server`);
}

/** Measures the servers in turns. */
async function* slices(
  { options }: BenchContext,
  load: LoadProcess,
  servers: readonly RunningServer[],
  { name: scenario, aside }: Scenario,
  ratePerSecond: number,
): AsyncGenerator<LatencyResult> {
  const seconds = options.seconds ?? SECONDS;
  const plan = { ratePerSecond, warmupSeconds: WARMUP_SECONDS, seconds, ...(aside === undefined ? {} : { aside }) };
  for (let round = 0; round < (options.rounds ?? ROUNDS); round++) {
    for (const one of roundOrder(servers, round)) {
      const { name } = one.subject;
      const result = await alone(servers, one, () => load.ask('openLoop', { name, ...plan }));
      yield { server: name, scenario, ...result };
    }
  }
}
