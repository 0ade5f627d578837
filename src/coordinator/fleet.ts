/**
 * The coordinator's core: joins what the sources see with what health knows, lets {@link file://./plan.ts} decide,
 * saves, publishes. Owns the order of these steps; one plan is carried out at a time.
 *
 * Nothing is planned before every source has been seen once: half a view would take the other half off the ring.
 */
import type { Clock } from '../base/clock.ts';
import type { FleetError } from '../base/errors.ts';
import { isFleetError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { activeNodes, type Hashing, type NodeState, type TopologyDocument } from '../topology/document.ts';
import { mergeObserved, type DiscoveryAdapter, type ObservedNode } from './discovery.ts';
import { HealthMonitor, type MonitoredNode, type ProbeResult } from './health.ts';
import type { HealthSettings } from './node-state.ts';
import { afterPublish, CALM, changeDelayMs, type Pace } from './pace.ts';
import { planTopology, type Plan } from './plan.ts';
import type { Prober, ProberFactory } from './prober.ts';
import type { Publisher } from './publisher.ts';
import type { StateStore } from './state-file.ts';

export interface FleetOptions {
  readonly fleet: string;
  readonly hashing: Hashing;
  readonly sources: readonly DiscoveryAdapter[];
  readonly store: StateStore;
  readonly publisher: Publisher;
  readonly prober: ProberFactory;
  readonly settings: HealthSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly onProbe?: (node: string, result: ProbeResult) => void;
}

/** How a source is doing. */
export interface SourceStatus {
  readonly name: string;
  /** False while the source cannot be seen; what it said last still counts. */
  readonly up: boolean;
  readonly error: string | undefined;
  /** Has been seen at least once by this process. */
  readonly seen: boolean;
}

interface Source {
  readonly adapter: DiscoveryAdapter;
  nodes: readonly ObservedNode[] | undefined;
  error: FleetError | undefined;
}

/** A running coordinator, without its HTTP. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #sources: Source[];
  readonly #monitor: HealthMonitor;
  readonly #drained = new Set<string>();
  #observed: readonly ObservedNode[] = [];
  #rejected = '';
  #previous: TopologyDocument | undefined;
  #held: string | undefined;
  #pace: Pace = CALM;
  #cancelPlan: (() => void) | undefined;
  #planDueMs = Number.POSITIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#sources = options.sources.map((adapter) => ({ adapter, nodes: undefined, error: undefined }));
    const { settings, prober, clock, random, log, onProbe } = options;
    const onChange = (): void => this.#changed();
    this.#monitor = new HealthMonitor({ settings, prober, clock, random, log, onChange, ...(onProbe && { onProbe }) });
  }

  /** Reads the saved state, publishes what it holds, and begins to look. */
  async start(): Promise<void> {
    const { store, publisher, log } = this.#options;
    try {
      const saved = await store.load();
      for (const name of saved?.drained ?? []) this.#drained.add(name);
      if (saved?.document !== undefined) this.#previous = saved.document;
    } catch (error) {
      if (!isFleetError(error)) throw error;
      log.warn({ why: error.message }, 'saved state is lost; versions go on from the clock');
    }
    if (this.#previous !== undefined) {
      publisher.publish(this.#previous);
      log.info({ version: this.#previous.version, nodes: this.#previous.nodes.length }, 'topology taken over');
    }
    for (const source of this.#sources) this.#startSource(source);
  }

  /** Every node with its health, by name. */
  nodes(): MonitoredNode[] {
    return this.#monitor.nodes();
  }

  /** Asks one node over its probe connection; undefined if there is none of this name. */
  ask<T>(name: string, request: (prober: Prober) => Promise<T>): Promise<T> | undefined {
    return this.#monitor.ask(name, request);
  }

  /** Brings the statistics of these nodes up to date; never fails. */
  async refreshStats(names: Iterable<string>): Promise<void> {
    await this.#monitor.refreshStats(names);
  }

  /** Each source, in the order of configuration. */
  sources(): SourceStatus[] {
    return this.#sources.map(({ adapter, nodes, error }) => ({
      name: adapter.name,
      up: nodes !== undefined && error === undefined,
      error: error?.message,
      seen: nodes !== undefined,
    }));
  }

  /** Why the published topology is older than what is known; undefined if it is not. */
  get held(): string | undefined {
    return this.#held ?? (this.#monitor.isBlind() ? 'no node answers; the last topology stays' : undefined);
  }

  /** True if the published ring has this node and no other: it cannot be drained. */
  isLastActive(name: string): boolean {
    const active = this.#previous === undefined ? [] : activeNodes(this.#previous);
    return active.length === 1 && active[0]?.name === name;
  }

  /**
   * Takes a node out of the ring until it is resumed, over restarts too; or lets it back in, flushed.
   * @returns the node, or undefined if there is none of this name
   */
  setDrained(name: string, drained: boolean): MonitoredNode | undefined {
    if (!this.#monitor.setDrained(name, drained)) return undefined;
    if (drained) this.#drained.add(name);
    else this.#drained.delete(name);
    this.#saveSoon();
    this.#changed();
    return this.nodes().find((node) => node.observed.name === name);
  }

  /** Ends looking and probing. What was published stays published. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelPlan?.();
    await Promise.all(this.#sources.map(({ adapter }) => adapter.close()));
    await this.#monitor.close();
    await this.#work;
  }

  #startSource(source: Source): void {
    const { log } = this.#options;
    source.adapter.start({
      observed: (nodes) => {
        if (source.error !== undefined) log.info({ source: source.adapter.name }, 'discovery is back');
        source.nodes = nodes;
        source.error = undefined;
        this.#merge();
      },
      lost: (error) => {
        // Tried again and again: only news are logged.
        if (source.error?.message !== error.message) {
          log.warn({ source: source.adapter.name, why: error.message }, 'discovery lost; the last list stays good');
        }
        source.error = error;
      },
    });
  }

  #merge(): void {
    const lists = this.#sources.map((source) => source.nodes);
    if (this.#closed || !lists.every((list) => list !== undefined)) return;
    const { nodes, rejected } = mergeObserved(lists);
    if (rejected.join() !== this.#rejected && rejected.length > 0) {
      this.#options.log.warn({ rejected: rejected.slice(0, 10), count: rejected.length }, 'nodes left out');
    }
    this.#rejected = rejected.join();
    this.#observed = nodes;
    const before = new Map<string, NodeState>(this.#previous?.nodes.map((node) => [node.name, node.state]));
    this.#monitor.observe(
      nodes,
      (name) => before.get(name),
      (name) => this.#drained.has(name),
    );
    this.#changed();
  }

  #plan(): Plan {
    const { fleet, hashing, clock } = this.#options;
    const states = this.#monitor.states();
    const input = { fleet, hashing, observed: this.#observed, states, previous: this.#previous, nowMs: clock.nowMs() };
    return planTopology(input);
  }

  /** Something may have to be published: when, depends on what else happens now. */
  #changed(): void {
    if (this.#closed || !this.#sources.every((source) => source.nodes !== undefined)) return;
    const { clock } = this.#options;
    const plan = this.#plan();
    this.#note(plan);
    if (plan.kind !== 'publish') return;
    const nowMs = clock.monotonicMs();
    const dueMs = nowMs + changeDelayMs(this.#pace, plan.urgency, nowMs);
    if (dueMs >= this.#planDueMs) return;
    this.#cancelPlan?.();
    this.#planDueMs = dueMs;
    this.#cancelPlan = clock.setTimer(dueMs - nowMs, () => {
      this.#planDueMs = Number.POSITIVE_INFINITY;
      this.#work = this.#work.then(() => this.#carryOut());
    });
  }

  #note(plan: Plan): void {
    const held = plan.kind === 'held' ? plan.reason : undefined;
    if (held !== undefined && held !== this.#held) this.#options.log.warn({ why: held }, 'topology held back');
    this.#held = held;
  }

  /** Plans anew, because the wait was there to let more happen; saves before anybody hears of it. */
  async #carryOut(): Promise<void> {
    const { publisher, clock, log } = this.#options;
    const plan = this.#plan();
    this.#note(plan);
    if (this.#closed || plan.kind !== 'publish') return;
    this.#previous = plan.document;
    this.#pace = afterPublish(this.#pace, clock.monotonicMs());
    await this.#save();
    publisher.publish(plan.document);
    const { version, nodes } = plan.document;
    log.info({ version, nodes: nodes.map((node) => `${node.name} ${node.state}`).join(', ') }, 'topology published');
  }

  #saveSoon(): void {
    this.#work = this.#work.then(() => this.#save());
  }

  /** A state that cannot be saved is not worth a stale topology: versions follow the clock anyway. */
  async #save(): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.save({ document: this.#previous, drained: [...this.#drained].sort() });
    } catch (error) {
      if (!isFleetError(error)) throw error;
      log.error({ why: error.message }, 'state not saved');
    }
  }
}
