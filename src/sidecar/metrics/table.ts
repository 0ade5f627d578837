/**
 * The form of the metric tables: a metric is a row of data that says which statistics it is read from, and
 * `evaluate.ts` is the only code that knows how to read one.
 */

/** Which block of statistics a row reads: `general` is plain `stats`. */
export type Block = 'general' | 'settings' | 'items' | 'slabs';

/** Where one sample of a metric comes from. */
export interface Sample {
  /** The statistic whose value this is. */
  readonly stat: string;
  /** Default: the block of the row's group. */
  readonly block?: Block;
  /** Statistics that are subtracted; the result is never below 0. */
  readonly minus?: readonly string[];
  /** `yesNo`: `yes` is 1 and `no` is 0. `label`: the value is 1 and the text is the value of the label of that name. */
  readonly as?: 'number' | 'yesNo' | { readonly label: string };
  readonly labels?: Readonly<Record<string, string>>;
}

/** One metric. A sample whose statistic is absent or not a number is left out, and a metric without samples too. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Metrics that are read in the same way. */
export interface MetricGroup {
  readonly block: Block;
  /** `slab`: once for each slab class, with the label `slab`, from `stats items` and `stats slabs`. */
  readonly per: 'node' | 'slab';
  /** Read the group only if this statistic is there and, if `equals` is given, has that value. */
  readonly when?: { readonly block: Block; readonly stat: string; readonly equals?: string };
  readonly metrics: readonly Metric[];
}

/** A row that only goes up, read from one statistic. */
export function counter(name: string, stat: string | readonly Sample[], help: string): Metric {
  return { name, type: 'counter', help, samples: samplesOf(stat) };
}

/** A row that goes up and down, read from one statistic. */
export function gauge(name: string, stat: string | readonly Sample[], help: string): Metric {
  return { name, type: 'gauge', help, samples: samplesOf(stat) };
}

function samplesOf(stat: string | readonly Sample[]): readonly Sample[] {
  return typeof stat === 'string' ? [{ stat }] : stat;
}

/** The commands that memcached counts hits and misses of. */
export const COUNTED_COMMANDS = ['get', 'delete', 'incr', 'decr', 'cas', 'touch'] as const;
