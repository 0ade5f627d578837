/**
 * A trace held in columns, for simulations that go through it many times, and the figures that publications give of
 * traces, computed from it, so that a generated trace can be held against its source.
 */
import type { Trace } from './trace.ts';

/** Requests in their order. */
export interface TraceColumns {
  readonly trace: Trace;
  readonly length: number;
  readonly distinctKeys: number;
  /** Keys, numbered from 0 in the order in which they appear first. */
  readonly keys: Int32Array;
  /** The key as the trace numbers it, by number. */
  readonly originalKeys: readonly number[];
  /** Bytes of a key's value, by key. */
  readonly valueBytes: Int32Array;
  /** Requests until what is stored at a request expires; 0 = never. */
  readonly ttlRequests: Int32Array;
}

/** Room for this many requests at first; doubled when it is full. */
const FIRST_LENGTH = 1 << 20;

/** Reads a trace to its end. */
export async function readColumns(trace: Trace): Promise<TraceColumns> {
  const numbers = new Map<number, number>();
  const valueBytes: number[] = [];
  let keys = new Int32Array(FIRST_LENGTH);
  let ttls = new Int32Array(FIRST_LENGTH);
  let length = 0;
  for await (const request of trace.requests()) {
    if (length === keys.length) [keys, ttls] = [doubled(keys), doubled(ttls)];
    let number = numbers.get(request.key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(request.key, number);
      valueBytes.push(request.valueBytes);
    }
    keys[length] = number;
    ttls[length++] = request.ttlRequests;
  }
  return {
    trace,
    length,
    distinctKeys: numbers.size,
    keys: keys.subarray(0, length),
    originalKeys: [...numbers.keys()],
    valueBytes: Int32Array.from(valueBytes),
    ttlRequests: ttls.subarray(0, length),
  };
}

function doubled(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(values.length * 2);
  larger.set(values);
  return larger;
}

/** What is published of traces. */
export interface TraceFigures {
  /** Distinct keys by requests: the misses that no cache avoids. */
  readonly compulsory: number;
  /** Share of the keys that are asked for once: in the whole trace, and in its beginnings with a share of its keys. */
  readonly onceInAll: number;
  readonly onceInTenth: number;
  readonly onceInHundredth: number;
}

/** The figures of a trace. */
export function figuresOf({ keys, length, distinctKeys }: TraceColumns): TraceFigures {
  const counts = new Uint8Array(distinctKeys);
  const shares: number[] = [];
  const marks = [Math.ceil(distinctKeys / 100), Math.ceil(distinctKeys / 10), distinctKeys];
  let seen = 0;
  let once = 0;
  for (let i = 0; i < length; i++) {
    const key = keys[i] ?? 0;
    const count = counts[key] ?? 0;
    if (count === 0 && seen === marks[shares.length]) shares.push(once / seen);
    if (count === 0) seen++;
    if (count === 0) once++;
    else if (count === 1) once--;
    if (count < 2) counts[key] = count + 1;
  }
  const [onceInHundredth = 1, onceInTenth = 1] = shares;
  return { compulsory: distinctKeys / length, onceInAll: once / distinctKeys, onceInTenth, onceInHundredth };
}
