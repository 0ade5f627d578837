/** What every part must agree on about memcached. Source: its protocol.txt and memcached.c, 1.6.45. */

/** The version that is behaved like, and told to clients: digits only, since some of them parse it. */
export const MEMCACHED_VERSION = '1.6.45';

/** Where a memcached listens unless it is told (`-p`). */
export const MEMCACHED_PORT = 11_211;

/** Longest key in bytes, a client's prefix included (protocol.txt "Keys"). */
export const KEY_BYTES_MAX = 250;

/** An exptime up to so many seconds, 30 days, counts from now; above, it is Unix time (protocol.txt "Expiration times"). */
export const EXPTIME_RELATIVE_MAX_SECONDS = 60 * 60 * 24 * 30;
