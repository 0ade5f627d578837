/** Replays a trace on the daemon's store without a daemon: get, and on a miss, set. Time passes with the requests. */
import { ManualClock } from '../../src/base/clock.ts';
import { SecondHand } from '../../src/daemon/clock.ts';
import { Crawler } from '../../src/daemon/storage/crawler.ts';
import type { EvictionPolicyName } from '../../src/daemon/storage/eviction.ts';
import { NONE } from '../../src/daemon/storage/layout.ts';
import { Store } from '../../src/daemon/storage/store.ts';
import { KeySpace } from '../load/keys.ts';
import type { TraceColumns } from './columns.ts';

/** Requests per second where the trace names no pace: about what a replay over the wire comes to. */
const DEFAULT_PACE_PER_SECOND = 40_000;
/** Beats of the daemon's timer for the crawler (src/daemon/server.ts), and what the crawler looks at in one. */
const BEATS_PER_SECOND = 10;
const CRAWL_CHUNKS = 5000;
const MEBIBYTE = 1 << 20;

export interface InProcessResult {
  readonly hits: number;
  readonly store: Store;
}

/** The hits of the daemon's store under a policy with `-m memoryMegabytes`. */
export function replayInProcess(
  columns: TraceColumns,
  eviction: EvictionPolicyName,
  memoryMegabytes: number,
): InProcessResult {
  const { keys, length, valueBytes, originalKeys, ttlRequests, trace } = columns;
  const pace = trace.pacePerSecond ?? DEFAULT_PACE_PER_SECOND;
  const clock = new ManualClock();
  const time = new SecondHand(clock);
  const memoryLimitBytes = memoryMegabytes * MEBIBYTE;
  const store = new Store(
    {
      memoryLimitBytes,
      scratchBytes: MEBIBYTE,
      evictionDisabled: false,
      eviction,
      hashSeed: 42,
    },
    time,
  );
  const crawler = new Crawler(store);
  const { keyBytes } = trace;
  const space = new KeySpace({
    items: 1,
    keyBytes,
    sizes: { kind: 'fixed', bytes: 1 },
    seed: 1,
    letter: 'k',
  });
  const bytes = new Uint8Array(keyBytes);
  const requestsPerBeat = Math.ceil(pace / BEATS_PER_SECOND);
  let hits = 0;
  for (let i = 0; i < length; i++) {
    if (i % requestsPerBeat === 0) {
      clock.advance(1000 / BEATS_PER_SECOND);
      time.tick();
      crawler.step(CRAWL_CHUNKS);
    }
    const key = keys[i] ?? 0;
    space.writeKey(bytes, 0, originalKeys[key] ?? 0);
    const hash = store.index.hash(bytes, 0, keyBytes);
    const found = store.find(bytes, 0, keyBytes, hash);
    if (found !== NONE) {
      store.touchAccess(found);
      hits++;
      continue;
    }
    const ttl = ttlRequests[i] ?? 0;
    const exptime = ttl === 0 ? 0 : time.deadline(Math.max(1, Math.round(ttl / pace)));
    const item = store.allocate(bytes, 0, keyBytes, 0, exptime, valueBytes[key] ?? 0, hash);
    if (item !== NONE) store.link(item, hash, NONE);
  }
  return { hits, store };
}
