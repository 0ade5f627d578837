/** Bounds of a topology document; {@link parseTopology} refuses what is beyond them. */

/** Nodes in one document. */
export const NODES_MAX = 4096;

/** Characters of a node's name, a host or a fleet's name: the longest DNS name. */
export const NAME_LENGTH_MAX = 253;

/** The largest version: some clients of the discovery protocol read it as a signed 32-bit integer. */
export const VERSION_MAX = 2 ** 31 - 1;

/** The largest weight of a node; sums of weights stay exact in libmemcached's 32-bit floats. */
export const WEIGHT_MAX = 1000;

/** The most points a node of weight 1 may have on a ketama ring. */
export const POINTS_PER_NODE_MAX = 4096;

/**
 * Points of all active nodes together, or places in the list where hashing is modulo: 4,096 nodes with the 160 points of
 * ketama. A ring of so many takes about a second to build, during which a client does nothing else.
 */
export const RING_POINTS_MAX = NODES_MAX * 160;

/**
 * Bytes of a `config get cluster` payload that every client can read: pymemcache loses nodes when the reply does not
 * come in one receive of at most 4096 bytes. A longer list is still given out; this is the line to warn at.
 */
export const DISCOVERY_PAYLOAD_BYTES_SAFE = 4000;
