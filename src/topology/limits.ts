/** Bounds of a topology document; {@link parseTopology} refuses what is beyond them. */

/** Nodes in one document. A ring of so many has 655,360 points and takes about a second to build. */
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
 * Bytes of a `config get cluster` payload that every client can read: pymemcache loses nodes when the reply does not
 * come in one receive of at most 4096 bytes. A longer list is still given out; this is the line to warn at.
 */
export const DISCOVERY_PAYLOAD_BYTES_SAFE = 4000;
