/**
 * What a service's EndpointSlices say of its nodes. Pure.
 *
 * A pod is a node of the pod's name. Where the pod has a host name under the service, as a StatefulSet's has, it is
 * placed on the ring by `POD.SERVICE.NAMESPACE.svc`, which resolves in the whole cluster and stays when the pod is made
 * anew with another address.
 */
import { MEMCACHED_PORT } from '../../base/memcached.ts';
import { compareNames } from '../../topology/document.ts';
import { sidecarUrl, type NodeHint, type ObservedNode } from './adapter.ts';

/** One endpoint, as much of it as is used here (discovery.k8s.io/v1 Endpoint). */
interface Endpoint {
  readonly addresses?: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | undefined;
    readonly serving?: boolean | undefined;
    readonly terminating?: boolean | undefined;
  };
  readonly hostname?: string;
  readonly targetRef?: {
    readonly kind?: string | undefined;
    readonly name?: string | undefined;
    readonly uid?: string | undefined;
  };
}

/** One port of all endpoints of a slice. */
interface SlicePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
}

/** One EndpointSlice, as much of it as is used here. */
export interface EndpointSlice {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  /** `IPv4`, `IPv6` or `FQDN`. */
  readonly addressType?: string;
  readonly endpoints?: readonly Endpoint[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

/** A service whose endpoints are the nodes. */
export interface KubernetesService {
  readonly namespace: string;
  readonly service: string;
}

/** What ports are called: IANA's name and the daemon's; what exporters' ports are called in charts. */
const DAEMON_PORT_NAMES = ['memcache', 'memcached'];
const SIDECAR_PORT_NAMES = ['sidecar', 'metrics', 'http-metrics'];

/** Of two entries for one pod, which a move between slices can make, the better one counts. */
const PREFERENCE: readonly NodeHint[] = ['running', 'unhealthy', 'leaving'];

/**
 * The nodes, sorted by name.
 * @param sidecarPort the sidecars' port if no port of the service has one of the usual names
 */
export function nodesOfSlices(
  slices: Iterable<EndpointSlice>,
  service: KubernetesService,
  sidecarPort: number,
): ObservedNode[] {
  // Of a pod with two addresses IPv4 counts: both families name the same nodes.
  const ordered = [...slices]
    .filter(({ addressType }) => addressType === 'IPv4' || addressType === 'IPv6')
    .sort((a, b) => compareNames(sliceOrder(a), sliceOrder(b)));
  const nodes = ordered.flatMap((slice) =>
    (slice.endpoints ?? []).flatMap((endpoint) => nodeOf(endpoint, slice, service, sidecarPort)),
  );
  const byName = new Map<string, ObservedNode>();
  for (const node of nodes) {
    const other = byName.get(node.name);
    const better = other === undefined || PREFERENCE.indexOf(node.hint) < PREFERENCE.indexOf(other.hint);
    if (better) byName.set(node.name, node);
  }
  return [...byName.values()].sort(compareNames);
}

function sliceOrder({ addressType, metadata }: EndpointSlice): { name: string } {
  return { name: `${addressType} ${metadata?.name}` };
}

function nodeOf(
  { addresses, conditions, hostname, targetRef }: Endpoint,
  { ports }: EndpointSlice,
  { service, namespace }: KubernetesService,
  sidecarPort: number,
): ObservedNode[] {
  // "Consumers should only use the first address" (EndpointSlice API, Endpoint.addresses).
  const ip = addresses?.[0];
  if (ip === undefined) return [];
  const pod = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
  const name = pod ?? hostname ?? ip;
  const sidecar = portNamed(ports, SIDECAR_PORT_NAMES) ?? sidecarPort;
  return [
    {
      name,
      host: hostname === undefined ? name : `${hostname}.${service}.${namespace}.svc`,
      ip,
      port: daemonPort(ports, sidecar),
      weight: 1,
      sidecar: sidecarUrl(ip, sidecar),
      hint: hintOf(conditions),
      instance: targetRef?.uid ?? '',
    },
  ];
}

/** What is left out counts as ready (EndpointConditions: "a nil value should be interpreted as true"). */
function hintOf({ ready, serving, terminating }: NonNullable<Endpoint['conditions']> = {}): NodeHint {
  if (terminating === true) return 'leaving';
  // A service that publishes addresses that are not ready calls them ready; `serving` knows.
  return (serving ?? ready ?? true) ? 'running' : 'unhealthy';
}

function portNamed(ports: EndpointSlice['ports'], names: readonly string[]): number | undefined {
  return ports?.find(({ name }) => names.includes(name ?? ''))?.port ?? undefined;
}

function daemonPort(ports: EndpointSlice['ports'], sidecarPort: number): number {
  const named = portNamed(ports, DAEMON_PORT_NAMES);
  if (named !== undefined) return named;
  const others = (ports ?? []).flatMap(({ port, protocol }) =>
    typeof port === 'number' && (protocol ?? 'TCP') === 'TCP' && port !== sidecarPort ? [port] : [],
  );
  return others.includes(MEMCACHED_PORT) ? MEMCACHED_PORT : (others[0] ?? MEMCACHED_PORT);
}
