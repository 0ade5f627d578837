/**
 * Makes the discovery adapters that the configuration asks for, in its order: of two that know the same node, the
 * first is believed. What an adapter alone needs is loaded only for it.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { FleetError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { DiscoveryAdapter } from './adapter.ts';
import { dnsDiscovery } from './dns.ts';
import { dnsQueries } from './dns-resolver.ts';
import type { CoordinatorOptions, SourceKind } from '../options.ts';
import { hostLookup } from './host-lookup.ts';
import { ownContainerId } from './own-container.ts';
import { fromFile } from './static-file.ts';
import { fromText, parseStaticNodes, staticDiscovery } from './static.ts';

/** What adapters get from the process that they are part of. */
export interface SourceSurroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/**
 * The adapters. A source of which several are asked for (names, services) is several adapters, so that each is lost
 * and found by itself.
 * @throws FleetError BAD_CONFIG: a value that cannot be used
 */
export async function makeSources(
  options: CoordinatorOptions,
  surroundings: SourceSurroundings,
): Promise<DiscoveryAdapter[]> {
  const made = await Promise.all(options.sources.map((kind) => makeKind(kind, options, surroundings)));
  return made.flat();
}

async function makeKind(
  kind: SourceKind,
  options: CoordinatorOptions,
  surroundings: SourceSurroundings,
): Promise<DiscoveryAdapter[]> {
  switch (kind) {
    case 'docker':
      return [await dockerSource(options, surroundings)];
    case 'dns':
      return dnsSources(options, surroundings);
    case 'swarm':
      return [await swarmSource(options, surroundings)];
    case 'kubernetes':
      return kubernetesSources(options, surroundings);
    case 'static':
      return [staticSource(options, surroundings)];
    default:
      throw new FleetError('BAD_CONFIG', `there is no source of the kind ${String(kind)}`);
  }
}

function dnsSources(options: CoordinatorOptions, { clock, random }: SourceSurroundings): DiscoveryAdapter[] {
  const { dnsNames = [], dnsServers, dnsInterval: intervalMs, sidecarPort } = options;
  const servers = dnsServers?.split(',').map((server) => server.trim());
  return dnsNames.map((name) =>
    dnsDiscovery({ name, queries: dnsQueries(clock, servers), sidecarPort, intervalMs, clock, random }),
  );
}

async function swarmSource(
  { dockerHost, project: stack, sidecarPort }: CoordinatorOptions,
  { clock, random }: SourceSurroundings,
): Promise<DiscoveryAdapter> {
  const [{ swarmEngine, DEFAULT_DOCKER_HOST }, { swarmDiscovery }] = await Promise.all([
    import('./docker.ts'),
    import('./swarm.ts'),
  ]);
  return swarmDiscovery({ engine: swarmEngine(dockerHost ?? DEFAULT_DOCKER_HOST), stack, sidecarPort, clock, random });
}

async function kubernetesSources(
  { kubernetesServices = [], kubeconfig, sidecarPort }: CoordinatorOptions,
  surroundings: SourceSurroundings,
): Promise<DiscoveryAdapter[]> {
  // The client has a class for every kind of object that there is.
  const [{ kubernetesSlices }, { kubernetesDiscovery }] = await Promise.all([
    import('./kubernetes-client.ts'),
    import('./kubernetes.ts'),
  ]);
  return kubernetesServices.map(({ namespace, service }) =>
    kubernetesDiscovery({ api: kubernetesSlices({ namespace, service, kubeconfig }), sidecarPort, ...surroundings }),
  );
}

function staticSource({ nodes, nodesFile }: CoordinatorOptions, { clock }: SourceSurroundings): DiscoveryAdapter {
  // A list on the command line cannot get better: it is refused now, a file's is tried again and again.
  if (nodes !== undefined) parseStaticNodes(nodes);
  const list = nodesFile === undefined ? fromText(nodes ?? '') : fromFile(nodesFile, clock);
  return staticDiscovery({ ...list, clock, lookup: hostLookup(dnsQueries(clock)) });
}

async function dockerSource(
  { dockerHost, project, sidecarPort }: CoordinatorOptions,
  surroundings: SourceSurroundings,
): Promise<DiscoveryAdapter> {
  // dockerode takes longer to load than everything else together.
  const [{ dockerEngine, DEFAULT_DOCKER_HOST }, { dockerDiscovery }] = await Promise.all([
    import('./docker.ts'),
    import('./docker-discovery.ts'),
  ]);
  return dockerDiscovery({
    engine: dockerEngine(dockerHost ?? DEFAULT_DOCKER_HOST),
    project,
    sidecarPort,
    ownContainer: ownContainerId({ hostname: hostname(), mountinfo: await readOrEmpty('/proc/self/mountinfo') }),
    ...surroundings,
  });
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
