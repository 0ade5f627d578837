/**
 * The coordinator's bounds. Each says what happens at the limit. Times that an operator may want to change are
 * settings ({@link file://./health/node-state.ts}); what is here protects the coordinator from others and from itself.
 */
import type { HttpBounds } from '../http/server.ts';

/** Clients that follow the topology at once, event streams and long polls together; one more is answered 503. */
export const WATCHERS_MAX = 10_000;

/**
 * Of these, those from one address (of IPv6, from one /64); one more is answered 503. All clients behind one router share
 * an address, and so do all that come through a published port of Docker's, so one address may have most of the seats;
 * the rest is there for everybody else.
 */
export const WATCHERS_PER_ADDRESS_MAX = 8_000;

/** A long poll is held no longer than this, whatever it asks for. */
export const WAIT_MAX_MS = 60_000;

/** An event stream that is quiet for this long is sent a comment, so that proxies in between keep it open. */
export const HEARTBEAT_MS = 15_000;

/** A follower that has not taken what it was sent for this long is disconnected. Meanwhile it gets only the newest. */
export const STALL_MAX_MS = 30_000;

/** Of the HTTP server. Connections are above {@link WATCHERS_MAX}, so that watchers cannot lock out the rest. */
export const HTTP_BOUNDS: HttpBounds = {
  // No route needs a body.
  bodyBytesMax: 16 * 1024,
  headBytesMax: 16 * 1024,
  connectionsMax: 12_000,
  // They take milliseconds each, or as long as the nodes that are asked may take.
  requestsMax: 1_024,
  // A sixth of what compose allows the container; a document of a fleet as large as may be has 256 KiB.
  heldBytesMax: 64 * 1024 * 1024,
};

/** What `/metrics` answers is at most this old, however many ask. */
export const METRICS_AGE_MS = 100;

/** Nodes in one fleet. What a source lists beyond it, in the order of names, is left out and logged. */
export const NODES_MAX = 1_024;

/**
 * Connections to the discovery endpoint. For one more, the one that has been idle or in its line for longest makes room;
 * if there is none, it is told `ERROR Too many open connections` and closed.
 */
export const DISCOVERY_CONNECTIONS_MAX = 1_024;

/** Refused connections that are given DISCOVERY_LINGER_MS to hear why; further ones are closed without a word. */
export const DISCOVERY_REFUSED_MAX = 64;

/** Bytes of one line on the discovery endpoint, memcached's own bound for a line without a newline (1.6: 2048). */
export const DISCOVERY_LINE_BYTES_MAX = 2_048;

/** A connection to the discovery endpoint that asks nothing for this long is closed; clients poll each minute. */
export const DISCOVERY_IDLE_MS = 180_000;

/** From the first byte of a line on the discovery endpoint to its end; then the connection is closed. */
export const DISCOVERY_LINE_MS = 10_000;

/** That a connection to the discovery endpoint leaves answers untaken; then it is closed. */
export const DISCOVERY_ANSWER_MS = 30_000;

/** From our last byte on the discovery endpoint to the peer's end of the connection; then it is cut off. */
export const DISCOVERY_LINGER_MS = 1_000;

/** Above so many bytes of untaken answers no further line of a connection to the discovery endpoint is read. */
export const DISCOVERY_UNTAKEN_BYTES_MAX = 16 * 1024;

/** Stats are asked of a node at most this often, however many look at them. */
export const STATS_AGE_MAX_MS = 1_000;

/** Entries of a node's `stats` that are kept; the rest are left out. memcached 1.6 has about 90. */
export const STATS_ENTRIES_MAX = 512;

/**
 * Bytes of one answer of a daemon to its prober. `config get cluster` of 1,024 nodes takes about 64 KiB, `stats` about 4;
 * beyond it nothing is kept, and the node counts as one that says nothing (of its topology) or fails (its statistics).
 */
export const NODE_ANSWER_BYTES_MAX = 256 * 1024;

/**
 * Bytes of one answer of a Docker engine, or of Kubernetes' API server, a whole watch included; more has failed as if the
 * source could not be seen, and the last list stays. A container with its labels takes about 4 KiB, an endpoint one.
 */
export const DOCKER_ANSWER_BYTES_MAX = 16 * 1024 * 1024;
export const KUBERNETES_ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/** Bytes of a sidecar's `/readyz`, about 200; a longer one says nothing. */
export const READYZ_BYTES_MAX = 16 * 1024;

/** Between a topology change and its publication, so that changes that come together are one version. */
export const COALESCE_MS = 50;

/**
 * The longest that a storm of joining nodes makes the next version wait, and how long a change waits that leaves the
 * ring as it is. A node that leaves the ring never waits for either.
 */
export const COALESCE_MAX_MS = 2_000;

/**
 * Without a publication for this long, and the last wait, a storm is over. Two cores start a container in about a second,
 * and twenty of them are one storm.
 */
export const STORM_OVER_MS = 2_000;

/** How often a source that can be listed is listed again, in case an event was missed. */
export const RESYNC_MS = 10_000;

/** How often a file or a host name behind a static list is looked at again. */
export const STATIC_POLL_MS = 1_000;

/** The wait before a lost source is tried again, doubled each time up to the second number, with jitter. */
export const RECONNECT_MIN_MS = 100;
export const RECONNECT_MAX_MS = 5_000;

/** How long an event is believed against lists that do not show what it said, and how soon the next list is fetched. */
export const SETTLE_MS = 1_000;
export const SETTLE_POLL_MS = 200;

/** A container that was told to stop and still runs after this long is taken back into the fleet. */
export const LEAVING_MAX_MS = 600_000;

/** Waits between looks at a source that has to be polled are this share shorter or longer, by chance. */
export const INTERVAL_JITTER = 0.2;

/** Bytes of a file that lists nodes; a larger one is refused, the last list stays. A node takes about 100. */
export const STATIC_FILE_BYTES_MAX = 1024 * 1024;

/** A file without a line end at its end, perhaps cut off, is believed once it has not changed for this long. */
export const STATIC_SETTLE_MS = 2_000;

/** After a file's folder has changed, the file is read within this time, however often it changes. */
export const STATIC_WATCH_MS = 50;

/**
 * What one address may ask for in a second, and at once; more is answered 429. Reads are cheap and all clients behind
 * one router share an address, so the bound is above what {@link WATCHERS_MAX} need to come back together.
 */
export const READ_RATE = { burst: 20_000, perSecond: 2_000 } as const;

/** The same for everything else, wrong tokens included. */
export const CHANGE_RATE = { burst: 100, perSecond: 50 } as const;

/** Addresses whose requests are counted; beyond it the one that was seen first is forgotten. */
export const ADDRESSES_MAX = 10_000;

/** Between two nodes when the fleet is flushed, unless the request says otherwise. */
export const FLUSH_PAUSE_MS = 1_000;

/** A flush of the fleet that would take longer is refused. */
export const FLUSH_TOTAL_MAX_MS = 86_400_000;

/**
 * How long a watch of Kubernetes' is asked to last, and how much later it must have ended. Together they are the time
 * after which a connection that was cut without a word is noticed. kubectl and controllers watch for minutes; a watch
 * of one service is cheap to take up again.
 */
export const KUBERNETES_WATCH_MS = 20_000;
export const KUBERNETES_WATCH_GRACE_MS = 5_000;

/** A list from Kubernetes' API server, or the beginning of a watch, that takes longer has failed. */
export const KUBERNETES_REQUEST_TIMEOUT_MS = 5_000;

/** Events of one watch that wait to be taken; a watch with more has failed and is begun with a list. */
export const KUBERNETES_EVENTS_MAX = 10_000;

/** How often a sidecar is asked whether its node leaves; within the shortest drain that is of use. */
export const SIDECAR_POLL_MS = 500;

/** How long a first look at the nodes may hold back the first document of a coordinator that remembers none. */
export const FIRST_LOOK_MAX_MS = 2_000;

/**
 * How long coordinators that differ wait for their views to become one, doubled with each time up to the second
 * number. The first is above the time in which a silent node is out everywhere.
 */
export const AGREE_MIN_MS = 3_000;
export const AGREE_MAX_MS = 60_000;

/**
 * Seconds, as versions are, that a node's word on the newest version may be ahead of the clock where no token lets
 * coordinators sign what they publish: a day, in all, so that a node that lies uses up no more than that. A word beyond
 * it does not count.
 */
export const VERSION_LEAD_MAX = 86_400;

/** Words of nodes that do not count are logged at most this often; a metric counts them all. */
export const REFUSAL_LOG_MS = 60_000;

/** How often a Swarm's tasks are listed; below the time that a stopping node goes on answering (MEMFLEET_DRAIN_MS). */
export const SWARM_POLL_MS = 500;

/**
 * One question to one DNS server, its tries at each server, and all of them together, for one type of record. Servers
 * beyond the first three are not asked, as the system's resolver does (resolv.conf(5), MAXNS).
 */
export const DNS_TRY_MS = 1_000;
export const DNS_TRIES = 2;
export const DNS_QUERY_MAX_MS = 3_000;
export const DNS_SERVERS_MAX = 3;

/** A DNS server that did not answer over TCP is asked by datagram alone for this long. */
export const DNS_TCP_RETRY_MS = 60_000;

/**
 * Answers in a row in which a node must be missing before it is gone; until then it is kept, and its probes decide.
 * DNS: half a minute at the default interval. Of servers that give three records of five by chance, one node is missing
 * in so many answers once in a million.
 */
export const DNS_ABSENT_LOOKS = 15;

/** The same for lists of a Swarm's tasks, {@link SWARM_POLL_MS} apart. */
export const SWARM_ABSENT_LOOKS = 10;

/** The same for Docker's lists, {@link SETTLE_POLL_MS} apart while a container is missing without a `destroy` event. */
export const DOCKER_ABSENT_LOOKS = 10;

/** The same for an endpoint that vanished without having been `terminating`, and the time between two looks. */
export const KUBERNETES_ABSENT_LOOKS = 10;
export const KUBERNETES_ABSENT_LOOK_MS = 1_000;

/**
 * How long after a start the nodes of the last topology are kept though no source lists them, where a source may leave
 * some out: what a coordinator saw before its restart is not forgotten for one answer.
 */
export const REMEMBERED_MAX_MS = 30_000;

/** Hosts that are looked up at once; further ones wait their turn. */
export const LOOKUPS_MAX = 256;

/** How long a list waits for hosts that were never looked up before it is applied without their addresses. */
export const LOOKUP_PATIENCE_MS = 1_000;

/** A look-up of one host through search list and system that takes longer has failed. */
export const LOOKUP_MAX_MS = 5_000;

/** Bytes of the system's files of hosts and of DNS servers that are read. */
export const SYSTEM_FILE_BYTES_MAX = 1024 * 1024;

/** Nodes that were left out of which `GET /v1/nodes` tells; further ones are only counted. */
export const LEFT_OUT_SHOWN_MAX = 100;
