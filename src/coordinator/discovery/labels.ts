/** The labels by which an operator marks cache nodes: on containers, and on Swarm's services. Pure. */
import { MEMCACHED_PORT } from '../../base/memcached.ts';
import { WEIGHT_MAX } from '../../topology/limits.ts';

/** Labels as Docker gives them. */
export type Labels = Readonly<Record<string, string>>;

/** What marks a cache node, and its value. */
export const ROLE_LABEL = 'memfleet.role';
export const CACHE_ROLE = 'cache';

/** The network in which the node is to be reached. */
export const NETWORK_LABEL = 'memfleet.network';

const PORT_MAX = 65_535;

/** What labels say of a node. */
export interface LabelledNode {
  /** The daemon's port: `memfleet.port`, or memcached's own. */
  readonly port: number;
  /** `memfleet.sidecar-port`. */
  readonly sidecarPort: number;
  /** `memfleet.weight`, or 1. */
  readonly weight: number;
}

/** @param sidecarPort the sidecar's port if no label says it */
export function labelledNode(labels: Labels, sidecarPort: number): LabelledNode {
  return {
    port: numberLabel(labels, 'memfleet.port', MEMCACHED_PORT, PORT_MAX),
    sidecarPort: numberLabel(labels, 'memfleet.sidecar-port', sidecarPort, PORT_MAX),
    weight: numberLabel(labels, 'memfleet.weight', 1, WEIGHT_MAX),
  };
}

/** A label that cannot be read counts as not there: one bad label must not take the whole fleet away. */
function numberLabel(labels: Labels, name: string, fallback: number, most: number): number {
  const value = /^\d{1,5}$/.test(labels[name] ?? '') ? Number(labels[name]) : 0;
  return value >= 1 && value <= most ? value : fallback;
}
