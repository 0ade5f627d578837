/**
 * The metrics of a node as a whole, in the names of prometheus/memcached_exporter. Meanings are those of memcached's
 * protocol.txt, "General-purpose statistics" and "Settings statistics".
 */
import { COUNTED_COMMANDS, counter, gauge, type Metric, type MetricGroup, type Sample } from './table.ts';

function commandSamples(): Sample[] {
  const samples: Sample[] = COUNTED_COMMANDS.flatMap((command) => [
    { stat: `${command}_hits`, labels: { command, status: 'hit' } },
    { stat: `${command}_misses`, labels: { command, status: 'miss' } },
  ]);
  return [
    ...samples,
    { stat: 'cas_badval', labels: { command: 'cas', status: 'badval' } },
    { stat: 'cmd_flush', labels: { command: 'flush', status: 'hit' } },
    // memcached counts every cas in cmd_set too.
    {
      stat: 'cmd_set',
      minus: ['cas_hits', 'cas_misses', 'cas_badval'],
      labels: { command: 'set', status: 'hit' },
    },
  ];
}

const GENERAL: readonly Metric[] = [
  gauge('memcached_version', [{ stat: 'version', as: { label: 'version' } }], 'Always 1; the label is the version.'),
  counter('memcached_uptime_seconds', 'uptime', 'Seconds since the daemon started.'),
  gauge('memcached_time_seconds', 'time', 'Unix time by the clock of the daemon.'),
  counter('memcached_process_user_cpu_seconds_total', 'rusage_user', 'CPU time of the daemon in user mode.'),
  counter('memcached_process_system_cpu_seconds_total', 'rusage_system', 'CPU time of the daemon in the kernel.'),
  counter('memcached_read_bytes_total', 'bytes_read', 'Bytes read from the network.'),
  counter('memcached_written_bytes_total', 'bytes_written', 'Bytes written to the network.'),
  gauge('memcached_current_connections', 'curr_connections', 'Open connections.'),
  gauge('memcached_max_connections', [{ stat: 'maxconns', block: 'settings' }], 'Most connections at once (-c).'),
  counter('memcached_connections_total', 'total_connections', 'Connections opened since the start.'),
  counter('memcached_connections_rejected_total', 'rejected_connections', 'Connections refused at the limit of -c.'),
  counter(
    'memcached_connections_yielded_total',
    'conn_yields',
    'Times a connection had to let others go first at the limit of -R.',
  ),
  counter(
    'memcached_connections_listener_disabled_total',
    'listen_disabled_num',
    'Times the daemon stopped accepting at its connection limit.',
  ),
  gauge('memcached_accepting_connections', 'accepting_conns', '1 while new connections are accepted.'),
  gauge('memcached_current_bytes', 'bytes', 'Bytes that the stored items take.'),
  gauge('memcached_limit_bytes', 'limit_maxbytes', 'Bytes that items may take (-m).'),
  gauge('memcached_malloced_bytes', [{ stat: 'total_malloced', block: 'slabs' }], 'Bytes allocated to slab pages.'),
  counter('memcached_commands_total', commandSamples(), 'Commands by name and outcome.'),
  gauge('memcached_current_items', 'curr_items', 'Items stored now.'),
  counter('memcached_items_total', 'total_items', 'Items stored since the start.'),
  counter('memcached_items_evicted_total', 'evictions', 'Items that had not expired and made room for new ones.'),
  counter('memcached_items_reclaimed_total', 'reclaimed', 'Times an item was stored in the memory of an expired one.'),
  counter('memcached_item_too_large_total', 'store_too_large', 'Items refused because they exceed -I.'),
  counter('memcached_item_no_memory_total', 'store_no_memory', 'Items refused because no memory could be had.'),
  counter('memcached_direct_reclaims_total', 'direct_reclaims', 'Times a request itself had to reclaim or evict.'),
  counter('memcached_lru_crawler_starts_total', 'lru_crawler_starts', 'Times the LRU crawler was started.'),
  counter('memcached_lru_crawler_reclaimed_total', 'crawler_reclaimed', 'Items that the LRU crawler freed.'),
  counter(
    'memcached_lru_crawler_items_checked_total',
    'crawler_items_checked',
    'Items that the LRU crawler looked at.',
  ),
  counter('memcached_lru_crawler_moves_to_cold_total', 'moves_to_cold', 'Items moved from HOT or WARM to COLD.'),
  counter('memcached_lru_crawler_moves_to_warm_total', 'moves_to_warm', 'Items moved from COLD to WARM.'),
  counter('memcached_lru_crawler_moves_within_lru_total', 'moves_within_lru', 'Items bumped within HOT or WARM.'),
];

const CRAWLER_SETTINGS: readonly Metric[] = [
  gauge('memcached_lru_crawler_enabled', [{ stat: 'lru_crawler', as: 'yesNo' }], '1 if the LRU crawler is on.'),
  gauge('memcached_lru_crawler_sleep', 'lru_crawler_sleep', 'Microseconds that the LRU crawler rests between items.'),
  gauge('memcached_lru_crawler_to_crawl', 'lru_crawler_tocrawl', 'Most items crawled in a slab class a run; 0: all.'),
  gauge(
    'memcached_lru_crawler_maintainer_thread',
    [{ stat: 'lru_maintainer_thread', as: 'yesNo' }],
    '1 if the LRU is segmented and maintained in the background.',
  ),
  gauge('memcached_lru_crawler_hot_percent', 'hot_lru_pct', 'Percent of a slab class that HOT may take.'),
  gauge('memcached_lru_crawler_warm_percent', 'warm_lru_pct', 'Percent of a slab class that WARM may take.'),
  gauge('memcached_lru_crawler_hot_max_factor', 'hot_max_factor', 'HOT may be idle for the age of COLD times this.'),
  gauge('memcached_lru_crawler_warm_max_factor', 'warm_max_factor', 'WARM may be idle for the age of COLD times this.'),
];

/** Metrics that every memcached has; those of the LRU crawler's settings only while it is on. */
export const NODE_GROUPS: readonly MetricGroup[] = [
  { block: 'general', per: 'node', metrics: GENERAL },
  {
    block: 'settings',
    per: 'node',
    when: { block: 'settings', stat: 'lru_crawler', equals: 'yes' },
    metrics: CRAWLER_SETTINGS,
  },
];
