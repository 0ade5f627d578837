/**
 * The topology document: what the coordinator publishes and every client follows.
 * Types only, plus the two rules every reader needs: which nodes are on the ring and how the list is sorted.
 */

/**
 * What a node is doing. `joining`: known, not yet in the ring. `active`: in the ring. `draining`: leaving, still
 * answers, no longer in the ring. `down`: does not answer.
 */
export type NodeState = 'joining' | 'active' | 'draining' | 'down';

/** How keys are placed on nodes. */
export interface Hashing {
  algorithm: 'ketama' | 'rendezvous-murmur3' | 'modulo-crc32-shift';
  /** The hash of a key; for ketama `md5`. */
  keyHash: string;
  /** Points each node of weight 1 has on the ring; ketama only. */
  pointsPerNode: number;
}

/** One cache node as clients see it. */
export interface TopologyNode {
  /** Unique in the fleet and stable over restarts, for example `memfleet-cache-1`. */
  name: string;
  /** What the ring is computed from, with the port; resolves inside the network. */
  host: string;
  /** Where to connect to; may change without moving the ring. */
  ip: string;
  port: number;
  /** Share of the keys relative to the other nodes; 1 unless configured. */
  weight: number;
  state: NodeState;
  /** Base URL of the node's sidecar. */
  sidecar: string;
}

/** The whole document. */
export interface TopologyDocument {
  fleet: string;
  /** A positive integer below 2^31 that never goes down. */
  version: number;
  /** ISO 8601, UTC. */
  publishedAt: string;
  hashing: Hashing;
  /** Sorted by name, numbers by value. */
  nodes: TopologyNode[];
  /** `ipv6`: auto-discovery tells nodes that have IPv6 alone as well, for clients that can read them. */
  ipDiscovery?: 'ipv6';
  /**
   * By which coordinators know the list of `config get cluster` that follows from this document for one of theirs; nobody
   * else needs it. Absent where they have no token.
   */
  signature?: string;
}

/** The hashing of a fleet that configures nothing (contract: "hashing.algorithm"). */
export const DEFAULT_HASHING: Hashing = { algorithm: 'ketama', keyHash: 'md5', pointsPerNode: 160 };

/** The nodes that own keys. */
export function activeNodes(document: Pick<TopologyDocument, 'nodes'>): TopologyNode[] {
  return document.nodes.filter((node) => node.state === 'active');
}

const nameOrder = new Intl.Collator('en', { numeric: true });

/** Sorts by name, numbers by value: `cache-2` before `cache-10`. */
export function compareNames(a: { name: string }, b: { name: string }): number {
  return nameOrder.compare(a.name, b.name) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
