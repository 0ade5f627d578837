/** What a {@link file://./guard.ts HttpGuard} has to say of itself, as rows for whoever has the registry. */
import type { HttpGuard } from './guard.ts';

/** One metric, read when it is asked for. */
export interface GuardMetric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly read: (guard: HttpGuard) => number;
}

/** The rows, the same for every server of ours. */
export const GUARD_METRICS: readonly GuardMetric[] = [
  {
    name: 'memfleet_http_connections',
    type: 'gauge',
    help: 'Open HTTP connections.',
    read: ({ connectionCount }) => connectionCount,
  },
  {
    name: 'memfleet_http_requests',
    type: 'gauge',
    help: 'HTTP requests that run now, followers not counted.',
    read: ({ requestCount }) => requestCount,
  },
  {
    name: 'memfleet_http_held_bytes',
    type: 'gauge',
    help: 'Bytes held for HTTP connections: unfinished requests, and answers that were not taken.',
    read: ({ heldBytes }) => heldBytes,
  },
  {
    name: 'memfleet_http_cut_off_total',
    type: 'counter',
    help: 'HTTP connections that were ended or refused because there were too many, or too many bytes held for them.',
    read: ({ cutOffCount }) => cutOffCount,
  },
];
