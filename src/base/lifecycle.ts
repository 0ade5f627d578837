/**
 * How a process starts to listen, is told to end, and ends: signals become one AbortSignal, what was opened is closed
 * in reverse order within a bound, and failures become one line and an exit code. Only `src/cli/main.ts` exits.
 *
 * ```ts
 * const lifecycle = createLifecycle({ log });
 * lifecycle.onShutdown('http', () => app.close());
 * await lifecycle.untilStopped();   // SIGTERM, SIGINT or lifecycle.stop('why'), then everything is closed
 * return 0;
 * ```
 */
import { systemClock, type Clock } from './clock.ts';
import { formatHostPort, type HostPort } from './host-port.ts';
import { FleetError, isFleetError } from './errors.ts';
import type { Logger } from './log.ts';

/** Exit codes, as in sysexits.h: EX_USAGE for bad flags, EX_OSERR for an address that cannot be had. */
export const EXIT_USAGE = 64;
export const EXIT_PORT_TAKEN = 71;

/** How long everything together may take to close before the process ends without waiting further. */
const SHUTDOWN_TIMEOUT_MS = 5_000;

/** The events of `process` that matter here; tests pass an EventEmitter. */
export interface SignalSource {
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export interface LifecycleOptions {
  log: Logger;
  signals?: SignalSource;
  clock?: Clock;
  /** 5,000 unless given. */
  shutdownTimeoutMs?: number;
}

export interface Lifecycle {
  /** Aborts when the process is to end; its reason is the signal's name or what {@link Lifecycle.stop} was given. */
  readonly signal: AbortSignal;
  /** Registers something to close; closed in reverse order of registration, one after the other. */
  onShutdown(name: string, close: () => unknown): void;
  /** Asks for the end, as a signal does. Later calls change nothing. */
  stop(reason: string): void;
  /**
   * Resolves once the end was asked for and everything is closed. A close that fails is logged and the rest go on;
   * a second signal, or the bound, ends the waiting.
   */
  untilStopped(): Promise<void>;
}

/** Listens for SIGTERM and SIGINT from now on. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { log, signals = process, clock = systemClock, shutdownTimeoutMs = SHUTDOWN_TIMEOUT_MS } = options;
  const asked = new AbortController();
  const impatient = new AbortController();
  const closers: { name: string; close: () => unknown }[] = [];
  const stop = (reason: string): void => {
    if (asked.signal.aborted) return;
    log.info({ reason }, 'stopping');
    asked.abort(reason);
  };
  const onSignal = (name: string) => () => (asked.signal.aborted ? impatient.abort() : stop(name));
  const onTerm = onSignal('SIGTERM');
  const onInt = onSignal('SIGINT');
  signals.on('SIGTERM', onTerm);
  signals.on('SIGINT', onInt);

  async function closeAll(): Promise<void> {
    for (const { name, close } of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        log.warn({ err: error, what: name }, 'could not close cleanly');
      }
    }
  }

  return {
    signal: asked.signal,
    onShutdown: (name, close) => void closers.push({ name, close }),
    stop,
    async untilStopped() {
      await aborted(asked.signal);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const cancel = clock.setTimer(shutdownTimeoutMs, resolve);
      await Promise.race([closeAll(), late, aborted(impatient.signal)]);
      cancel();
      signals.off('SIGTERM', onTerm);
      signals.off('SIGINT', onInt);
    },
  };
}

/** Resolves when `signal` aborts, at once if it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EACCES: 'may not be bound (permission denied)',
  EADDRNOTAVAIL: 'is not an address of this machine',
  ENOTFOUND: 'has a host name that does not resolve',
};

/** What listening failed with, as PORT_TAKEN naming the address if that is what it was, else unchanged. */
export function listenError(error: unknown, address: HostPort): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = LISTEN_FAILURES[code];
  return why === undefined ? error : new FleetError('PORT_TAKEN', `${formatHostPort(address)} ${why}`, error);
}

/**
 * The last word of a process that cannot go on: writes one line for an operating error and returns the exit code.
 * Anything else is a defect and is thrown on, so that its stack is seen.
 */
export function reportFailure(component: string, error: unknown, write: (line: string) => void): number {
  if (!isFleetError(error)) throw error;
  write(`memfleet ${component}: ${error.message}\n`);
  if (error.code === 'BAD_CONFIG') return EXIT_USAGE;
  return error.code === 'PORT_TAKEN' ? EXIT_PORT_TAKEN : 1;
}
