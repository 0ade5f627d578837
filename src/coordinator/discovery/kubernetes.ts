/**
 * Discovery among a Kubernetes service's endpoints: lists its EndpointSlices once and watches from there on.
 *
 * A watch is asked to end after KUBERNETES_WATCH_MS and taken up again where it was; bookmarks keep that place young
 * while nothing happens. A server that has forgotten the place (410 Gone) is listed anew, which is no loss. One that
 * cannot be reached, or a watch that does not end when it should, is a source that is lost: it is listed anew after a
 * growing wait.
 *
 * An endpoint that ends is `terminating` first. One that only vanishes, as when it moves from slice to slice or a selector
 * is edited, is kept for KUBERNETES_ABSENT_LOOKS.
 */
import { sleep, type Clock } from '../../base/clock.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { KUBERNETES_ABSENT_LOOK_MS, KUBERNETES_ABSENT_LOOKS } from '../limits.ts';
import { KUBERNETES_WATCH_GRACE_MS, KUBERNETES_WATCH_MS } from '../limits.ts';
import { afterAnswer, HOLDS_NOTHING } from './absences.ts';
import type { DiscoveryAdapter, DiscoverySink } from './adapter.ts';
import { nodesOfSlices, type EndpointSlice, type KubernetesService } from './kubernetes-view.ts';
import { reconnectWaitMs } from './waits.ts';

/** What a watch says. `gone`: the server no longer knows the version that was watched from. */
export type SliceEvent =
  | { readonly type: 'changed' | 'deleted' | 'bookmark'; readonly slice: EndpointSlice }
  | { readonly type: 'gone' };

/** The two questions that are asked of an API server. Both fail with a FleetError DISCOVERY_FAILED. */
export interface SliceApi {
  /** Whose slices these are. */
  readonly service: KubernetesService;
  /** All slices of the service, and the version that they are of. */
  list(signal: AbortSignal): Promise<{ readonly slices: readonly EndpointSlice[]; readonly version: string }>;
  /** What happens after `version`, until the server ends it after about `durationMs`, or `signal` does. */
  watch(version: string, durationMs: number, signal: AbortSignal): Promise<AsyncIterable<SliceEvent>>;
}

export interface KubernetesOptions {
  readonly api: SliceApi;
  readonly sidecarPort: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Discovery among the endpoints of one service. */
export function kubernetesDiscovery(options: KubernetesOptions): DiscoveryAdapter {
  return new KubernetesDiscovery(options);
}

class KubernetesDiscovery implements DiscoveryAdapter {
  readonly name: string;
  readonly lossy = false;
  readonly #options: KubernetesOptions;
  readonly #closing = new AbortController();
  readonly #slices = new Map<string, EndpointSlice>();
  /** Where the next watch begins; undefined if a list has to come first. */
  #version: string | undefined;
  #holding = HOLDS_NOTHING;
  /** The next look at what is missing, while something is. */
  #cancelAbsentLook: (() => void) | undefined;
  #reported: string | undefined;
  #failures = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(options: KubernetesOptions) {
    const { namespace, service } = options.api.service;
    this.#options = options;
    this.name = `kubernetes:${namespace}/${service}`;
  }

  start(sink: DiscoverySink): void {
    this.#running = this.#run(sink);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelAbsentLook?.();
    await this.#running;
  }

  async #run(sink: DiscoverySink): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        this.#version ??= await this.#list(sink);
        this.#version = await this.#follow(sink, this.#version);
      } catch (error) {
        if (!isFleetError(error)) throw error;
        this.#fail(sink, error);
      }
      // Also between watches that end as they should: a proxy that ends each at once must not make this a busy loop.
      await sleep(clock, reconnectWaitMs(this.#failures, random), this.#closing.signal);
    }
  }

  async #list(sink: DiscoverySink): Promise<string> {
    const { api } = this.#options;
    const { slices, version } = await api.list(this.#closing.signal);
    this.#slices.clear();
    for (const slice of slices) this.#slices.set(slice.metadata?.name ?? '', slice);
    this.#failures = 0;
    this.#report(sink);
    return version;
  }

  /** Watches from `from` on. Resolves with where to go on from, undefined for a list. */
  async #follow(sink: DiscoverySink, from: string): Promise<string | undefined> {
    const { api, clock } = this.#options;
    const late = new AbortController();
    const cancelTimer = clock.setTimer(KUBERNETES_WATCH_MS + KUBERNETES_WATCH_GRACE_MS, () => late.abort());
    const signal = AbortSignal.any([this.#closing.signal, late.signal]);
    let version = from;
    try {
      for await (const event of await api.watch(from, KUBERNETES_WATCH_MS, signal)) {
        if (event.type === 'gone') return undefined;
        version = event.slice.metadata?.resourceVersion ?? version;
        this.#take(event.type, event.slice);
        this.#report(sink);
      }
    } finally {
      cancelTimer();
    }
    // A connection that is cut without a word goes on as if nothing happened.
    if (late.signal.aborted) throw new FleetError('DISCOVERY_FAILED', 'Kubernetes: a watch has gone silent');
    return version;
  }

  #take(type: 'changed' | 'deleted' | 'bookmark', slice: EndpointSlice): void {
    const name = slice.metadata?.name ?? '';
    if (type === 'changed') this.#slices.set(name, slice);
    else if (type === 'deleted') this.#slices.delete(name);
  }

  /** @param looks 1 if time has passed since the last look at what is missing */
  #report(sink: DiscoverySink, looks: 0 | 1 = 0): void {
    const { api, sidecarPort } = this.#options;
    const listed = nodesOfSlices(this.#slices.values(), api.service, sidecarPort);
    this.#holding = afterAnswer(this.#holding, listed, KUBERNETES_ABSENT_LOOKS, looks);
    this.#lookAtAbsent(sink);
    const { nodes } = this.#holding;
    const report = JSON.stringify(nodes);
    if (report === this.#reported || this.#closing.signal.aborted) return;
    this.#reported = report;
    sink.observed(nodes);
  }

  #lookAtAbsent(sink: DiscoverySink): void {
    if (this.#holding.missing.size === 0 || this.#cancelAbsentLook !== undefined) return;
    this.#cancelAbsentLook = this.#options.clock.setTimer(KUBERNETES_ABSENT_LOOK_MS, () => {
      this.#cancelAbsentLook = undefined;
      // A source that cannot be seen says nothing of what is missing.
      if (this.#reported === undefined) this.#lookAtAbsent(sink);
      else this.#report(sink, 1);
    });
  }

  #fail(sink: DiscoverySink, error: FleetError): void {
    if (this.#closing.signal.aborted) return;
    this.#options.log.debug({ why: error.message, failures: this.#failures }, 'endpoints unseen, listing again');
    this.#failures += 1;
    this.#version = undefined;
    // The next list is news even if it is the one from before: the source is back.
    this.#reported = undefined;
    sink.lost(error);
  }
}
