/**
 * `npm run bench -- micro`: the innermost parts alone, in nanoseconds per operation. For finding out which of two ways
 * to write a thing is quicker; what it is worth shows only in the comparison of whole servers.
 */
import { Bench } from 'tinybench';
import type { BenchContext, BenchOutcome } from '../harness/context.ts';
import { figure, table } from '../harness/table.ts';
import { copyTasks } from './copy.ts';
import { parserTasks } from './parser.ts';
import { ringTasks } from './ring.ts';
import { storeTasks } from './store.ts';
import type { MicroTask } from './task.ts';

const SECONDS = 0.5;
const GROUPS: Record<string, () => MicroTask[]> = {
  parser: parserTasks,
  store: storeTasks,
  ring: ringTasks,
  copy: copyTasks,
};

/** Median and 99th percentile of one task, in ns per operation. */
interface MicroResult {
  readonly name: string;
  readonly medianNs: number;
  readonly p99Ns: number;
  readonly samples: number;
}

export async function micro({ options, say }: BenchContext): Promise<BenchOutcome> {
  const results: MicroResult[] = [];
  for (const [group, tasks] of Object.entries(GROUPS)) {
    if (options.workloads.length > 0 && !options.workloads.includes(group)) continue;
    for (const task of tasks()) {
      const bench = new Bench({ time: (options.seconds ?? SECONDS) * 1000, warmupTime: 100, throws: true });
      bench.add(task.name, () => task.run());
      await bench.run();
      const result = bench.tasks[0]?.result;
      if (result === undefined || !('latency' in result)) throw new Error(`${task.name}: nothing was measured`);
      const perOperation = 1e6 / task.operations;
      results.push({
        name: task.name,
        medianNs: result.latency.p50 * perOperation,
        p99Ns: result.latency.p99 * perOperation,
        samples: result.latency.samplesCount,
      });
      say(`${task.name}: ${figure(result.latency.p50 * perOperation)} ns`);
    }
  }
  const rows = results.map(({ name, medianNs, p99Ns, samples }) => [
    name,
    figure(medianNs),
    figure(p99Ns),
    figure(samples),
  ]);
  return { data: { micro: results }, text: table(['what', 'ns, median', 'ns, p99', 'samples'], rows) };
}
