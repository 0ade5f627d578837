/**
 * The tables are compared with the descriptors of memcached_exporter and with the documentation, and evaluated over
 * what a real memcached 1.6.38 answered.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/sidecar/metrics/evaluate.ts';
import { OWN_GROUPS } from '../../src/sidecar/metrics/own.ts';
import { DAEMON_GROUPS, Exposition, NODE_METRICS } from '../../src/sidecar/metrics/exposition.ts';
import type { Sample } from '../../src/sidecar/metrics/table.ts';
import { byClass, type Snapshot } from '../../src/sidecar/snapshot.ts';
import { EXPORTER_METRICS } from './exporter-metrics.ts';
import { fixtureStats } from './support/fake-daemon.ts';
import { parseExposition, valueOf } from './support/parse-exposition.ts';

const NODE = { name: 'memfleet-cache-1', draining: false, topologyVersion: 7 };

function snapshot(changes: { general?: Record<string, string>; settings?: Record<string, string> } = {}): Snapshot {
  return {
    general: new Map([...fixtureStats(''), ...Object.entries(changes.general ?? {})]),
    settings: new Map([...fixtureStats('settings'), ...Object.entries(changes.settings ?? {})]),
    items: byClass(fixtureStats('items')),
    slabs: byClass(fixtureStats('slabs')),
  };
}

async function exposition(from: Snapshot | undefined, node = NODE) {
  return parseExposition(await new Exposition().render(from, node));
}

function labelNames(sample: Sample, per: 'node' | 'slab'): string[] {
  const own = typeof sample.as === 'object' ? [sample.as.label] : [];
  return [...(per === 'slab' ? ['slab'] : []), ...Object.keys(sample.labels ?? {}), ...own];
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

const TABLE = DAEMON_GROUPS.flatMap(({ per, block, metrics }) => metrics.map((metric) => ({ ...metric, per, block })));

describe('the tables', () => {
  test('have exactly the metrics of memcached_exporter, with its types and labels', () => {
    const ours = TABLE.map(({ name, type, samples, per }) => ({
      name,
      type,
      labels: [...new Set(samples.flatMap((sample) => labelNames(sample, per)))].sort(),
    }));
    const up = { name: NODE_METRICS.up.name, type: NODE_METRICS.up.type, labels: [] };
    const theirs = EXPORTER_METRICS.map(({ name, type, labels }) => ({ name, type, labels: [...labels].sort() }));
    expect([up, ...ours].sort(byName)).toEqual(theirs.sort(byName));
  });

  test('are documented, each metric with its type, labels, statistic and meaning', () => {
    const documented = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const rows = TABLE.map(({ name, type, help, samples, per, block }) => {
      const labels = [...new Set(samples.flatMap((sample) => labelNames(sample, per)))];
      const stats = [...new Set(samples.map((sample) => statOf(sample, block)))].join(', ');
      const series = labels.length === 0 ? name : `${name}{${labels.join(',')}}`;
      return `| \`${series}\` | ${type} | ${stats} | ${help} |`;
    });
    expect(rows.filter((row) => !documented.includes(row))).toEqual([]);
    for (const { name, type, help } of OWN_GROUPS.flatMap(({ metrics }) => metrics)) {
      expect(documented).toMatch(new RegExp(`\\| \`${name}[^|]*\\| ${type} \\| ${help.replaceAll('.', '\\.')} \\|`));
    }
    for (const { name } of Object.values(NODE_METRICS)) expect(documented).toContain(`\`${name}`);
  });
});

function statOf(sample: Sample, block: string): string {
  const from = sample.block ?? block;
  const name = from === 'general' ? sample.stat : `${from}: ${sample.stat}`;
  return [name, ...(sample.minus ?? [])].join(' − ');
}

describe('a node in Prometheus', () => {
  test('has the values of the statistics', async () => {
    const metrics = await exposition(snapshot());
    expect(valueOf(metrics, 'memcached_up')).toBe(1);
    expect(valueOf(metrics, 'memcached_version', { version: '1.6.38' })).toBe(1);
    expect(valueOf(metrics, 'memcached_max_connections')).toBe(1024);
    expect(valueOf(metrics, 'memcached_items_evicted_total')).toBe(1040);
    expect(valueOf(metrics, 'memcached_item_too_large_total')).toBe(1);
    expect(valueOf(metrics, 'memcached_malloced_bytes')).toBe(Number(fixtureStats('slabs').get('total_malloced')));
    expect(valueOf(metrics, 'memcached_process_user_cpu_seconds_total')).toBe(
      Number(fixtureStats('').get('rusage_user')),
    );
    expect(metrics.get('memcached_uptime_seconds')?.type).toBe('counter');
  });

  test('counts a cas as a cas and not as a set too', async () => {
    const metrics = await exposition(snapshot());
    const commands = (command: string, status: string) =>
      valueOf(metrics, 'memcached_commands_total', { command, status });
    // The load had 1,801 sets, and one cas of each outcome, which memcached counts in cmd_set (1,804) too.
    expect(commands('set', 'hit')).toBe(1801);
    expect([commands('cas', 'hit'), commands('cas', 'miss'), commands('cas', 'badval')]).toEqual([1, 1, 1]);
    expect([commands('flush', 'hit'), commands('delete', 'hit'), commands('touch', 'miss')]).toEqual([1, 1, 1]);
    expect(commands('set', 'miss')).toBeUndefined();
  });

  test('never counts below zero while the parts of a difference are ahead of their sum', () => {
    const metrics = evaluate(DAEMON_GROUPS, snapshot({ general: { cmd_set: '2' } }));
    const sets = metrics
      .find((metric) => metric.name === 'memcached_commands_total')
      ?.values.find(({ labels }) => labels['command'] === 'set');
    expect(sets?.value).toBe(0);
  });

  test('has a series for each slab class, and one for each segment of the LRU', async () => {
    const metrics = await exposition(snapshot());
    const slabs = metrics.get('memcached_slab_current_items')?.samples.map(({ labels }) => labels['slab']);
    expect(slabs).toEqual(['1', '2', '18']);
    expect(valueOf(metrics, 'memcached_slab_items_evicted_total', { slab: '18' })).toBe(1040);
    expect(valueOf(metrics, 'memcached_slab_mem_requested_bytes', { slab: '18' })).toBeGreaterThan(0);
    const segments = metrics.get('memcached_slab_lru_hits_total')?.samples.map(({ labels }) => labels['lru']);
    expect(new Set(segments)).toEqual(new Set(['hot', 'warm', 'cold', 'temporary']));
    expect(valueOf(metrics, 'memcached_slab_commands_total', { slab: '2', command: 'cas', status: 'hit' })).toBe(1);
    expect(valueOf(metrics, 'memcached_slab_commands_total', { slab: '2', command: 'set', status: 'hit' })).toBe(298);
  });

  test('takes mem_requested from stats slabs where an old memcached has it there', () => {
    const slabs = byClass(new Map([['1:mem_requested', '77']]));
    const metrics = evaluate(DAEMON_GROUPS, { ...snapshot(), items: byClass(new Map()), slabs });
    const requested = metrics.find((metric) => metric.name === 'memcached_slab_mem_requested_bytes');
    expect(requested?.values).toEqual([{ labels: { slab: '1' }, value: 77 }]);
  });

  test('has the settings of the LRU crawler only while it is on', async () => {
    expect(valueOf(await exposition(snapshot()), 'memcached_lru_crawler_enabled')).toBe(1);
    const off = await exposition(snapshot({ settings: { lru_crawler: 'no' } }));
    expect([...off.keys()].filter((name) => /lru_crawler_(enabled|sleep|hot|warm|to_crawl)/.test(name))).toEqual([]);
    expect(off.has('memcached_lru_crawler_starts_total')).toBe(true);
  });

  test('has flash storage and the proxy only where the daemon has them', async () => {
    const plain = await exposition(snapshot());
    expect([...plain.keys()].filter((name) => /extstore|proxy|round_robin|napi/.test(name))).toEqual([]);
    const both = await exposition(
      snapshot({
        general: {
          extstore_limit_maxbytes: '1048576',
          extstore_page_allocs: '3',
          proxy_backend_total: '2',
          proxy_conn_requests: '9',
        },
      }),
    );
    expect(valueOf(both, 'memcached_extstore_bytes_limit')).toBe(1_048_576);
    expect(valueOf(both, 'memcached_extstore_pages_allocated_total')).toBe(3);
    expect(valueOf(both, 'memcached_proxy_conn_requests_total')).toBe(9);
    expect(valueOf(both, 'memcached_round_robin_fallback_total')).toBe(0);
    expect(both.has('memcached_proxy_conn_oom_total')).toBe(false);
  });

  test('leaves out what is no number instead of failing the scrape', async () => {
    const metrics = await exposition(snapshot({ general: { curr_items: 'many', total_items: '-3' } }));
    expect(metrics.get('memcached_current_items')).toBeUndefined();
    expect(valueOf(metrics, 'memcached_up')).toBe(1);
  });

  test('is down without statistics, and says nothing else of the daemon', async () => {
    const metrics = await exposition(undefined);
    expect(valueOf(metrics, 'memcached_up')).toBe(0);
    expect([...metrics.keys()].filter((name) => name.startsWith('memcached_'))).toEqual(['memcached_up']);
  });

  test('has what memfleet counts besides, where it is counted', async () => {
    const general = {
      auth_errors: '2',
      memfleet_config_auth_errors: '3',
      memfleet_udp_dropped: '4',
      memfleet_arriving_memory: '5',
      memfleet_arriving_memory_refusals: '6',
      memfleet_conn_memory: '7',
      memfleet_conn_memory_limit: '8',
      memfleet_conn_memory_paused: '9',
      memfleet_conn_memory_kicks: '10',
      memfleet_stalled_kicks: '11',
    };
    const metrics = await exposition(snapshot({ general }));
    expect(valueOf(metrics, 'memfleet_daemon_login_failures_total', { proof: 'login' })).toBe(2);
    expect(valueOf(metrics, 'memfleet_daemon_login_failures_total', { proof: 'config_set' })).toBe(3);
    expect(valueOf(metrics, 'memfleet_daemon_udp_dropped_total')).toBe(4);
    expect(valueOf(metrics, 'memfleet_daemon_arriving_bytes')).toBe(5);
    expect(valueOf(metrics, 'memfleet_daemon_arriving_refused_total')).toBe(6);
    expect(valueOf(metrics, 'memfleet_daemon_connections_held_bytes')).toBe(7);
    expect(valueOf(metrics, 'memfleet_daemon_connections_held_limit_bytes')).toBe(8);
    expect(valueOf(metrics, 'memfleet_daemon_connections_paused')).toBe(9);
    expect(valueOf(metrics, 'memfleet_daemon_connections_cut_off_total', { reason: 'memory' })).toBe(10);
    expect(valueOf(metrics, 'memfleet_daemon_connections_cut_off_total', { reason: 'stalled' })).toBe(11);
    expect(metrics.has('memfleet_daemon_tls_handshakes_dropped_total')).toBe(false);
  });

  test('tells its name, version, draining and topology', async () => {
    const ours = await exposition(snapshot({ general: { memfleet_version: '0.1.0' } }));
    expect(valueOf(ours, 'memfleet_node_info', { name: 'memfleet-cache-1', version: '0.1.0' })).toBe(1);
    expect(valueOf(ours, 'memfleet_node_topology_version')).toBe(7);
    expect(valueOf(ours, 'memfleet_node_draining')).toBe(0);
    const stock = await exposition(snapshot(), { name: 'x', draining: true, topologyVersion: undefined as never });
    expect(valueOf(stock, 'memfleet_node_info', { name: 'x', version: '' })).toBe(1);
    expect(stock.has('memfleet_node_topology_version')).toBe(false);
    expect(valueOf(stock, 'memfleet_node_draining')).toBe(1);
  });

  test('has the process metrics of its sidecar under names of their own', async () => {
    const names = [...(await exposition(undefined)).keys()];
    expect(names).toContain('memfleet_sidecar_process_resident_memory_bytes');
    expect(names).toContain('memfleet_sidecar_nodejs_eventloop_lag_seconds');
    expect(names.filter((name) => !/^mem(cached|fleet)_/.test(name))).toEqual([]);
  });
});
