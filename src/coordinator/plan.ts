/**
 * The decision what to publish. Pure: what is known goes in, the next document or the reason for none comes out.
 *
 * An empty ring is never published over one that has nodes: if everything seems gone, the likelier cause is that the
 * coordinator cannot see, and a client that keeps its ring loses nothing by trying.
 */
import type { Hashing, NodeState, TopologyDocument, TopologyNode } from '../topology/document.ts';
import { activeNodes, compareNames } from '../topology/document.ts';
import { VERSION_MAX } from '../topology/limits.ts';
import type { ObservedNode } from './discovery/adapter.ts';

/** Why nothing is ever published again; docs/coordinator.md has the way back. */
export const VERSIONS_USED_UP =
  `versions are used up: ${VERSION_MAX} is the last that clients can read; the last topology stays ` +
  '(docs/coordinator.md, "Versions")';

/** Why nothing is published right after a start. */
export const FIRST_LOOK = 'the nodes are looked at for the first time';

export interface PlanInput {
  readonly fleet: string;
  readonly hashing: Hashing;
  readonly ipDiscovery?: TopologyDocument['ipDiscovery'];
  /** What the sources list now, each name and address once. */
  readonly observed: readonly ObservedNode[];
  /** The state of each observed node by its name; one that is missing is `joining`. */
  readonly states: ReadonlyMap<string, NodeState>;
  /** The document published last, by this process or by the one before it. */
  readonly previous: TopologyDocument | undefined;
  readonly nowMs: number;
  /** The highest version that another coordinator is known to have published; 0 if none is. */
  readonly versionFloor?: number;
  /** The nodes are being looked at for the first time: a first document would say little. */
  readonly firstLook?: boolean;
}

/**
 * How soon clients should hear of it. `now`: a node has left the ring or moved to another address, so requests fail.
 * `soon`: the ring has grown or changed otherwise. `later`: the ring is as it was.
 */
export type Urgency = 'now' | 'soon' | 'later';

export type Plan =
  | { readonly kind: 'publish'; readonly document: TopologyDocument; readonly urgency: Urgency }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'held'; readonly reason: string };

/** The next document, if there should be one. */
export function planTopology(input: PlanInput): Plan {
  const { previous, ipDiscovery } = input;
  const known = new Map(previous?.nodes.map((node) => [node.name, node]));
  const nodes = input.observed
    .flatMap((observed) =>
      plannedNode(observed, input.states.get(observed.name) ?? 'joining', known.get(observed.name)),
    )
    .sort(compareNames);
  const next = { fleet: input.fleet, hashing: input.hashing, nodes, ...(ipDiscovery && { ipDiscovery }) };
  if (previous !== undefined && sameContent(previous, next)) return { kind: 'unchanged' };
  if (previous !== undefined && activeNodes(previous).length > 0 && !nodes.some(isActive)) {
    const all = nodes.length === 0 ? 'no node is left' : `none of the ${nodes.length} nodes is active`;
    return { kind: 'held', reason: `${all}; the last topology stays` };
  }
  if (previous === undefined && input.firstLook === true) {
    return { kind: 'held', reason: FIRST_LOOK };
  }
  const version = nextVersion(Math.max(previous?.version ?? 0, input.versionFloor ?? 0), input.nowMs);
  if (version === undefined) return { kind: 'held', reason: VERSIONS_USED_UP };
  const document: TopologyDocument = { ...next, version, publishedAt: new Date(input.nowMs).toISOString() };
  return { kind: 'publish', document, urgency: urgencyOf(previous, next) };
}

/**
 * The version after `previous`: the time in seconds, which is above everything that an earlier coordinator published
 * even if its state was lost, or the next integer where versions run ahead of the clock or the clock went back.
 * Seconds reach VERSION_MAX in January 2038; from then on only the next integer counts.
 * @returns undefined if `previous` is the last there is
 */
export function nextVersion(previous: number, nowMs: number): number | undefined {
  const seconds = Math.floor(nowMs / 1000);
  const clock = seconds > 0 && seconds <= VERSION_MAX ? seconds : 0;
  return previous >= VERSION_MAX ? undefined : Math.max(previous + 1, clock);
}

function isActive(node: TopologyNode): boolean {
  return node.state === 'active';
}

/** A node that was never seen with an address cannot be reached by anybody and is not listed. */
function plannedNode(observed: ObservedNode, state: NodeState, known: TopologyNode | undefined): TopologyNode[] {
  const ip = observed.ip || known?.ip;
  if (ip === undefined) return [];
  const { name, host, port, weight } = observed;
  return [{ name, host, ip, port, weight, state, sidecar: observed.sidecar || (known?.sidecar ?? '') }];
}

type Content = Pick<TopologyDocument, 'fleet' | 'hashing' | 'nodes' | 'ipDiscovery'>;

function sameContent(a: Content, b: Content): boolean {
  return contentKey(a) === contentKey(b);
}

/** Everything of a document that clients must know when it changes, in one order of fields. */
function contentKey({ fleet, hashing, nodes, ipDiscovery }: Content): string {
  return JSON.stringify([
    fleet,
    ipDiscovery,
    [hashing.algorithm, hashing.keyHash, hashing.pointsPerNode],
    nodes.map((node) => [node.name, node.host, node.ip, node.port, node.weight, node.state, node.sidecar]),
  ]);
}

function urgencyOf(previous: TopologyDocument | undefined, next: Content): Urgency {
  if (previous === undefined) return 'soon';
  const now = new Map(next.nodes.map((node) => [node.name, node]));
  const lost = activeNodes(previous).some((node) => {
    const kept = now.get(node.name);
    return kept === undefined || !isActive(kept) || kept.ip !== node.ip || kept.port !== node.port;
  });
  if (lost) return 'now';
  const before = { ...previous, nodes: previous.nodes.filter(isActive) };
  return sameContent(before, { ...next, nodes: next.nodes.filter(isActive) }) ? 'later' : 'soon';
}
