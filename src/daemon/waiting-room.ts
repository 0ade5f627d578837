/**
 * Where connections above `-c` wait under `-o no_maxconns_fast`. memcached stops accepting, so they wait in the kernel's
 * queue; neither runtime can stop, so they are accepted and left unread until another connection ends. To a client it is
 * the same: it is connected, and its first request is answered late.
 */
import type { Clock } from '../base/clock.ts';
import type { Counters } from './counters.ts';
import type { HeldMemory, Holder } from './held-memory.ts';
import type { Door, SocketHandler, TransportSocket } from './transport/transport.ts';

/** A connection that was accepted and is not served yet; passes everything on once it is. */
class Waiter implements SocketHandler, Holder {
  heldBytes = 0;
  readonly socket: TransportSocket;
  readonly door: Door;
  readonly #held: HeldMemory;
  readonly #leave: (waiter: Waiter) => void;
  #inner: SocketHandler | undefined;
  /** What came before reading stopped: one read, or two. */
  #early: Uint8Array = new Uint8Array(0);

  constructor(socket: TransportSocket, door: Door, held: HeldMemory, leave: (waiter: Waiter) => void) {
    this.#held = held;
    this.socket = socket;
    this.door = door;
    this.#leave = leave;
  }

  serve(inner: SocketHandler): void {
    this.#inner = inner;
    const early = this.#early;
    this.#early = new Uint8Array(0);
    this.#held.forget(this);
    this.socket.resume();
    if (early.length > 0) inner.onData(early, 0, early.length);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.#inner !== undefined) return this.#inner.onData(bytes, start, end);
    this.#early = Buffer.concat([this.#early, bytes.subarray(start, end)]);
    this.socket.pause();
    this.#held.charge(this, end - start);
  }

  onDrain(): void {
    this.#inner?.onDrain();
  }

  onClose(): void {
    this.#held.forget(this);
    if (this.#inner === undefined) this.#leave(this);
    else this.#inner.onClose();
  }

  // It reads nothing as it is, so that there is nothing to pause.

  pauseReading(): void {}

  resumeReading(): void {}

  cutOff(): void {
    this.socket.destroy();
  }
}

export class WaitingRoom {
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #held: HeldMemory;
  /** In the order in which they came. */
  readonly #waiters = new Set<Waiter>();
  #closedSinceMs = 0;

  constructor(counters: Counters, clock: Clock, held: HeldMemory) {
    this.#held = held;
    this.#counters = counters;
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Keeps a connection until {@link admit} has room for it. */
  wait(socket: TransportSocket, door: Door): SocketHandler {
    if (this.#waiters.size === 0) {
      this.#counters.listenDisabled++;
      this.#counters.acceptingConnections = 0;
      this.#closedSinceMs = this.#clock.monotonicMs();
    }
    const waiter = new Waiter(socket, door, this.#held, () => this.#remove(waiter));
    this.#waiters.add(waiter);
    return waiter;
  }

  /** Serves the one that has waited longest, if there is one. */
  admit(serve: (socket: TransportSocket, door: Door) => SocketHandler): void {
    const [first] = this.#waiters;
    if (first === undefined) return;
    this.#remove(first);
    first.serve(serve(first.socket, first.door));
  }

  /** Ends all that wait. */
  close(): void {
    for (const waiter of this.#waiters) waiter.socket.destroy();
  }

  #remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter) || this.#waiters.size > 0) return;
    this.#counters.acceptingConnections = 1;
    this.#counters.listenDisabledUs += Math.round((this.#clock.monotonicMs() - this.#closedSinceMs) * 1000);
  }
}
