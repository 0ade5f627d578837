/**
 * The Kubernetes manifests: each object against Kubernetes' own schema, and what the objects say of each other and of
 * our programs, which no schema knows.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Role, RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { Service, ServiceAccount, type Container, type PodTemplateSpec } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { OPTIONS, readCoordinatorOptions } from '../../src/coordinator/options.ts';
import { nodesOfSlices } from '../../src/coordinator/discovery/kubernetes-view.ts';
import { sliceOf } from '../support/kubernetes-api.ts';

const folder = join(import.meta.dirname, '../../docker/kubernetes');
const MODELS = { Deployment, StatefulSet, PodDisruptionBudget, Role, RoleBinding, Service, ServiceAccount };

interface Manifest {
  apiVersion: string;
  kind: keyof typeof MODELS;
  metadata: { name: string; labels?: Record<string, string> };
}

const kustomization = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
  resources: string[];
  images: { name: string }[];
};
const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Manifest),
);

function find<K extends Manifest['kind']>(kind: K, name: string): InstanceType<(typeof MODELS)[K]> {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found as unknown as InstanceType<(typeof MODELS)[K]>;
}

const cache = find('StatefulSet', 'cache');
const coordinator = find('Deployment', 'coordinator');
const pods: [string, PodTemplateSpec | undefined][] = [
  ['cache', cache.spec?.template as PodTemplateSpec],
  ['coordinator', coordinator.spec?.template as PodTemplateSpec],
];

function containerOf(template: PodTemplateSpec | undefined): Container {
  const container = template?.spec?.containers[0];
  if (container === undefined) throw new Error('a pod without a container');
  return container as Container;
}

function environmentOf(template: PodTemplateSpec | undefined): Record<string, string> {
  return Object.fromEntries((containerOf(template).env ?? []).map(({ name, value }) => [name, value ?? '']));
}

test.each(manifests.map((manifest) => [manifest.kind, manifest.metadata.name, manifest] as const))(
  '%s %s is what Kubernetes takes, and nothing that it does not know',
  (kind, _name, manifest) => {
    const Model = MODELS[kind] as unknown as new (data: unknown) => { apiVersion: string; validate(): void };
    const model = new Model(manifest);
    expect(manifest.apiVersion).toBe((MODELS[kind] as unknown as { apiVersion: string }).apiVersion);
    expect(() => model.validate()).not.toThrow();
    const broken = new Model({ ...manifest, metadata: { ...manifest.metadata, labels: [] } });
    expect(() => broken.validate()).toThrow();
  },
);

describe('the account of the coordinator', () => {
  test('may list and watch EndpointSlices of its namespace, and nothing else', () => {
    const permissions = manifests.filter(({ kind }) => /Role/.test(kind)).map(({ kind }) => kind);
    expect(permissions).toEqual(['Role', 'RoleBinding']);
    const rules = find('Role', 'coordinator').rules;
    expect(rules).toEqual([
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]);
  });

  test('is the one that its pod has', () => {
    const binding = find('RoleBinding', 'coordinator');
    expect(binding.roleRef).toMatchObject({ kind: 'Role', name: 'coordinator' });
    expect(binding.subjects).toEqual([
      { kind: 'ServiceAccount', name: find('ServiceAccount', 'coordinator').metadata?.name },
    ]);
    expect(coordinator.spec?.template.spec?.serviceAccountName).toBe('coordinator');
  });

  test('is not there for the caches, who have nothing to ask', () => {
    expect(cache.spec?.template.spec?.automountServiceAccountToken).toBe(false);
  });
});

function labels(of: string): unknown {
  return pods.find(([name]) => name === of)?.[1]?.metadata?.labels;
}

describe('what selects, selects', () => {
  test.each(['cache', 'coordinator'])('the pods of %s', (name) => {
    const workload = name === 'cache' ? cache : coordinator;
    expect(workload.spec?.selector.matchLabels).toEqual(labels(name));
    expect(find('Service', name).spec?.selector).toEqual(labels(name));
  });

  test('the pods that are not evicted together, and those that are spread', () => {
    expect(find('PodDisruptionBudget', 'cache').spec?.selector?.matchLabels).toEqual(labels('cache'));
    const [spread] = cache.spec?.template.spec?.topologySpreadConstraints ?? [];
    expect([spread?.labelSelector?.matchLabels, spread?.topologyKey]).toEqual([
      labels('cache'),
      'kubernetes.io/hostname',
    ]);
  });

  test('caches and coordinators apart', () => {
    expect(labels('cache')).not.toEqual(labels('coordinator'));
  });
});

describe('the caches', () => {
  test('have names in DNS under a headless service, ready or not', () => {
    const { spec } = find('Service', 'cache');
    expect([spec?.clusterIP, spec?.publishNotReadyAddresses]).toEqual(['None', true]);
    expect(cache.spec?.serviceName).toBe('cache');
  });

  test('have ports whose names the coordinator knows', () => {
    const ports = (find('Service', 'cache').spec?.ports ?? []).map(({ name, port }) => ({ name: name ?? '', port }));
    // Other numbers than the usual ones show that it is the names that count.
    const moved = ports.map(({ name, port }) => ({ name, port: port + 1 }));
    const service = { namespace: 'memfleet', service: 'cache' };
    const [node] = nodesOfSlices([sliceOf('a', [0], { ports: moved })], service, 1);
    expect([node?.port, node?.sidecar]).toEqual([11212, 'http://10.0.0.0:9151']);
  });

  test('are given longer to end than they drain', () => {
    const drainMs = Number(environmentOf(cache.spec?.template as PodTemplateSpec)['MEMFLEET_DRAIN_MS']);
    expect(drainMs).toBeGreaterThan(0);
    expect((cache.spec?.template.spec?.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(drainMs + 10_000);
  });

  test('have the memory that docs/docker.md asks for', () => {
    const container = containerOf(cache.spec?.template as PodTemplateSpec);
    const megabytes = Number(container.args?.[1]);
    const limit = Number(/^(\d+)Mi$/.exec(String(container.resources?.limits?.['memory']))?.[1]);
    expect(container.args?.[0]).toBe('-m');
    expect(limit).toBeGreaterThanOrEqual(1.1 * megabytes + 384);
  });
});

describe('the coordinator', () => {
  test('is started with options that it takes, for the service of the caches', () => {
    const options = readCoordinatorOptions([], environmentOf(coordinator.spec?.template as PodTemplateSpec));
    expect(options.sources).toEqual(['kubernetes']);
    expect(options.kubernetesServices).toEqual([{ namespace: undefined, service: 'cache' }]);
    const mounts = containerOf(coordinator.spec?.template as PodTemplateSpec).volumeMounts ?? [];
    expect(mounts.some(({ mountPath }) => options.stateFile?.startsWith(`${mountPath}/`))).toBe(true);
    const known = new Set(Object.values(OPTIONS).flatMap(({ env }) => env));
    const given = Object.keys(environmentOf(coordinator.spec?.template as PodTemplateSpec));
    expect(given.filter((name) => name.startsWith('MEMFLEET_') && !known.has(name))).toEqual([]);
  });

  test('is where the caches look for it', () => {
    const url = new URL(environmentOf(cache.spec?.template as PodTemplateSpec)['MEMFLEET_COORDINATOR'] ?? '');
    const service = find('Service', 'coordinator');
    expect(url.hostname).toBe(service.metadata?.name);
    expect(service.spec?.ports?.map(({ port }) => String(port))).toContain(url.port);
  });
});

describe.each(pods)('the pod of %s', (_name, template) => {
  const container = containerOf(template);

  test('runs as nobody special, with nothing to write to but what is mounted', () => {
    expect(template?.spec?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const volumes = (template?.spec?.volumes ?? []).map(({ name }) => name);
    expect(container.volumeMounts?.map(({ name }) => name)).toEqual(volumes);
  });

  test('gets the token from a secret', () => {
    const token = container.env?.find(({ name }) => name === 'MEMFLEET_TOKEN');
    expect(token).toEqual({
      name: 'MEMFLEET_TOKEN',
      valueFrom: { secretKeyRef: { name: 'memfleet-token', key: 'token' } },
    });
  });

  test('is asked at ports that it has, and bounded', () => {
    const ports = container.ports?.map(({ name }) => name);
    for (const probe of [container.readinessProbe, container.livenessProbe, container.startupProbe]) {
      if (probe !== undefined) expect(ports).toContain(probe.httpGet?.port);
    }
    expect(container.resources?.limits?.['memory']).toBeDefined();
  });

  test('is of the image that the kustomization names', () => {
    expect(kustomization.images.map(({ name }) => name)).toContain(container.image);
  });
});
