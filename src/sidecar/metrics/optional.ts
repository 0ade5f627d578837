/**
 * The metrics of flash storage and of the proxy, in the names of prometheus/memcached_exporter. Our daemon has
 * neither; a stock memcached that the sidecar stands in front of may. Which group is read depends, as in the
 * exporter, on one statistic that is there exactly when the feature is on. `extstore_bytes_used` is a counter there.
 */
import { counter, gauge, type Metric, type MetricGroup } from './table.ts';

const EXTSTORE: readonly Metric[] = [
  counter(
    'memcached_extstore_compact_lost_total',
    'extstore_compact_lost',
    'Items lost in compaction because they were locked.',
  ),
  counter(
    'memcached_extstore_compact_rescued_total',
    'extstore_compact_rescues',
    'Items moved to another page in compaction.',
  ),
  counter(
    'memcached_extstore_compact_skipped_total',
    'extstore_compact_skipped',
    'Items dropped in compaction because they were idle.',
  ),
  counter('memcached_extstore_pages_allocated_total', 'extstore_page_allocs', 'Times a page was allocated.'),
  counter('memcached_extstore_pages_evicted_total', 'extstore_page_evictions', 'Times a page was evicted.'),
  counter('memcached_extstore_pages_reclaimed_total', 'extstore_page_reclaims', 'Times an empty page was freed.'),
  gauge('memcached_extstore_pages_free', 'extstore_pages_free', 'Pages of flash storage that hold no item.'),
  gauge('memcached_extstore_pages_used', 'extstore_pages_used', 'Pages of flash storage that hold an item.'),
  counter('memcached_extstore_objects_evicted_total', 'extstore_objects_evicted', 'Items evicted to free pages.'),
  counter('memcached_extstore_objects_read_total', 'extstore_objects_read', 'Items read from flash storage.'),
  counter('memcached_extstore_objects_written_total', 'extstore_objects_written', 'Items written to flash storage.'),
  gauge('memcached_extstore_objects_used', 'extstore_objects_used', 'Items in flash storage.'),
  counter('memcached_extstore_bytes_evicted_total', 'extstore_bytes_evicted', 'Bytes evicted to free pages.'),
  counter('memcached_extstore_bytes_written_total', 'extstore_bytes_written', 'Bytes written to flash storage.'),
  counter('memcached_extstore_bytes_read_total', 'extstore_bytes_read', 'Bytes read from flash storage.'),
  counter('memcached_extstore_bytes_used', 'extstore_bytes_used', 'Bytes that items take in flash storage.'),
  gauge(
    'memcached_extstore_bytes_fragmented',
    'extstore_bytes_fragmented',
    'Bytes of allocated pages that hold no item.',
  ),
  gauge('memcached_extstore_bytes_limit', 'extstore_limit_maxbytes', 'Bytes of flash storage.'),
  gauge('memcached_extstore_io_queue_depth', 'extstore_io_queue', 'Operations that wait for flash storage.'),
];

const PROXY: readonly Metric[] = [
  counter('memcached_proxy_conn_requests_total', 'proxy_conn_requests', 'Requests that came in through the proxy.'),
  counter('memcached_proxy_conn_errors_total', 'proxy_conn_errors', 'Internal errors while a request was handled.'),
  counter('memcached_proxy_conn_oom_total', 'proxy_conn_oom', 'Times no memory could be had for a request.'),
  gauge('memcached_proxy_req_active', 'proxy_req_active', 'Requests in flight.'),
  counter('memcached_proxy_config_reloads_total', 'proxy_config_reloads', 'Reloads of the configuration.'),
  counter('memcached_proxy_config_reload_fails_total', 'proxy_config_reload_fails', 'Reloads that failed.'),
  counter('memcached_proxy_config_cron_runs_total', 'proxy_config_cron_runs', 'Cron functions that ran.'),
  counter('memcached_proxy_config_cron_fails_total', 'proxy_config_cron_fails', 'Cron functions that failed.'),
  gauge('memcached_proxy_backend_total', 'proxy_backend_total', 'Backends of the proxy.'),
  counter('memcached_proxy_backend_marked_bad_total', 'proxy_backend_marked_bad', 'Times a backend was marked bad.'),
  gauge('memcached_proxy_backend_failed', 'proxy_backend_failed', 'Backends that are marked bad now.'),
  counter(
    'memcached_proxy_request_failed_depth_total',
    'proxy_request_failed_depth',
    'Requests refused because too many waited for their backend.',
  ),
  counter(
    'memcached_round_robin_fallback_total',
    'round_robin_fallback',
    'Connections given to a thread in turn because their NAPI id had none.',
  ),
  counter('memcached_unexpected_napi_ids_total', 'unexpected_napi_ids', 'Connections with a NAPI id that is unknown.'),
];

/** Metrics that only some builds and configurations of memcached have. */
export const OPTIONAL_GROUPS: readonly MetricGroup[] = [
  {
    block: 'general',
    per: 'node',
    when: { block: 'general', stat: 'extstore_limit_maxbytes' },
    metrics: EXTSTORE,
  },
  { block: 'general', per: 'node', when: { block: 'general', stat: 'proxy_backend_total' }, metrics: PROXY },
];
