/**
 * The ring: which node owns a key. Pure, and never changed once built: a new topology gets a new ring.
 *
 * Three placements, each equal to what the clients of other languages compute, so that they and ours find each
 * other's keys:
 *
 * - `ketama`: libmemcached's weighted ketama. The order of the list does not matter.
 * - `rendezvous-murmur3`: pymemcache's HashClient. The order does not matter; it knows no weights, so they are ignored.
 * - `modulo-crc32-shift`: python-memcached. The order matters, and nearly every key moves when the list changes.
 *
 *   points (sorted)   │  1201 │ 88213 │ 90117 │ …  Uint32Array
 *   owners            │     2 │     0 │     2 │ …  index into nodes, same positions
 */
import { murmur3 } from '../base/bytes.ts';
import { crc32Shift, md5Word, md5Words } from '../base/hash.ts';
import { MEMCACHED_PORT } from '../base/memcached.ts';
import { activeNodes, type Hashing, type TopologyDocument, type TopologyNode } from './document.ts';

/** Who owns which key. */
export interface Ring {
  /** The nodes on the ring, the active ones of the document, in its order. */
  readonly nodes: readonly TopologyNode[];
  /** The node that owns `key` (a string counts as its UTF-8 bytes), or undefined if the ring has no nodes. */
  owner(key: string | Uint8Array): TopologyNode | undefined;
  /** The owner's position in {@link Ring.nodes}, or -1 if there is none. */
  ownerIndex(key: string | Uint8Array): number;
}

/** What a ring is built from: a topology document, or only these two members of one. */
export type RingSource = Pick<TopologyDocument, 'nodes' | 'hashing'>;

/** One MD5 yields this many points. */
const POINTS_PER_HASH = 4;

/** Builds the ring of the active nodes of `source`. */
export function buildRing(source: RingSource): Ring {
  const nodes = activeNodes(source);
  const locate = nodes.length === 0 ? () => -1 : locator(nodes, source.hashing);
  return { nodes, ownerIndex: locate, owner: (key) => nodes[locate(key)] };
}

/**
 * How large the ring of these nodes would be: points of ketama, places in the list of modulo, nodes for rendezvous. By
 * ketama the nodes share {@link Hashing.pointsPerNode} for each of them, whatever they weigh.
 */
export function ringPoints(nodes: readonly TopologyNode[], { algorithm, pointsPerNode }: Hashing): number {
  if (algorithm === 'ketama') return nodes.length * pointsPerNode;
  if (algorithm === 'rendezvous-murmur3') return nodes.length;
  return nodes.reduce((sum, { weight }) => sum + placesOf(weight), 0);
}

type Locate = (key: string | Uint8Array) => number;

function locator(nodes: readonly TopologyNode[], hashing: Hashing): Locate {
  if (hashing.algorithm === 'ketama') return ketama(nodes, hashing.pointsPerNode);
  if (hashing.algorithm === 'rendezvous-murmur3') return rendezvous(nodes);
  return modulo(nodes);
}

/** The name that a node's points are computed from: `host` on memcached's own port, else `host:port`, as libmemcached. */
export function ketamaLabel(node: Pick<TopologyNode, 'host' | 'port'>): string {
  return node.port === MEMCACHED_PORT ? node.host : `${node.host}:${node.port}`;
}

/**
 * How many MD5s, each of four points, a node of `weight` gets.
 *
 * libmemcached computes this in C `float`s, and rounding decides whether a node has a point more or less, so every
 * step is rounded as it rounds. Source: libmemcached hosts.cc, `update_continuum`.
 */
function ketamaHashCount(weight: number, weightTotal: number, nodeCount: number, pointsPerNode: number): number {
  const f = Math.fround;
  const share = f(f(weight) / f(weightTotal));
  const scaled = f(f(f(share * pointsPerNode) / POINTS_PER_HASH) * nodeCount);
  return Math.floor(f(scaled + 1e-10));
}

function ketama(nodes: readonly TopologyNode[], pointsPerNode: number): Locate {
  const weightTotal = nodes.reduce((sum, node) => sum + node.weight, 0);
  // Two nodes may have the same point. Ranking by label, not by position, makes the winner independent of the order.
  const byLabel = nodes.map((_, index) => index);
  byLabel.sort((a, b) => compareText(labelAt(nodes, a), labelAt(nodes, b)));
  const entries: number[] = [];
  byLabel.forEach((index, rank) => {
    const hashCount = ketamaHashCount(nodes[index].weight, weightTotal, nodes.length, pointsPerNode);
    for (let i = 0; i < hashCount; i += 1) {
      // Point and rank in one exact double, so that one numeric sort orders by point, then by rank.
      for (const point of md5Words(`${labelAt(nodes, index)}-${i}`)) entries.push(point * RANK_SPAN + rank);
    }
  });
  const sorted = Float64Array.from(entries).sort();
  const points = Uint32Array.from(sorted, (entry) => Math.floor(entry / RANK_SPAN));
  const owners = Uint32Array.from(sorted, (entry) => byLabel[entry % RANK_SPAN] ?? 0);
  if (points.length === 0) return () => -1;
  return (key) => owners[firstAtLeast(points, md5Word(key))];
}

/** Above every rank: 2^32 points times this stays below 2^53. */
const RANK_SPAN = 2 ** 20;

function labelAt(nodes: readonly TopologyNode[], index: number): string {
  const node = nodes[index];
  return node === undefined ? '' : ketamaLabel(node);
}

/** The position of the first point that is `hash` or more; past the last point the ring begins again at 0. */
function firstAtLeast(points: Uint32Array, hash: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (points[middle] < hash) low = middle + 1;
    else high = middle;
  }
  return low === points.length ? 0 : low;
}

/**
 * The highest `murmur3("host:port-key")` wins, then the greater name. Source: pymemcache client/rendezvous.py.
 *
 * Text beyond ASCII counts as UTF-8, as the vectors have it. pymemcache itself, when told to allow such keys, hashes
 * code points cut to eight bits instead and finds another node for them.
 */
function rendezvous(nodes: readonly TopologyNode[]): Locate {
  const names = nodes.map((node) => `${node.host}:${node.port}`);
  const prefixes = names.map((name) => Buffer.from(`${name}-`));
  return (key) => {
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    let winner = 0;
    let scoreHighest = -1;
    for (let index = 0; index < prefixes.length; index += 1) {
      const hashed = Buffer.concat([prefixes[index], bytes]);
      const score = murmur3(hashed, 0, hashed.length, 0) >>> 0;
      if (score > scoreHighest || (score === scoreHighest && compareText(names[index], names[winner]) > 0)) {
        winner = index;
        scoreHighest = score;
      }
    }
    return winner;
  };
}

/** Each node stands in the list as often as it weighs, whole numbers as in python-memcached, and at least once. */
function modulo(nodes: readonly TopologyNode[]): Locate {
  const buckets = nodes.flatMap((node, index) => Array.from({ length: placesOf(node.weight) }, () => index));
  return (key) => buckets[crc32Shift(key) % buckets.length];
}

function placesOf(weight: number): number {
  return Math.max(1, Math.floor(weight));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
