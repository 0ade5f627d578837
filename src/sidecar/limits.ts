/** The bounds of the sidecar, with what happens at each. */

/**
 * How long the daemon may take for all of one collection. At the limit the scrape says `memcached_up 0`, `/readyz`
 * and `/stats` answer 503. Well below Prometheus' default scrape time-out of 10 s and Docker's health check.
 */
export const COLLECT_TIMEOUT_MS = 2_000;

/** How long a connection to the daemon, which is on the same machine, may take to be made. */
export const CONNECT_TIMEOUT_MS = 1_000;

/** The longest wait between two attempts to connect to the daemon; it is on the same machine, so trying costs little. */
export const BACKOFF_MAX_MS = 500;

/** Longest request line and headers together, in bytes; Node answers 431 beyond it. */
export const REQUEST_HEAD_BYTES_MAX = 8_192;

/** Longest body, in bytes, that would be read. No route takes one, so what is sent is answered 404 or 405 unread. */
export const BODY_BYTES_MAX = 1_024;

/** How long a client may take to send its request, in milliseconds; 408 beyond it. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** HTTP connections at once; further ones are closed as they come. */
export const HTTP_CONNECTIONS_MAX = 256;

/** How often the sidecar asks its daemon which topology it has: after a restart the daemon has none. */
export const WATCH_INTERVAL_MS = 1_000;

/**
 * How often the sidecar asks another coordinator than the one it follows, where there are several. Four nodes and three
 * coordinators: what only one of them has published is with the others after some four seconds.
 */
export const LOOK_AROUND_MS = 5_000;
