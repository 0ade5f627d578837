/**
 * Waiting for the first topology. Operations that come before it wait for it, up to a timeout; from then on they fail
 * immediately until a topology arrives after all. Closing ends the wait for good.
 */
import type { Clock } from '../../base/clock.ts';
import { FleetError } from '../../base/errors.ts';

/** What a {@link FirstTopology} needs. */
export interface FirstTopologyOptions {
  /** Where the topology comes from, for messages. */
  sourceName: string;
  /** Milliseconds to wait before {@link FirstTopology.wait} rejects. */
  topologyTimeoutMs: number;
  /** Its timers must keep the process alive: a caller may have nothing else to wait for. */
  waitingClock: Clock;
}

/** See the head of the file. */
export class FirstTopology {
  readonly #promise = Promise.withResolvers<void>();
  readonly #cancelTimer: () => void;
  #hasArrived = false;
  #isClosed = false;
  /** Why no topology has arrived, once the timeout has passed. */
  #late: FleetError | undefined;
  #lastTrouble: FleetError | undefined;

  constructor({ sourceName, topologyTimeoutMs, waitingClock }: FirstTopologyOptions) {
    // Not every program calls ready(); a rejection without a reader must not end the process.
    this.#promise.promise.catch(() => undefined);
    this.#cancelTimer = waitingClock.setTimer(topologyTimeoutMs, () => {
      const last = this.#lastTrouble;
      const why = last === undefined ? '' : `: ${last.message}`;
      this.#late = new FleetError(
        'TIMEOUT',
        `no topology from ${sourceName} within ${topologyTimeoutMs} ms${why}`,
        last,
      );
      this.#promise.reject(this.#late);
    });
  }

  /** True once a topology has arrived, until the fleet is closed: operations need not {@link FirstTopology.wait}. */
  get isHere(): boolean {
    return this.#hasArrived && !this.#isClosed;
  }

  /**
   * Resolves when a topology has arrived.
   *
   * @throws (rejects) FleetError TIMEOUT if none arrived within the timeout, CLOSED after {@link FirstTopology.close}
   */
  wait(): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError());
    if (this.#hasArrived) return Promise.resolve();
    return this.#late === undefined ? this.#promise.promise : Promise.reject(this.#late);
  }

  /** A topology is in force. Safe to call for each one. */
  arrive(): void {
    this.#hasArrived = true;
    this.#cancelTimer();
    this.#promise.resolve();
  }

  /** An attempt to get a topology failed: the reason that a timeout will give. */
  fail(error: FleetError): void {
    this.#lastTrouble = error;
  }

  /** Rejects those that wait, and all that come, with CLOSED. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#promise.reject(closedError());
  }
}

function closedError(): FleetError {
  return new FleetError('CLOSED', 'the fleet was closed');
}
