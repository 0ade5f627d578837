/** Bounds and defaults of the client, each with what happens at the limit. */

/**
 * How long one attempt to connect may take. A lost SYN is sent again after one second: within a data centre a reply that
 * has not come by then will not come.
 */
export const CONNECT_TIMEOUT_MS = 1000;

/**
 * How long a reply may take once the request was written to the socket. A cache replies within milliseconds; after a
 * second, computing the value would have been faster.
 */
export const COMMAND_TIMEOUT_MS = 1000;

/**
 * A connection that owes replies and has not sent a byte for this many command timeouts is given up and made anew: its
 * peer is stopped, or vanished without closing. One late reply must not cost the connection, so two.
 */
export const SILENCE_FACTOR = 2;

/** Requests that may wait for one node; one more is refused with QUEUE_FULL. */
export const QUEUE_MAX = 65_536;

/** Bytes that may wait to be sent to one node before further requests are refused with QUEUE_FULL. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** Keys in one `get` line; a longer list is sent as several, so that no line exceeds 64 KiB. */
export const KEYS_PER_GET_MAX = 250;

/**
 * Bytes of one value that a read takes, unless the option `valueBytesMax` says otherwise; memcached's own default for an
 * item is 1 MiB (`-I`). A larger one is dropped as it arrives: its request fails with TOO_LARGE, the connection stays.
 */
export const VALUE_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes of all values, or all statistics, in the reply to one command; beyond it nothing is kept: TOO_LARGE. */
export const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * A reply that has not ended after this many command timeouts costs the connection: a peer that sends a byte now and
 * then would otherwise hold up every later request indefinitely.
 */
export const LATE_FACTOR = 10;

/** Lines of one reply to `stats`. No server sends more; above it the connection is given up. */
export const STATS_MAX = 100_000;

/** The first wait before connecting again, doubled with each failure. */
export const BACKOFF_FIRST_MS = 50;

/** The longest wait before connecting again: a node that came back is found within this time. */
export const BACKOFF_MAX_MS = 2000;

/** How long operations wait for the first topology before they fail with TIMEOUT. */
export const TOPOLOGY_TIMEOUT_MS = 5000;

/** The longest backoff before a coordinator is asked again. */
export const COORDINATOR_BACKOFF_MAX_MS = 5000;

/** How long a coordinator may hold a long poll. */
export const LONG_POLL_WAIT_MS = 30_000;

/** An event stream without a byte for this long (comments count) is given up; coordinators send one every 15 s. */
export const EVENTS_SILENCE_MS = 45_000;

/**
 * The longest wait that an event stream's `retry:` may ask for; a longer one is cut to this. Coordinators ask for up to
 * three seconds.
 */
export const RETRY_MAX_MS = 5000;

/**
 * Bytes of one server-sent event or one topology document, as they are on the wire: nothing that is encoded is inflated.
 * 4,096 nodes take about a quarter. More is refused with TOO_LARGE, and the last topology stays.
 */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
