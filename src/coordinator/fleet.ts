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
import { discoveryPayload } from '../topology/discovery-payload.ts';
import { activeNodes, type Hashing, type NodeState, type TopologyDocument } from '../topology/document.ts';
import { VERSION_MAX } from '../topology/limits.ts';
import { agreementOf, hear, isInRingElsewhere, judgeWord, patienceMs, type Heard, type Refusal } from './agreement.ts';
import type { DiscoveryAdapter, LeftOut, ObservedNode } from './discovery/adapter.ts';
import { mergeObserved, placeOf } from './discovery/merge.ts';
import { sourceStatus, viewGap, type Source, type SourceStatus } from './source-status.ts';
import { HealthMonitor, type MonitoredNode, type ProbeResult } from './health/monitor.ts';
import { AGREE_MAX_MS, FIRST_LOOK_MAX_MS, REFUSAL_LOG_MS, REMEMBERED_MAX_MS } from './limits.ts';
import type { HealthSettings } from './health/node-state.ts';
import { afterPublish, CALM, changeDelayMs, type Pace } from './pace.ts';
import { FIRST_LOOK, nextVersion, planTopology, VERSIONS_USED_UP, type Plan } from './plan.ts';
import type { Prober, ProberFactory, Told } from './health/prober.ts';
import type { Publisher } from './publisher.ts';
import type { PayloadSigner } from './signature.ts';
import type { StateStore } from './state-file.ts';

export interface FleetOptions {
  readonly fleet: string;
  readonly hashing: Hashing;
  /** What auto-discovery tells; IPv4 addresses alone unless given. */
  readonly ipDiscovery?: TopologyDocument['ipDiscovery'];
  /** Of all coordinators of this fleet; undefined without a token. */
  readonly signer?: PayloadSigner | undefined;
  readonly sources: readonly DiscoveryAdapter[];
  readonly store: StateStore;
  readonly publisher: Publisher;
  readonly prober: ProberFactory;
  readonly settings: HealthSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly onProbe?: (node: string, result: ProbeResult) => void;
  /** What a node told of the topology did not count. */
  readonly onRefusal?: (why: Refusal) => void;
}

/** A running coordinator, without its HTTP. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #sources: Source[];
  readonly #monitor: HealthMonitor;
  readonly #drained = new Set<string>();
  #observed: readonly ObservedNode[] = [];
  /** The nodes of the document that was restored, while they count beside what the sources list. */
  #remembered: readonly ObservedNode[] = [];
  #leftOut: readonly LeftOut[] = [];
  #previous: TopologyDocument | undefined;
  #restored: Promise<void> | undefined;
  #held: string | undefined;
  #pace: Pace = CALM;
  #cancelPlan: (() => void) | undefined;
  #planDueMs = Number.POSITIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();
  #heard: Heard | undefined;
  #firstLookUntilMs = Number.POSITIVE_INFINITY;
  #cancelPatience: (() => void) | undefined;
  #conflicts = 0;
  #conflictAtMs = Number.NEGATIVE_INFINITY;
  #refusalLoggedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#sources = options.sources.map((adapter) => ({ adapter, nodes: undefined, leftOut: [], error: undefined }));
    const { settings, prober, clock, random, log, onProbe } = options;
    const onChange = (): void => this.#changed();
    this.#monitor = new HealthMonitor({
      settings,
      prober,
      clock,
      random,
      log,
      onChange,
      onProbe: (node, result) => {
        onProbe?.(node, result);
        if (this.#previous === undefined) this.#changed();
      },
      onTold: (node, told) => this.#hear(node, told),
      mustFlush: (node) => this.#mustFlush(node),
    });
  }

  /** Reads the saved state and publishes what it holds, once: before anybody can ask, so that a restart answers at once. */
  restore(): Promise<void> {
    return (this.#restored ??= this.#restore());
  }

  /** Begins to look, after {@link restore}. */
  async start(): Promise<void> {
    await this.restore();
    for (const source of this.#sources) this.#startSource(source);
  }

  async #restore(): Promise<void> {
    const { store, publisher, log } = this.#options;
    try {
      const saved = await store.load();
      for (const name of saved?.drained ?? []) this.#drained.add(name);
      if (saved?.document !== undefined) this.#remember(saved.document);
    } catch (error) {
      if (!isFleetError(error)) throw error;
      log.warn({ why: error.message }, 'saved state is lost; versions go on from the clock');
    }
    if (this.#previous !== undefined) {
      this.#previous = this.#signed(this.#previous);
      publisher.publish(this.#previous);
      this.#noteVersions();
      log.info({ version: this.#previous.version, nodes: this.#previous.nodes.length }, 'topology taken over');
    }
  }

  /** Why the nodes are not known yet; undefined once every source was seen. Until then no node says nothing. */
  get notSeenYet(): string | undefined {
    const away = this.sources().find((source) => !source.seen);
    return away === undefined ? undefined : `waiting for discovery (${away.name}): ${away.error ?? 'not seen yet'}`;
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
    return this.#sources.map(sourceStatus);
  }

  /** What sources list and the fleet does not have. */
  leftOut(): readonly LeftOut[] {
    return this.#leftOut;
  }

  /** Why the published topology is not just what the sources say now; undefined if it is. */
  get held(): string | undefined {
    const isRemembering = this.#remembered.length > 0 && this.#observed.some(({ hint }) => hint === 'unlisted');
    const restart = isRemembering ? 'nodes of the last topology are missing in the first answers and kept' : undefined;
    return this.#distrust() ?? viewGap(this.#sources) ?? restart;
  }

  /** Why the published topology is older than what is known. */
  #distrust(): string | undefined {
    const usedUp = nextVersion(this.#previous?.version ?? 0, 0) === undefined ? VERSIONS_USED_UP : undefined;
    return this.#held ?? usedUp ?? (this.#monitor.isBlind() ? 'no node answers; the last topology stays' : undefined);
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
    this.#cancelPatience?.();
    await Promise.all(this.#sources.map(({ adapter }) => adapter.close()));
    await this.#monitor.close();
    await this.#work;
  }

  #startSource(source: Source): void {
    const { log } = this.#options;
    const name = source.adapter.name;
    const remembered = (host: string): string | undefined =>
      this.#previous?.nodes.find((node) => node.host === host)?.ip;
    const sink = {
      observed: (nodes: readonly ObservedNode[], leftOut: readonly LeftOut[] = []): void => {
        if (source.error !== undefined) log.info({ source: name }, 'discovery is back');
        const before = viewGap([source]);
        Object.assign(source, { nodes, leftOut, error: undefined });
        const gap = viewGap([source]);
        if (gap !== undefined && before === undefined) log.warn({ why: gap }, 'discovery sees a part');
        this.#merge();
      },
      lost: (error: FleetError): void => {
        // Tried again and again: only news are logged.
        if (source.error?.message !== error.message) {
          log.warn({ source: name, why: error.message }, 'discovery lost; the last list stays good');
        }
        source.error = error;
      },
    };
    source.adapter.start(sink, remembered);
  }

  #merge(): void {
    const lists = this.#sources.map((source) => source.nodes);
    if (this.#closed || !lists.every((list) => list !== undefined)) return;
    const known = [...(this.#previous?.nodes ?? []), ...this.#observed];
    const names = new Map(known.map((node) => [placeOf(node), node.name]));
    const { nodes, leftOut } = mergeObserved([...lists, this.#remembered], names);
    this.#noteLeftOut([...this.#sources.flatMap((source) => source.leftOut), ...leftOut]);
    this.#observed = nodes;
    if (this.#firstLookUntilMs === Number.POSITIVE_INFINITY) this.#beginFirstLook();
    const before = new Map<string, NodeState>(this.#previous?.nodes.map((node) => [node.name, node.state]));
    this.#monitor.observe(
      nodes,
      (name) => before.get(name),
      (name) => this.#drained.has(name),
    );
    this.#changed();
  }

  #noteLeftOut(leftOut: readonly LeftOut[]): void {
    const told = JSON.stringify(leftOut);
    if (leftOut.length > 0 && told !== JSON.stringify(this.#leftOut)) {
      const nodes = leftOut.slice(0, 10).map(({ name, why }) => `${name}: ${why}`);
      this.#options.log.warn({ nodes, count: leftOut.length }, 'nodes left out');
    }
    this.#leftOut = leftOut;
  }

  /** What was seen before a restart is not gone because one first answer lacks it. */
  #remember(document: TopologyDocument): void {
    this.#previous = document;
    if (!this.#sources.some(({ adapter }) => adapter.lossy)) return;
    this.#remembered = document.nodes.map((node) => ({ ...node, hint: 'unlisted', instance: '' }));
  }

  #beginFirstLook(): void {
    const { clock } = this.#options;
    this.#firstLookUntilMs = clock.monotonicMs() + FIRST_LOOK_MAX_MS;
    clock.setTimer(FIRST_LOOK_MAX_MS, () => this.#changed());
    if (this.#remembered.length === 0) return;
    clock.setTimer(REMEMBERED_MAX_MS, () => {
      this.#remembered = [];
      this.#merge();
    });
  }

  #plan(): Plan {
    const { fleet, hashing, ipDiscovery, clock } = this.#options;
    const states = this.#monitor.states();
    const previous = this.#previous;
    const firstLook =
      previous === undefined && this.#monitor.isSettling() && clock.monotonicMs() < this.#firstLookUntilMs;
    const versionFloor = this.#heard?.version ?? 0;
    const nowMs = clock.nowMs();
    const observed = this.#observed;
    return planTopology({ fleet, hashing, ipDiscovery, observed, states, previous, nowMs, versionFloor, firstLook });
  }

  /** A node that another coordinator let in was flushed by that one; what it holds since then is good. */
  #mustFlush(node: ObservedNode): 'yes' | 'no' | 'wait' {
    if (this.#previous === undefined && this.#monitor.isFirstLook()) return 'wait';
    return isInRingElsewhere(this.#previous, this.#heard, node, this.#options.ipDiscovery) ? 'no' : 'yes';
  }

  #hear(node: string, told: Told): void {
    const { signer, clock } = this.#options;
    const heard = judgeWord(told, signer, clock.nowMs());
    if (typeof heard === 'string') return this.#refuse(node, heard);
    this.#heard = hear(this.#heard, heard, this.#previous);
    this.#agree();
  }

  #refuse(node: string, why: Refusal): void {
    const { clock, log, onRefusal } = this.#options;
    onRefusal?.(why);
    if (clock.monotonicMs() - this.#refusalLoggedMs < REFUSAL_LOG_MS) return;
    this.#refusalLoggedMs = clock.monotonicMs();
    log.warn({ node, why }, 'a node tells a topology that no coordinator of this fleet has published');
  }

  /** Acts on what other coordinators are known to have published. */
  #agree(): void {
    const agreement = agreementOf(this.#previous, this.#heard);
    if (this.#closed || agreement === 'agree') return;
    if (agreement === 'adopt') {
      this.#work = this.#work.then(() => this.#adopt());
    } else if (this.#cancelPatience === undefined) {
      const { clock, random } = this.#options;
      if (clock.monotonicMs() - this.#conflictAtMs > 2 * AGREE_MAX_MS) this.#conflicts = 0;
      this.#cancelPatience = clock.setTimer(patienceMs(this.#conflicts, random()), () => {
        this.#cancelPatience = undefined;
        this.#work = this.#work.then(() => this.#insist());
      });
    }
  }

  /** The same list under the higher version. */
  async #adopt(): Promise<void> {
    const heard = this.#heard;
    const own = this.#previous;
    if (own === undefined || heard === undefined || agreementOf(own, heard) !== 'adopt') return;
    await this.#publish({ ...own, version: heard.version });
  }

  /** The views have not become one: whoever sees, says so above what was heard. */
  async #insist(): Promise<void> {
    const { clock, log } = this.#options;
    const own = this.#previous;
    const heard = this.#heard;
    if (own === undefined || heard === undefined || agreementOf(own, heard) !== 'differ') return this.#agree();
    this.#conflicts += 1;
    this.#conflictAtMs = clock.monotonicMs();
    if (this.#distrust() !== undefined) return this.#agree();
    log.warn({ heard: heard.version, own: own.version }, 'another coordinator sees other nodes');
    const version = nextVersion(heard.version, clock.nowMs());
    if (version !== undefined) await this.#publish({ ...own, version });
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
    if (held !== undefined && held !== this.#held) {
      // At the start it is the rule, and lasts until every node was looked at once; later something is wrong.
      const level = plan.kind === 'held' && plan.reason === FIRST_LOOK ? 'debug' : 'warn';
      this.#options.log[level]({ why: held }, 'topology held back');
    }
    this.#held = held;
  }

  /** Plans anew, because the wait was there to let more happen; saves before anybody hears of it. */
  async #carryOut(): Promise<void> {
    const { clock } = this.#options;
    const plan = this.#plan();
    this.#note(plan);
    if (this.#closed || plan.kind !== 'publish') return;
    this.#pace = afterPublish(this.#pace, clock.monotonicMs());
    await this.#publish(plan.document);
    this.#agree();
  }

  async #publish(content: TopologyDocument): Promise<void> {
    const { publisher, clock, log } = this.#options;
    if (this.#closed) return;
    const document = this.#signed({ ...content, publishedAt: new Date(clock.nowMs()).toISOString() });
    this.#previous = document;
    await this.#save();
    publisher.publish(document);
    this.#noteVersions();
    const { version, nodes } = document;
    log.info({ version, nodes: nodes.map((node) => `${node.name} ${node.state}`).join(', ') }, 'topology published');
  }

  /** A document that auto-discovery tells nothing of has nothing to sign. */
  #signed({ signature: _old, ...document }: TopologyDocument): TopologyDocument {
    const payload = discoveryPayload(document);
    const { signer } = this.#options;
    return signer === undefined || payload === undefined ? document : { ...document, signature: signer.sign(payload) };
  }

  #noteVersions(): void {
    if (this.#previous?.version === VERSION_MAX) this.#options.log.error(VERSIONS_USED_UP);
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
