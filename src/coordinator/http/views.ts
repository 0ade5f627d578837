/**
 * The topology in the words of other software: lists and configuration files of the active nodes. Pure.
 *
 * Where the other side can be told, it places keys on the same ring as our clients do: twemproxy takes a name for each
 * server and hashes that, memcached's proxy hashes the address it is given, by twemproxy's rules. mcrouter has only its
 * own hashing, so its users find each other's keys but not those of others.
 */
import { formatHostPort } from '../../base/host-port.ts';
import { FleetError } from '../../base/errors.ts';
import { activeNodes, type TopologyDocument, type TopologyNode } from '../../topology/document.ts';
import { ketamaLabel } from '../../topology/ring.ts';
import { sidecarUrl, type PublishedPlace } from '../discovery/adapter.ts';

/** What a view is made of. */
export interface ViewSource {
  readonly document: TopologyDocument;
  /** The names that the nodes have on the ring, where `document` holds other addresses than the one published. */
  readonly labels: ReadonlyMap<string, string>;
}

/** The source of views as the nodes' own network has them. */
export function networkView(document: TopologyDocument): ViewSource {
  return { document, labels: ringLabels(document) };
}

/**
 * The source of views from outside: nodes with published ports are where the host forwards them, others as they were.
 * @param hostName how the reader calls the host, for ports that are bound to all of its addresses
 */
export function hostView(
  document: TopologyDocument,
  placeOf: (name: string) => PublishedPlace | undefined,
  hostName: string,
): ViewSource {
  const nodes = document.nodes.map((node) => throughHost(node, placeOf(node.name), hostName));
  // The signature is of the list as it was published.
  const { signature: _, ...rest } = document;
  return { document: { ...rest, nodes }, labels: ringLabels(document) };
}

function ringLabels({ nodes }: TopologyDocument): Map<string, string> {
  return new Map(nodes.map((node) => [node.name, ketamaLabel(node)]));
}

function throughHost(node: TopologyNode, place: PublishedPlace | undefined, hostName: string): TopologyNode {
  if (place === undefined) return node;
  const ip = place.ip === '' ? hostName : place.ip;
  const sidecar = place.sidecarPort === undefined ? '' : sidecarUrl(ip, place.sidecarPort);
  return { ...node, host: ip, ip, port: place.port, sidecar };
}

/** `host:port` of each active node, one a line. */
export function serverList({ document }: ViewSource): string {
  return lines(activeNodes(document).map(formatHostPort));
}

/** A configuration string of libmemcached: `--SERVER=host:port`, with `/?weight` where nodes weigh differently. */
export function libmemcachedServers({ document }: ViewSource): string {
  const nodes = activeNodes(document);
  const weigh = nodes.some(({ weight }) => weight !== 1);
  return lines(nodes.map((node) => `--SERVER=${formatHostPort(node)}${weigh ? `/?${whole(node.weight)}` : ''}`));
}

/**
 * A pool for twemproxy on the same ring as ours.
 * @throws FleetError NO_NODES: twemproxy refuses a pool without servers
 */
export function twemproxyConfig({ document, labels }: ViewSource): string {
  const servers = someNodes(document).map((node) => {
    const label = labels.get(node.name) ?? ketamaLabel(node);
    return `    - ${JSON.stringify(`${node.host}:${node.port}:${whole(node.weight)} ${label}`)}`;
  });
  return lines([
    `# ${document.fleet}, version ${document.version}`,
    `${JSON.stringify(document.fleet)}:`,
    '  listen: 127.0.0.1:22121',
    '  hash: md5',
    '  distribution: ketama',
    '  auto_eject_hosts: false',
    '  timeout: 400',
    '  servers:',
    ...servers,
  ]);
}

/**
 * A pool and a route for mcrouter.
 * @throws FleetError NO_NODES: mcrouter refuses a pool without servers
 */
export function mcrouterConfig({ document }: ViewSource): string {
  const nodes = someNodes(document);
  const { fleet } = document;
  const weightMax = Math.max(...nodes.map(({ weight }) => weight));
  // Weights are shares of the heaviest, from 0 to 1.
  const weights = nodes.map(({ weight }) => weight / weightMax);
  const hash = weights.every((weight) => weight === 1) ? {} : { hash: { hash_func: 'WeightedCh3', weights } };
  const config = {
    pools: { [fleet]: { servers: nodes.map(formatHostPort) } },
    route: { type: 'PoolRoute', pool: fleet, ...hash },
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/**
 * A configuration for memcached's own proxy (`-o proxy_config=FILE`), on the same ring as ours while all nodes weigh
 * the same: its ring knows no weights.
 * @throws FleetError NO_NODES: a pool without servers is an error
 */
export function proxyConfig({ document }: ViewSource): string {
  const backends = someNodes(document).map(
    ({ name, host, port }) => `    mcp.backend(${luaString(name)}, ${luaString(host)}, ${port}),`,
  );
  return lines([
    `-- version ${document.version}`,
    'function mcp_config_pools()',
    '  return mcp.pool({',
    ...backends,
    '  }, {',
    `    dist = mcp.dist_ring_hash, omode = 'twemproxy', obuckets = ${document.hashing.pointsPerNode},`,
    '    hash = mcp.dist_ring_hash.hash,',
    '  })',
    'end',
    '',
    'function mcp_config_routes(pool)',
    '  local route = mcp.funcgen_new()',
    '  local handle = route:new_handle(pool)',
    '  route:ready({',
    `    n = ${luaString(document.fleet)},`,
    '    f = function(context)',
    '      return function(request) return context:enqueue_and_wait(request, handle) end',
    '    end,',
    '  })',
    '  mcp.attach(mcp.CMD_ANY_STORAGE, route)',
    'end',
  ]);
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

/** Neither libmemcached nor twemproxy knows parts of a weight. */
function whole(weight: number): number {
  return Math.max(1, Math.round(weight));
}

/** Every byte that could end the string or begin an escape is written as a number. */
function luaString(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9._:-]/.test(character) ? character : `\\${String(byte).padStart(3, '0')}`;
  });
  return `'${bytes.join('')}'`;
}

function someNodes(document: TopologyDocument): TopologyNode[] {
  const nodes = activeNodes(document);
  if (nodes.length === 0) throw new FleetError('NO_NODES', 'no node is active, so there is nothing to configure');
  return nodes;
}
