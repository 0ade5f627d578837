/** The coordinator's own metrics. What can be read when asked for is; only events are counted as they happen. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { droppedLogLines } from '../base/log.ts';
import { untoldNodes } from '../topology/discovery-payload.ts';
import type { HttpGuard } from '../http/guard.ts';
import { GUARD_METRICS } from '../http/metrics.ts';
import type { NodeState } from '../topology/document.ts';
import { VERSION_MAX } from '../topology/limits.ts';
import { REFUSALS, type Refusal } from './agreement.ts';
import { LEFT_OUT_REASONS } from './discovery/adapter.ts';
import type { Fleet } from './fleet.ts';
import type { ProbeResult } from './health/monitor.ts';
import type { Publisher } from './publisher.ts';

const STATES: readonly NodeState[] = ['joining', 'active', 'draining', 'down'];

/** A probe on a local network takes under a millisecond; the last bound is above the time-out. */
const PROBE_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5];

const DROPPED_HELP = 'Lines of its log that the coordinator dropped because they were not read in time.';

/** The registry with its metrics. */
export class CoordinatorMetrics {
  readonly #registry = new Registry();
  readonly #probes: Histogram;
  readonly #probeFailures: Counter;
  readonly #refusals: Counter;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: 'memfleet_coordinator_' });
    this.#probes = new Histogram({
      name: 'memfleet_probe_seconds',
      help: 'Time that health probes took, failed ones included.',
      buckets: PROBE_BUCKETS_SECONDS,
      registers,
    });
    this.#probeFailures = new Counter({
      name: 'memfleet_probe_failures_total',
      help: 'Health probes that were not answered in time.',
      labelNames: ['node'],
      registers,
    });
    this.#refusals = new Counter({
      name: 'memfleet_topology_words_refused_total',
      help: 'Times that a node told a topology that no coordinator of this fleet can have published.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of REFUSALS) this.#refusals.inc({ reason }, 0);
  }

  /** The media type of {@link render}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text exposition. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts a probe. */
  observeProbe(node: string, result: ProbeResult): void {
    this.#probes.observe(result.durationMs / 1000);
    if (!result.ok) this.#probeFailures.inc({ node });
  }

  /** Counts a node's word that did not count. */
  countRefusal(reason: Refusal): void {
    this.#refusals.inc({ reason });
  }

  /** Reads these parts whenever the metrics are asked for. Called once. */
  watch(fleet: Fleet, publisher: Publisher, discoveryConnections: () => number): void {
    this.#gauge('memfleet_topology_version', 'Version of the published topology; 0 before the first.', () => [
      { value: publisher.current?.document.version ?? 0 },
    ]);
    this.#gauge(
      'memfleet_topology_versions_left',
      'Versions above the published one; at 0 nothing can be published.',
      () => [{ value: VERSION_MAX - (publisher.current?.document.version ?? 0) }],
    );
    this.#gauge('memfleet_discovery_untold_nodes', 'Active nodes that auto-discovery leaves out: IPv6 alone.', () => [
      { value: publisher.current === undefined ? 0 : untoldNodes(publisher.current.document).length },
    ]);
    this.#gauge('memfleet_topology_watchers', 'Clients that follow the topology now.', () => [
      { value: publisher.watcherCount },
    ]);
    this.#gauge('memfleet_topology_held', '1 while nodes are kept because the view is not trusted, or partial.', () => [
      { value: fleet.held === undefined ? 0 : 1 },
    ]);
    this.#gauge('memfleet_discovery_up', '1 while the source of nodes can be seen whole.', () =>
      fleet.sources().map(({ name, up }) => ({ labels: { source: name }, value: up ? 1 : 0 })),
    );
    this.#gauge('memfleet_discovery_missing_nodes', 'Nodes that the last answer lacks and that are kept.', () =>
      fleet.sources().map(({ name, missing }) => ({ labels: { source: name }, value: missing })),
    );
    this.#gauge('memfleet_nodes_left_out', 'What sources list and the fleet does not have, by reason.', () => {
      const reasons = fleet.leftOut().map(({ reason }) => reason);
      return LEFT_OUT_REASONS.map((reason) => ({
        labels: { reason },
        value: reasons.filter((one) => one === reason).length,
      }));
    });
    this.#gauge('memfleet_discovery_connections', 'Open connections to the auto-discovery endpoint.', () => [
      { value: discoveryConnections() },
    ]);
    this.#gauge('memfleet_nodes_full', 'Nodes that answer, and take no further connection.', () => [
      { value: fleet.nodes().filter(({ probe }) => probe?.full === true).length },
    ]);
    this.#gauge('memfleet_nodes', 'Nodes by state; absent until every source was seen.', () => {
      if (fleet.notSeenYet !== undefined) return [];
      const states = fleet.nodes().map(({ health }) => health.state);
      return STATES.map((state) => ({ labels: { state }, value: states.filter((one) => one === state).length }));
    });
    this.#counter('memfleet_coordinator_log_lines_dropped_total', DROPPED_HELP, droppedLogLines);
    this.#counter('memfleet_topology_changes_total', 'Topologies published by this process.', () => publisher.changes);
  }

  /** The same for the HTTP server. Called once. */
  watchHttp(guard: HttpGuard): void {
    for (const { name, type, help, read } of GUARD_METRICS) {
      if (type === 'gauge') this.#gauge(name, help, () => [{ value: read(guard) }]);
      else this.#counter(name, help, () => read(guard));
    }
  }

  #gauge(name: string, help: string, read: () => { labels?: Record<string, string>; value: number }[]): void {
    const labelNames = [...new Set(GAUGE_LABELS[name] ?? [])];
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        gauge.reset();
        for (const { labels = {}, value } of read()) gauge.set(labels, value);
      },
    });
  }

  /** A counter that somebody else counts: set to that count at each scrape. */
  #counter(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        counter.reset();
        counter.inc(read());
      },
    });
  }
}

/** prom-client wants the labels before the first value. */
const GAUGE_LABELS: Readonly<Record<string, readonly string[]>> = {
  memfleet_discovery_up: ['source'],
  memfleet_discovery_missing_nodes: ['source'],
  memfleet_nodes_left_out: ['reason'],
  memfleet_nodes: ['state'],
};
