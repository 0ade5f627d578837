/**
 * `npm run bench -- memory`: how much a cache holds when it is full, what it takes for that, and how long filling takes.
 *
 * Keys are set in order until the server evicts, and a tenth more; then what is still there is counted twice, by the
 * server's own `curr_items` and by asking for a sample of all keys with every byte of every value compared.
 */
import { memoryUse } from './load/usage.ts';
import type { SizeSpec } from './load/random.ts';
import { coresOf, type BenchContext, type BenchOutcome } from './harness/context.ts';
import { LoadProcess } from './harness/load-process.ts';
import { startServer, statsOf, type Subject } from './harness/server.ts';
import { figure, mebibytes, table } from './harness/table.ts';
import { CLUSTER_52 } from './workloads.ts';

const MEMORY_MEGABYTES = [64, 1024];
const KEY_BYTES = 20;
/** Keys that are asked for to estimate how many are held. */
const PROBED_KEYS = 50_000;
/** Filling goes on for this share of the items after the first eviction, so that the state is that of a cache in use. */
const AFTER_FULL = 0.1;
/** A cache that has not evicted after this many times its memory in keys and values does not keep to its limit. */
const GIVE_UP = 2;
const GOAL_ITEMS = 1.05;
/** Resident memory that memfleet may take at `-m 1024`: 5 % and 90 MiB over. */
const goalResidentBytes = (megabytes: number): number => (megabytes * 1.05 + 90) * 1_048_576;

interface MemoryCase {
  readonly name: string;
  readonly sizes: SizeSpec;
  readonly meanBytes: number;
}

const CASES: readonly MemoryCase[] = [
  ...[10, 100, 1024, 4096, 51_200].map((bytes) => ({
    name: bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`,
    sizes: { kind: 'fixed', bytes } as const,
    meanBytes: bytes,
  })),
  { name: 'mix', sizes: CLUSTER_52.sizes, meanBytes: CLUSTER_52.sizes.meanBytes },
];

/** One server filled with values of one kind. */
export interface MemoryResult {
  readonly server: string;
  readonly values: string;
  readonly memoryMegabytes: number;
  readonly items: number;
  /** The same by asking for a sample of the keys. */
  readonly itemsProbed: number;
  readonly emptyResidentBytes: number;
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  /** Until the first eviction. */
  readonly fillSeconds: number;
  readonly evictions: number;
}

export async function memory(context: BenchContext): Promise<BenchOutcome> {
  const { subjects, options, say } = context;
  const sizes = options.memory.length > 0 ? options.memory : options.smoke ? [64] : MEMORY_MEGABYTES;
  const chosen = CASES.filter(({ name }) => options.workloads.length === 0 || options.workloads.includes(name));
  const load = new LoadProcess(coresOf(context).load, options.loadRuntime);
  const results: MemoryResult[] = [];
  try {
    for (const megabytes of sizes) {
      for (const one of chosen) {
        for (const subject of subjects) {
          const result = await fillOne(context, load, subject, one, megabytes);
          results.push(result);
          say(
            `-m ${megabytes}, ${one.name}, ${subject.name}: ${figure(result.items)} items, ` +
              `${mebibytes(result.residentBytes)} MiB resident, ${figure(result.fillSeconds)} s`,
          );
        }
      }
    }
  } finally {
    load.close();
  }
  return { data: { memory: results }, text: memoryTable(results, subjects) };
}

async function fillOne(
  context: BenchContext,
  load: LoadProcess,
  subject: Subject,
  one: MemoryCase,
  memoryMegabytes: number,
): Promise<MemoryResult> {
  const limitBytes = memoryMegabytes * 1_048_576;
  const mostItems = Math.ceil((GIVE_UP * limitBytes) / (one.meanBytes + KEY_BYTES));
  const step = Math.max(100, Math.ceil(mostItems / 100));
  const { name } = subject;
  await load.ask('prepare', {
    workload: {
      name: one.name,
      title: one.name,
      connections: 1,
      pipeline: 1,
      operations: [['get', 1]],
      items: mostItems,
      keyBytes: KEY_BYTES,
      sizes: one.sizes,
      complete: false,
    },
    batchesMax: 1,
  });
  const server = await startServer(subject, coresOf(context).server, memoryMegabytes);
  try {
    const emptyResidentBytes = memoryUse(server.pid).residentBytes;
    await load.ask('open', { name, address: server.address, pid: server.pid });
    const stat = async (key: string): Promise<number> => Number((await statsOf(server.address)).get(key) ?? Number.NaN);
    let set = 0;
    let fillSeconds = 0;
    while ((await stat('evictions')) === 0 && set < mostItems) {
      fillSeconds += (await load.ask('fill', { name, from: set, to: set + step })).seconds;
      set += step;
    }
    const more = Math.ceil(set * AFTER_FULL);
    await load.ask('fill', { name, from: set, to: set + more });
    set += more;
    const { asked, held } = await load.ask('probe', { name, count: PROBED_KEYS, from: 0, to: set });
    return {
      server: name,
      values: one.name,
      memoryMegabytes,
      items: await stat('curr_items'),
      itemsProbed: Math.round((held / asked) * set),
      emptyResidentBytes,
      ...memoryUse(server.pid),
      fillSeconds,
      evictions: await stat('evictions'),
    };
  } finally {
    await load.ask('close', { name }).catch(() => ({}));
    await server.stop();
  }
}

function memoryTable(results: readonly MemoryResult[], subjects: readonly Subject[]): string {
  const measure = subjects.at(-1)?.name;
  const rows = results.map((result) => {
    const { server, values, memoryMegabytes, items, itemsProbed, residentBytes, fillSeconds } = result;
    const isOurs = subjects.some((subject) => subject.ours && subject.name === server);
    const base = results.find(
      (other) => other.server === measure && other.values === values && other.memoryMegabytes === memoryMegabytes,
    );
    const ratio = items / (base?.items ?? Number.NaN);
    const goals = [ratio >= GOAL_ITEMS ? 'items met' : `items missed (≥ ${GOAL_ITEMS})`];
    if (memoryMegabytes >= 1024) {
      goals.push(residentBytes <= goalResidentBytes(memoryMegabytes) ? 'memory met' : 'memory missed (≤ 5 % + 90 MiB)');
    }
    return [
      `-m ${memoryMegabytes}, ${values}`,
      server,
      figure(items),
      figure(itemsProbed),
      server === measure ? '' : figure(ratio),
      mebibytes(residentBytes),
      figure(residentBytes / 1_048_576 - memoryMegabytes),
      figure(fillSeconds),
      isOurs && base !== undefined ? goals.join(', ') : '',
    ];
  });
  const head = ['full of values', 'server', 'items', 'by probing', 'ratio', 'RSS MiB', 'above -m', 'fill s', 'goals'];
  return table(head, rows);
}
