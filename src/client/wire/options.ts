/** What a connection may be told, once: each option with its default, and the rest that follows from them. */
import { systemClock, type Clock } from '../../base/clock.ts';
import type { FleetError } from '../../base/errors.ts';
import {
  ANSWER_BYTES_MAX,
  BACKOFF_MAX_MS,
  COMMAND_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  LATE_FACTOR,
  QUEUE_MAX,
  SILENCE_FACTOR,
  VALUE_BYTES_MAX,
} from '../limits.ts';

/** The options of a connection that a fleet's caller may set too. */
export interface ConnectionTuning {
  /**
   * Milliseconds that one attempt to connect may take.
   *
   * @defaultValue 1000
   */
  connectTimeoutMs: number;
  /**
   * Milliseconds from a request's write to its whole reply.
   *
   * @defaultValue 1000
   */
  commandTimeoutMs: number;
  /**
   * Milliseconds of the longest wait before connecting to a node again.
   *
   * @defaultValue 2000
   */
  backoffMaxMs: number;
  /**
   * Bytes of one value that a read takes, up to 1 GiB. A larger one is not kept: TOO_LARGE.
   *
   * @defaultValue 64 MiB
   */
  valueBytesMax: number;
  /**
   * Requests that may wait for one node. One more is refused with QUEUE_FULL.
   *
   * @defaultValue 65,536
   */
  queueMax: number;
  /** Where the time comes from; the machine's clock unless given. */
  clock: Clock;
  /** 0 ≤ x < 1, for jitter; `Math.random` unless given. */
  random: () => number;
}

/** The default of each. */
export const CONNECTION_DEFAULTS: Readonly<ConnectionTuning> = {
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
  commandTimeoutMs: COMMAND_TIMEOUT_MS,
  backoffMaxMs: BACKOFF_MAX_MS,
  valueBytesMax: VALUE_BYTES_MAX,
  queueMax: QUEUE_MAX,
  clock: systemClock,
  random: Math.random,
};

/** How to reach a node and how long to wait for it. */
export interface ConnectionOptions extends Partial<ConnectionTuning> {
  /** With `path`, only a name for messages. */
  host: string;
  port: number;
  /** A Unix socket instead of host and port. */
  path?: string | undefined;
  /** Milliseconds without a byte from a peer that owes a reply, before it is given up; twice commandTimeoutMs. */
  silenceTimeoutMs?: number;
  /** Bytes of all values or statistics in one reply; 256 MiB, or `valueBytesMax` if that is more. TOO_LARGE beyond. */
  answerBytesMax?: number;
  /** The node does not reply any more; called once until {@link ConnectionOptions.onUp}. */
  onDown?: (error: FleetError) => void;
  /** The node replies again. */
  onUp?: () => void;
}

/** The options of a connection with every default filled in. */
export interface ConnectionSettings extends ConnectionTuning {
  host: string;
  port: number;
  path: string | undefined;
  silenceTimeoutMs: number;
  /** Milliseconds after which a reply that has not ended costs the connection. */
  lateTimeoutMs: number;
  answerBytesMax: number;
  onDown: (error: FleetError) => void;
  onUp: () => void;
}

/** Fills in the defaults. */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
  const tuning = withDefaults(CONNECTION_DEFAULTS, options);
  return {
    ...tuning,
    host: options.host,
    port: options.port,
    path: options.path,
    silenceTimeoutMs: options.silenceTimeoutMs ?? tuning.commandTimeoutMs * SILENCE_FACTOR,
    lateTimeoutMs: tuning.commandTimeoutMs * LATE_FACTOR,
    answerBytesMax: options.answerBytesMax ?? Math.max(ANSWER_BYTES_MAX, tuning.valueBytesMax),
    onDown: options.onDown ?? (() => undefined),
    onUp: options.onUp ?? (() => undefined),
  };
}

/** The members of `defaults`, each as `given` says; one that is undefined or null there counts as left out. */
export function withDefaults<T extends object>(
  defaults: Readonly<T>,
  given: { readonly [K in keyof T]?: T[K] | undefined },
): T {
  const settings: T = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T)[]) {
    settings[name] = given[name] ?? defaults[name];
  }
  return settings;
}
