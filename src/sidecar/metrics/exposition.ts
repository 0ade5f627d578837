/**
 * What `GET /metrics` answers: the daemon's metrics by the tables, the node's own, and those of the sidecar process.
 *
 * The daemon's counters are absolute values that somebody else counts, and prom-client's counters can only be
 * incremented. So each scrape gets a registry of its own, in which every metric is new and is incremented once, from
 * 0 to its value: the TYPE says counter, and a slab class that is gone leaves no series behind.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { HttpGuard } from '../../http/guard.ts';
import { GUARD_METRICS } from '../../http/metrics.ts';
import type { Snapshot } from '../snapshot.ts';
import { droppedLogLines } from '../../base/log.ts';
import { evaluate, type EvaluatedMetric, type SampleValue } from './evaluate.ts';
import { NODE_GROUPS } from './node.ts';
import { OPTIONAL_GROUPS } from './optional.ts';
import { OWN_GROUPS } from './own.ts';
import { SLAB_GROUPS } from './slabs.ts';
import type { MetricGroup } from './table.ts';

/** Every metric that is read from the daemon and has the exporter's name, in the order of the exposition. */
export const DAEMON_GROUPS: readonly MetricGroup[] = [...NODE_GROUPS, ...SLAB_GROUPS, ...OPTIONAL_GROUPS];

/** What the sidecar knows about its node without asking the daemon. */
export interface NodeStatus {
  /** The name of the node in the topology. */
  readonly name: string;
  readonly draining: boolean;
  /** Version of the topology that the daemon has; undefined if it has none or nobody handed it one. */
  readonly topologyVersion: number | undefined;
}

/** The metrics that are the sidecar's own words; `memfleet_sidecar_process_*` and `_nodejs_*` come from prom-client. */
export const NODE_METRICS = {
  up: { name: 'memcached_up', type: 'gauge', help: '1 if the daemon answered this scrape.' },
  info: {
    name: 'memfleet_node_info',
    type: 'gauge',
    help: "Always 1; the labels are the node's name and the daemon's own version, empty for a stock memcached.",
  },
  draining: { name: 'memfleet_node_draining', type: 'gauge', help: '1 while the node is leaving the fleet.' },
  full: {
    name: 'memfleet_node_full',
    type: 'gauge',
    help: '1 while the daemon has all the connections that it may have, and let the sidecar have none.',
  },
  topologyVersion: {
    name: 'memfleet_node_topology_version',
    type: 'gauge',
    help: 'Version of the topology that the daemon has; absent until it has one.',
  },
  collectSeconds: {
    name: 'memfleet_sidecar_collect_seconds',
    type: 'histogram',
    help: 'Time that the daemon took for the statistics of one scrape.',
  },
  collectFailures: {
    name: 'memfleet_sidecar_collect_failures_total',
    type: 'counter',
    help: 'Scrapes for which the daemon gave no statistics, by error code.',
  },
  logLinesDropped: {
    name: 'memfleet_sidecar_log_lines_dropped_total',
    type: 'counter',
    help: 'Lines of its log that the sidecar dropped because they were not read in time.',
  },
} as const;

const PROCESS_PREFIX = 'memfleet_sidecar_';

/** Three series for each of V8's dozen heap spaces would be a third of a node's series, and nobody looks at them. */
const LEFT_OUT = ['total', 'used', 'available'].map((part) => `nodejs_heap_space_size_${part}_bytes`);

/** Bounds of {@link NODE_METRICS.collectSeconds}: four commands over loopback take about a millisecond. */
const COLLECT_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export class Exposition {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #process = new Registry();
  readonly #collectSeconds: Histogram;
  readonly #collectFailures: Counter<'code'>;

  constructor() {
    const registers = [this.#process];
    collectDefaultMetrics({ register: this.#process, prefix: PROCESS_PREFIX });
    for (const name of LEFT_OUT) this.#process.removeSingleMetric(`${PROCESS_PREFIX}${name}`);
    const { collectSeconds, collectFailures } = NODE_METRICS;
    this.#collectSeconds = new Histogram({ ...collectSeconds, buckets: COLLECT_BUCKETS_SECONDS, registers });
    this.#collectFailures = new Counter({ ...collectFailures, labelNames: ['code'] as const, registers });
  }

  /** Has the exposition tell of the HTTP server, too. Called once. */
  watchHttp(guard: HttpGuard): void {
    const registers = [this.#process];
    for (const { name, type, help, read } of GUARD_METRICS) {
      const Metric = type === 'gauge' ? Gauge : Counter;
      const metric: Gauge | Counter = new Metric({
        name,
        help,
        registers,
        collect() {
          metric.reset();
          metric.inc(read(guard));
        },
      });
    }
  }

  /** Notes how one collection went; `failure` is the error code if it failed. */
  observeCollection(seconds: number, failure: string | undefined): void {
    this.#collectSeconds.observe(seconds);
    if (failure !== undefined) this.#collectFailures.inc({ code: failure });
  }

  /**
   * The text of the exposition.
   * @param snapshot what the daemon answered, or undefined if it did not: then `memcached_up` is 0
   * @param isFull it answered that it takes no further connection: then it is up, and has no statistics
   */
  async render(snapshot: Snapshot | undefined, node: NodeStatus, isFull = false): Promise<string> {
    const scrape = new Registry();
    for (const metric of nodeMetrics(snapshot, node, isFull)) register(scrape, metric);
    if (snapshot !== undefined) {
      for (const metric of evaluate([...DAEMON_GROUPS, ...OWN_GROUPS], snapshot)) register(scrape, metric);
    }
    return `${await scrape.metrics()}\n${await this.#process.metrics()}`;
  }
}

function one(value: number, labels: Record<string, string> = {}): SampleValue[] {
  return [{ value, labels }];
}

function nodeMetrics(snapshot: Snapshot | undefined, node: NodeStatus, isFull: boolean): EvaluatedMetric[] {
  const metrics: EvaluatedMetric[] = [
    { ...NODE_METRICS.up, values: one(snapshot === undefined && !isFull ? 0 : 1) },
    { ...NODE_METRICS.full, values: one(isFull ? 1 : 0) },
    { ...NODE_METRICS.draining, values: one(node.draining ? 1 : 0) },
    { ...NODE_METRICS.logLinesDropped, values: one(droppedLogLines()) },
  ];
  if (snapshot !== undefined) {
    const version = snapshot.general.get('memfleet_version') ?? '';
    metrics.push({ ...NODE_METRICS.info, values: one(1, { name: node.name, version }) });
  }
  if (node.topologyVersion !== undefined) {
    metrics.push({ ...NODE_METRICS.topologyVersion, values: one(node.topologyVersion) });
  }
  return metrics;
}

function register(registry: Registry, metric: EvaluatedMetric): void {
  const { name, help, values } = metric;
  const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))];
  const settings = { name, help, labelNames, registers: [registry] };
  if (metric.type === 'gauge') {
    const gauge = new Gauge(settings);
    for (const { labels, value } of values) gauge.set(labels, value);
    return;
  }
  const counter = new Counter(settings);
  // prom-client refuses to count down, and a counter below 0 is nothing that a daemon could mean.
  for (const { labels, value } of values) if (value >= 0) counter.inc(labels, value);
}
