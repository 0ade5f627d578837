/**
 * `npm run bench -- eviction`: traces replayed over the wire on ours, under each eviction policy asked for, and on the
 * real memcached, with the same `-m`; hit ratios in one table.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coresOf, type BenchContext, type BenchOutcome } from '../harness/context.ts';
import { ROOT } from '../harness/machine.ts';
import { startServer, statsOf, type Subject } from '../harness/server.ts';
import { figure, table } from '../harness/table.ts';
import { generateTrace, parseTraceSpec } from './generator.ts';
import { readTrace } from './reader.ts';
import { replay, type ReplayResult } from './replay.ts';
import type { Trace } from './trace.ts';

const TRACES = join(ROOT, 'bench/traces');

/** One trace on one server at one size. */
export interface EvictionResult extends ReplayResult {
  readonly server: string;
  readonly trace: string;
  readonly memoryMegabytes: number;
  /** What the server took for items in the end, by its `stats slabs`; memcached gives a first page beyond `-m` too. */
  readonly takenMegabytes: number;
}

/** Names of the parameter files that come with the repository. */
export function traceNames(): string[] {
  return readdirSync(TRACES)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

/** A trace by the name of its parameter file, or by the path of a file in a public format. @throws Error if neither */
export function openTrace(nameOrPath: string, requests?: number): Trace {
  const path = join(TRACES, `${nameOrPath}.json`);
  if (existsSync(path)) return generateTrace(parseTraceSpec(readFileSync(path, 'utf8'), path), requests);
  if (existsSync(nameOrPath)) return readTrace(nameOrPath, requests);
  throw new Error(`--trace ${nameOrPath}: neither a file nor one of ${traceNames().join(', ')}`);
}

/** Ours once for each policy, the others as they are. */
function withPolicies(subjects: readonly Subject[], policies: readonly string[]): Subject[] {
  return subjects.flatMap((subject) => {
    if (!subject.ours || policies.length === 0) return [subject];
    return policies.map((policy) => ({
      ...subject,
      name: `${subject.name} ${policy}`,
      command: [...subject.command, '--eviction', policy],
    }));
  });
}

export async function eviction(context: BenchContext): Promise<BenchOutcome> {
  const { options, say } = context;
  const subjects = withPolicies(context.subjects, options.policies);
  const names = options.traces.length > 0 ? options.traces : traceNames();
  const traces = names.map((name) => openTrace(name, options.requests));
  const results: EvictionResult[] = [];
  for (const trace of traces) {
    for (const memoryMegabytes of options.memory.length > 0 ? options.memory : trace.memoryMegabytes) {
      for (const subject of subjects) {
        const server = await startServer(subject, coresOf(context).server, memoryMegabytes);
        try {
          const result = await replay(trace, server.address);
          const slabs = await statsOf(server.address, 'slabs');
          const takenMegabytes = Number(slabs.get('total_malloced') ?? Number.NaN) / 1048576;
          results.push({ server: subject.name, trace: trace.name, memoryMegabytes, takenMegabytes, ...result });
          say(
            `${trace.name}, -m ${memoryMegabytes}, ${subject.name}: ` +
              `${percent(result.hits / result.requests)} % of ${result.requests} in ${figure(result.seconds)} s`,
          );
        } finally {
          await server.stop();
        }
      }
    }
  }
  const titles = traces.map(({ name, title }) => `- ${name}: ${title}`);
  const text = `${evictionTable(results, subjects)}\n\nHit ratios in percent; points are those to the last column.\n\n${titles.join('\n')}`;
  return { data: { eviction: results }, text };
}

/** A share in percent, to the hundredth. */
export function percent(share: number): string {
  return Number.isFinite(share) ? (share * 100).toFixed(2) : '–';
}

function evictionTable(results: readonly EvictionResult[], subjects: readonly Subject[]): string {
  const measure = subjects.at(-1)?.name;
  const cases = new Map(results.map((result) => [`${result.trace}, -m ${result.memoryMegabytes}`, result]));
  const differences = new Map<string, number[]>();
  const rows = [...cases].map(([title, { trace, memoryMegabytes, requests, distinctKeys }]) => {
    const ratioOf = (server: string | undefined): number => {
      const found = results.find(
        (result) => result.server === server && result.trace === trace && result.memoryMegabytes === memoryMegabytes,
      );
      return found === undefined ? Number.NaN : found.hits / found.requests;
    };
    const cells = subjects.map(({ name }) => {
      const ratio = ratioOf(name);
      if (name === measure) return percent(ratio);
      const points = (ratio - ratioOf(measure)) * 100;
      differences.set(name, [...(differences.get(name) ?? []), points]);
      return `${percent(ratio)} (${points >= 0 ? '+' : ''}${points.toFixed(2)})`;
    });
    return [title, requests.toLocaleString('en-US'), percent(1 - distinctKeys / requests), ...cells];
  });
  const means = subjects.map(({ name }) => {
    const points = differences.get(name);
    if (points === undefined) return '';
    const mean = points.reduce((sum, value) => sum + value, 0) / points.length;
    return `${mean >= 0 ? '+' : ''}${mean.toFixed(2)} points`;
  });
  return table(
    ['trace', 'requests', 'if nothing were evicted', ...subjects.map(({ name }) => name)],
    [...rows, ['mean difference', '', '', ...means]],
  );
}
