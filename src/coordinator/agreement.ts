/**
 * How several coordinators behind one name come to the same topology without talking to each other. Pure.
 *
 * Every node keeps the newest document's list with its version, for `config get cluster`. Each coordinator reads them
 * with its probes, so it hears what the others have published, and:
 *
 * - the list is its own under a higher version: it takes over that version ("adopt");
 * - the list is another under its own version or a higher one ("differ"): it waits for the two views to become one,
 *   as they do when both have seen the same events, and if they do not, publishes its own above that version;
 * - otherwise there is nothing to do ("agree").
 *
 * So a client that moves between coordinators never has a version that the others will not reach.
 */
import { isFleetError } from '../base/errors.ts';
import { discoveryEntry, parseDiscoveryPayload } from '../topology/discovery-payload.ts';
import { activeNodes, type TopologyDocument, type TopologyNode } from '../topology/document.ts';
import { AGREE_MAX_MS, AGREE_MIN_MS, VERSION_LEAD_MAX } from './limits.ts';

/** The newest list that nodes have told of. */
export interface Heard {
  readonly version: number;
  /** `host|ip|port` of each node in the ring. */
  readonly entries: ReadonlySet<string>;
}

/** What follows from what was heard. */
export type Agreement = 'agree' | 'adopt' | 'differ';

/**
 * What is known after a node has told `payload`. What cannot be read is not heard, nor is a version so far ahead that
 * only a fault explains it: taking it over would use up the versions there are.
 */
export function hear(
  before: Heard | undefined,
  payload: string,
  own: TopologyDocument | undefined,
  nowMs: number,
): Heard | undefined {
  let told: ReturnType<typeof parseDiscoveryPayload>;
  try {
    told = parseDiscoveryPayload(payload);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    return before;
  }
  const { version, nodes } = told;
  if (version > Math.max(own?.version ?? 0, Math.floor(nowMs / 1000)) + VERSION_LEAD_MAX) return before;
  const entries = new Set(nodes.map(({ host, ip, port }) => `${host}|${ip}|${port}`));
  const heard = { version, entries };
  if (before === undefined || version > before.version) return heard;
  // Two coordinators may give two lists the same version: the one that is not ours is news.
  return version === before.version && agreementOf(own, heard) === 'differ' ? heard : before;
}

/** What to do about `heard`; without a document of its own a coordinator first makes one. */
export function agreementOf(own: TopologyDocument | undefined, heard: Heard | undefined): Agreement {
  if (own === undefined || heard === undefined || heard.version < own.version) return 'agree';
  const entries = activeNodes(own).flatMap((node) => discoveryEntry(node) ?? []);
  const same = entries.length === heard.entries.size && entries.every((entry) => heard.entries.has(entry));
  if (!same) return 'differ';
  return heard.version > own.version ? 'adopt' : 'agree';
}

/** True if another coordinator has this node in its ring, by a document that is newer than `own`. */
export function isInRingElsewhere(
  own: TopologyDocument | undefined,
  heard: Heard | undefined,
  node: Pick<TopologyNode, 'host' | 'ip' | 'port'>,
): boolean {
  if (heard === undefined || (own !== undefined && heard.version <= own.version)) return false;
  const entry = discoveryEntry(node);
  return entry !== undefined && heard.entries.has(entry);
}

/**
 * How long to wait for differing views to become one: longer each time, so that coordinators that see different nodes
 * for good take turns ever more seldom. `chance` is from 0 to 1, and keeps them from doing so at once.
 */
export function patienceMs(conflicts: number, chance: number): number {
  return Math.min(AGREE_MIN_MS * 2 ** Math.min(conflicts, 10), AGREE_MAX_MS) * (1 + chance / 2);
}
