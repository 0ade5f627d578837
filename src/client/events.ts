/** The events of a fleet, and a small typed emitter for them. */
import type { FleetError } from '../base/errors.ts';
import type { TopologyDiff } from '../topology/diff.ts';
import type { TopologyDocument, TopologyNode } from '../topology/document.ts';

/** The events of a fleet, each with what its listeners get. */
export interface FleetEvents {
  /** A topology was put in force. */
  topology: { document: TopologyDocument; diff: TopologyDiff };
  /** A node does not reply; its keys are misses until `nodeUp` or a new topology. */
  nodeDown: { node: TopologyNode; error: FleetError };
  /** A node replies again. */
  nodeUp: { node: TopologyNode };
  /** The coordinator cannot be followed at the moment; the last topology stays in force. */
  trouble: { error: FleetError };
}

/** Listeners by event, each called with one value. `Events` maps an event's name to what its listeners get. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();

  /** Calls `listener` at each `event` from now on; the function returned ends that. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  /**
   * Calls the listeners in the order in which they were added. An error of one reaches neither the others nor the
   * client: it surfaces as an uncaught exception.
   */
  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (payload: Events[E]) => void)(payload);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
