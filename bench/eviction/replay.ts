/**
 * Replays a trace on a server as an application would use it: get, and on a miss, set. Over the wire, on one connection.
 *
 * Requests are taken in windows of distinct keys: the gets of a window are sent together, then the sets of what was
 * missing. A key that comes again ends the window before it, so it finds what its first request stored.
 */
import { AnswerChecker } from '../load/checker.ts';
import { KeySpace, VALUE_BYTES_MAX } from '../load/keys.ts';
import { ScriptWriter, type KeySpaces, type Script } from '../load/script.ts';
import { NodeTransport, type Address, type LoadSocket } from '../load/transport.ts';
import type { Trace } from './trace.ts';

/** Most requests of a window. */
const WINDOW_REQUESTS = 64;
/** Most bytes that the sets of a window may come to. */
const WINDOW_BYTES = 256 << 10;
const ANSWER_TIMEOUT_MS = 20_000;
/** A pace is kept to in steps of this length. */
const PACE_STEP_MS = 5;

/** What a replay came to. */
export interface ReplayResult {
  readonly requests: number;
  readonly hits: number;
  readonly hitBytes: number;
  readonly bytes: number;
  readonly distinctKeys: number;
  readonly seconds: number;
}

/** Sizes by key, as they were last seen in the trace. */
class TraceSizes {
  #bytes = new Map<number, number>();

  set(key: number, bytes: number): void {
    this.#bytes.set(key, bytes);
  }

  get(key: number): number {
    return this.#bytes.get(key) ?? 0;
  }

  get count(): number {
    return this.#bytes.size;
  }
}

/**
 * Replays the trace once.
 * @throws Error at the first wrong answer: another value than the one that was set, or anything that is not memcached's
 */
export async function replay(trace: Trace, address: Address): Promise<ReplayResult> {
  const sizes = new TraceSizes();
  const present = new KeySpace({
    items: 1,
    keyBytes: trace.keyBytes,
    sizes: { kind: 'by-key', bytesOf: (key) => sizes.get(key), maxBytes: VALUE_BYTES_MAX },
    seed: 1,
    letter: 'k',
  });
  const session = await Session.open(address, { present, missing: present, counters: present });
  const startMs = performance.now();
  const total = { requests: 0, hits: 0, hitBytes: 0, bytes: 0 };
  const window = new Map<number, number>();
  let windowBytes = 0;
  const flush = async (): Promise<void> => {
    const missed = await session.getAndSet(window, trace.pacePerSecond);
    for (const key of window.keys()) {
      if (missed.has(key)) continue;
      total.hits++;
      total.hitBytes += sizes.get(key);
    }
    window.clear();
    windowBytes = 0;
    if (trace.pacePerSecond !== undefined) await keepPace(startMs, total.requests, trace.pacePerSecond);
  };
  try {
    for await (const { key, valueBytes, ttlRequests } of trace.requests()) {
      if (window.has(key) || window.size === WINDOW_REQUESTS || windowBytes > WINDOW_BYTES) await flush();
      // The size of what a server may still hold must be known as it was set: the first one seen is kept.
      if (sizes.get(key) === 0) sizes.set(key, valueBytes);
      window.set(key, ttlRequests);
      windowBytes += valueBytes;
      total.requests++;
      total.bytes += sizes.get(key);
    }
    await flush();
  } finally {
    session.close();
  }
  return { ...total, distinctKeys: sizes.count, seconds: (performance.now() - startMs) / 1000 };
}

/** Waits until as much time has passed as this many requests should take. */
async function keepPace(startMs: number, requests: number, perSecond: number): Promise<void> {
  const aheadMs = startMs + (requests / perSecond) * 1000 - performance.now();
  if (aheadMs > PACE_STEP_MS) await new Promise((resolve) => setTimeout(resolve, aheadMs));
}

/** One connection that sends a window and waits for its answers. */
class Session {
  readonly #spaces: KeySpaces;
  readonly #checker: AnswerChecker;
  readonly #missed = new Set<number>();
  #socket: LoadSocket | undefined;
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  private constructor(spaces: KeySpaces) {
    this.#spaces = spaces;
    const empty = new ScriptWriter(spaces, false, 64).finish();
    this.#checker = new AnswerChecker(spaces, empty);
    this.#checker.onMiss = (key) => this.#missed.add(key);
  }

  static async open(address: Address, spaces: KeySpaces): Promise<Session> {
    const session = new Session(spaces);
    session.#socket = await new NodeTransport().open(address, {
      onData(chunk, length) {
        try {
          session.#checker.consume(chunk, length, () => session.#settle?.resolve());
        } catch (error) {
          session.#fail(error as Error);
        }
      },
      onLost: (error) => session.#fail(error),
    });
    return session;
  }

  close(): void {
    this.#socket?.close();
  }

  /** Gets the keys of a window, sets those that were missing, and returns them. Good until the next call. */
  async getAndSet(window: ReadonlyMap<number, number>, pacePerSecond = 1): Promise<ReadonlySet<number>> {
    this.#missed.clear();
    if (window.size === 0) return this.#missed;
    const gets = new ScriptWriter(this.#spaces, false, 8192);
    for (const key of window.keys()) gets.get('get', [key]);
    await this.#run(gets.finish());
    if (this.#missed.size === 0) return this.#missed;
    const sets = new ScriptWriter(this.#spaces, false, WINDOW_BYTES);
    for (const key of this.#missed) {
      const ttlRequests = window.get(key) ?? 0;
      sets.store('set', key, ttlRequests === 0 ? 0 : Math.max(1, Math.round(ttlRequests / pacePerSecond)));
    }
    await this.#run(sets.finish());
    return this.#missed;
  }

  async #run(script: Script): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#checker.use(script);
    this.#checker.expect(0);
    const timer = setTimeout(() => this.#fail(new Error('no answer came any more')), ANSWER_TIMEOUT_MS);
    await new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
      const bytes = script.bytes[0];
      if (bytes !== undefined) this.#socket?.write(bytes);
    });
    clearTimeout(timer);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle?.reject(this.#failure);
  }
}
