/** `stats settings`: names, order and forms of memcached 1.6.45. Pure text from what the daemon was told to be. */
import { protocolName, type Settings, type TlsSettings } from '../settings.ts';

type Row = readonly [name: string, value: string | number];

/** What a client's flags take in an item: memcached's `client_flags_size`. */
const CLIENT_FLAGS_BYTES = 4;

/** printf's `%.2f`. */
function factor(value: number): string {
  return value === Infinity ? 'inf' : value.toFixed(2);
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

/** What the store made of what it was told. */
export interface StoreLayout {
  growthFactor: number;
  chunkSize: number;
  /** Bytes of the largest chunk. */
  chunkMax: number;
  /** Second behind which an item must have been stored to be there still. */
  oldestLive: number;
}

/** The rows. */
export function settingsRows(settings: Settings, layout: StoreLayout): Row[] {
  return [...serverRows(settings, layout), ...extendedRows(settings, layout.chunkMax), ...tlsRows(settings.tls)];
}

function serverRows(settings: Settings, layout: StoreLayout): Row[] {
  return [
    ['maxbytes', settings.maxBytes],
    ['maxconns', settings.maxConnections],
    ['tcpport', settings.port],
    ['udpport', settings.udpPort],
    ['inter', settings.inter === '' ? 'NULL' : settings.inter],
    ['verbosity', settings.verbosity],
    ['oldest', layout.oldestLive],
    ['evictions', settings.evictionDisabled ? 'off' : 'on'],
    ['domain_socket', settings.domainSocket ?? 'NULL'],
    ['umask', settings.domainSocketMode.toString(8)],
    ['shutdown_command', yesNo(settings.shutdownEnabled)],
    ['growth_factor', layout.growthFactor.toFixed(2)],
    ['chunk_size', layout.chunkSize],
    ['num_threads', settings.threads],
    ['num_threads_per_udp', settings.threads],
    ['stat_key_prefix', settings.statKeyPrefix],
    ['detail_enabled', yesNo(settings.detailEnabled)],
    ['reqs_per_event', settings.reqsPerEvent],
    ['cas_enabled', yesNo(settings.casEnabled)],
    ['tcp_backlog', settings.backlog],
    ['binding_protocol', protocolName(settings.protocol)],
    ['auth_enabled_sasl', yesNo(settings.saslEnabled)],
    ['auth_enabled_ascii', settings.authFile ?? 'no'],
    ['item_size_max', settings.itemSizeMax],
  ];
}

function extendedRows({ extended, flushEnabled, dumpEnabled }: Settings, chunkMax: number): Row[] {
  return [
    ['maxconns_fast', yesNo(extended.maxconnsFast)],
    ['hashpower_init', extended.hashpowerInit],
    ['slab_reassign', yesNo(extended.slabReassign)],
    ['slab_automove', extended.slabAutomove],
    ['slab_automove_ratio', extended.slabAutomoveRatio.toFixed(2)],
    ['slab_automove_window', extended.slabAutomoveWindow],
    ['slab_chunk_max', chunkMax],
    ['lru_crawler', yesNo(extended.lruCrawler)],
    ['lru_crawler_sleep', extended.lruCrawlerSleep],
    ['lru_crawler_tocrawl', extended.lruCrawlerTocrawl],
    ['tail_repair_time', extended.tailRepairTime],
    ['flush_enabled', yesNo(flushEnabled)],
    ['dump_enabled', yesNo(dumpEnabled)],
    ['hash_algorithm', extended.hashAlgorithm],
    ['lru_maintainer_thread', yesNo(extended.lruMaintainer)],
    ['lru_segmented', yesNo(extended.lruSegmented)],
    ['hot_lru_pct', extended.hotLruPct],
    ['warm_lru_pct', extended.warmLruPct],
    ['hot_max_factor', factor(extended.hotMaxFactor)],
    ['warm_max_factor', factor(extended.warmMaxFactor)],
    ['temp_lru', yesNo(extended.tempLru)],
    ['temporary_ttl', extended.temporaryTtl],
    ['idle_timeout', extended.idleTimeout],
    ['watcher_logbuf_size', extended.watcherLogbufSize],
    ['worker_logbuf_size', extended.workerLogbufSize],
    ['read_buf_mem_limit', extended.readBufMemLimit],
    ['track_sizes', yesNo(extended.trackSizes)],
    ['inline_ascii_response', 'no'],
    ['slab_automove_freeratio', extended.slabAutomoveFreeratio.toFixed(3)],
  ];
}

function tlsRows(tls: TlsSettings | undefined): Row[] {
  return [
    ['ssl_enabled', yesNo(tls !== undefined)],
    ['ssl_chain_cert', tls?.chainCert ?? '(null)'],
    ['ssl_key', tls?.key ?? '(null)'],
    ['ssl_verify_mode', tls?.verifyMode ?? 0],
    ['ssl_keyformat', tls?.keyFormat === 'der' ? 2 : 1],
    ['ssl_ciphers', tls?.ciphers ?? 'NULL'],
    ['ssl_ca_cert', tls?.caCert ?? 'NULL'],
    ['ssl_wbuf_size', tls?.wbufBytes ?? 16 * 1024],
    ['ssl_session_cache', yesNo(tls?.sessionCache ?? false)],
    ['ssl_kernel_tls', 'no'],
    ['ssl_min_version', (tls?.minVersion ?? 'TLSv1.2').toLowerCase().replace(/^tlsv1$/, 'tlsv1.0')],
    ['proxy_enabled', 'no'],
    ['num_napi_ids', 0],
    ['memory_file', '(null)'],
    ['client_flags_size', CLIENT_FLAGS_BYTES],
  ];
}
