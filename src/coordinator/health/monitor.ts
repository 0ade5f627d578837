/**
 * Acts on {@link file://./node-state.ts}: probes each node at its own times, flushes the ones that return, and tells
 * when a state has changed. Owns the probers and their timers.
 *
 * Each node has at most one check on its way. What comes back from a prober whose node has been replaced meanwhile
 * is dropped.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { NodeState } from '../../topology/document.ts';
import type { ObservedNode } from '../discovery/adapter.ts';
import { SIDECAR_POLL_MS, STATS_AGE_MAX_MS, STATS_ENTRIES_MAX } from '../limits.ts';
import { canAnswer, checkDelayMs, firstHealth, nextHealth, wantedCheck } from './node-state.ts';
import type { HealthEvent, HealthSettings, NodeHealth } from './node-state.ts';
import type { Prober, ProberFactory, Told } from './prober.ts';

/** What came of the last probe. Here as everywhere in this folder, moments are by {@link Clock.monotonicMs}. */
export interface ProbeResult {
  readonly atMs: number;
  readonly durationMs: number;
  readonly ok: boolean;
  /** The daemon's version if it answered. */
  readonly version?: string;
  /**
   * It answered that it takes no further connection: it is alive, and serves those it has. True with `ok`; absent if it is
   * not so.
   */
  readonly full?: boolean;
  /** Why it did not. */
  readonly error?: string;
}

/** The last statistics of a node. */
export interface NodeStats {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, string>;
}

/** All that health knows of a node. */
export interface MonitoredNode {
  readonly observed: ObservedNode;
  readonly health: NodeHealth;
  readonly probe: ProbeResult | undefined;
  readonly stats: NodeStats | undefined;
}

export interface HealthOptions {
  readonly settings: HealthSettings;
  readonly prober: ProberFactory;
  readonly clock: Clock;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly log: Logger;
  /** A state changed; the new ones are there to be read. */
  readonly onChange: () => void;
  /** For metrics. */
  readonly onProbe?: (node: string, result: ProbeResult) => void;
  /** A node keeps another list of the fleet than before. */
  readonly onTold?: (node: string, told: Told) => void;
  /**
   * Whether a node that is ready to join must be flushed first. `no`: another coordinator has it in its ring, so it was
   * flushed by that one. `wait`: not known yet. Default: yes.
   */
  readonly mustFlush?: (node: ObservedNode) => 'yes' | 'no' | 'wait';
}

/** How many other nodes are asked when one falls silent. */
const WITNESSES = 3;

/** How soon a node that waits for the first look at the others is thought of again. */
const FIRST_LOOK_POLL_MS = 20;

/** Probes come up to this much earlier than their interval; a sidecar is asked with each of them all the same. */
const SIDECAR_POLL_EARLY = 0.8;

interface Entry {
  observed: ObservedNode;
  health: NodeHealth;
  prober: Prober;
  probe: ProbeResult | undefined;
  stats: NodeStats | undefined;
  statsOnWay: Promise<void> | undefined;
  lastAnswerMs: number;
  checking: boolean;
  /** The hash of what it told last: what a node tells may be long. */
  told: string | undefined;
  sidecarAskedMs: number;
  cancelTimer: () => void;
}

/** Watches over a set of nodes. */
export class HealthMonitor {
  readonly #options: HealthOptions;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /**
   * Takes over a new list: begins with what is new, ends with what is gone.
   * @param previous the state that a new node had in the last document
   * @param drained whether an operator took a new node out
   */
  observe(
    nodes: readonly ObservedNode[],
    previous: (name: string) => NodeState | undefined,
    drained: (name: string) => boolean,
  ): void {
    const names = new Set(nodes.map((node) => node.name));
    for (const [name, entry] of this.#entries) {
      if (names.has(name)) continue;
      this.#entries.delete(name);
      void this.#retire(entry);
    }
    for (const node of nodes) {
      const entry = this.#entries.get(node.name);
      if (entry === undefined) this.#add(node, previous(node.name), drained(node.name));
      else this.#update(entry, node);
    }
  }

  /** Every node by name. */
  nodes(): MonitoredNode[] {
    return [...this.#entries.values()].map(({ observed, health, probe, stats }) => ({
      observed,
      health,
      probe,
      stats,
    }));
  }

  /** The state of each node. */
  states(): Map<string, NodeState> {
    return new Map([...this.#entries].map(([name, entry]) => [name, entry.health.state]));
  }

  /** True while a node that could answer has neither done so nor failed to, or has answered and is about to join. */
  isSettling(): boolean {
    return [...this.#entries.values()].some(
      ({ health }) => health.state === 'joining' && canAnswer(health.hint) && health.failures === 0,
    );
  }

  /** True while a node that could answer was never asked. */
  isFirstLook(): boolean {
    return [...this.#entries.values()].some(({ health, probe }) => canAnswer(health.hint) && probe === undefined);
  }

  /** True while a node in the ring is silent and no other is heard: the coordinator may be the one that is cut off. */
  isBlind(): boolean {
    const { fallCount } = this.#options.settings;
    return [...this.#entries.values()].some(({ health }) => health.state === 'active' && health.failures >= fallCount);
  }

  /** Takes a node out of the ring, or lets it back in. False if there is no such node. */
  setDrained(name: string, drained: boolean): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    this.#apply(entry, { type: drained ? 'drain' : 'resume' });
    this.#checkIn(entry, 0);
    return true;
  }

  /** Asks one node over its probe connection; undefined if there is none of this name. */
  ask<T>(name: string, request: (prober: Prober) => Promise<T>): Promise<T> | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined ? undefined : request(entry.prober);
  }

  /** Brings the statistics of `names` up to date; a node that does not answer keeps its old ones. Never fails. */
  async refreshStats(names: Iterable<string>): Promise<void> {
    await Promise.all([...names].map((name) => this.#refreshStatsOf(name)));
  }

  /** Ends all probing. */
  async close(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map((entry) => this.#retire(entry)));
  }

  #add(observed: ObservedNode, previous: NodeState | undefined, drained: boolean): void {
    const { clock } = this.#options;
    const entry: Entry = {
      observed,
      health: firstHealth(previous, observed.hint, drained, clock.monotonicMs()),
      prober: this.#makeProber(observed),
      probe: undefined,
      stats: undefined,
      statsOnWay: undefined,
      lastAnswerMs: Number.NEGATIVE_INFINITY,
      checking: false,
      told: undefined,
      sidecarAskedMs: Number.NEGATIVE_INFINITY,
      cancelTimer: () => {},
    };
    this.#entries.set(observed.name, entry);
    this.#checkIn(entry, 0);
  }

  #update(entry: Entry, observed: ObservedNode): void {
    const before = entry.observed;
    entry.observed = observed;
    // A container that stops loses its address; it is the same one, elsewhere, only once it has another.
    const moved =
      observed.ip !== '' &&
      (observed.ip !== before.ip || observed.port !== before.port || observed.sidecar !== before.sidecar);
    if (moved || observed.instance !== before.instance) {
      void entry.prober.close();
      entry.prober = this.#makeProber(observed);
      entry.checking = false;
      this.#apply(entry, { type: 'replaced', hint: observed.hint });
    } else if (observed.hint !== before.hint) {
      this.#apply(entry, { type: 'hint', hint: observed.hint });
    } else {
      return;
    }
    this.#checkIn(entry, 0);
  }

  #makeProber(observed: ObservedNode): Prober {
    return this.#options.prober(observed, this.#options.settings.timeoutMs);
  }

  async #retire(entry: Entry): Promise<void> {
    entry.cancelTimer();
    await entry.prober.close();
  }

  #checkIn(entry: Entry, delayMs: number): void {
    entry.cancelTimer();
    entry.cancelTimer = this.#options.clock.setTimer(delayMs, () => void this.#check(entry));
  }

  async #check(entry: Entry): Promise<void> {
    const { clock, settings, random } = this.#options;
    const { prober } = entry;
    const wanted = wantedCheck(entry.health, clock.monotonicMs(), settings);
    // A node that cannot answer is not asked; the source's next word on it starts the checks again.
    if (entry.checking || wanted === 'none') return;
    void this.#askSidecar(entry);
    if (wanted === 'flush' && this.#spareFlush(entry)) return;
    entry.checking = true;
    const result = wanted === 'flush' ? await this.#flush(prober) : await this.#probe(prober);
    if (wanted === 'probe' && result.ok && result.full !== true) await this.#listen(entry, prober);
    if (this.#closed || entry.prober !== prober || !this.#entries.has(entry.observed.name)) return;
    entry.checking = false;
    this.#judge(entry, result, wanted);
    this.#checkIn(entry, this.#nextDelayMs(entry, settings, random));
  }

  /** A node that has shown that it is ready is flushed at once, not after another wait. */
  #nextDelayMs(entry: Entry, settings: HealthSettings, random: () => number): number {
    // It cannot be flushed now, so it is asked like one that is about to be ready.
    if (entry.probe?.full === true) return settings.retryMs;
    const flushNext =
      wantedCheck(entry.health, this.#options.clock.monotonicMs(), settings) === 'flush' && entry.health.failures === 0;
    return flushNext ? 0 : checkDelayMs(entry.health, random(), settings);
  }

  #judge(entry: Entry, result: ProbeResult, wanted: 'probe' | 'flush'): void {
    entry.probe =
      result.ok && entry.probe?.version !== undefined ? { version: entry.probe.version, ...result } : result;
    if (!result.ok) {
      if (entry.health.failures === 0) this.#askWitnesses(entry);
      this.#apply(entry, { type: 'failed', witnessed: this.#isWitnessed(entry) });
    } else {
      entry.lastAnswerMs = result.atMs;
      this.#apply(entry, { type: wanted === 'flush' && result.full !== true ? 'flushed' : 'answered' });
    }
    if (wanted === 'probe') this.#options.onProbe?.(entry.observed.name, result);
  }

  /** True if the flush that is due is not made now, or not at all. */
  #spareFlush(entry: Entry): boolean {
    const must = this.#options.mustFlush?.(entry.observed) ?? 'yes';
    if (must === 'yes') return false;
    if (must === 'no') this.#apply(entry, { type: 'flushed' });
    this.#checkIn(entry, must === 'wait' ? FIRST_LOOK_POLL_MS : this.#options.settings.retryMs);
    return true;
  }

  /** Hears which topology the node has; that it does not say is no failure. */
  async #listen(entry: Entry, prober: Prober): Promise<void> {
    try {
      const told = await prober.topology();
      if (this.#closed || told === undefined) return;
      const digest = hash('sha1', `${told.signature}\n${told.payload}`);
      if (digest === entry.told) return;
      entry.told = digest;
      this.#options.onTold?.(entry.observed.name, told);
    } catch (error) {
      if (!isFleetError(error)) throw error;
    }
  }

  /** Beside the probes, because a sidecar that hangs must not make its daemon look silent. */
  async #askSidecar(entry: Entry): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonicMs() - entry.sidecarAskedMs < SIDECAR_POLL_MS * SIDECAR_POLL_EARLY) return;
    entry.sidecarAskedMs = clock.monotonicMs();
    const { prober } = entry;
    const leaving = await prober.isLeaving();
    if (this.#closed || entry.prober !== prober || !this.#entries.has(entry.observed.name)) return;
    if (leaving === undefined || leaving === entry.health.leaving) return;
    this.#apply(entry, { type: 'said', leaving });
  }

  #isWitnessed(silent: Entry): boolean {
    const sinceMs = silent.health.failures === 0 ? this.#options.clock.monotonicMs() : silent.health.rowSinceMs;
    return [...this.#entries.values()].some((entry) => entry !== silent && entry.lastAnswerMs >= sinceMs);
  }

  /** A silent node is judged within a few retries; others are asked now, so that one of them is heard in that time. */
  #askWitnesses(silent: Entry): void {
    const others = [...this.#entries.values()].filter((entry) => entry !== silent && entry.health.failures === 0);
    others.sort((a, b) => b.lastAnswerMs - a.lastAnswerMs);
    for (const entry of others.slice(0, WITNESSES)) this.#checkIn(entry, 0);
  }

  #apply(entry: Entry, event: HealthEvent): void {
    const { clock, settings, log, onChange } = this.#options;
    const before = entry.health;
    entry.health = nextHealth(before, event, clock.monotonicMs(), settings);
    if (entry.health.state === before.state) return;
    const { state, hint, failures } = entry.health;
    const why = entry.probe?.error;
    log.info(
      { node: entry.observed.name, from: before.state, to: state, event: event.type, hint, failures, why },
      'node changed',
    );
    onChange();
  }

  async #probe(prober: Prober): Promise<ProbeResult> {
    return this.#timed(async () => ({ version: await prober.probe() }));
  }

  async #flush(prober: Prober): Promise<ProbeResult> {
    return this.#timed(async () => {
      await prober.flush();
      return {};
    });
  }

  async #timed(ask: () => Promise<{ version?: string }>): Promise<ProbeResult> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      const answer = await ask();
      return { ...answer, atMs: clock.monotonicMs(), durationMs: clock.monotonicMs() - startMs, ok: true };
    } catch (error) {
      if (!isFleetError(error)) throw error;
      const times = { atMs: clock.monotonicMs(), durationMs: clock.monotonicMs() - startMs };
      return error.code === 'NODE_FULL'
        ? { ...times, ok: true, full: true }
        : { ...times, ok: false, error: error.message };
    }
  }

  async #refreshStatsOf(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.health.state === 'down') return;
    const ageMs = this.#options.clock.monotonicMs() - (entry.stats?.atMs ?? Number.NEGATIVE_INFINITY);
    if (ageMs < STATS_AGE_MAX_MS) return;
    entry.statsOnWay ??= this.#fetchStats(entry).finally(() => {
      entry.statsOnWay = undefined;
    });
    await entry.statsOnWay;
  }

  async #fetchStats(entry: Entry): Promise<void> {
    const { prober } = entry;
    try {
      const values = await prober.stats();
      if (entry.prober !== prober) return;
      entry.stats = {
        atMs: this.#options.clock.monotonicMs(),
        values: new Map([...values].slice(0, STATS_ENTRIES_MAX)),
      };
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      this.#options.log.debug({ node: entry.observed.name, why: error.message }, 'no stats');
    }
  }
}
