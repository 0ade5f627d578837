/**
 * `npm run bench -- policies`: what the eviction policies reach on the traces in their pure form, what could be reached
 * at all, and what the daemon's store makes of it; in one process, in seconds a trace. And how the traces compare with
 * what was published of their sources.
 */
import type { BenchContext, BenchOutcome } from '../harness/context.ts';
import { table } from '../harness/table.ts';
import { figuresOf, readColumns, type TraceColumns } from './columns.ts';
import { openTrace, percent, traceNames } from './eviction.ts';
import { replayInProcess } from './in-process.ts';
import { beladyModel, lruModel, s3FifoModel } from './models.ts';

const MEBIBYTE = 1 << 20;

/** The columns of the report: title, and the hits with so much memory. */
const REPLAYS: readonly (readonly [string, (columns: TraceColumns, memoryMegabytes: number) => number])[] = [
  ['pure LRU', (columns, megabytes) => lruModel(columns, megabytes * MEBIBYTE)],
  ['pure S3-FIFO, two reads', (columns, megabytes) => s3FifoModel(2)(columns, megabytes * MEBIBYTE)],
  ['pure S3-FIFO, one read', (columns, megabytes) => s3FifoModel(1)(columns, megabytes * MEBIBYTE)],
  ['knowing the future', (columns, megabytes) => beladyModel(columns, megabytes * MEBIBYTE)],
  ['store, lru', (columns, megabytes) => replayInProcess(columns, 'lru', megabytes).hits],
  ['store, s3fifo', (columns, megabytes) => replayInProcess(columns, 's3fifo', megabytes).hits],
];

export async function policies({ options, say }: BenchContext): Promise<BenchOutcome> {
  const names = options.traces.length > 0 ? options.traces : traceNames();
  const figures: string[][] = [];
  const rows: string[][] = [];
  const data: object[] = [];
  for (const name of names) {
    const columns = await readColumns(openTrace(name, options.requests));
    const { compulsory, onceInAll, onceInTenth, onceInHundredth } = figuresOf(columns);
    const shares = [compulsory, onceInAll, onceInTenth, onceInHundredth];
    figures.push([name, columns.length.toLocaleString('en-US'), ...shares.map(percent)]);
    for (const megabytes of options.memory.length > 0 ? options.memory : columns.trace.memoryMegabytes) {
      const ratios = REPLAYS.map(([, hits]) => hits(columns, megabytes) / columns.length);
      rows.push([`${name}, -m ${megabytes}`, ...ratios.map(percent)]);
      data.push({ trace: name, memoryMegabytes: megabytes, titles: REPLAYS.map(([title]) => title), ratios });
      say(`${name}, -m ${megabytes}: ${ratios.map(percent).join(' ')}`);
    }
  }
  const onceTitles = ['keys that come once', 'in a tenth', 'in a hundredth'];
  const text = [
    table(['trace', ...REPLAYS.map(([title]) => title)], rows),
    'Hit ratios in percent. The pure policies have no pages and size classes, and each item takes its size.',
    table(['trace', 'requests', 'compulsory misses', ...onceTitles], figures),
    'In percent of requests and of keys. A tenth is the beginning of the trace that has a tenth of its keys.',
  ].join('\n\n');
  return { data: { policies: data }, text };
}
