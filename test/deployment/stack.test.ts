/** The stack file for a Swarm: what it says of its services, and that our programs take what it gives them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { OPTIONS, readCoordinatorOptions } from '../../src/coordinator/options.ts';

const folder = join(import.meta.dirname, '../../docker');

interface StackService {
  image: string;
  hostname?: string;
  read_only: boolean;
  cap_drop: string[];
  environment?: Record<string, string>;
  secrets?: string[];
  ports?: { mode: string }[];
  networks: string[] | Record<string, unknown>;
  volumes?: string[];
  stop_grace_period?: string;
  deploy: {
    endpoint_mode: string;
    labels?: Record<string, string>;
    placement?: { constraints?: string[]; preferences?: { spread: string }[] };
    resources: { limits: { memory: string; pids: number } };
  };
}

/** The file as it is deployed when nothing is set. */
const text = readFileSync(join(folder, 'stack.yaml'), 'utf8').replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
const stack = parse(text, { merge: true }) as {
  services: Record<'cache' | 'coordinator' | 'docker-proxy', StackService>;
  networks: Record<string, { driver: string; internal?: boolean }>;
  configs: Record<string, { file: string }>;
  secrets: Record<string, { external: boolean }>;
};
const { cache, coordinator, 'docker-proxy': proxy } = stack.services;

describe.each(Object.entries(stack.services))('%s', (_name, service) => {
  test('has its tasks’ addresses in DNS, and publishes what it does on the task’s own machine', () => {
    expect(service.deploy.endpoint_mode).toBe('dnsrr');
    for (const port of service.ports ?? []) expect(port.mode).toBe('host');
  });

  test('has no rights, nothing to write to, and bounds', () => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(service.deploy.resources.limits).toEqual({
      memory: expect.stringMatching(/^\d+M$/) as string,
      pids: expect.any(Number) as number,
    });
  });

  test('has no secret in its environment, which the Swarm’s lists show', () => {
    const names = Object.keys(service.environment ?? {});
    expect(names.filter((name) => /TOKEN|PASSWORD|SECRET/.test(name) && !name.endsWith('_FILE'))).toEqual([]);
  });
});

describe('a cache', () => {
  test('is what the coordinator looks for, and spread over the machines', () => {
    expect(cache.deploy.labels).toEqual({ 'memfleet.role': 'cache' });
    expect(cache.deploy.placement?.preferences).toEqual([{ spread: 'node.id' }]);
  });

  test('has its node’s name for a host name', () => {
    expect(cache.hostname).toBe('{{.Service.Name}}-{{.Task.Slot}}');
    expect(cache.environment?.['MEMFLEET_NODE_NAME']).toBe(cache.hostname);
  });

  test('is given longer to end than it drains', () => {
    const graceMs = 1000 * Number(/^(\d+)s$/.exec(cache.stop_grace_period ?? '')?.[1]);
    expect(graceMs).toBeGreaterThan(Number(cache.environment?.['MEMFLEET_DRAIN_MS']) + 10_000);
  });
});

describe('the coordinator', () => {
  test('is started with options that it takes', () => {
    const environment = coordinator.environment ?? {};
    expect(readCoordinatorOptions([], environment).sources).toEqual(['swarm']);
    const known = new Set(Object.values(OPTIONS).flatMap(({ env }) => env));
    const given = Object.keys(environment).filter((name) => name.startsWith('MEMFLEET_') && !name.endsWith('_FILE'));
    expect(given.filter((name) => !known.has(name))).toEqual([]);
  });

  test('is where the managers are, who know what runs', () => {
    expect(coordinator.deploy.placement?.constraints).toEqual(['node.role == manager']);
  });

  test('alone sees the proxy, which alone has the socket', () => {
    const inNetwork = (network: string): string[] =>
      Object.entries(stack.services)
        .filter(([, { networks }]) => (Array.isArray(networks) ? networks : Object.keys(networks)).includes(network))
        .map(([name]) => name);
    expect(inNetwork('docker-api')).toEqual(['coordinator', 'docker-proxy']);
    expect(stack.networks['docker-api']).toMatchObject({ driver: 'overlay', internal: true });
    const mounting = Object.entries(stack.services).filter(([, { volumes }]) => /docker\.sock/.test(String(volumes)));
    expect(mounting.map(([name]) => name)).toEqual(['docker-proxy']);
    expect(proxy.deploy.placement?.constraints).toEqual(['node.role == manager']);
  });
});

test('every secret and every file that is used is there', () => {
  const used = Object.values(stack.services).flatMap(({ secrets }) => secrets ?? []);
  expect(new Set(used)).toEqual(new Set(Object.keys(stack.secrets)));
  for (const { file } of Object.values(stack.configs)) expect(readFileSync(join(folder, file), 'utf8')).not.toBe('');
});

/** The lines of a configuration that are not comments. */
function rules(file: string): string[] {
  return readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

test('the proxy’s configuration is that of compose.yaml but for what may be read', () => {
  const here = rules('haproxy-swarm.cfg');
  const added = here.filter((line) => !rules('haproxy.cfg').includes(line));
  expect(added).toEqual([
    'log-format "%ci %HM %HPO %ST %Tt ms"',
    'bind :2375 proto h1',
    'acl is_read     path -m reg ^(/v1\\.[0-9]{1,2})?/(version|services|tasks|nodes)$',
    'http-request set-log-level silent if is_get is_ping || is_head is_ping || is_get is_read',
  ]);
  expect(here.at(here.findLastIndex((line) => line.startsWith('http-request')))).toBe(
    'http-request deny deny_status 403',
  );
});
