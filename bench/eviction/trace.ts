/**
 * A trace: which key is asked for, one after the other, with the size of its value and how long it may live.
 * Traces are iterated, never held as a whole, so their length costs no memory; only their distinct keys do, where a
 * file names them by text.
 */

/** One request. The object is used again for the next one. */
export interface TraceRequest {
  /** Which key, a number below 2^31. */
  key: number;
  valueBytes: number;
  /** How many requests later the item expires; 0 for never. */
  ttlRequests: number;
}

/** A trace that can be gone through any number of times, the same every time. */
export interface Trace {
  readonly name: string;
  /** One line for people: what it stands for and where its figures come from. */
  readonly title: string;
  readonly keyBytes: number;
  /** `-m` at which it is replayed unless asked otherwise. */
  readonly memoryMegabytes: readonly number[];
  /** Requests per second to replay it at, for traces with times to live; as quick as it goes if not given. */
  readonly pacePerSecond?: number;
  requests(): AsyncIterable<TraceRequest> | Iterable<TraceRequest>;
}

/** Values longer than this are cut to it: memcached's default item limit, less key and header. */
export const TRACE_VALUE_BYTES_MAX = 1_000_000;
