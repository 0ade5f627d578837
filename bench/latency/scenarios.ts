/**
 * What may make a server stop, each with the load under which it happens and what has to be done before.
 * All on items of 100 bytes, millions of them.
 */
import type { OpenLoopPlan } from '../load/open-loop.ts';
import type { Workload } from '../load/workload.ts';

/** One scenario. */
export interface Scenario {
  readonly name: string;
  /** The load while it is measured. */
  readonly workload: Workload;
  /** How many keys are set before, from the first on. */
  readonly filled: number;
  /** Whether what is set before is to expire while it is measured. */
  readonly expires: boolean;
  /** What the server is asked meanwhile. */
  readonly aside?: NonNullable<OpenLoopPlan['aside']>;
}

const MIXED: Workload['operations'] = [
  ['get', 10],
  ['set', 1],
];
/** The last power of two before half of the items, at which both servers' tables are just before they double or soon will be. */
const BEFORE_GROWTH = 0.98;

function workloadOf(items: number, some: Pick<Workload, 'operations'> & Partial<Workload>): Workload {
  return {
    name: 'latency',
    title: 'latency',
    connections: 50,
    pipeline: 1,
    items,
    keyBytes: 20,
    sizes: { kind: 'fixed', bytes: 100 },
    complete: false,
    freshKeys: { order: 'random' },
    ...some,
  };
}

/** The load by which the rate is found. */
export function mixedLoad(items: number): Workload {
  return workloadOf(items, { operations: MIXED });
}

/** @param seconds of one slice */
export function scenariosOf(items: number, seconds: number): readonly Scenario[] {
  const workload = mixedLoad(items);
  const beforeGrowth = Math.floor(2 ** Math.floor(Math.log2(items / 2)) * BEFORE_GROWTH);
  return [
    {
      name: 'growth',
      workload: workloadOf(items, { operations: [['set', 1]], freshKeys: { order: 'next', from: beforeGrowth } }),
      filled: beforeGrowth,
      expires: false,
    },
    { name: 'steady', workload, filled: items, expires: false },
    {
      name: 'flush_all',
      workload,
      filled: items,
      expires: false,
      aside: { afterSeconds: seconds / 2, request: 'flush_all\r\n' },
    },
    { name: 'expiry', workload, filled: items, expires: true },
  ];
}
