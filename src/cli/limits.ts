/** Bounds of the command line and its supervisor. */

/** Nodes of a local fleet. More than this on one machine measures nothing and starts for minutes. */
export const LOCAL_NODES_MAX = 64;

/** How long a local fleet may take until every node is active; then it is ended and the missing nodes are named. */
export const READY_TIMEOUT_MS = 60_000;
/** How often the starting fleet is asked whether it is complete. */
export const READY_POLL_MS = 50;

/** The first wait before a child that died is started again; doubled for each further death up to the second bound. */
export const RESTART_DELAY_MIN_MS = 100;
export const RESTART_DELAY_MAX_MS = 5_000;
/** A child that lived this long starts again at the shortest wait. */
export const RESTART_FORGIVE_MS = 10_000;

/** Starts of a local fleet's process that never came to run, before the fleet is given up. */
export const LOCAL_STARTS_MAX = 3;

/** How long children may take to end after SIGTERM; then they are killed. Below Docker's default grace of 10 s. */
export const CHILD_STOP_TIMEOUT_MS = 5_000;
/** A second signal within this time is the same Ctrl-C, delivered by the terminal and by npm; after it, it means "now". */
export const SIGNAL_ECHO_MS = 500;
/** The longest drain that `memfleet node` takes from MEMFLEET_DRAIN_MS. */
export const DRAIN_MAX_MS = 600_000;

/**
 * V8's old space for the processes of a node, in MiB. The daemon's items are not in it: it holds connections and the
 * program, a few KiB each. Ignored where NODE_OPTIONS sets a size.
 */
export const DAEMON_HEAP_MB = 128;
export const SIDECAR_HEAP_MB = 96;

/** How long one answer of the coordinator, or of one node, may take before a command gives up. */
export const ANSWER_TIMEOUT_MS = 5_000;
/** Bytes of one answer of the coordinator: 1,024 nodes with all that `/v1/nodes` says of them are about 2 MB. */
export const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
/** Longest value that `memfleet set KEY -` reads and `get` prints; memcached's own greatest item size is 1 GiB. */
export const VALUE_BYTES_MAX = 1024 * 1024 * 1024;
