/**
 * What a daemon's statistics are after they were read: flat maps of text as they came over the wire, and those of
 * `stats items`, `stats slabs` and `stats conns` taken apart by slab class or connection. Pure.
 */

/** A block of statistics as the daemon sent it, in its order: name → text. */
export type Stats = ReadonlyMap<string, string>;

/** Statistics of which some belong to a class, such as `items:1:number`, and some to none, such as `active_slabs`. */
export interface ClassStats {
  readonly totals: Stats;
  /** Class id → name → text. */
  readonly classes: ReadonlyMap<string, Stats>;
}

/** One collection. */
export interface Snapshot {
  readonly general: Stats;
  readonly settings: Stats;
  readonly items: ClassStats;
  readonly slabs: ClassStats;
}

/** `items:1:number`, `1:chunk_size` and, of `stats conns`, `26:addr`. */
const CLASS_STAT = /^(?:items:)?(\d{1,10}):(.+)$/;

/** Takes a block apart by the number that its names begin with. */
export function byClass(stats: Stats): ClassStats {
  const totals = new Map<string, string>();
  const classes = new Map<string, Map<string, string>>();
  for (const [name, text] of stats) {
    const [, id, rest] = CLASS_STAT.exec(name) ?? [];
    if (id === undefined || rest === undefined) {
      totals.set(name, text);
      continue;
    }
    const inClass = classes.get(id) ?? new Map<string, string>();
    classes.set(id, inClass.set(rest, text));
  }
  return { totals, classes };
}

/** A number as JSON writes it; so `007` and `1.6.38` are texts. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d{0,19})(?:\.\d{1,20})?$/;

/** Versions stay texts even where they look like a number, as `1.6` would. */
const TEXT_STATS: ReadonlySet<string> = new Set(['version', 'libevent', 'memfleet_version']);

/** What a statistic is in JSON. Integers beyond 2^53 are bigints, so that none of their digits is lost. */
export type StatValue = number | bigint | string;

/** The value of a statistic: a number if it is one, else the text as it came. */
function statValue(name: string, text: string): StatValue {
  if (TEXT_STATS.has(name) || !JSON_NUMBER.test(text)) return text;
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(text.split('.')[0] ?? text) : number;
}

/** Statistics as an object for {@link stringifyStats}. */
export type StatsObject = { [name: string]: StatValue | StatsObject };

export function statsObject(stats: Stats): StatsObject {
  return Object.fromEntries([...stats].map(([name, text]) => [name, statValue(name, text)]));
}

/** Class statistics as an object: one object for each class id, and the totals beside them. */
export function classStatsObject(stats: ClassStats): StatsObject {
  const classes = [...stats.classes].map(([id, inClass]): [string, StatsObject] => [id, statsObject(inClass)]);
  return { ...Object.fromEntries(classes), ...statsObject(stats.totals) };
}

/** JSON of statistics. A bigint is written with all its digits, as the JSON number that it is. */
export function stringifyStats(body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? rawJson(String(value)) : value));
}

/** ES2025's JSON.rawJSON, which Node has and the type library does not have yet. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON(text);
}
