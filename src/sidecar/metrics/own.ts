/** The metrics of statistics that memfleet's daemon has and memcached not, or that the exporter has no name for. */
import { counter, gauge, type Metric, type MetricGroup } from './table.ts';

const OWN: readonly Metric[] = [
  counter(
    'memfleet_daemon_login_failures_total',
    [
      { stat: 'auth_errors', labels: { proof: 'login' } },
      { stat: 'memfleet_config_auth_errors', labels: { proof: 'config_set' } },
    ],
    'Logins with a wrong name or password, and config set with a wrong token.',
  ),
  counter(
    'memfleet_daemon_tls_handshake_failures_total',
    'ssl_handshake_errors',
    'TLS handshakes that came to nothing, those that were cut off included; absent without -Z.',
  ),
  counter(
    'memfleet_daemon_tls_handshakes_dropped_total',
    'memfleet_ssl_handshakes_dropped',
    'TLS handshakes that were cut off because too many were under way; absent without -Z.',
  ),
  counter(
    'memfleet_daemon_udp_dropped_total',
    'memfleet_udp_dropped',
    'Datagrams that were not answered, or not wholly; absent without -U.',
  ),
  counter(
    'memfleet_daemon_log_lines_dropped_total',
    'memfleet_log_lines_dropped',
    'Lines of -v that the daemon dropped because they were not read in time.',
  ),
  gauge(
    'memfleet_daemon_connections_held_bytes',
    'memfleet_conn_memory',
    'Bytes that connections hold beyond the items: unfinished requests, and answers that were not taken.',
  ),
  gauge(
    'memfleet_daemon_connections_held_limit_bytes',
    'memfleet_conn_memory_limit',
    'What these bytes may be, by -o conn_memory_limit or -m.',
  ),
  gauge(
    'memfleet_daemon_connections_paused',
    'memfleet_conn_memory_paused',
    'Connections that are not read now, since all together hold so much.',
  ),
  counter(
    'memfleet_daemon_connections_cut_off_total',
    [
      { stat: 'memfleet_conn_memory_kicks', labels: { reason: 'memory' } },
      { stat: 'memfleet_stalled_kicks', labels: { reason: 'stalled' } },
    ],
    'Connections that were cut off: they held too much, or did not send or take what was begun.',
  ),
  gauge(
    'memfleet_daemon_arriving_bytes',
    'memfleet_arriving_memory',
    "Bytes of the items' memory that values have which come in pieces and are not whole yet.",
  ),
  gauge('memfleet_daemon_arriving_limit_bytes', 'memfleet_arriving_memory_limit', 'What these bytes may be.'),
  counter(
    'memfleet_daemon_arriving_refused_total',
    'memfleet_arriving_memory_refusals',
    'Values that were refused on their way because others had so many of these bytes.',
  ),
];

/** Each of them is there where its statistic is. */
export const OWN_GROUPS: readonly MetricGroup[] = [{ block: 'general', per: 'node', metrics: OWN }];
