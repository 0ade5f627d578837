/** The flags of `npm run bench`, the same for each of its parts. */
import { parseArgs } from 'node:util';

/** What was asked for. */
export interface BenchOptions {
  /** Names of workloads; all if empty. */
  readonly workloads: readonly string[];
  /** Repetitions; each part has its own default. */
  readonly rounds: number | undefined;
  /** Measured seconds of each run; each part has its own default. */
  readonly seconds: number | undefined;
  /** Runtimes of ours to measure, each as a server of its own; `default` is what the daemon takes by itself. */
  readonly runtimes: readonly ('default' | 'node' | 'bun')[];
  /** A revision of ours to measure beside the checkout. */
  readonly base: string | undefined;
  /** Further memcached binaries to measure. */
  readonly peers: readonly string[];
  readonly ours: boolean;
  readonly memcached: boolean;
  readonly latency: boolean;
  /** Requests per second for latencies; half of what the slowest can do if not given. */
  readonly rate: number | undefined;
  readonly smoke: boolean;
  readonly json: string | undefined;
  /** Name under bench/results/ to record the result as. */
  readonly record: string | undefined;
  readonly cores: readonly [server: number, load: number];
  /** The runtime of the load generator; each part has its own default. */
  readonly loadRuntime: string | undefined;
  /** Megabytes for `-m`; each part has its own default. */
  readonly memory: readonly number[];
  /** Eviction policies of ours to replay traces on; the daemon's default if empty. */
  readonly policies: readonly string[];
  /** Traces to replay; all if empty. */
  readonly traces: readonly string[];
  /** Requests of each trace to replay; the trace's own number if not given. */
  readonly requests: number | undefined;
  /** Items for the latency scenarios. */
  readonly items: number;
  /** Idle connections for the soak; its own number if not given. */
  readonly connections: number | undefined;
}

export const USAGE = `npm run bench -- [part] [flags]

parts: compare (default), memory, eviction, policies, latency, startup, soak, micro
  --workload A,B      only these workloads, scenarios --rounds N          repetitions (5)
  --seconds S         measured seconds per run (2)    --runtime LIST      of ours: default, node, bun (default)
  --base REV          measure a revision of ours too  --peer PATH         measure another memcached too
  --no-ours           only the others                 --no-memcached      only ours
  --no-latency        no latencies at a fixed rate    --rate N            requests per second for latencies
  --smoke             correctness only, under 20 s    --json PATH         write the result as JSON
  --record NAME       to bench/results/NAME.{json,md} --cores S,L         cores of server and load (0,1)
  --load-runtime PATH run the load under another Node or Bun
  --memory LIST       -m (memory, eviction, policies) --trace A,B         traces (eviction, policies): names or files
  --requests N        requests per trace (eviction)   --eviction A,B      policies of ours (eviction)
  --items N           items (latency; 5,000,000)      --connections N     idle ones (soak; 10,000)
The real memcached comes from MEMCACHED=path, PATH, or the image memcached:1.6.`;

const FLAGS = {
  workload: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  runtime: { type: 'string' },
  base: { type: 'string' },
  peer: { type: 'string', multiple: true },
  ours: { type: 'boolean', default: true },
  memcached: { type: 'boolean', default: true },
  latency: { type: 'boolean', default: true },
  rate: { type: 'string' },
  smoke: { type: 'boolean', default: false },
  json: { type: 'string' },
  record: { type: 'string' },
  cores: { type: 'string', default: '0,1' },
  'load-runtime': { type: 'string' },
  memory: { type: 'string' },
  eviction: { type: 'string' },
  trace: { type: 'string' },
  requests: { type: 'string' },
  items: { type: 'string' },
  connections: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

function list(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').filter((part) => part !== '');
}

function positive(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag} ${text}: needs a number above 0`);
  return value;
}

/**
 * Reads the flags.
 * @returns the part's name and the options, or undefined if help was asked for
 * @throws Error naming the flag that is wrong
 */
export function readOptions(args: readonly string[]): { part: string; options: BenchOptions } | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: FLAGS,
    allowPositionals: true,
    allowNegative: true,
  });
  if (values.help) return undefined;
  const runtimes = list(values.runtime ?? 'default').map((name) => (name === 'auto' ? 'default' : name));
  for (const name of runtimes) {
    if (name !== 'default' && name !== 'node' && name !== 'bun')
      throw new Error(`--runtime ${name}: default, node or bun`);
  }
  const [server = 0, load = 1] = list(values.cores).map(Number);
  return {
    part: positionals[0] ?? 'compare',
    options: {
      workloads: list(values.workload),
      rounds: positive(values.rounds, 'rounds'),
      seconds: positive(values.seconds, 'seconds'),
      runtimes: runtimes as BenchOptions['runtimes'],
      base: values.base,
      peers: values.peer ?? [],
      ours: values.ours,
      memcached: values.memcached,
      latency: values.latency,
      rate: positive(values.rate, 'rate'),
      smoke: values.smoke,
      json: values.json,
      record: values.record,
      cores: [server, load],
      loadRuntime: values['load-runtime'],
      memory: list(values.memory).map((text) => positive(text, 'memory') ?? 64),
      policies: list(values.eviction),
      traces: list(values.trace),
      requests: positive(values.requests, 'requests'),
      items: positive(values.items, 'items') ?? 5_000_000,
      connections: positive(values.connections, 'connections'),
    },
  };
}
