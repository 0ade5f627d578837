/** The bounds of the sidecar, with what happens at each. */
import type { HttpBounds } from '../http/server.ts';

/**
 * How long the daemon may take for all of one collection. At the limit the scrape says `memcached_up 0`, `/readyz`
 * and `/stats` answer 503. Well below Prometheus' default scrape time-out of 10 s and Docker's health check.
 */
export const COLLECT_TIMEOUT_MS = 2_000;

/** How long a connection to the daemon, which is on the same machine, may take to be made. */
export const CONNECT_TIMEOUT_MS = 1_000;

/** The longest wait between two attempts to connect to the daemon; it is on the same machine, so trying costs little. */
export const BACKOFF_MAX_MS = 500;

/**
 * Bytes of one answer of the daemon. `stats conns` is the longest, about 200 for each connection; beyond it nothing is
 * kept, and the request for it is answered 502.
 */
export const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** Of the HTTP server. */
export const HTTP_BOUNDS: HttpBounds = {
  // No route takes a body, so what is sent is answered 404 or 405 unread.
  bodyBytesMax: 1_024,
  headBytesMax: 8_192,
  connectionsMax: 1_024,
  requestsMax: 256,
  heldBytesMax: 32 * 1024 * 1024,
};

/** What `/metrics` answers is at most this old, however many ask. */
export const METRICS_AGE_MS = 100;

/** How often the sidecar asks its daemon which topology it has: after a restart the daemon has none. */
export const WATCH_INTERVAL_MS = 1_000;

/**
 * How often the sidecar asks another coordinator than the one it follows, where there are several. Four nodes and three
 * coordinators: what only one of them has published is with the others after some four seconds.
 */
export const LOOK_AROUND_MS = 5_000;
