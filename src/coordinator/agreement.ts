/**
 * How several coordinators behind one name come to the same topology without talking to each other. Pure.
 *
 * Every node keeps the newest document's list with its version, for `config get cluster`. Each coordinator reads them
 * with its probes, so it hears what the others have published. A node may lie, so its word counts only if a coordinator
 * of this fleet can have published that: it bears the signature of one where the fleet has a token; where it has none,
 * its version is at most VERSION_LEAD_MAX ahead of the clock, whatever was heard before. Then
 *
 * - the list is its own under a higher version: it takes over that version ("adopt");
 * - the list is another under its own version or a higher one ("differ"): it waits for the two views to become one,
 *   as they do when both have seen the same events, and if they do not, publishes its own above that version;
 * - otherwise there is nothing to do ("agree").
 *
 * So a client that moves between coordinators never has a version that the others will not reach.
 */
import { isFleetError } from '../base/errors.ts';
import { discoveryEntries, discoveryEntry, parseDiscoveryPayload } from '../topology/discovery-payload.ts';
import type { TopologyDocument, TopologyNode } from '../topology/document.ts';
import type { Told } from './health/prober.ts';
import type { PayloadSigner } from './signature.ts';
import { AGREE_MAX_MS, AGREE_MIN_MS, VERSION_LEAD_MAX } from './limits.ts';

/** The newest list that nodes have told of. */
export interface Heard {
  readonly version: number;
  /** `host|ip|port` of each node in the ring. */
  readonly entries: ReadonlySet<string>;
}

/** What follows from what was heard. */
export type Agreement = 'agree' | 'adopt' | 'differ';

/** Why the word of a node does not count. */
export const REFUSALS = ['unreadable', 'unsigned', 'ahead'] as const;
export type Refusal = (typeof REFUSALS)[number];

/**
 * What a node's word is worth: what it says, or why that does not count.
 * @param signer of the fleet's coordinators; undefined without a token
 */
export function judgeWord(
  { payload, signature }: Told,
  signer: PayloadSigner | undefined,
  nowMs: number,
): Heard | Refusal {
  if (signer !== undefined && !signer.verifies(payload, signature)) return 'unsigned';
  let told: ReturnType<typeof parseDiscoveryPayload>;
  try {
    told = parseDiscoveryPayload(payload);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    return 'unreadable';
  }
  const { version, nodes } = told;
  if (signer === undefined && version > Math.floor(nowMs / 1000) + VERSION_LEAD_MAX) return 'ahead';
  return { version, entries: new Set(nodes.map(({ host, ip, port }) => `${host}|${ip}|${port}`)) };
}

/** What is known after a node's word that counts. */
export function hear(before: Heard | undefined, heard: Heard, own: TopologyDocument | undefined): Heard {
  if (before === undefined || heard.version > before.version) return heard;
  // Two coordinators may give two lists the same version: the one that is not ours is news.
  return heard.version === before.version && agreementOf(own, heard) === 'differ' ? heard : before;
}

/** What to do about `heard`; without a document of its own a coordinator first makes one. */
export function agreementOf(own: TopologyDocument | undefined, heard: Heard | undefined): Agreement {
  if (own === undefined || heard === undefined || heard.version < own.version) return 'agree';
  const entries = discoveryEntries(own);
  const same = entries.length === heard.entries.size && entries.every((entry) => heard.entries.has(entry));
  if (!same) return 'differ';
  return heard.version > own.version ? 'adopt' : 'agree';
}

/** True if another coordinator has this node in its ring, by a document that is newer than `own`. */
export function isInRingElsewhere(
  own: TopologyDocument | undefined,
  heard: Heard | undefined,
  node: Pick<TopologyNode, 'host' | 'ip' | 'port'>,
  ipDiscovery?: TopologyDocument['ipDiscovery'],
): boolean {
  if (heard === undefined || (own !== undefined && heard.version <= own.version)) return false;
  const entry = discoveryEntry(node, ipDiscovery);
  return entry !== undefined && heard.entries.has(entry);
}

/**
 * How long to wait for differing views to become one: longer each time, so that coordinators that see different nodes
 * for good take turns ever more seldom. `chance` is from 0 to 1, and keeps them from doing so at once.
 */
export function patienceMs(conflicts: number, chance: number): number {
  return Math.min(AGREE_MIN_MS * 2 ** Math.min(conflicts, 10), AGREE_MAX_MS) * (1 + chance / 2);
}
