/** What EndpointSlices amount to. */
import { expect, test } from 'vitest';
import { nodesOfSlices, type EndpointSlice } from '../../../src/coordinator/discovery/kubernetes-view.ts';
import { sliceOf } from '../../support/kubernetes-api.ts';

const service = { namespace: 'shop', service: 'cache' };

function nodes(...slices: EndpointSlice[]) {
  return nodesOfSlices(slices, service, 9999);
}

/** A slice with one endpoint. */
function single(endpoint: NonNullable<EndpointSlice['endpoints']>[number], given: Partial<EndpointSlice> = {}) {
  return { ...sliceOf('a', []), endpoints: [{ addresses: ['10.0.0.1'], ...endpoint }], ...given };
}

test('a pod is a node of its name, placed by its name under the service', () => {
  expect(nodes(sliceOf('a', [0]))).toEqual([
    {
      name: 'cache-0',
      host: 'cache-0.cache.shop.svc',
      ip: '10.0.0.0',
      port: 11211,
      weight: 1,
      sidecar: 'http://10.0.0.0:9150',
      hint: 'running',
      instance: 'uid-0',
    },
  ]);
});

test('a pod without a host name is placed by its own, and what is no pod by its address', () => {
  const [pod] = nodes(single({ targetRef: { kind: 'Pod', name: 'cache-7f9c-x2x4', uid: 'u' } }));
  expect([pod?.name, pod?.host]).toEqual(['cache-7f9c-x2x4', 'cache-7f9c-x2x4']);
  const [other] = nodes(single({ targetRef: { kind: 'Node', name: 'worker' } }));
  expect([other?.name, other?.host, other?.instance]).toEqual(['10.0.0.1', '10.0.0.1', '']);
});

test('several slices are one list, sorted with numbers by value', () => {
  expect(nodes(sliceOf('b', [10, 2]), sliceOf('a', [1])).map(({ name }) => name)).toEqual([
    'cache-1',
    'cache-2',
    'cache-10',
  ]);
});

test.each([
  [{ ready: true, serving: true, terminating: false }, 'running'],
  [{}, 'running'],
  [{ ready: false }, 'unhealthy'],
  [{ ready: false, serving: false, terminating: false }, 'unhealthy'],
  // publishNotReadyAddresses calls everything ready.
  [{ ready: true, serving: false, terminating: false }, 'unhealthy'],
  [{ ready: false, serving: true, terminating: true }, 'leaving'],
  [{ ready: false, serving: false, terminating: true }, 'leaving'],
])('conditions %j are %s', (conditions, hint) => {
  expect(nodes(single({ conditions }))[0]?.hint).toBe(hint);
});

test('conditions that are left out are ready', () => {
  expect(nodes(single({}))[0]?.hint).toBe('running');
});

test('a pod that is in two slices counts once, for the better of the two', () => {
  const leaving = single({
    conditions: { terminating: true },
    targetRef: { kind: 'Pod', name: 'cache-1', uid: 'old' },
  });
  const found = nodes(leaving, sliceOf('b', [1]));
  expect(found.map(({ name, hint, instance }) => [name, hint, instance])).toEqual([['cache-1', 'running', 'uid-1']]);
});

test('a pod with addresses of both families has the IPv4 one, and one with IPv6 alone has that', () => {
  const six = { ...sliceOf('a6', [1, 2], { addressType: 'IPv6' }) };
  const endpoints = six.endpoints?.map((endpoint, index) => ({ ...endpoint, addresses: [`fd00::${index + 1}`] })) ?? [];
  const found = nodes({ ...six, endpoints }, sliceOf('b4', [1]));
  expect(found.map(({ ip, sidecar }) => [ip, sidecar])).toEqual([
    ['10.0.0.1', 'http://10.0.0.1:9150'],
    ['fd00::2', 'http://[fd00::2]:9150'],
  ]);
});

test('names instead of addresses, and endpoints without any, are no nodes', () => {
  expect(nodes(sliceOf('a', [1], { addressType: 'FQDN' }))).toEqual([]);
  expect(nodes(single({ addresses: [] }))).toEqual([]);
  expect(nodes(sliceOf('a', [], { endpoints: null }))).toEqual([]);
});

test.each([
  [
    [
      { name: 'memcache', port: 1 },
      { name: 'other', port: 11211 },
    ],
    1,
    9999,
  ],
  [
    [
      { name: 'memcached', port: 1 },
      { name: 'http-metrics', port: 2 },
    ],
    1,
    2,
  ],
  [
    [
      { name: 'a', port: 1 },
      { name: 'b', port: 11211 },
      { name: 'sidecar', port: 3 },
    ],
    11211,
    3,
  ],
  [
    [
      { name: 'metrics', port: 2 },
      { name: 'cache', port: 1 },
    ],
    1,
    2,
  ],
  [
    [
      { name: 'udp', port: 1, protocol: 'UDP' },
      { name: '', port: 2 },
    ],
    2,
    9999,
  ],
  [[], 11211, 9999],
  [null, 11211, 9999],
])('of ports %j the daemon has %d and the sidecar %d', (ports, daemon, sidecar) => {
  const [node] = nodes(single({}, { ports }));
  expect([node?.port, node?.sidecar]).toEqual([daemon, `http://10.0.0.1:${sidecar}`]);
});
