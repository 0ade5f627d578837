/** Nodes and documents for the tests of the topology, with everything filled in that a test does not care about. */
import { DEFAULT_HASHING, type TopologyDocument, type TopologyNode } from '../../src/topology/document.ts';

export function nodeOf(given: Partial<TopologyNode> & { name: string }): TopologyNode {
  return { host: given.name, ip: '', port: 11211, weight: 1, state: 'active', sidecar: '', ...given };
}

export function documentOf(nodes: TopologyNode[], given: Partial<TopologyDocument> = {}): TopologyDocument {
  return {
    fleet: 'memfleet',
    version: 1,
    publishedAt: '2026-01-01T00:00:00.000Z',
    hashing: DEFAULT_HASHING,
    nodes,
    ...given,
  };
}
