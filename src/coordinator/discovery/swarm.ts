/**
 * Discovery among a Swarm's tasks. A Swarm sends no events of its tasks, so they are listed again and again from the
 * managers' memory, which is cheap; that a node has died is for its probes to see, which are quicker than any list.
 */
import type { Clock } from '../../base/clock.ts';
import { isFleetError } from '../../base/errors.ts';
import { SWARM_ABSENT_LOOKS, SWARM_POLL_MS } from '../limits.ts';
import { afterAnswer, HOLDS_NOTHING } from './absences.ts';
import type { DiscoveryAdapter, DiscoverySink } from './adapter.ts';
import { CACHE_ROLE, ROLE_LABEL } from './labels.ts';
import { needsMachines, nodesOfSwarm } from './swarm-view.ts';
import type { SwarmMachine, SwarmService, SwarmState, SwarmTask } from './swarm-view.ts';
import { pollWaitMs, reconnectWaitMs } from './waits.ts';

/** The stack of a service. */
const STACK_LABEL = 'com.docker.stack.namespace';

/** The questions that are asked of a manager. All fail with a FleetError DISCOVERY_FAILED. */
export interface SwarmEngine {
  /** The services with all these labels (`name=value`). */
  services(labels: readonly string[], signal: AbortSignal): Promise<SwarmService[]>;
  /** All tasks of these services, those that have ended and are still remembered included. */
  tasks(serviceIds: readonly string[], signal: AbortSignal): Promise<SwarmTask[]>;
  machines(signal: AbortSignal): Promise<SwarmMachine[]>;
}

export interface SwarmOptions {
  readonly engine: SwarmEngine;
  /** Only services of this stack; undefined for all. */
  readonly stack: string | undefined;
  readonly sidecarPort: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Discovery among a Swarm's tasks. */
export function swarmDiscovery(options: SwarmOptions): DiscoveryAdapter {
  return new SwarmDiscovery(options);
}

class SwarmDiscovery implements DiscoveryAdapter {
  readonly name = 'swarm';
  readonly lossy = false;
  readonly #options: SwarmOptions;
  readonly #closing = new AbortController();
  #holding = HOLDS_NOTHING;
  #reported: string | undefined;
  #failures = 0;
  #cancelTimer = (): void => {};
  #round: Promise<void> = Promise.resolve();

  constructor(options: SwarmOptions) {
    this.#options = options;
  }

  start(sink: DiscoverySink): void {
    this.#round = this.#look(sink);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelTimer();
    await this.#round;
  }

  async #look(sink: DiscoverySink): Promise<void> {
    const { sidecarPort, clock } = this.#options;
    const { signal } = this.#closing;
    try {
      const listed = nodesOfSwarm(await this.#ask(signal), sidecarPort);
      // A slot that is scaled away is `leaving` first; one that only vanishes may be a manager that does not know yet.
      this.#holding = afterAnswer(this.#holding, listed, SWARM_ABSENT_LOOKS);
      const { nodes } = this.#holding;
      this.#failures = 0;
      const report = JSON.stringify(nodes);
      if (!signal.aborted && report !== this.#reported) {
        this.#reported = report;
        sink.observed(nodes);
      }
    } catch (error) {
      if (!isFleetError(error)) throw error;
      this.#failures += 1;
      // The next list is news even if it is the one from before: the source is back.
      this.#reported = undefined;
      if (!signal.aborted) sink.lost(error);
    }
    if (signal.aborted) return;
    this.#cancelTimer = clock.setTimer(this.#waitMs(), () => {
      this.#round = this.#look(sink);
    });
  }

  async #ask(signal: AbortSignal): Promise<SwarmState> {
    const { engine, stack } = this.#options;
    const labels = [`${ROLE_LABEL}=${CACHE_ROLE}`];
    if (stack !== undefined) labels.push(`${STACK_LABEL}=${stack}`);
    const services = await engine.services(labels, signal);
    // Without a service to ask for, all tasks of the Swarm would come.
    if (services.length === 0) return { services, tasks: [], machines: [] };
    const ids = services.map(({ id }) => id);
    const tasks = await engine.tasks(ids, signal);
    return { services, tasks, machines: needsMachines(tasks) ? await engine.machines(signal) : [] };
  }

  #waitMs(): number {
    const { random } = this.#options;
    return this.#failures === 0 ? pollWaitMs(SWARM_POLL_MS, random) : reconnectWaitMs(this.#failures, random);
  }
}
