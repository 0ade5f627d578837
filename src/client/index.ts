/** What `import … from 'memfleet'` gives; everything that is public, by name. */
export { FleetError, isFleetError, type ErrorCode } from '../base/errors.ts';
export type { TopologyDiff } from '../topology/diff.ts';
export type { Hashing, NodeState, TopologyDocument, TopologyNode } from '../topology/document.ts';
export { bytesCodec, defaultCodec, type Codec, type EncodedValue } from './values/codec.ts';
export type { FleetEvents } from './events.ts';
export { createFleet, type Fleet, type StoreOptions, type ValueWithCas } from './fleet.ts';
export type { FleetOptions } from './options.ts';
export type { FleetCounts } from './request/executor.ts';
export type { HashingChoice, Server } from './routing/servers.ts';
export type { ItemInfo } from './wire/connection.ts';
