/**
 * Where nodes come from: the interface of all discovery adapters and the list they deliver.
 *
 * An adapter reports whole lists, never differences, so that a missed event heals with the next report. It does not
 * judge whether a node answers; that is the business of health. It never ends because its source is away: it says
 * so, goes on trying, and reports a list again when it can.
 */
import { formatHostPort } from '../../base/host-port.ts';
import type { FleetError } from '../../base/errors.ts';
import { compareNames } from '../../topology/document.ts';
import { NODES_MAX } from '../limits.ts';

/**
 * What the source knows of a node's life. `running`: should answer. `unhealthy`: runs, but its own health check
 * fails. `paused`: frozen. `leaving`: was told to stop and still answers. `stopped`: does not run.
 */
export type NodeHint = 'running' | 'unhealthy' | 'paused' | 'leaving' | 'stopped';

/** One node as a source sees it. */
export interface ObservedNode {
  /** Unique in the fleet, stable over restarts. */
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

/** Who is told. */
export interface DiscoverySink {
  /** The whole list as it is now; called at least once as soon as the source could be read. */
  observed(nodes: readonly ObservedNode[]): void;
  /** The source cannot be seen. The last list stays good until the next call of `observed`. */
  lost(error: FleetError): void;
}

/** A source of nodes. */
export interface DiscoveryAdapter {
  /** For logs and metrics, for example `docker`. */
  readonly name: string;
  /** Begins to report. Called once. */
  start(sink: DiscoverySink): void;
  /** Ends: nothing is reported after it has resolved. */
  close(): Promise<void>;
}

/** The nodes of several sources as one list, and what had to be left out. */
export interface MergedNodes {
  readonly nodes: readonly ObservedNode[];
  /** One line for each node that was left out, with the reason. */
  readonly rejected: readonly string[];
}

/**
 * Joins lists, the first list winning: sorted by name, at most NODES_MAX, and each of these once:
 * - a name;
 * - a `host:port`, because two nodes there would have the same points on the ring;
 * - an `ip:port`, because two nodes there are one daemon that two sources know by different names.
 */
export function mergeObserved(lists: readonly (readonly ObservedNode[])[]): MergedNodes {
  const byName = new Map<string, ObservedNode>();
  const holders = new Map<string, string>();
  const rejected: string[] = [];
  for (const node of lists.flat()) {
    const { name, host, ip, port, hint } = node;
    // What does not run holds no address, even if its source still lists one: another may have it by now.
    const addresses = [`${host}:${port}`, ...(ip === '' || hint === 'stopped' ? [] : [`${ip}:${port}`])];
    const taken = addresses.find((address) => holders.has(address));
    if (byName.has(name)) rejected.push(`${name}: the name is taken`);
    else if (taken !== undefined) rejected.push(`${name}: ${taken} is ${holders.get(taken)}`);
    else {
      byName.set(name, node);
      for (const address of addresses) holders.set(address, name);
    }
  }
  const sorted = [...byName.values()].sort(compareNames);
  for (const node of sorted.slice(NODES_MAX)) rejected.push(`${node.name}: the fleet has ${NODES_MAX} nodes already`);
  return { nodes: sorted.slice(0, NODES_MAX), rejected };
}
