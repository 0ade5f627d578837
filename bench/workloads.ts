/**
 * The workloads of `npm run bench`, as data, with the goals that memfleet has set itself.
 *
 * A goal is the highest ratio of our processor time per operation to that of memcached with one thread, in the same
 * run. `docs/workloads.md` says where the numbers of the production mix come from.
 */
import type { SizeSpec } from './load/random.ts';
import type { Workload } from './load/workload.ts';

/** A workload of the comparison. */
export interface BenchWorkload extends Workload {
  /** Ratio of processor time per operation to memcached's that is to be reached: by the default runtime, and by Node. */
  readonly goal?: { readonly default: number; readonly node: number };
  /** Whether latency at a fixed rate is measured too. */
  readonly latency: boolean;
  /** What a server must be able to do for this one. */
  readonly needs?: 'meta' | 'binary';
}

const HUNDRED_BYTES: SizeSpec = { kind: 'fixed', bytes: 100 };

/** What most workloads share: 100,000 items of 100 bytes, ten gets to one set, 50 connections. */
const BASE = {
  connections: 50,
  pipeline: 1,
  items: 100_000,
  keyBytes: 20,
  sizes: HUNDRED_BYTES,
  operations: [
    ['get', 10],
    ['set', 1],
  ],
  latency: false,
} as const;

/**
 * Twitter's cluster 52 (March 2020): twitter/cache-trace `stat/2020Mar.md`, CC BY 4.0. Sizes of values are published
 * as a mean; a log-normal with sigma 1 about it stands for their spread. cas is sent as set, which costs the same.
 */
export const CLUSTER_52 = {
  keyBytes: 20,
  sizes: { kind: 'lognormal', meanBytes: 273, sigma: 1, minBytes: 1, maxBytes: 100_000 },
  zipfAlpha: 1.2117,
  ttlSeconds: [
    [86_400, 0.65],
    [1_209_600, 0.27],
    [43_200, 0.08],
  ],
  operations: [
    ['get', 0.92],
    ['add', 0.04],
    ['gets', 0.02],
    ['set', 0.02],
  ],
} as const;

export const WORKLOADS: readonly BenchWorkload[] = [
  {
    ...BASE,
    name: 'single',
    title: '50 connections, set:get 1:10, 100 B, unpipelined',
    latency: true,
    goal: { default: 1.0, node: 1.15 },
  },
  {
    ...BASE,
    name: 'pipelined',
    title: 'the same, 16 pipelined',
    pipeline: 16,
    latency: true,
    goal: { default: 1.0, node: 1.1 },
  },
  {
    ...BASE,
    name: 'multiget',
    title: 'get of 50 keys, per key',
    operations: [['multiget', 1]],
    latency: true,
    goal: { default: 0.7, node: 0.9 },
  },
  {
    ...BASE,
    name: 'value-4k',
    title: '4 KB values, set:get 1:10, 16 pipelined',
    pipeline: 16,
    items: 10_000,
    sizes: { kind: 'fixed', bytes: 4096 },
    latency: true,
    goal: { default: 1.0, node: 1.5 },
  },
  {
    ...BASE,
    name: 'value-100k',
    title: '100 KB values, set:get 1:10, 8 connections',
    connections: 8,
    items: 500,
    sizes: { kind: 'fixed', bytes: 102_400 },
    latency: true,
    goal: { default: 1.1, node: 1.5 },
  },
  {
    ...BASE,
    name: 'connections-1000',
    title: '1,000 connections, set:get 1:10, 100 B, unpipelined',
    connections: 1000,
    latency: true,
    goal: { default: 1.0, node: 1.15 },
  },
  {
    ...BASE,
    ...CLUSTER_52,
    name: 'cluster52',
    title: 'production mix (Twitter cluster 52), Zipf 1.21, sizes and TTLs, unpipelined',
    items: 500_000,
    latency: true,
  },
  { ...BASE, name: 'sets', title: 'sets only, 16 pipelined', pipeline: 16, operations: [['set', 1]] },
  { ...BASE, name: 'incr', title: 'incr only, 16 pipelined', pipeline: 16, operations: [['incr', 1]] },
  {
    ...BASE,
    name: 'misses',
    title: '90 % misses, 16 pipelined',
    pipeline: 16,
    operations: [
      ['get-missing', 9],
      ['get', 1],
    ],
  },
  {
    ...BASE,
    name: 'meta',
    title: 'meta commands, ms:mg 1:10, 16 pipelined',
    pipeline: 16,
    operations: [
      ['mg', 10],
      ['ms', 1],
    ],
    needs: 'meta',
  },
  {
    ...BASE,
    name: 'meta-single',
    title: 'meta commands, ms:mg 1:10, unpipelined',
    operations: [
      ['mg', 10],
      ['ms', 1],
    ],
    needs: 'meta',
  },
  {
    ...BASE,
    name: 'binary',
    title: 'binary protocol, set:get 1:10, 16 pipelined',
    pipeline: 16,
    operations: [
      ['binary-get', 10],
      ['binary-set', 1],
    ],
    needs: 'binary',
  },
];
