/**
 * Where nodes come from: the interface of all discovery adapters and the list they deliver. How the lists of several
 * become one is in {@link file://./merge.ts}.
 *
 * An adapter reports whole lists, never differences, so that a missed event heals with the next report. It does not
 * judge whether a node answers; that is the business of health. It never ends because its source is away: it says
 * so, goes on trying, and reports a list again when it can.
 */
import { formatHostPort } from '../../base/host-port.ts';
import type { FleetError } from '../../base/errors.ts';

/**
 * What the source knows of a node's life. `running`: should answer. `unhealthy`: runs, but its own health check
 * fails. `unlisted`: the source's last answer lacks it or its address, which is no proof that it is gone. `paused`: frozen.
 * `leaving`: was told to stop and still answers. `stopped`: does not run.
 */
export type NodeHint = 'running' | 'unhealthy' | 'unlisted' | 'paused' | 'leaving' | 'stopped';

/** One node as a source sees it. */
export interface ObservedNode {
  /** What it is called, short; made longer where two nodes of the fleet would share it. */
  readonly name: string;
  /** What the ring is computed from, with `port`. */
  readonly host: string;
  /** Where to connect to; empty while the source does not know it (a container that does not run has none). */
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  /** Base URL of the sidecar; empty like `ip`. */
  readonly sidecar: string;
  readonly hint: NodeHint;
  /** Changes when another process takes the name, for example a container's id. */
  readonly instance: string;
  /** Where clients outside of the nodes' network reach it, where the source knows of such a place. */
  readonly published?: PublishedPlace;
}

/** Ports of the host behind which a node is. */
export interface PublishedPlace {
  /** The address that the ports are bound to; empty for every address of the host. */
  readonly ip: string;
  readonly port: number;
  /** Of the sidecar, if that is published too. */
  readonly sidecarPort?: number;
}

/** {@link ObservedNode.sidecar} of a node whose sidecar is at the daemon's address. */
export function sidecarUrl(ip: string, port: number): string {
  return ip === '' ? '' : `http://${formatHostPort({ host: ip, port })}`;
}

/**
 * Why something that a source lists is not in the fleet. `duplicate`: it is, by another source's name. `place`: another
 * node has its place on the ring. `name`: no name is left for it. `limit`: the fleet is full. `unresolved`: its host has
 * no known address. `network`: it is not in the network where it is to be reached. `cut`: the answer was cut.
 */
export const LEFT_OUT_REASONS = ['duplicate', 'place', 'name', 'limit', 'unresolved', 'network', 'cut'] as const;
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

/** Something that a source lists and that is not in the fleet. */
export interface LeftOut {
  /** Of the node, as its source calls it. */
  readonly name: string;
  readonly reason: LeftOutReason;
  /** The same in words. */
  readonly why: string;
}

/** Who is told. */
export interface DiscoverySink {
  /**
   * The whole list as it is now; called at least once as soon as the source could be read.
   * @param leftOut what the source lists and cannot be used
   */
  observed(nodes: readonly ObservedNode[], leftOut?: readonly LeftOut[]): void;
  /** The source cannot be seen. The last list stays good until the next call of `observed`. */
  lost(error: FleetError): void;
}

/** A source of nodes. */
export interface DiscoveryAdapter {
  /** For logs and metrics, for example `docker`. */
  readonly name: string;
  /** True if one answer may lack nodes that are there, as DNS's may. */
  readonly lossy: boolean;
  /**
   * Begins to report. Called once.
   * @param remembered the address that a host had in the last topology, of this process or the one before
   */
  start(sink: DiscoverySink, remembered?: (host: string) => string | undefined): void;
  /** Ends: nothing is reported after it has resolved. */
  close(): Promise<void>;
}
