/**
 * What an operator may have done to the whole fleet: every node flushed, one after the other, and a key deleted
 * everywhere. Decides nothing about the ring. At most one flush of the fleet is under way.
 */
import type { Clock } from '../base/clock.ts';
import { isFleetError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { compareNames } from '../topology/document.ts';
import type { MonitoredNode } from './health/monitor.ts';
import { canAnswer } from './health/node-state.ts';
import type { Prober } from './health/prober.ts';

/** What the commands need of the fleet. */
export interface CommandTarget {
  nodes(): MonitoredNode[];
  /** Asks one node; undefined if there is none of this name. */
  ask<T>(name: string, request: (prober: Prober) => Promise<T>): Promise<T> | undefined;
}

/** What came of a command at one node. */
export interface NodeOutcome {
  readonly node: string;
  readonly outcome: 'waiting' | 'done' | 'absent' | 'failed';
  /** Why it failed. */
  readonly error?: string;
}

/** A flush of the fleet, under way or over. */
export interface FleetFlush {
  readonly startedMs: number;
  readonly pauseMs: number;
  endedMs: number | undefined;
  cancelled: boolean;
  nodes: NodeOutcome[];
}

export interface CommandsOptions {
  readonly target: CommandTarget;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The commands of one coordinator. */
export class FleetCommands {
  readonly #options: CommandsOptions;
  #flush: FleetFlush | undefined;
  #wake = (): void => {};

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** The flush that is under way, or the last one. */
  get flush(): FleetFlush | undefined {
    return this.#flush;
  }

  /** Nodes that can be asked, by name: those out of the ring too, because clients with an older topology use them. */
  reachable(): MonitoredNode[] {
    return this.#options.target
      .nodes()
      .filter(({ observed }) => canAnswer(observed.hint) && observed.ip !== '')
      .sort((a, b) => compareNames(a.observed, b.observed));
  }

  /**
   * Begins to flush every node that can be asked, `pauseMs` apart, so that what is behind the caches is not asked for
   * everything at once.
   * @returns undefined if another flush is under way
   */
  startFlush(pauseMs: number): FleetFlush | undefined {
    if (this.#flush !== undefined && this.#flush.endedMs === undefined) return undefined;
    const names = this.reachable().map(({ observed }) => observed.name);
    const startedMs = this.#options.clock.nowMs();
    const nodes = names.map((node): NodeOutcome => ({ node, outcome: 'waiting' }));
    this.#flush = { startedMs, pauseMs, endedMs: undefined, cancelled: false, nodes };
    void this.#run(this.#flush);
    return this.#flush;
  }

  /** Leaves the nodes that still wait as they are. False if none is under way. */
  cancelFlush(): boolean {
    if (this.#flush === undefined || this.#flush.endedMs !== undefined) return false;
    this.#flush.cancelled = true;
    this.#wake();
    return true;
  }

  /**
   * Deletes a key wherever it may be: at its owner, and at those that owned it before.
   * @returns `done` where it was, `absent` where it was not, `failed` where that is not known
   */
  async deleteKey(key: string): Promise<NodeOutcome[]> {
    const names = this.reachable().map(({ observed }) => observed.name);
    return Promise.all(names.map((name) => this.#outcome(name, async (prober) => prober.delete(key))));
  }

  async #run(flush: FleetFlush): Promise<void> {
    const { clock, log } = this.#options;
    const begunMs = clock.monotonicMs();
    for (const [index, { node }] of flush.nodes.entries()) {
      if (index > 0 && flush.pauseMs > 0) await this.#pause(flush.pauseMs);
      if (flush.cancelled) break;
      flush.nodes[index] = await this.#outcome(node, async (prober) => {
        await prober.flush();
        return true;
      });
      log.info(flush.nodes[index], 'node flushed by command');
    }
    // Not the time of day: the clock may have been set meanwhile.
    flush.endedMs = flush.startedMs + (clock.monotonicMs() - begunMs);
  }

  async #pause(pauseMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const cancel = this.#options.clock.setTimer(pauseMs, resolve);
    await promise;
    cancel();
  }

  async #outcome(node: string, request: (prober: Prober) => Promise<boolean>): Promise<NodeOutcome> {
    try {
      const found = await this.#options.target.ask(node, request);
      if (found === undefined) return { node, outcome: 'failed', error: 'the node is gone' };
      return { node, outcome: found ? 'done' : 'absent' };
    } catch (error) {
      if (!isFleetError(error)) throw error;
      return { node, outcome: 'failed', error: error.message };
    }
  }
}
