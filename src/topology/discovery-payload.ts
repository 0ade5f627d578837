/**
 * The payload of `config get cluster`, the auto-discovery protocol of ElastiCache and Memorystore:
 *
 *     <version>\n
 *     host|ip|port host|ip|port ...\n
 *
 * Both line ends are LF alone and count as bytes of the payload. Pure.
 * Source: "Adding auto discovery to your client library", docs.aws.amazon.com/AmazonElastiCache.
 *
 * The document may name nodes in ways that some client of this protocol cannot read, so a node is written in a form
 * that all of them can, or not at all:
 *
 * - host: letters, digits, `.` and `-`, and never `END` in it: dalli-elasticache knows no other characters and takes a
 *   line with END for the last. A host that is not so, or is empty, is replaced by the IP address.
 * - ip: always an IPv4 address: dalli-elasticache, npm memcached and .NET drop an entry without one, gomemcache connects
 *   to nothing else. An IPv4 address mapped into IPv6 is unwrapped; without one the host is taken if it is one. A node
 *   that has neither (IPv6 alone, or a name that does not resolve yet) is left out. Where the document says
 *   `ipDiscovery: ipv6`, an IPv6 address is told as it is, without brackets, as ElastiCache does (`ip_discovery`).
 * - the whole answer below 4096 bytes, about 90 nodes, or pymemcache loses some: {@link DISCOVERY_PAYLOAD_BYTES_SAFE}.
 *   A longer list is given out all the same, for the clients that read it.
 */
import { isIP } from 'node:net';
import { FleetError } from '../base/errors.ts';
import { activeNodes, type TopologyDocument, type TopologyNode } from './document.ts';
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
 * The payload for the active nodes of `document`, or undefined if there are none that could be written: an empty list
 * makes some clients throw, so an endpoint then answers as for an unknown key (`END`).
 */
export function discoveryPayload(document: TopologyDocument): string | undefined {
  const entries = discoveryEntries(document);
  return entries.length === 0 ? undefined : `${document.version}\n${entries.join(' ')}\n`;
}

/** The entries of the active nodes, in their order, without those that have none. */
export function discoveryEntries(document: Pick<TopologyDocument, 'nodes' | 'ipDiscovery'>): string[] {
  return activeNodes(document).flatMap((node) => discoveryEntry(node, document.ipDiscovery) ?? []);
}

/** The active nodes that have no entry, so that auto-discovery does not tell them. */
export function untoldNodes(document: Pick<TopologyDocument, 'nodes' | 'ipDiscovery'>): TopologyNode[] {
  return activeNodes(document).filter((node) => discoveryEntry(node, document.ipDiscovery) === undefined);
}

/** `host|ip|port` of a node, or undefined if it has no form that the fleet's clients can read. */
export function discoveryEntry(
  { host, ip, port }: Pick<TopologyNode, 'host' | 'ip' | 'port'>,
  ipDiscovery?: TopologyDocument['ipDiscovery'],
): string | undefined {
  const address = toIPv4(ip) ?? toIPv4(host) ?? (ipDiscovery === 'ipv6' ? (toIPv6(ip) ?? toIPv6(host)) : undefined);
  if (address === undefined) return undefined;
  return `${isReadableHost(host) ? host : address}|${address}|${port}`;
}

function isReadableHost(host: string): boolean {
  return /^[A-Za-z0-9.-]+$/.test(host) && !host.includes('END');
}

/** `0.0.0.0` stands for no address. */
function toIPv4(text: string): string | undefined {
  const plain = text.replace(/^::ffff:/i, '');
  return isIP(plain) === 4 && plain !== '0.0.0.0' ? plain : undefined;
}

/** Not `::`, which stands for no address, nor what holds only on one link (`fe80::1%eth0`). */
function toIPv6(text: string): string | undefined {
  return isIP(text) === 6 && !/^[:0]*$/.test(text) && !text.includes('%') ? text : undefined;
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
