/**
 * What a workload is: plain data that the harness hands to the load generator's process as JSON.
 * The workloads themselves stand in `bench/workloads.ts`.
 */
import type { SizeSpec } from './random.ts';

/**
 * One kind of request. `get`, `gets`, `set`, `add`, `incr`, `multiget` speak the text protocol, `mg` and `ms` are meta
 * commands, `binary-get` and `binary-set` the binary protocol; `get-missing` asks for keys that were never set.
 */
export type OperationName =
  | 'get'
  | 'get-missing'
  | 'gets'
  | 'multiget'
  | 'set'
  | 'add'
  | 'incr'
  | 'mg'
  | 'ms'
  | 'binary-get'
  | 'binary-set';

/** Which keys requests get when they are sent: any, or one after the other from `from` on, beginning anew after the last. */
export type FreshKeys = { readonly order: 'random' } | { readonly order: 'next'; readonly from: number };

/** Work for the load generator. */
export interface Workload {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  readonly connections: number;
  /** Requests that a connection sends at once before it waits for all their answers; 1 is unpipelined. */
  readonly pipeline: number;
  /** Which requests, with their shares. */
  readonly operations: readonly (readonly [OperationName, weight: number])[];
  /** Keys of one `multiget`; 50 unless given. Each counts as one operation. */
  readonly multigetKeys?: number;
  /** How many different keys there are. */
  readonly items: number;
  readonly keyBytes: number;
  readonly sizes: SizeSpec;
  /** Exponent of Zipf's law for the popularity of the keys; uniform unless given. */
  readonly zipfAlpha?: number;
  /** Time to live of what is set, in seconds, with weights; none unless given. */
  readonly ttlSeconds?: readonly (readonly [seconds: number, weight: number])[];
  /** False if keys may be missing, having been evicted or expired; a miss is then a right answer too. */
  readonly complete?: boolean;
  readonly seed?: number;
  /** Keys are written into requests as they are sent. Only for `get` and `set` with a pipeline of 1 and values of one size. */
  readonly freshKeys?: FreshKeys;
}
