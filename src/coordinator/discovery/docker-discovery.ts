/**
 * Discovery among Docker's containers: keeps {@link file://./docker-view.ts} up to date from an engine.
 *
 * The event stream is opened before the first list is asked for, so nothing falls between the two. An event counts at
 * once and makes the list be fetched anew; lists never overlap. When the stream ends it is opened again, and every
 * RESYNC_MS the list is fetched anyway. An engine that cannot be reached is tried again after a growing wait.
 */
import { sleep, type Clock } from '../../base/clock.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { RESYNC_MS, SETTLE_POLL_MS } from '../limits.ts';
import type { DiscoveryAdapter, DiscoverySink } from './adapter.ts';
import { PROJECT_LABEL } from './compose-names.ts';
import { EMPTY_VIEW, isUnsettled, observedNodes, withEvent, withList } from './docker-view.ts';
import type { Container, ContainerEvent, DockerScope, DockerView } from './docker-view.ts';
import { CACHE_ROLE, ROLE_LABEL } from './labels.ts';
import { reconnectWaitMs } from './waits.ts';

/** Which containers are asked for. */
export type ContainerFilter = { readonly labels: readonly string[] } | { readonly id: string };

/** The two questions that are asked of an engine. Both fail with a FleetError DISCOVERY_FAILED. */
export interface DockerEngine {
  /** The containers with all these labels (`name=value`), or with this id or its beginning, whatever their state. */
  list(filter: ContainerFilter, signal: AbortSignal): Promise<Container[]>;
  /**
   * Resolves once the engine has begun to send. The stream ends when the engine or `signal` ends it. An event without
   * an id is about networks: the list may have changed.
   */
  events(signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
}

export interface DockerOptions {
  readonly engine: DockerEngine;
  /** The compose project; undefined for the one that the coordinator's own container belongs to. */
  readonly project: string | undefined;
  /** The id of the coordinator's own container; undefined if it runs in none. */
  readonly ownContainer: string | undefined;
  /** The sidecars' port where a container's labels do not say it. */
  readonly sidecarPort: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Discovery among Docker's containers. */
export function dockerDiscovery(options: DockerOptions): DiscoveryAdapter {
  return new DockerDiscovery(options);
}

class DockerDiscovery implements DiscoveryAdapter {
  readonly name = 'docker';
  readonly lossy = false;
  readonly #options: DockerOptions;
  readonly #closing = new AbortController();
  #view: DockerView = EMPTY_VIEW;
  #scope: DockerScope | undefined;
  #reported: string | undefined;
  #listing = false;
  #listAgain = false;
  #failures = 0;
  #running: Promise<void> = Promise.resolve();
  /** The next list, while events wait to be confirmed by one. */
  #cancelSettling = (): void => {};
  /** Ends the current stream, so that the engine is connected to anew. */
  #stream = new AbortController();

  constructor(options: DockerOptions) {
    this.#options = options;
  }

  start(sink: DiscoverySink): void {
    this.#running = this.#run(sink);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stream.abort();
    this.#cancelSettling();
    await this.#running;
  }

  async #run(sink: DiscoverySink): Promise<void> {
    const { clock, random, log } = this.#options;
    while (!this.#closing.signal.aborted) {
      this.#stream = new AbortController();
      const cancelResync = this.#resyncEvery(sink);
      try {
        await this.#follow(sink, this.#stream);
      } catch (error) {
        if (!isFleetError(error)) throw error;
        this.#fail(sink, error);
      } finally {
        cancelResync();
        this.#stream.abort();
      }
      if (this.#closing.signal.aborted) return;
      log.debug({ failures: this.#failures }, 'event stream ended, connecting again');
      await sleep(clock, reconnectWaitMs(this.#failures, random), this.#closing.signal);
    }
  }

  async #follow(sink: DiscoverySink, stream: AbortController): Promise<void> {
    const { engine, clock } = this.#options;
    const events = await engine.events(stream.signal);
    this.#list(sink);
    for await (const event of events) {
      if (event.id !== '') this.#view = withEvent(this.#view, event, clock.monotonicMs());
      this.#report(sink);
      this.#list(sink);
    }
  }

  /** Fetches the list, once more if it may have changed meanwhile. */
  #list(sink: DiscoverySink): void {
    if (this.#stream.signal.aborted) return;
    if (this.#listing) {
      this.#listAgain = true;
      return;
    }
    this.#listing = true;
    this.#listAgain = false;
    const stream = this.#stream;
    void this.#listOnce(sink, stream).finally(() => {
      this.#listing = false;
      if (this.#listAgain) this.#list(sink);
    });
  }

  async #listOnce(sink: DiscoverySink, stream: AbortController): Promise<void> {
    const { engine, clock } = this.#options;
    const askedAt = this.#view.sequence;
    try {
      const scope = await this.#resolveScope(stream.signal);
      const labels = [`${ROLE_LABEL}=${CACHE_ROLE}`];
      if (scope.project !== undefined) labels.push(`${PROJECT_LABEL}=${scope.project}`);
      const containers = await engine.list({ labels }, stream.signal);
      if (this.#closing.signal.aborted) return;
      this.#scope = scope;
      this.#view = withList(this.#view, containers, askedAt, clock.monotonicMs());
      this.#failures = 0;
      this.#report(sink);
      this.#cancelSettling();
      if (isUnsettled(this.#view)) this.#cancelSettling = clock.setTimer(SETTLE_POLL_MS, () => this.#list(sink));
    } catch (error) {
      if (!isFleetError(error)) throw error;
      // A stream that has ended takes its list with it; that is no news of the engine.
      if (stream.signal.aborted) return;
      this.#fail(sink, error);
      stream.abort();
    }
  }

  /** The project and networks of the coordinator's own container, looked up anew with each list: networks change. */
  async #resolveScope(signal: AbortSignal): Promise<DockerScope> {
    const { engine, ownContainer, project, sidecarPort, log } = this.#options;
    if (ownContainer === undefined) return { project, networks: [], sidecarPort };
    const own = (await engine.list({ id: ownContainer }, signal))[0];
    const scope = {
      project: project ?? own?.labels[PROJECT_LABEL],
      networks: Object.keys(own?.networks ?? {}).sort(),
      sidecarPort,
    };
    if (this.#scope === undefined) log.info(scope, 'looking for cache containers');
    return scope;
  }

  #report(sink: DiscoverySink): void {
    if (this.#scope === undefined) return;
    const { nodes, leftOut } = observedNodes(this.#view, this.#scope);
    const report = JSON.stringify([nodes, leftOut]);
    if (report === this.#reported || this.#closing.signal.aborted) return;
    this.#reported = report;
    sink.observed(nodes, leftOut);
  }

  #fail(sink: DiscoverySink, error: FleetError): void {
    if (this.#closing.signal.aborted || this.#stream.signal.aborted) return;
    this.#failures += 1;
    // The next list is news even if it is the one from before: the source is back.
    this.#reported = undefined;
    sink.lost(error);
  }

  #resyncEvery(sink: DiscoverySink): () => void {
    let cancel: (() => void) | undefined;
    const again = (): void => {
      cancel = this.#options.clock.setTimer(RESYNC_MS, () => {
        this.#list(sink);
        again();
      });
    };
    again();
    return () => cancel?.();
  }
}
