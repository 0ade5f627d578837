/** A fixed list of servers as a topology document. Pure. */
import { FleetError } from '../../base/errors.ts';
import { MEMCACHED_PORT } from '../../base/memcached.ts';
import { DEFAULT_HASHING, type Hashing, type TopologyDocument, type TopologyNode } from '../../topology/document.ts';
import { parseTopology } from '../../topology/validate.ts';

/** One server: `host`, `host:port`, `[IPv6]:port` or `host:port:weight`, or the same in parts. */
export type Server = string | { host: string; port?: number; weight?: number };

/** An algorithm by name, or with its parameters. */
export type HashingChoice = Hashing['algorithm'] | Hashing;

/**
 * The document of a fleet that never changes. The list's order is kept, as `modulo-crc32-shift` depends on it.
 *
 * @throws FleetError BAD_CONFIG if an entry is not a server, or one is given twice
 */
export function topologyOfServers(
  servers: readonly Server[],
  hashing: HashingChoice = DEFAULT_HASHING,
): TopologyDocument {
  const document = {
    fleet: 'servers',
    version: 1,
    publishedAt: new Date(0).toISOString(),
    hashing: typeof hashing === 'string' ? { ...DEFAULT_HASHING, algorithm: hashing } : hashing,
    nodes: servers.map(nodeOf),
  };
  try {
    return parseTopology(document);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `servers: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function nodeOf(server: Server): TopologyNode {
  const { host, port = MEMCACHED_PORT, weight = 1 } = typeof server === 'string' ? parseServer(server) : server;
  const shown = host.includes(':') ? `[${host}]` : host;
  return { name: `${shown}:${port}`, host, ip: '', port, weight, state: 'active', sidecar: '' };
}

/**
 * The parts of `host[:port[:weight]]`.
 *
 * @throws FleetError BAD_CONFIG if it has another form
 */
export function parseServer(text: string): { host: string; port: number; weight: number } {
  const match = /^(?:\[([^\]\s]+)\]|([^\s:[\]]+))(?::(\d{1,5})(?::(\d{1,4}))?)?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) {
    throw new FleetError('BAD_CONFIG', `server ${JSON.stringify(text)}: expected host:port`);
  }
  return { host, port: Number(match[3] ?? MEMCACHED_PORT), weight: Number(match[4] ?? 1) };
}
