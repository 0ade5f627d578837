/**
 * Which phase each connection of a server is in, since when, and for how long it may be: the one place where connections
 * that never go on are noticed, and where the one is found that makes room for another. It owns no socket; whoever made
 * the table ends what is overdue.
 *
 * A phase lasts the same for everybody, so the connections of a phase stand in the order in which they are due, and a
 * look at the first of each is a look at all:
 *
 *     opening │ c7 c9 c12        ─ due first: c7
 *     head    │ c3
 *     idle    │ c1 c2 c8         ─ makes room first: c1
 */
import type { Clock } from './clock.ts';

/** Milliseconds that a connection may be in each phase; Infinity: for as long as it likes. */
export type PhaseLimits<P extends string> = Readonly<Record<P, number>>;

/** See the head of this file. `C` is a connection, `P` the names of its phases. */
export class ConnectionTable<C extends object, P extends string> {
  readonly #limits: PhaseLimits<P>;
  readonly #clock: Clock;
  readonly #onOverdue: (connection: C, phase: P) => void;
  readonly #phases: Map<P, Map<C, number>>;
  readonly #phaseOf = new Map<C, P>();
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelTimer = (): void => {};

  /** @param onOverdue is given a connection that has left; it may enter a phase again */
  constructor(limits: PhaseLimits<P>, clock: Clock, onOverdue: (connection: C, phase: P) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onOverdue = onOverdue;
    this.#phases = new Map((Object.keys(limits) as P[]).map((phase) => [phase, new Map()]));
  }

  /** Connections in any phase. */
  get size(): number {
    return this.#phaseOf.size;
  }

  /** Every connection, in no order that means anything. */
  connections(): Iterable<C> {
    return this.#phaseOf.keys();
  }

  /** The connection is in `phase` from now on; its time begins anew even if it was in it already. */
  enter(connection: C, phase: P): void {
    this.#drop(connection);
    const nowMs = this.#clock.monotonicMs();
    this.#members(phase).set(connection, nowMs);
    this.#phaseOf.set(connection, phase);
    this.#wakeAt(nowMs + this.#limits[phase]);
  }

  /** As {@link enter}, but a connection that is in `phase` already keeps its time. */
  stay(connection: C, phase: P): void {
    if (this.#phaseOf.get(connection) !== phase) this.enter(connection, phase);
  }

  /** The connection is gone. */
  leave(connection: C): void {
    this.#drop(connection);
    this.#phaseOf.delete(connection);
  }

  /** Who has been in its phase for longest, of those who are in one of `phases` and of whom `is` is true. */
  longestIn(phases: readonly P[], is: (connection: C) => boolean = () => true): C | undefined {
    let longest: C | undefined;
    let longestSinceMs = Number.POSITIVE_INFINITY;
    for (const phase of phases) {
      for (const [connection, sinceMs] of this.#members(phase)) {
        if (sinceMs >= longestSinceMs) break;
        if (!is(connection)) continue;
        longest = connection;
        longestSinceMs = sinceMs;
        break;
      }
    }
    return longest;
  }

  #members(phase: P): Map<C, number> {
    const members = this.#phases.get(phase);
    if (members === undefined) throw new RangeError(`no phase ${phase}`);
    return members;
  }

  #drop(connection: C): void {
    const phase = this.#phaseOf.get(connection);
    if (phase !== undefined) this.#members(phase).delete(connection);
  }

  /** One timer for all, which may come too early: the one it was set for can be gone by then. */
  #wakeAt(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    this.#cancelTimer();
    this.#dueMs = dueMs;
    this.#cancelTimer = this.#clock.setTimer(dueMs - this.#clock.monotonicMs(), () => this.#wake());
  }

  #wake(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    for (const [phase, members] of this.#phases) {
      for (const [connection, sinceMs] of members) {
        if (sinceMs + this.#limits[phase] > nowMs) break;
        this.leave(connection);
        this.#onOverdue(connection, phase);
      }
    }
    for (const [phase, members] of this.#phases) {
      const [sinceMs] = members.values();
      if (sinceMs !== undefined) this.#wakeAt(sinceMs + this.#limits[phase]);
    }
  }
}
