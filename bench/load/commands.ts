/** What the harness can ask of the load generator's process, and what comes back. */
import type { OpenLoopPlan, OpenLoopResult } from './open-loop.ts';
import type { ClosedLoopResult } from './target.ts';
import type { Address } from './transport.ts';
import type { Workload } from './workload.ts';

export interface LoadCommands {
  /**
   * Encodes a workload, in `batchesMax` batches or fewer. Closes all connections of the one before. One in
   * `fullCheckEvery` values is compared in full.
   */
  prepare: {
    params: { workload: Workload; fullCheckEvery?: number; batchesMax?: number };
    result: { batches: number };
  };
  /** Opens the workload's connections to a server under a name. */
  open: { params: { name: string; address: Address; pid: number }; result: object };
  close: { params: { name: string }; result: object };
  /** Sets the keys from `from` to `to` once, and, if the workload has any, all counters to 0. */
  fill: { params: { name: string; from: number; to: number; ttlSeconds?: number }; result: { seconds: number } };
  /** Gets `count` random keys between `from` and `to`, each value compared in full; how many are there. */
  probe: {
    params: { name: string; count: number; from: number; to: number };
    result: { asked: number; held: number };
  };
  closedLoop: { params: { name: string; warmupSeconds: number; seconds: number }; result: ClosedLoopResult };
  openLoop: { params: { name: string } & OpenLoopPlan; result: OpenLoopResult };
  /** The sum of all counters, and the operations of the last loop, unmeasured ones included. */
  counters: { params: { name: string }; result: { sum: number; operations: number } };
}

export type CommandName = keyof LoadCommands;
