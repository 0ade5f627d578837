/**
 * The payload of `config get cluster`, the auto-discovery protocol of ElastiCache and Memorystore:
 *
 *     <version>\n
 *     host|ip|port host|ip|port ...\n
 *
 * Both line ends are LF alone and count as bytes of the payload. Pure.
 * Source: "Adding auto discovery to your client library", docs.aws.amazon.com/AmazonElastiCache.
 */
import { FleetError } from '../base/errors.ts';
import { activeNodes, type TopologyDocument } from './document.ts';
import { NODES_MAX, VERSION_MAX } from './limits.ts';

/** One entry of the list. */
export interface DiscoveredNode {
  host: string;
  /** Empty if the server gave none: connect to `host`. */
  ip: string;
  port: number;
}

/** What the payload says. */
export interface DiscoveryPayload {
  version: number;
  nodes: DiscoveredNode[];
}

/**
 * The payload for the active nodes of `document`, or undefined if there are none: an empty list makes some clients
 * throw, so an endpoint then answers as for an unknown key (`END`).
 */
export function discoveryPayload(document: TopologyDocument): string | undefined {
  const nodes = activeNodes(document);
  if (nodes.length === 0) return undefined;
  return `${document.version}\n${nodes.map((node) => `${node.host}|${node.ip}|${node.port}`).join(' ')}\n`;
}

/**
 * Reads a payload, as a daemon must that is handed one. Tolerates CR before LF and blank space around, as clients do.
 *
 * @throws FleetError BAD_TOPOLOGY if it is not two lines of a positive version and a list of `host|ip|port`
 */
export function parseDiscoveryPayload(payload: string): DiscoveryPayload {
  const lines = payload.trim().split(/\r?\n/);
  const [versionText = '', list = ''] = lines;
  const version = /^\d{1,10}$/.test(versionText) ? Number(versionText) : 0;
  if (lines.length !== 2 || version < 1 || version > VERSION_MAX) {
    throw new FleetError(
      'BAD_TOPOLOGY',
      `cluster configuration: expected a version and a list, got ${excerpt(payload)}`,
    );
  }
  const entries = list.trim().split(/ +/);
  if (entries.length > NODES_MAX) {
    throw new FleetError(
      'BAD_TOPOLOGY',
      `cluster configuration: ${entries.length} nodes, at most ${NODES_MAX} allowed`,
    );
  }
  return { version, nodes: entries.map(parseEntry) };
}

function parseEntry(entry: string): DiscoveredNode {
  const match = /^([^|]+)\|([^|]*)\|(\d{1,5})$/.exec(entry);
  const port = Number(match?.[3] ?? 0);
  if (match === null || port < 1 || port > 65_535) {
    throw new FleetError('BAD_TOPOLOGY', `cluster configuration: expected host|ip|port, got ${excerpt(entry)}`);
  }
  return { host: match[1] ?? '', ip: match[2] ?? '', port };
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
