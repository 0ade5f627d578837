/**
 * `-o`: memcached's extended options, one row each, with what its `-h` says of them (memcached.c, subopts_tokens). Those
 * without effect here are accepted, so that a command line of memcached's starts us too, and their help says so. Pure.
 */
import type { ExtendedSettings, TlsSettings } from '../settings.ts';
import { TLS_SUBOPTIONS } from './tls.ts';
import { bad, fraction, integer, oneOf } from './values.ts';
import { suboptionsOf } from './words.ts';

/** What `ssl_…` said so far. */
export type TlsDraft = Partial<TlsSettings>;

export interface Suboption {
  name: string;
  /** Name of the value, if it takes one. */
  value?: string;
  /** Absent if `-h` of memcached does not name it either. */
  help?: string;
  /** Absent if it has no effect and is shown nowhere. */
  apply?(extended: ExtendedSettings, value: string, tls: TlsDraft): void;
}

const NO_EFFECT = '(no effect here)';
const HASH_ALGORITHMS = ['jenkins', 'murmur3', 'xxh3'] as const;
const KILOBYTE = 1024;
const MEGABYTE = 1024 * 1024;
const INT_MAX = 2 ** 31 - 1;
const SECOND_US = 1_000_000;
/** memcached's own bounds: start_items.c, assoc_init. */
const HASHPOWER_MIN = 12;
const HASHPOWER_MAX = 28;
const LRU_PERCENT_MAX = 80;
const TAIL_REPAIR_MIN = 10;
const AUTOMOVE_WINDOW_MAX = 1800;
/** The least number that is above 1. */
const ABOVE_ONE = 1 + Number.EPSILON;

const CONNECTIONS: readonly Suboption[] = [
  {
    name: 'maxconns_fast',
    help: 'immediately close new connections after limit (default: enabled)',
    apply: (extended) => void (extended.maxconnsFast = true),
  },
  { name: 'no_maxconns_fast', apply: (extended) => void (extended.maxconnsFast = false) },
  {
    name: 'idle_timeout',
    value: 'num',
    help: 'timeout for idle connections, in seconds. (default: 0, no timeout)',
    apply: (extended, value) => void (extended.idleTimeout = integer('-o idle_timeout', value, 0, INT_MAX)),
  },
  {
    name: 'read_buf_mem_limit',
    value: 'num',
    help: `limit in megabytes for connection read/response buffers ${NO_EFFECT}: see conn_memory_limit`,
    apply: (extended, value) => {
      extended.readBufMemLimit = integer('-o read_buf_mem_limit', value, 0, INT_MAX) * MEGABYTE;
    },
  },
  {
    name: 'conn_memory_limit',
    value: 'num',
    help: 'limit in megabytes for all that connections hold beyond the items. (default: as -m, 32 to 64, at least 2 x -I)',
    apply: (extended, value) => {
      extended.connMemoryLimit = integer('-o conn_memory_limit', value, 1, MEGABYTE) * MEGABYTE;
    },
  },
  { name: 'resp_obj_mem_limit', value: 'num' },
  { name: 'no_inline_ascii_resp' },
  { name: 'inline_ascii_resp' },
  { name: 'drop_privileges' },
  { name: 'no_drop_privileges' },
  {
    name: 'sock_cookie_id',
    value: 'num',
    help: `attributes an ID to a socket for ip filtering/firewalls ${NO_EFFECT}`,
  },
];

const HASH: readonly Suboption[] = [
  {
    name: 'hashpower',
    value: 'num',
    help: 'log2 of the first size of the hash table, which grows at runtime. (default: 16)',
    apply: (extended, value) => {
      extended.hashpowerInit = integer('-o hashpower', value, HASHPOWER_MIN, HASHPOWER_MAX);
    },
  },
  {
    name: 'hash_algorithm',
    value: 'name',
    help: `the hash table algorithm: jenkins, murmur3, xxh3 ${NO_EFFECT}: always murmur3, seeded`,
    apply: (_, value) => void oneOf('-o hash_algorithm', value, HASH_ALGORITHMS),
  },
  {
    name: 'no_hashexpand',
    help: 'disables hash table expansion (dangerous)',
    apply: (extended) => void (extended.hashExpand = false),
  },
  {
    name: 'tail_repair_time',
    value: 'num',
    help: `time in seconds before an LRU tail item is taken by force ${NO_EFFECT}`,
    apply: (extended, value) => {
      extended.tailRepairTime = integer('-o tail_repair_time', value, TAIL_REPAIR_MIN, INT_MAX);
    },
  },
];

const SLABS: readonly Suboption[] = [
  { name: 'slab_reassign', apply: (extended) => void (extended.slabReassign = true) },
  { name: 'no_slab_reassign', apply: (extended) => void (extended.slabReassign = false) },
  {
    name: 'slab_automove',
    value: 'num',
    apply: (extended, value) => void (extended.slabAutomove = integer('-o slab_automove', value || '1', 0, 2)),
  },
  { name: 'no_slab_automove', apply: (extended) => void (extended.slabAutomove = 0) },
  {
    name: 'slab_automove_ratio',
    value: 'num',
    apply: (extended, value) =>
      void (extended.slabAutomoveRatio = fraction('-o slab_automove_ratio', value, 0, ABOVE_ONE)),
  },
  {
    name: 'slab_automove_window',
    value: 'num',
    apply: (extended, value) => {
      extended.slabAutomoveWindow = integer('-o slab_automove_window', value, 3, AUTOMOVE_WINDOW_MAX);
    },
  },
  {
    name: 'slab_automove_freeratio',
    value: 'num',
    help: `ratio of memory to hold free as buffer ${NO_EFFECT}`,
    apply: (extended, value) => {
      extended.slabAutomoveFreeratio = fraction('-o slab_automove_freeratio', value, 0, 1);
    },
  },
  {
    name: 'slab_chunk_max',
    value: 'num',
    help: `maximum slab size in kilobytes ${NO_EFFECT}: the largest chunk is 16 KB`,
    apply: (extended, value) => {
      extended.slabChunkMax = integer('-o slab_chunk_max', value, 1, MEGABYTE) * KILOBYTE;
    },
  },
  { name: 'slab_sizes', value: 'list' },
  { name: 'no_chunked_items' },
];

const LRU: readonly Suboption[] = [
  {
    name: 'lru_crawler',
    apply: (extended) => void (extended.lruCrawler = true),
  },
  {
    name: 'no_lru_crawler',
    help: 'disable the background reclaim of expired items.',
    apply: (extended) => void (extended.lruCrawler = false),
  },
  {
    name: 'lru_crawler_sleep',
    value: 'num',
    help: 'microseconds to sleep between items (default: 100)',
    apply: (extended, value) => {
      extended.lruCrawlerSleep = integer('-o lru_crawler_sleep', value, 0, SECOND_US);
    },
  },
  {
    name: 'lru_crawler_tocrawl',
    value: 'num',
    help: 'max items to crawl per slab per run (default: 0, unlimited)',
    apply: (extended, value) => {
      extended.lruCrawlerTocrawl = integer('-o lru_crawler_tocrawl', value, 0, 2 ** 32 - 1);
    },
  },
  {
    name: 'lru_maintainer',
    apply: (extended) => void (extended.lruMaintainer = extended.lruSegmented = true),
  },
  {
    name: 'no_lru_maintainer',
    help: 'one list for each size class instead of hot, warm and cold.',
    apply: (extended) => void (extended.lruMaintainer = extended.lruSegmented = false),
  },
  {
    name: 'hot_lru_pct',
    value: 'num',
    help: 'pct of slab memory to reserve for hot lru. (default: 20)',
    apply: (extended, value) => {
      extended.hotLruPct = integer('-o hot_lru_pct', value, 1, LRU_PERCENT_MAX - 1);
    },
  },
  {
    name: 'warm_lru_pct',
    value: 'num',
    help: 'pct of slab memory to reserve for warm lru. (default: 40)',
    apply: (extended, value) => {
      extended.warmLruPct = integer('-o warm_lru_pct', value, 1, LRU_PERCENT_MAX - 1);
    },
  },
  {
    name: 'hot_max_factor',
    value: 'num',
    help: 'items idle > cold lru age * drop from hot lru. (default: 0.20)',
    apply: (extended, value) => void (extended.hotMaxFactor = fraction('-o hot_max_factor', value, 0)),
  },
  {
    name: 'warm_max_factor',
    value: 'num',
    help: 'items idle > cold lru age * this drop from warm. (default: 2.00)',
    apply: (extended, value) => void (extended.warmMaxFactor = fraction('-o warm_max_factor', value, 0)),
  },
  {
    name: 'temporary_ttl',
    value: 'num',
    help: "TTL's below get separate LRU, can't be evicted. (default: 61, off unless given)",
    apply: (extended, value) => {
      extended.tempLru = true;
      extended.temporaryTtl = integer('-o temporary_ttl', value, 0, INT_MAX);
    },
  },
];

const LOGS: readonly Suboption[] = [
  {
    name: 'watcher_logbuf_size',
    value: 'num',
    help: 'size in kilobytes of per-watcher write buffer. (default: 256)',
    apply: (extended, value) => {
      extended.watcherLogbufSize = integer('-o watcher_logbuf_size', value, 1, MEGABYTE) * KILOBYTE;
    },
  },
  {
    name: 'worker_logbuf_size',
    value: 'num',
    help: `size in kilobytes of per-worker-thread buffer ${NO_EFFECT}: there is none between a request and its watchers`,
    apply: (extended, value) => {
      extended.workerLogbufSize = integer('-o worker_logbuf_size', value, 1, MEGABYTE) * KILOBYTE;
    },
  },
  {
    name: 'track_sizes',
    help: "enable dynamic reports for 'stats sizes' command.",
    apply: (extended) => void (extended.trackSizes = true),
  },
  { name: 'modern', help: `enables options which will be default in future ${NO_EFFECT}: there are none` },
  {
    name: 'no_modern',
    help: 'uses defaults of previous major version (1.4.x)',
    apply: (extended) => {
      // memcached.c, case NO_MODERN.
      extended.slabReassign = false;
      extended.slabAutomove = 0;
      extended.lruCrawler = extended.lruMaintainer = extended.lruSegmented = false;
      extended.maxconnsFast = false;
    },
  },
];

/** All extended options, in the order of `-h`. */
export const SUBOPTIONS: readonly Suboption[] = [...CONNECTIONS, ...HASH, ...SLABS, ...LRU, ...LOGS, ...TLS_SUBOPTIONS];

/** Families of options that belong to what this daemon has not. */
const REFUSED: readonly [prefix: string, why: string][] = [
  ['ext_', 'flash storage is not supported'],
  ['no_ext_', 'flash storage is not supported'],
  ['proxy_', 'the Lua proxy is not supported'],
];

/**
 * Takes one `-o` into the settings.
 *
 * @throws FleetError BAD_CONFIG naming the option
 */
export function applySuboptions(list: string, extended: ExtendedSettings, tls: TlsDraft): void {
  for (const { name, value } of suboptionsOf(list)) {
    const refused = REFUSED.find(([prefix]) => name.startsWith(prefix));
    if (refused !== undefined) throw bad(`-o ${name}: ${refused[1]}`);
    const suboption = SUBOPTIONS.find((candidate) => candidate.name === name);
    if (suboption === undefined) throw bad(`unknown option '-o ${name}'`);
    // slab_automove alone means 1, and memcached lets a switch have a value, which it ignores.
    if (suboption.value !== undefined && value === undefined && name !== 'slab_automove') {
      throw bad(`-o ${name} needs a value <${suboption.value}>`);
    }
    suboption.apply?.(extended, value ?? '', tls);
  }
}
