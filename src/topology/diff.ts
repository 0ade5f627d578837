/**
 * What changed between two topology documents. Pure. The coordinator decides by it whether a new version is due, the
 * client which connections to keep.
 */
import { activeNodes, type Hashing, type TopologyDocument, type TopologyNode } from './document.ts';

/** A node before and after. */
export interface NodeChange {
  before: TopologyNode;
  after: TopologyNode;
}

/** The difference of two documents; nodes are told apart by name. */
export interface TopologyDiff {
  added: TopologyNode[];
  removed: TopologyNode[];
  /** Nodes of which any member differs. */
  changed: NodeChange[];
  /** Keys may have another owner: the ring's nodes, their labels, weights or order, or the hashing differ. */
  ringChanged: boolean;
  /** Anything that a client must know differs: a new version is due. `version` and `publishedAt` do not count. */
  clientsMustKnow: boolean;
}

/** Compares two documents; without `before` everything is added. */
export function diffTopology(before: TopologyDocument | undefined, after: TopologyDocument): TopologyDiff {
  const old = new Map((before?.nodes ?? []).map((node) => [node.name, node]));
  const added: TopologyNode[] = [];
  const changed: NodeChange[] = [];
  for (const node of after.nodes) {
    const earlier = old.get(node.name);
    if (earlier === undefined) added.push(node);
    else if (!sameNode(earlier, node)) changed.push({ before: earlier, after: node });
    old.delete(node.name);
  }
  const removed = [...old.values()];
  const ringChanged = before === undefined || ringIdentity(before) !== ringIdentity(after);
  const sameHeader =
    before !== undefined &&
    before.fleet === after.fleet &&
    before.ipDiscovery === after.ipDiscovery &&
    sameHashing(before.hashing, after.hashing);
  const nodesDiffer = added.length > 0 || removed.length > 0 || changed.length > 0;
  return { added, removed, changed, ringChanged, clientsMustKnow: nodesDiffer || ringChanged || !sameHeader };
}

/** True if every member of two nodes is equal. */
export function sameNode(a: TopologyNode, b: TopologyNode): boolean {
  return (
    a.name === b.name &&
    a.host === b.host &&
    a.ip === b.ip &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.state === b.state &&
    a.sidecar === b.sidecar
  );
}

function sameHashing(a: Hashing, b: Hashing): boolean {
  return a.algorithm === b.algorithm && a.keyHash === b.keyHash && a.pointsPerNode === b.pointsPerNode;
}

/** Equal for two documents exactly when they give equal rings. */
function ringIdentity(document: TopologyDocument): string {
  const places = activeNodes(document).map((node) => `${node.host}:${node.port}:${node.weight}`);
  // Only modulo hashing depends on the order of the list.
  if (document.hashing.algorithm !== 'modulo-crc32-shift') places.sort();
  const { algorithm, keyHash, pointsPerNode } = document.hashing;
  return JSON.stringify([algorithm, keyHash, pointsPerNode, places]);
}
