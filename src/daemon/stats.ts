/**
 * What `stats` and its sub-commands answer: names, order and forms of memcached 1.6.38, values of this daemon.
 * Pure text from what it is given; off the hot path, so strings are fine here.
 */
import { sum, type Counters } from './counters.ts';
import type { SecondHand } from './clock.ts';
import type { Connection } from './connection.ts';
import { settingsRows } from './stats-settings.ts';
import type { Settings } from './settings.ts';
import * as layout from './storage/layout.ts';
import { NONE, type ChunkRef } from './storage/layout.ts';
import { COLD, HOT, WARM } from './storage/lru.ts';
import { CHUNK_BYTES_MAX } from './storage/size-classes.ts';
import type { Store } from './storage/store.ts';
import type { Crawler } from './storage/crawler.ts';
import type { TlsTransport } from './transport-tls.ts';

/** memcached's version that this daemon behaves like: digits only, since clients parse it. */
export const MEMCACHED_VERSION = '1.6.38';

/** What statistics are made of. */
export interface StatsSource {
  readonly store: Store;
  readonly counters: Counters;
  readonly crawler: Crawler;
  readonly time: SecondHand;
  readonly settings: Settings;
  /** memfleet's own version. */
  readonly productVersion: string;
  /** With `-Z`. */
  readonly tls: TlsTransport | undefined;
  /** Second in which the certificates were read. */
  readonly certificatesReadAt: number;
  connections(): Iterable<Connection>;
}

type Row = readonly [name: string, value: string | number];

function rows(list: readonly Row[]): string {
  let text = '';
  for (const [name, value] of list) text += `STAT ${name} ${value}\r\n`;
  return `${text}END\r\n`;
}

/** Seconds with six digits: clients read what is behind the dot as microseconds. */
function seconds(microseconds: number): string {
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}

/** `stats` */
export function generalStats(source: StatsSource): string {
  return rows([...processRows(source), ...commandRows(source), ...tlsRows(source), ...memoryRows(source)]);
}

function processRows({ counters, settings, time, productVersion }: StatsSource): Row[] {
  const cpu = process.cpuUsage();
  return [
    ['pid', process.pid],
    ['uptime', time.uptime],
    ['time', time.unixTime],
    ['version', MEMCACHED_VERSION],
    ['memfleet_version', productVersion],
    ['memfleet_runtime', process.versions['bun'] === undefined ? 'node' : 'bun'],
    ['pointer_size', 64],
    ['rusage_user', seconds(cpu.user)],
    ['rusage_system', seconds(cpu.system)],
    ['max_connections', settings.maxConnections],
    ['curr_connections', counters.currentConnections],
    ['total_connections', counters.totalConnections],
    ['rejected_connections', counters.rejectedConnections],
    ['connection_structures', counters.currentConnections],
  ];
}

function commandRows({ counters, settings }: StatsSource): Row[] {
  const { classes } = counters;
  const idle: Row[] = settings.extended.idleTimeout === 0 ? [] : [['idle_kicks', counters.idleKicks]];
  return [
    ['cmd_get', counters.getCommands],
    ['cmd_set', sum(classes.setCommands)],
    ['cmd_flush', counters.flushCommands],
    ['cmd_touch', counters.touchCommands],
    ['cmd_meta', counters.metaCommands],
    ['get_hits', sum(classes.lruHits)],
    ['get_misses', counters.getMisses],
    ['get_expired', counters.getExpired],
    ['get_flushed', counters.getFlushed],
    ['delete_misses', counters.deleteMisses],
    ['delete_hits', sum(classes.deleteHits)],
    ['incr_misses', counters.incrMisses],
    ['incr_hits', sum(classes.incrHits)],
    ['decr_misses', counters.decrMisses],
    ['decr_hits', sum(classes.decrHits)],
    ['cas_misses', counters.casMisses],
    ['cas_hits', sum(classes.casHits)],
    ['cas_badval', sum(classes.casBadval)],
    ['touch_hits', sum(classes.touchHits)],
    ['touch_misses', counters.touchMisses],
    ['store_too_large', counters.storeTooLarge],
    ['store_no_memory', counters.storeNoMemory],
    ['auth_cmds', counters.authCommands],
    ['auth_errors', counters.authErrors],
    ...idle,
    ['bytes_read', counters.bytesRead],
    ['bytes_written', counters.bytesWritten],
  ];
}

function tlsRows({ tls, settings, time, certificatesReadAt }: StatsSource): Row[] {
  if (tls === undefined) return [];
  const sessions: Row[] = settings.tls?.sessionCache === true ? [['ssl_new_sessions', tls.newSessions]] : [];
  return [
    ...sessions,
    ['ssl_handshake_errors', tls.handshakeErrors],
    ['ssl_proto_errors', 0],
    ['time_since_server_cert_refresh', time.now - certificatesReadAt],
  ];
}

function memoryRows({ store, counters, crawler, settings }: StatsSource): Row[] {
  const { index, slabs, stats } = store;
  return [
    ['limit_maxbytes', settings.maxBytes],
    ['accepting_conns', counters.acceptingConnections],
    ['listen_disabled_num', counters.listenDisabled],
    ['time_in_listen_disabled_us', counters.listenDisabledUs],
    ['threads', 1],
    ['conn_yields', counters.connectionYields],
    ['hash_power_level', index.power],
    ['hash_bytes', index.byteLength],
    ['hash_is_expanding', index.growing ? 1 : 0],
    ['slab_reassign_rescues', stats.pageMoveRescues],
    ['slab_reassign_evictions_nomem', stats.pageMoveEvictions],
    ['slab_reassign_running', 0],
    ['slabs_moved', stats.pagesMoved],
    ['lru_crawler_running', 0],
    ['lru_crawler_starts', crawler.passes],
    ['malloc_fails', 0],
    ['bytes', stats.bytes],
    ['curr_items', stats.currentItems],
    ['total_items', stats.totalItems],
    ['slab_global_page_pool', slabs.pageLimit - slabs.pagesInUse],
    ['expired_unfetched', stats.total('expired_unfetched')],
    ['evicted_unfetched', stats.total('evicted_unfetched')],
    ['evictions', stats.total('evicted')],
    ['reclaimed', stats.total('reclaimed')],
    ['crawler_reclaimed', stats.total('crawler_reclaimed')],
    ['crawler_items_checked', crawler.itemsChecked],
    ['direct_reclaims', 0],
  ];
}

/** `stats settings` */
export function settingsStats({ settings, store }: StatsSource): string {
  const { classes } = store.slabs;
  const chunkSize = classes.chunkBytes[1] - layout.HEADER_BYTES;
  return rows(settingsRows(settings, { growthFactor: classes.growthFactor, chunkSize, chunkMax: CHUNK_BYTES_MAX }));
}

/** `stats items` */
export function itemStats({ store, time }: StatsSource): string {
  const list: Row[] = [];
  for (let id = 1; id <= store.slabs.classes.largest; id++) {
    if (store.stats.items[id] === 0 && store.slabs.pageCount[id] === 0) continue;
    const add = (name: string, value: number): void => void list.push([`items:${id}:${name}`, value]);
    const count = (which: number): number => store.policy.lists.length(id, which);
    const age = (which: number): number => tailAge(store, time, store.policy.lists.oldest(id, which));
    add('number', store.stats.items[id]);
    add('number_hot', count(HOT));
    add('number_warm', count(WARM));
    add('number_cold', count(COLD));
    add('age_hot', age(HOT));
    add('age_warm', age(WARM));
    add('age', age(COLD));
    add('mem_requested', store.stats.requestedBytes[id]);
    add('evicted', store.stats.byClass('evicted')[id]);
    add('evicted_nonzero', store.stats.byClass('evicted_nonzero')[id]);
    add('evicted_time', store.stats.byClass('evicted_time')[id]);
    add('outofmemory', store.stats.byClass('outofmemory')[id]);
    add('tailrepairs', 0);
    add('reclaimed', store.stats.byClass('reclaimed')[id]);
    add('expired_unfetched', store.stats.byClass('expired_unfetched')[id]);
    add('evicted_unfetched', store.stats.byClass('evicted_unfetched')[id]);
    add('crawler_reclaimed', store.stats.byClass('crawler_reclaimed')[id]);
  }
  return rows(list);
}

function tailAge(store: Store, time: SecondHand, ref: ChunkRef): number {
  return ref === NONE ? 0 : time.now - store.memory.word(ref, layout.TIME);
}

/** `stats slabs` */
export function slabStats({ store, counters }: StatsSource): string {
  const { slabs } = store;
  const list: Row[] = [];
  let active = 0;
  for (let id = 1; id <= slabs.classes.largest; id++) {
    const pages = slabs.pageCount[id];
    if (pages === 0) continue;
    active++;
    const chunks = pages * slabs.classes.chunksPerPage[id];
    const free = slabs.freeChunks(id);
    const { classes } = counters;
    const add = (name: string, value: number): void => void list.push([`${id}:${name}`, value]);
    add('chunk_size', slabs.classes.chunkBytes[id]);
    add('chunks_per_page', slabs.classes.chunksPerPage[id]);
    add('total_pages', pages);
    add('total_chunks', chunks);
    add('used_chunks', chunks - free);
    add('free_chunks', free);
    add('free_chunks_end', 0);
    add('mem_requested', store.stats.requestedBytes[id]);
    add('get_hits', sum(classes.lruHits.subarray(id * 4, id * 4 + 4)));
    add('cmd_set', classes.setCommands[id]);
    add('delete_hits', classes.deleteHits[id]);
    add('incr_hits', classes.incrHits[id]);
    add('decr_hits', classes.decrHits[id]);
    add('cas_hits', classes.casHits[id]);
    add('cas_badval', classes.casBadval[id]);
    add('touch_hits', classes.touchHits[id]);
  }
  list.push(['active_slabs', active], ['total_malloced', slabs.bytesInUse]);
  return rows(list);
}

/** `stats sizes`: histogram of item sizes is not kept unless asked for (memcached since 1.4.27). */
export function sizeStats(): string {
  return rows([['sizes_status', 'disabled']]);
}

/** `stats conns` */
export function connectionStats(source: StatsSource): string {
  const list: Row[] = [];
  for (const connection of source.connections()) {
    list.push(
      [`${connection.id}:addr`, connection.socket.peer],
      [`${connection.id}:listen_addr`, connection.socket.local],
      [`${connection.id}:state`, connection.stateName],
      [`${connection.id}:secs_since_last_cmd`, source.time.now - connection.lastCommandAt],
    );
  }
  return rows(list);
}
