/**
 * The signals that end a supervisor, as two steps: the first asks for an orderly end, a later one for an end at once.
 * A Ctrl-C under `npm start` arrives twice within milliseconds (from the terminal and from npm), which is one request.
 */
import type { Clock } from '../base/clock.ts';
import { SIGNAL_ECHO_MS } from './limits.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The events of `process` that matter here; tests pass an EventEmitter. */
export interface StopSignalSource {
  on(event: (typeof STOP_SIGNALS)[number], listener: () => void): unknown;
  off(event: (typeof STOP_SIGNALS)[number], listener: () => void): unknown;
}

export interface StopSignals {
  /** Aborts at the first signal; its reason is the signal's name. */
  readonly asked: AbortSignal;
  /** Aborts at a second signal that is no echo of the first. */
  readonly hurry: AbortSignal;
  /** Stops listening. */
  off(): void;
}

/** Listens for SIGINT, SIGTERM and SIGHUP from now on. */
export function stopSignals(clock: Clock, source: StopSignalSource = process): StopSignals {
  const asked = new AbortController();
  const hurry = new AbortController();
  let askedAtMs = 0;
  const listeners = STOP_SIGNALS.map((name) => {
    const listener = (): void => {
      if (!asked.signal.aborted) {
        askedAtMs = clock.monotonicMs();
        asked.abort(name);
      } else if (clock.monotonicMs() - askedAtMs > SIGNAL_ECHO_MS) {
        hurry.abort(name);
      }
    };
    source.on(name, listener);
    return { name, listener };
  });
  return {
    asked: asked.signal,
    hurry: hurry.signal,
    off: () => {
      for (const { name, listener } of listeners) source.off(name, listener);
    },
  };
}
