/**
 * Eviction policies in their pure form: items of exactly their size in a memory without pages or classes. What a policy
 * reaches here and not in the daemon, the layout of the memory costs; what it does not reach here, no layout can give it.
 */
import type { TraceColumns } from './columns.ts';

/** Bytes that an item takes beside its key and value: header, suffix and line ends (src/daemon/storage/layout.ts). */
export const ITEM_OVERHEAD_BYTES = 50;

/** The hits of a replay. */
export type Model = (columns: TraceColumns, memoryBytes: number) => number;

/** Queues of keys, linked both ways through arrays; a key is in one queue at most. */
class Queues {
  readonly newer: Int32Array;
  readonly older: Int32Array;
  readonly #newest: number[];
  readonly #oldest: number[];

  constructor(keys: number, queues: number) {
    this.newer = new Int32Array(keys);
    this.older = new Int32Array(keys);
    this.#newest = Array.from({ length: queues }, () => -1);
    this.#oldest = Array.from({ length: queues }, () => -1);
  }

  oldest(queue: number): number {
    return this.#oldest[queue] ?? -1;
  }

  push(key: number, queue: number): void {
    const newest = this.#newest[queue] ?? -1;
    this.older[key] = newest;
    this.newer[key] = -1;
    if (newest === -1) this.#oldest[queue] = key;
    else this.newer[newest] = key;
    this.#newest[queue] = key;
  }

  remove(key: number, queue: number): void {
    const newer = this.newer[key] ?? -1;
    const older = this.older[key] ?? -1;
    if (newer === -1) this.#newest[queue] = older;
    else this.older[newer] = older;
    if (older === -1) this.#oldest[queue] = newer;
    else this.newer[older] = newer;
  }
}

/** Sizes by key, and who is there until when. */
class Residents {
  readonly bytes: Int32Array;
  /** Request at which a key's item expires; 0 = it is not there. */
  readonly until: Float64Array;
  usedBytes = 0;

  constructor(columns: TraceColumns) {
    this.bytes = columns.valueBytes.map((bytes) => bytes + columns.trace.keyBytes + ITEM_OVERHEAD_BYTES);
    this.until = new Float64Array(columns.distinctKeys);
  }

  add(key: number, now: number, ttl: number): void {
    this.until[key] = ttl === 0 ? Number.POSITIVE_INFINITY : now + ttl;
    this.usedBytes += this.bytes[key] ?? 0;
  }

  drop(key: number): void {
    this.until[key] = 0;
    this.usedBytes -= this.bytes[key] ?? 0;
  }
}

/** One list in the order of use. Expired items stay until they are met. */
export function lruModel(columns: TraceColumns, memoryBytes: number): number {
  const { keys, length, ttlRequests } = columns;
  const there = new Residents(columns);
  const queues = new Queues(columns.distinctKeys, 1);
  let hits = 0;
  for (let i = 0; i < length; i++) {
    const key = keys[i] ?? 0;
    const until = there.until[key] ?? 0;
    if (until !== 0) queues.remove(key, 0);
    if (until > i) {
      hits++;
    } else {
      if (until !== 0) there.drop(key);
      there.add(key, i, ttlRequests[i] ?? 0);
    }
    queues.push(key, 0);
    while (there.usedBytes > memoryBytes) {
      const victim = queues.oldest(0);
      queues.remove(victim, 0);
      there.drop(victim);
    }
  }
  return hits;
}

const SMALL = 0;
const MAIN = 1;

/** Share of the memory that the small queue may take, as in the paper. */
const SMALL_SHARE = 0.1;
const READS_MAX = 3;

/**
 * S3-FIFO (Yang et al., SOSP 2023).
 *
 * @param readsToStay reads after which an item leaves the small queue for the main one; the paper has two, in a cache
 *   where the request that misses fills it
 */
export function s3FifoModel(readsToStay: number): Model {
  return (columns, memoryBytes) => {
    const { keys, length, ttlRequests, distinctKeys } = columns;
    const there = new Residents(columns);
    const queues = new Queues(distinctKeys, 2);
    const queueOf = new Uint8Array(distinctKeys);
    const reads = new Uint8Array(distinctKeys);
    const evictedAt = new Float64Array(distinctKeys).fill(Number.NEGATIVE_INFINITY);
    const queueBytes = [0, 0];
    let mainKeys = 0;
    let ghosts = 0;
    let hits = 0;
    const enter = (key: number, queue: number): void => {
      queueOf[key] = queue;
      reads[key] = 0;
      queues.push(key, queue);
      queueBytes[queue] = (queueBytes[queue] ?? 0) + (there.bytes[key] ?? 0);
      mainKeys += queue;
    };
    const leave = (key: number): number => {
      const queue = queueOf[key] ?? 0;
      queues.remove(key, queue);
      queueBytes[queue] = (queueBytes[queue] ?? 0) - (there.bytes[key] ?? 0);
      mainKeys -= queue;
      return queue;
    };
    const evictOne = (): void => {
      for (;;) {
        const fromSmall = (queueBytes[SMALL] ?? 0) > memoryBytes * SMALL_SHARE || mainKeys === 0;
        const key = queues.oldest(fromSmall ? SMALL : MAIN);
        const count = reads[key] ?? 0;
        leave(key);
        if (fromSmall && count >= readsToStay) {
          enter(key, MAIN);
        } else if (!fromSmall && count > 0) {
          enter(key, MAIN);
          reads[key] = count - 1;
        } else {
          if (fromSmall) evictedAt[key] = ghosts++;
          there.drop(key);
          return;
        }
      }
    };
    for (let i = 0; i < length; i++) {
      const key = keys[i] ?? 0;
      const until = there.until[key] ?? 0;
      if (until > i) {
        hits++;
        if ((reads[key] ?? 0) < READS_MAX) reads[key] = (reads[key] ?? 0) + 1;
        continue;
      }
      if (until !== 0) {
        leave(key);
        there.drop(key);
      }
      there.add(key, i, ttlRequests[i] ?? 0);
      const remembered = ghosts - (evictedAt[key] ?? 0) <= mainKeys;
      enter(key, remembered ? MAIN : SMALL);
      while (there.usedBytes > memoryBytes) evictOne();
    }
    return hits;
  };
}

/**
 * Belady's rule by bytes: what is asked for latest (or expires before) goes first, the new item too. Optimal for items
 * of one size; for others the largest share of hits would need more than a rule, but it is above any policy here.
 */
export function beladyModel(columns: TraceColumns, memoryBytes: number): number {
  const { keys, length, ttlRequests, distinctKeys } = columns;
  const next = nextRequests(columns);
  const there = new Residents(columns);
  const heap = new Heap(distinctKeys);
  let hits = 0;
  for (let i = 0; i < length; i++) {
    const key = keys[i] ?? 0;
    const until = there.until[key] ?? 0;
    if (until > i) {
      hits++;
    } else {
      if (until !== 0) there.drop(key);
      there.add(key, i, ttlRequests[i] ?? 0);
    }
    const useful = (next[i] ?? length) < (there.until[key] ?? 0);
    heap.put(key, useful ? (next[i] ?? length) : Number.MAX_SAFE_INTEGER);
    while (there.usedBytes > memoryBytes) there.drop(heap.takeLatest());
  }
  return hits;
}

/** By request: the next one for the same key, or past the end. */
function nextRequests({ keys, length, distinctKeys }: TraceColumns): Int32Array {
  const next = new Int32Array(length);
  const following = new Int32Array(distinctKeys).fill(length);
  for (let i = length - 1; i >= 0; i--) {
    const key = keys[i] ?? 0;
    next[i] = following[key] ?? length;
    following[key] = i;
  }
  return next;
}

/** A heap of keys, the latest on top, whose times may change. */
class Heap {
  readonly #keys: number[] = [];
  readonly #place: Int32Array;
  readonly #time: Float64Array;

  constructor(keys: number) {
    this.#place = new Int32Array(keys).fill(-1);
    this.#time = new Float64Array(keys);
  }

  put(key: number, time: number): void {
    this.#time[key] = time;
    if (this.#place[key] === -1) {
      this.#place[key] = this.#keys.length;
      this.#keys.push(key);
    }
    this.#sift(this.#place[key] ?? 0);
  }

  takeLatest(): number {
    const top = this.#keys[0] ?? -1;
    const last = this.#keys.pop() ?? -1;
    this.#place[top] = -1;
    if (last !== top) {
      this.#set(0, last);
      this.#sift(0);
    }
    return top;
  }

  #set(place: number, key: number): void {
    this.#keys[place] = key;
    this.#place[key] = place;
  }

  #timeAt(place: number): number {
    return place < this.#keys.length ? (this.#time[this.#keys[place] ?? 0] ?? 0) : Number.NEGATIVE_INFINITY;
  }

  #sift(from: number): void {
    const key = this.#keys[from] ?? 0;
    const time = this.#time[key] ?? 0;
    let place = from;
    for (let parent = (place - 1) >> 1; place > 0 && this.#timeAt(parent) < time; parent = (place - 1) >> 1) {
      this.#set(place, this.#keys[parent] ?? 0);
      place = parent;
    }
    for (;;) {
      let child = 2 * place + 1;
      if (this.#timeAt(child + 1) > this.#timeAt(child)) child++;
      if (this.#timeAt(child) <= time) break;
      this.#set(place, this.#keys[child] ?? 0);
      place = child;
    }
    this.#set(place, key);
  }
}
