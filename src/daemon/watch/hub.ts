/**
 * What watchers are told (protocol.txt "Watchers"): makes the log lines in memcached's form and gives each to whom it
 * concerns. While nobody watches it is no observer of anything, and nothing is made.
 */
import type { SecondHand } from '../clock.ts';
import { WATCHERS_MAX } from '../limits.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';
import { byteOffset } from '../storage/memory.ts';
import type { StoreObserver, StoredItem } from '../storage/observer.ts';
import { EXPIRED, FLUSHED, type Store } from '../storage/store.ts';
import { keyText } from './key-text.ts';
import { Watcher } from './watcher.ts';

/** Events that can be watched, as bits. */
export const Watched = {
  FETCHERS: 1,
  MUTATIONS: 2,
  EVICTIONS: 4,
  CONNEVENTS: 8,
  DELETIONS: 16,
  SYSEVENTS: 32,
} as const;

/** Events that are about items. */
const OF_STORE = Watched.FETCHERS | Watched.MUTATIONS | Watched.EVICTIONS | Watched.DELETIONS | Watched.SYSEVENTS;

/** The events by the words of `watch`; memcached takes those with 0 as well, and has nothing to say of them here. */
export const WATCH_WORDS: ReadonlyMap<string, number> = new Map([
  ['fetchers', Watched.FETCHERS],
  ['mutations', Watched.MUTATIONS],
  ['evictions', Watched.EVICTIONS],
  ['connevents', Watched.CONNEVENTS],
  ['deletions', Watched.DELETIONS],
  ['sysevents', Watched.SYSEVENTS],
  ['rawcmds', 0],
  ['proxyreqs', 0],
  ['proxyevents', 0],
  ['proxyuser', 0],
]);

/** What is logged of a connection. */
export interface WatchedConnection {
  readonly id: number;
  readonly socket: { readonly peer: string };
}

export class WatchHub implements StoreObserver {
  /** The number of the connection that is being served. */
  connectionId = 0;
  /** Lines made, sent to somebody, and dropped because somebody was slow. */
  readonly counters = { written: 0, sent: 0, skipped: 0 };
  readonly #store: Store;
  readonly #time: SecondHand;
  readonly #watchers = new Set<Watcher>();
  #mask = 0;
  /** Number of the last line, by which a reader of several logs can order them. */
  #lastId = 0;

  constructor(store: Store, time: SecondHand) {
    this.#store = store;
    this.#time = time;
  }

  /** Connections that watch. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Whether another one may watch; logger.c WATCHER_LIMIT. */
  get isFull(): boolean {
    return this.#watchers.size >= WATCHERS_MAX;
  }

  /** Adds one who watches. */
  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
    this.#lastId++;
    this.#setMask();
  }

  /** Its connection has gone. */
  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    this.#setMask();
  }

  #setMask(): void {
    this.#mask = 0;
    for (const watcher of this.#watchers) this.#mask |= watcher.mask;
    this.#store.observer = (this.#mask & OF_STORE) === 0 ? undefined : this;
  }

  // ---- events ----

  connected(connection: WatchedConnection): void {
    if ((this.#mask & Watched.CONNEVENTS) === 0) return;
    this.#log(Watched.CONNEVENTS, `type=conn_new ${endpointText(connection.socket.peer)} cfd=${connection.id}`);
  }

  /** @param reason `normal`, `error`, `idle_timeout` or `shutdown` */
  disconnected(connection: WatchedConnection, reason: string): void {
    if ((this.#mask & Watched.CONNEVENTS) === 0) return;
    const where = endpointText(connection.socket.peer);
    this.#log(Watched.CONNEVENTS, `type=conn_close ${where} reason=${reason} cfd=${connection.id}`);
  }

  fetched(key: Uint8Array, start: number, length: number, ref: ChunkRef, missReason: number): void {
    if ((this.#mask & Watched.FETCHERS) === 0) return;
    const status = ref !== NONE ? 'found' : MISS_WORDS[missReason];
    const { sizeClass, valueBytes } = ref === NONE ? NO_ITEM : this.#item(ref);
    this.#log(
      Watched.FETCHERS,
      `type=item_get key=${keyText(key, start, start + length)} status=${status} clsid=${sizeClass}` +
        ` cfd=${this.connectionId} size=${valueBytes}`,
    );
  }

  stored(key: Uint8Array, command: string, status: string, item: StoredItem | undefined): void {
    if ((this.#mask & Watched.MUTATIONS) === 0) return;
    const { deadline, sizeClass, valueBytes } = item ?? NO_ITEM;
    const ttl = deadline === 0 ? 0 : (deadline - this.#time.now) >>> 0;
    this.#log(
      Watched.MUTATIONS,
      `type=item_store key=${keyText(key, 0, key.length)} status=${status} cmd=${command} ttl=${ttl}` +
        ` clsid=${sizeClass} cfd=${this.connectionId} size=${valueBytes}`,
    );
  }

  evicted(ref: ChunkRef): void {
    if ((this.#mask & Watched.EVICTIONS) === 0) return;
    const { memory } = this.#store;
    const { deadline, sizeClass, valueBytes } = this.#item(ref);
    const fetched = (memory.word(ref, layout.STATE) & layout.FETCHED) === 0 ? 'no' : 'yes';
    this.#log(
      Watched.EVICTIONS,
      `type=eviction key=${this.#keyOf(ref)} fetch=${fetched} ttl=${deadline === 0 ? -1 : deadline - this.#time.now}` +
        ` la=${this.#time.now - memory.word(ref, layout.TIME)} clsid=${sizeClass} size=${valueBytes}`,
    );
  }

  deleted(ref: ChunkRef, command: string): void {
    if ((this.#mask & Watched.DELETIONS) === 0) return;
    const { sizeClass, valueBytes } = this.#item(ref);
    this.#log(
      Watched.DELETIONS,
      `type=deleted key=${this.#keyOf(ref)} cmd=${command} clsid=${sizeClass} size=${valueBytes}`,
    );
  }

  pageMoved(fromClass: number, toClass: number): void {
    if ((this.#mask & Watched.SYSEVENTS) === 0) return;
    this.#log(Watched.SYSEVENTS, `type=slab_move src=${fromClass} dst=${toClass}`);
  }

  // ---- lines ----

  #item(ref: ChunkRef): StoredItem {
    const { memory, items } = this.#store;
    return {
      deadline: memory.word(ref, layout.EXPTIME),
      sizeClass: layout.classOf(memory.word(ref, layout.SHAPE)),
      valueBytes: items.valueBytes(ref),
    };
  }

  #keyOf(ref: ChunkRef): string {
    const { memory, items } = this.#store;
    const start = byteOffset(ref) + layout.HEADER_BYTES;
    return keyText(memory.blockOf(ref).bytes, start, start + items.keyBytes(ref));
  }

  #log(event: number, text: string): void {
    const { seconds, microseconds } = this.#time.precise();
    // The microseconds have no leading zeros, as memcached writes them.
    const line = `ts=${seconds}.${microseconds} gid=${++this.#lastId} ${text}\n`;
    this.counters.written++;
    for (const watcher of this.#watchers) {
      if ((watcher.mask & event) === 0) continue;
      if (watcher.log(line)) this.counters.sent++;
      else this.counters.skipped++;
    }
  }
}

const NO_ITEM: StoredItem = { deadline: 0, sizeClass: 0, valueBytes: 0 };

const MISS_WORDS: string[] = ['not_found'];
MISS_WORDS[EXPIRED] = 'expired';
MISS_WORDS[FLUSHED] = 'flushed';

/** `tcp:127.0.0.1:40012`, `tcp6:[::1]:40012` or `unix:path` in the words of a log line. */
function endpointText(peer: string): string {
  const match = /^tcp6?:\[?([^\]]*?)\]?:(\d+)$/.exec(peer);
  if (match === null) return 'rip=unix rport=0 transport=local';
  return `rip=${match[1]} rport=${match[2]} transport=tcp`;
}
