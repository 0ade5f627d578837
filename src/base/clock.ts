/**
 * Time as a parameter. Nothing but this file and a `main.ts` asks the machine what time it is, so a test moves the
 * clock instead of sleeping.
 */

/** Where a part of the program learns the time and has itself woken. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970: for what is shown, and for versions. It is set, both ways. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start that never go backwards; for durations. */
  monotonicMs(): number;
  /** Calls `wake` once after `delayMs`; the function returned cancels it. */
  setTimer(delayMs: number, wake: () => void): () => void;
}

/** The machine's own clock. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, wake) {
    const timer = setTimeout(wake, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * The machine's own clock with timers that keep the process alive: for what a caller awaits while there may be nothing
 * else to wait for. A process whose last timer is not counted ends in the middle of an `await`.
 */
export const waitingClock: Clock = {
  ...systemClock,
  setTimer(delayMs, wake) {
    const timer = setTimeout(wake, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or as soon as `signal` aborts; leaves nothing behind either way. */
export async function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const cancel = clock.setTimer(delayMs, wake);
  signal?.addEventListener('abort', wake, { once: true });
  await promise;
  cancel();
  signal?.removeEventListener('abort', wake);
}

/** The wall-clock moment of something that a part of the program remembers by {@link Clock.monotonicMs}. */
export function wallMsOf(clock: Clock, monotonicMs: number): number {
  return clock.nowMs() - (clock.monotonicMs() - monotonicMs);
}

/** A clock that stands still until it is told to advance; for tests and simulations. */
export class ManualClock implements Clock {
  #elapsedMs = 0;
  #startMs: number;
  #timers: { dueMs: number; wake: () => void }[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, wake: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + delayMs, wake };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Sets the wall clock forward or, by a negative number, back; no time passes. */
  set(byMs: number): void {
    this.#startMs += byMs;
  }

  /** Moves time forward, waking timers in the order in which they are due. */
  advance(byMs: number): void {
    const targetMs = this.#elapsedMs + byMs;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.dueMs <= targetMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.wake();
    }
    this.#elapsedMs = targetMs;
  }
}
