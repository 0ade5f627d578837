/**
 * What the rest of memfleet takes from the client beyond what is public (index.ts), by name: one connection without a
 * fleet around it, the stream of topologies, and the rule for keys. Not part of the package.
 */
export type { Codec } from './values/codec.ts';
export { Connection } from './wire/connection.ts';
export { checkKey } from './values/key.ts';
export { followCoordinator, type TopologySource } from './following/topology-source.ts';
