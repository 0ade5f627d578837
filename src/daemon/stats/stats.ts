/**
 * What `stats` and its sub-commands answer: names, order and forms of memcached 1.6.45, values of this daemon and its
 * process. Off the hot path, so strings are fine here.
 */
import { MEMCACHED_VERSION } from '../../base/memcached.ts';
import { sum } from '../counters.ts';
import { rows, when, type Row, type StatsSource, type Streamed } from './rows.ts';
import { settingsRows } from './settings.ts';
import * as layout from '../storage/layout.ts';
import { CHUNK_BYTES_MAX } from '../storage/size-classes.ts';

/** Seconds with six digits: clients read what is behind the dot as microseconds. */
function seconds(microseconds: number): string {
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}

/** `stats` */
export function generalStats(source: StatsSource): Streamed {
  return rows([
    ...processRows(source),
    ...commandRows(source),
    ...tlsRows(source),
    ...memoryRows(source),
    ...heldRows(source),
  ]);
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
    ...when(settings.extended.maxconnsFast, ['rejected_connections', counters.rejectedConnections]),
    ['connection_structures', counters.currentConnections],
  ];
}

function commandRows({ counters, settings, store }: StatsSource): Row[] {
  const { classes } = counters;
  return [
    ['cmd_get', counters.getCommands],
    ['cmd_set', sum(classes.setCommands)],
    ['cmd_flush', counters.flushCommands],
    ['cmd_touch', counters.touchCommands],
    ['cmd_meta', counters.metaCommands],
    ['get_hits', sum(classes.lruHits)],
    ['get_misses', counters.getMisses],
    ['get_expired', store.stats.foundExpired],
    ['get_flushed', store.stats.foundFlushed],
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
    ...when(settings.listenUdp.length > 0, ['memfleet_udp_dropped', counters.udpDropped]),
    ['memfleet_config_auth_errors', counters.configAuthErrors],
    ...when(settings.extended.idleTimeout > 0, ['idle_kicks', counters.idleKicks]),
    ['bytes_read', counters.bytesRead],
    ['bytes_written', counters.bytesWritten],
  ];
}

function tlsRows({ tls, settings, time, certificatesReadAt }: StatsSource): Row[] {
  if (tls === undefined) return [];
  return [
    ...when(settings.tls?.sessionCache === true, ['ssl_new_sessions', tls.newSessions]),
    ['ssl_handshake_errors', tls.handshakes.failed],
    ['ssl_proto_errors', 0],
    ['time_since_server_cert_refresh', time.now - certificatesReadAt],
    ['memfleet_ssl_handshakes_dropped', tls.handshakes.dropped],
  ];
}

function memoryRows({ store, counters, crawler, settings, watch, log }: StatsSource): Row[] {
  const { index, slabs, stats, policy } = store;
  const { slabReassign, lruCrawler, lruSegmented, lruMaintainer } = settings.extended;
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
    ...when(
      slabReassign,
      ['slab_reassign_rescues', stats.pageMoveRescues],
      ['slab_reassign_chunk_rescues', stats.pageMoveChunkRescues],
      ['slab_reassign_running', 0],
      ['slabs_moved', stats.pagesMoved],
    ),
    ...when(lruCrawler, ['lru_crawler_running', crawler.isRunning ? 1 : 0], ['lru_crawler_starts', crawler.starts]),
    ...when(lruMaintainer, ['lru_maintainer_juggles', policy.juggles]),
    ['malloc_fails', 0],
    ['log_worker_dropped', 0],
    ['log_worker_written', watch.counters.written],
    ['log_watcher_skipped', watch.counters.skipped],
    ['log_watcher_sent', watch.counters.sent],
    ['log_watchers', watch.watcherCount],
    ['memfleet_log_lines_dropped', log.dropped],
    ['bytes', stats.bytes],
    ['curr_items', stats.currentItems],
    ['total_items', stats.totalItems],
    ['slab_global_page_pool', Math.max(0, slabs.pageLimit - slabs.pagesInUse)],
    ['expired_unfetched', stats.total('expired_unfetched')],
    ['evicted_unfetched', stats.total('evicted_unfetched')],
    ...when(lruSegmented, ['evicted_active', stats.total('evicted_active')]),
    ['evictions', stats.total('evicted')],
    ['reclaimed', stats.total('reclaimed')],
    ['crawler_reclaimed', stats.total('crawler_reclaimed')],
    ['crawler_items_checked', stats.total('crawler_items_checked')],
    ['lrutail_reflocked', 0],
    ...when(
      lruMaintainer,
      ['moves_to_cold', sum(policy.moves.toCold)],
      ['moves_to_warm', sum(policy.moves.toWarm)],
      ['moves_within_lru', sum(policy.moves.withinLru)],
      ['direct_reclaims', 0],
    ),
  ];
}

/** What memcached has no word for. */
function heldRows({ held, arriving, counters }: StatsSource): Row[] {
  return [
    ['memfleet_arriving_memory', arriving.bytes],
    ['memfleet_arriving_memory_limit', arriving.limitBytes],
    ['memfleet_arriving_memory_refusals', arriving.refused],
    ['memfleet_conn_memory', held.heldBytes],
    ['memfleet_conn_memory_limit', held.limitBytes],
    ['memfleet_conn_memory_paused', held.pausedCount],
    ['memfleet_conn_memory_pauses', held.pauses],
    ['memfleet_conn_memory_kicks', held.cutOffs],
    ['memfleet_stalled_kicks', counters.stalledKicks],
  ];
}

/** `stats settings` */
export function settingsStats({ settings, store }: StatsSource): Streamed {
  const { classes } = store.slabs;
  return rows(
    settingsRows(settings, {
      growthFactor: classes.growthFactor,
      chunkSize: classes.chunkBytes[1] - layout.HEADER_BYTES,
      chunkMax: CHUNK_BYTES_MAX,
      oldestLive: store.oldestLive,
    }),
  );
}

/** Rows of `stats sizes` that are looked for at once. */
const SIZES_AT_ONCE = 200;

/** `stats sizes`: items by size in steps of 32 bytes, if they are counted (`-o track_sizes`). */
export function sizeStats({ store }: StatsSource): Streamed {
  return rows(store.sizes === undefined ? [['sizes_status', 'disabled']] : sizeRows(store.sizes));
}

function* sizeRows(sizes: ReadonlyMap<number, number>): Generator<Row> {
  for (let last = -1; ;) {
    const larger = [...sizes].filter(([size, count]) => count > 0 && size > last).toSorted(([a], [b]) => a - b);
    const some = larger.slice(0, SIZES_AT_ONCE);
    if (some.length === 0) return;
    for (const [size, count] of some) yield [String((last = size)), count];
  }
}

/** `stats conns` */
export function connectionStats(source: StatsSource): Streamed {
  return rows(connectionRows(source));
}

function* connectionRows(source: StatsSource): Generator<Row> {
  const asker = source.watch.connectionId;
  for (const { id, isUdp, endpoint, lastUsedAt } of source.listening) {
    if (isUdp) yield [`${id}:UDP`, 'UDP'];
    yield [`${id}:addr`, endpoint];
    yield [`${id}:state`, isUdp ? 'conn_read' : 'conn_listening'];
    yield [`${id}:secs_since_last_cmd`, source.time.now - lastUsedAt];
  }
  for (const connection of source.connections()) {
    const { id, socket, stateName } = connection;
    yield [`${id}:addr`, socket.peer];
    yield [`${id}:listen_addr`, socket.local];
    yield [`${id}:state`, id === asker ? 'conn_parse_cmd' : stateName];
    yield [`${id}:secs_since_last_cmd`, source.time.now - connection.lastCommandAt];
  }
}
