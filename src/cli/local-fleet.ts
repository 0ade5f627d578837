/**
 * The plan of a local fleet: which processes, on which ports, with which flags. Pure; `commands/up.ts` acts on it.
 */
import { formatHostPort, type HostPort } from '../base/host-port.ts';
import { FleetError } from '../base/errors.ts';
import type { ChildSpec } from './launch.ts';
import { DAEMON_HEAP_MB, SIDECAR_HEAP_MB } from './limits.ts';
import { nodeSecrets } from './node-secrets.ts';

/** Local mode binds loopback only. */
const HOST = '127.0.0.1';

export interface LocalFleetOptions {
  nodes: number;
  /** Of the first node; the others follow. */
  daemonPort: number;
  sidecarPort: number;
  coordinatorPort: number;
  discoveryPort: number;
  /** memcached's flags, handed to each daemon. */
  daemonFlags: readonly string[];
  /** Lets the sidecars, and nobody else, tell the daemons the topology. */
  configToken: string;
  /** For the processes' logs; a local fleet is quiet unless asked. */
  logLevel: string;
}

export interface LocalNode {
  name: string;
  daemon: HostPort;
  sidecar: HostPort;
}

export interface LocalFleet {
  nodes: LocalNode[];
  coordinatorUrl: string;
  discovery: HostPort;
  /** Every address, in the order in which they are checked. */
  addresses: HostPort[];
  /** Daemons and coordinator. */
  core: ChildSpec[];
  /** Started when the coordinator answers: they would only complain that there is nothing to follow. */
  sidecars: ChildSpec[];
}

/** @throws FleetError BAD_CONFIG if two processes would get one port, or a port would be above 65535 */
export function planLocalFleet(options: LocalFleetOptions): LocalFleet {
  const nodes = Array.from({ length: options.nodes }, (_, index) => ({
    name: `node-${index + 1}`,
    daemon: { host: HOST, port: options.daemonPort + index },
    sidecar: { host: HOST, port: options.sidecarPort + index },
  }));
  const coordinator = { host: HOST, port: options.coordinatorPort };
  const discovery = { host: HOST, port: options.discoveryPort };
  const addresses = [coordinator, discovery, ...nodes.map((node) => node.daemon), ...nodes.map((node) => node.sidecar)];
  assertDistinct(addresses);
  const coordinatorUrl = `http://${formatHostPort(coordinator)}`;
  const env = { ...nodeSecrets(options.configToken), MEMFLEET_LOG_LEVEL: options.logLevel };
  const daemons = nodes.map((node): ChildSpec => ({
    name: `daemon ${node.name}`,
    args: ['daemon', ...options.daemonFlags, '-l', HOST, '-p', String(node.daemon.port)],
    env,
    heapMb: DAEMON_HEAP_MB,
    onExit: 'restart',
  }));
  const sidecars = nodes.map((node): ChildSpec => ({
    name: `sidecar ${node.name}`,
    args: ['sidecar', ...sidecarFlags(node, coordinatorUrl)],
    env,
    heapMb: SIDECAR_HEAP_MB,
    onExit: 'restart',
  }));
  const listed = nodes.map(
    (node) => `${node.name}=${formatHostPort(node.daemon)}=http://${formatHostPort(node.sidecar)}`,
  );
  const places = ['--listen', formatHostPort(coordinator), '--discovery-listen', formatHostPort(discovery)];
  const finder: ChildSpec = {
    name: 'coordinator',
    args: ['coordinator', ...places, '--discover', 'static', '--nodes', listed.join(',')],
    env,
    onExit: 'restart',
  };
  return { nodes, coordinatorUrl, discovery, addresses, core: [...daemons, finder], sidecars };
}

function sidecarFlags(node: LocalNode, coordinatorUrl: string): string[] {
  const places = ['--daemon', formatHostPort(node.daemon), '--listen', formatHostPort(node.sidecar)];
  return [...places, '--name', node.name, '--coordinator', coordinatorUrl];
}

function assertDistinct(addresses: readonly HostPort[]): void {
  const seen = new Set<number>();
  for (const { port } of addresses) {
    if (port > 65_535)
      throw new FleetError('BAD_CONFIG', `port ${port} is above 65535: fewer nodes or a lower first port`);
    if (seen.has(port)) throw new FleetError('BAD_CONFIG', `port ${port} would be used twice: move a first port`);
    seen.add(port);
  }
}
