/** The flags and environment of `memfleet coordinator`, and what they amount to. Pure. */
import { durationMs, integer, named, oneOf, option, readOptions, toggle } from '../base/config.ts';
import { listenAddress } from '../base/host-port.ts';
import type { Environment, OptionValues, Parser } from '../base/config.ts';
import { FleetError } from '../base/errors.ts';
import { LOG_LEVEL_OPTION } from '../base/log.ts';
import { NAME_LENGTH_MAX } from '../topology/limits.ts';
import { parseDnsNames, type DnsName } from './discovery/dns.ts';
import { DEFAULT_HEALTH, type HealthSettings } from './health/node-state.ts';

/** The kinds of source that can be chosen. */
const SOURCE_KINDS = ['docker', 'swarm', 'kubernetes', 'dns', 'static'] as const;

/** A kind of source. */
export type SourceKind = (typeof SOURCE_KINDS)[number];

const sourceKinds: Parser<SourceKind[]> = {
  placeholder: SOURCE_KINDS.join('|'),
  parse(value) {
    const kinds = [...new Set(value.split(',').map((word) => word.trim()))];
    if (!kinds.every((kind): kind is SourceKind => SOURCE_KINDS.some((known) => known === kind))) {
      const known = SOURCE_KINDS.join(', ');
      throw new FleetError('BAD_CONFIG', `expected ${known}, or several with commas, got ${JSON.stringify(value)}`);
    }
    return kinds;
  },
};

const dnsNames: Parser<DnsName[]> = { placeholder: '[dnssrv+]NAME[:PORT],…', parse: parseDnsNames };

/** A service of Kubernetes; without a namespace it is in the coordinator's own. */
interface ServiceName {
  readonly namespace: string | undefined;
  readonly service: string;
}

const kubernetesServices: Parser<ServiceName[]> = {
  placeholder: '[NAMESPACE/]NAME,…',
  parse(value) {
    return value.split(',').map((entry) => {
      // RFC 1123 labels, which is what Kubernetes allows.
      const match = /^(?:([a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)\/)?([a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)$/.exec(
        entry.trim(),
      );
      const service = match?.[2];
      if (service === undefined) {
        throw new FleetError('BAD_CONFIG', `expected [NAMESPACE/]NAME of a service, got ${JSON.stringify(entry)}`);
      }
      return { namespace: match?.[1], service };
    });
  },
};

/** A name that may stand in a document. */
const fleetName: Parser<string> = {
  placeholder: 'NAME',
  parse(value) {
    if (value.length > NAME_LENGTH_MAX || !/^[^\s|\p{Cc}]+$/u.test(value)) {
      throw new FleetError('BAD_CONFIG', `expected a name without spaces, got ${JSON.stringify(value)}`);
    }
    return value;
  },
};

/** The table of options. */
export const OPTIONS = {
  listen: option(listenAddress, {
    env: 'MEMFLEET_COORDINATOR_LISTEN',
    default: '0.0.0.0:8080',
    help: 'where to answer HTTP',
  }),
  discoveryListen: option(listenAddress, {
    env: 'MEMFLEET_DISCOVERY_LISTEN',
    default: '0.0.0.0:11210',
    help: 'where to answer config get cluster',
  }),
  ipDiscovery: option(oneOf(['ipv4', 'ipv6']), {
    env: 'MEMFLEET_IP_DISCOVERY',
    default: 'ipv4',
    help: 'ipv6: auto-discovery tells nodes with IPv6 alone too, for clients that can read them',
  }),
  discover: option(sourceKinds, {
    env: 'MEMFLEET_DISCOVER',
    help: 'where nodes are found, several with commas; default what is given below, else docker',
  }),
  nodes: option(named('NAME=HOST:PORT=SIDECARURL,…'), { env: 'MEMFLEET_NODES', help: 'the nodes, for static' }),
  nodesFile: option(named('PATH'), { env: 'MEMFLEET_NODES_FILE', help: 'a file of nodes, one a line, for static' }),
  dnsNames: option(dnsNames, { env: 'MEMFLEET_DNS_NAMES', help: 'names whose records are the nodes, for dns' }),
  dnsServers: option(named('ADDRESS[:PORT],…'), {
    env: 'MEMFLEET_DNS_SERVERS',
    help: "who is asked, for dns; default the system's servers",
  }),
  dnsInterval: option(durationMs, {
    env: 'MEMFLEET_DNS_INTERVAL',
    default: '2s',
    help: 'between two looks at DNS',
  }),
  kubernetesServices: option(kubernetesServices, {
    env: 'MEMFLEET_KUBERNETES_SERVICES',
    help: 'services whose endpoints are the nodes, for kubernetes',
  }),
  kubeconfig: option(named('PATH'), {
    env: 'KUBECONFIG',
    help: 'how to reach the API server, for kubernetes; default by the service account of the pod',
  }),
  sidecarPort: option(integer(1, 65_535), {
    env: 'MEMFLEET_SIDECAR_PORT',
    default: '9150',
    help: 'of nodes whose source does not say it',
  }),
  dockerHost: option(named('URL'), { env: 'DOCKER_HOST', help: 'the engine; default unix:///var/run/docker.sock' }),
  project: option(named('NAME'), {
    env: 'MEMFLEET_PROJECT',
    help: "only this compose project; default the coordinator's own",
  }),
  fleet: option(fleetName, { env: 'MEMFLEET_FLEET', default: 'memfleet', help: 'the name of the fleet' }),
  namespace: option(named('NAME'), {
    env: 'MEMFLEET_NAMESPACE',
    default: 'default',
    help: 'label of scrape targets, by which dashboards select',
  }),
  stateFile: option(named('PATH'), {
    env: 'MEMFLEET_STATE_FILE',
    help: 'where to remember the topology; default nowhere',
  }),
  probeInterval: option(durationMs, {
    env: 'MEMFLEET_PROBE_INTERVAL',
    default: `${DEFAULT_HEALTH.intervalMs}ms`,
    help: 'between two probes of a node',
  }),
  probeTimeout: option(durationMs, {
    env: 'MEMFLEET_PROBE_TIMEOUT',
    default: `${DEFAULT_HEALTH.timeoutMs}ms`,
    help: 'after which a probe has failed',
  }),
  probeFailures: option(integer(1, 100), {
    env: 'MEMFLEET_PROBE_FAILURES',
    default: String(DEFAULT_HEALTH.fallCount),
    help: 'failed probes in a row that take a node out',
  }),
  startGrace: option(durationMs, {
    env: 'MEMFLEET_START_GRACE',
    default: `${DEFAULT_HEALTH.startGraceMs}ms`,
    help: 'how long a new node may be silent before it counts as down',
  }),
  logLevel: LOG_LEVEL_OPTION,
  token: option(named('TOKEN'), {
    env: 'MEMFLEET_TOKEN',
    flag: false,
    help: 'who knows it may change things: drain, resume, flush, delete',
  }),
  help: toggle({ short: 'h', help: 'print this' }),
};

/** The options as they were given, and where nodes are looked for. */
export interface CoordinatorOptions extends OptionValues<typeof OPTIONS> {
  sources: SourceKind[];
  settings: HealthSettings;
}

/**
 * Reads flags and environment.
 * @throws FleetError BAD_CONFIG: a value that cannot be used, or values that do not go together
 */
export function readCoordinatorOptions(args: readonly string[], env: Environment): CoordinatorOptions {
  const options = readOptions(OPTIONS, args, env);
  const listed = options.nodes !== undefined || options.nodesFile !== undefined;
  const given: SourceKind[] = [];
  if (options.kubernetesServices !== undefined) given.push('kubernetes');
  if (options.dnsNames !== undefined) given.push('dns');
  if (listed) given.push('static');
  const sources = options.discover ?? (given.length > 0 ? given : ['docker']);
  if (options.nodes !== undefined && options.nodesFile !== undefined) {
    throw new FleetError('BAD_CONFIG', '--nodes and --nodes-file exclude each other');
  }
  if (sources.includes('static') && !listed) {
    throw new FleetError('BAD_CONFIG', '--discover static needs --nodes or --nodes-file');
  }
  if (sources.includes('dns') && options.dnsNames === undefined) {
    throw new FleetError('BAD_CONFIG', '--discover dns needs --dns-names');
  }
  if (sources.includes('kubernetes') && options.kubernetesServices === undefined) {
    throw new FleetError('BAD_CONFIG', '--discover kubernetes needs --kubernetes-services');
  }
  if (options.dnsInterval < 100) throw new FleetError('BAD_CONFIG', '--dns-interval must be at least 100ms');
  if (options.probeTimeout < 1 || options.probeInterval < 10) {
    throw new FleetError('BAD_CONFIG', '--probe-timeout must be at least 1ms and --probe-interval at least 10ms');
  }
  const settings: HealthSettings = {
    ...DEFAULT_HEALTH,
    intervalMs: options.probeInterval,
    retryMs: Math.min(DEFAULT_HEALTH.retryMs, options.probeInterval),
    timeoutMs: options.probeTimeout,
    fallCount: options.probeFailures,
    startGraceMs: options.startGrace,
  };
  return { ...options, sources, settings };
}
