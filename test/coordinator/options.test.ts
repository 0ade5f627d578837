/** Flags and environment. */
import { describe, expect, test } from 'vitest';
import { readCoordinatorOptions } from '../../src/coordinator/options.ts';

const NODES = 'cache-1=127.0.0.1:11211=http://127.0.0.1:9151';

test('the defaults are the contract’s ports, and Docker', () => {
  expect(readCoordinatorOptions([], {})).toMatchObject({
    listen: { host: '0.0.0.0', port: 8080 },
    discoveryListen: { host: '0.0.0.0', port: 11210 },
    sources: ['docker'],
    fleet: 'memfleet',
    namespace: 'default',
    stateFile: undefined,
    token: undefined,
    settings: { intervalMs: 500, timeoutMs: 400, fallCount: 3 },
  });
});

test('nodes that are given are the source, unless told otherwise', () => {
  expect(readCoordinatorOptions(['--nodes', NODES], {}).sources).toEqual(['static']);
  expect(readCoordinatorOptions(['--nodes-file', '/nodes'], {}).sources).toEqual(['static']);
  const both = readCoordinatorOptions(['--nodes', NODES, '--discover', 'docker,static'], {});
  expect(both.sources).toEqual(['docker', 'static']);
});

test('names that are given are a source too, and all that is given is looked at', () => {
  expect(readCoordinatorOptions(['--dns-names', 'tasks.cache'], {}).sources).toEqual(['dns']);
  expect(readCoordinatorOptions(['--dns-names', 'tasks.cache', '--nodes', NODES], {}).sources).toEqual([
    'dns',
    'static',
  ]);
});

test('services of Kubernetes are a source, in the own namespace or another', () => {
  const options = readCoordinatorOptions(['--kubernetes-services', 'cache, shop/cache-2'], { KUBECONFIG: '/config' });
  expect(options.sources).toEqual(['kubernetes']);
  expect(options.kubernetesServices).toEqual([
    { namespace: undefined, service: 'cache' },
    { namespace: 'shop', service: 'cache-2' },
  ]);
  expect(options.kubeconfig).toBe('/config');
});

test('the environment is read, and a flag wins over it', () => {
  const env = {
    MEMFLEET_COORDINATOR_LISTEN: '127.0.0.1:1',
    MEMFLEET_DISCOVERY_LISTEN: '127.0.0.1:2',
    MEMFLEET_DISCOVER: 'static',
    MEMFLEET_NODES: NODES,
    MEMFLEET_PROJECT: 'shop',
    MEMFLEET_FLEET: 'shop-cache',
    MEMFLEET_STATE_FILE: '/state',
    MEMFLEET_TOKEN: 's',
    MEMFLEET_PROBE_INTERVAL: '50ms',
    DOCKER_HOST: 'tcp://docker-proxy:2375',
  };
  expect(readCoordinatorOptions(['--fleet', 'other'], env)).toMatchObject({
    listen: { host: '127.0.0.1', port: 1 },
    discoveryListen: { host: '127.0.0.1', port: 2 },
    sources: ['static'],
    project: 'shop',
    fleet: 'other',
    stateFile: '/state',
    token: 's',
    dockerHost: 'tcp://docker-proxy:2375',
    settings: { intervalMs: 50, retryMs: 50 },
  });
});

describe('what cannot be used is refused', () => {
  test.each([
    [['--discover', 'consul']],
    [['--discover', '']],
    [['--discover', 'static']],
    [['--discover', 'dns']],
    [['--dns-names', 'a b']],
    [['--dns-interval', '1ms']],
    [['--discover', 'kubernetes']],
    [['--kubernetes-services', 'a/b/c']],
    [['--kubernetes-services', 'Cache']],
    [['--sidecar-port', '0']],
    [['--nodes', NODES, '--nodes-file', '/nodes']],
    [['--fleet', 'two words']],
    [['--fleet', 'a|b']],
    [['--probe-timeout', '0ms']],
    [['--probe-interval', '1ms']],
    [['--probe-failures', '0']],
    [['--listen', '8080']],
    [['--log-level', 'loud']],
    [['--token', 'secret']],
    [['surplus']],
  ])('%j', (args) => {
    expect(() => readCoordinatorOptions(args, {})).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});
