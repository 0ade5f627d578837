/** dockerode against a manager's HTTP, played in process with what a real one has answered. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { swarmEngine } from '../../../src/coordinator/discovery/docker.ts';

let server: Server;
let host: string;
let answer: { status: number; body: unknown } | undefined;
const urls: string[] = [];

beforeEach(async () => {
  urls.length = 0;
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://docker');
    urls.push(`${request.method} ${url.pathname} ${url.searchParams.get('filters') ?? ''}`.trimEnd());
    // Otherwise silent.
    if (answer !== undefined) {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const never = new AbortController().signal;

test('services are asked for by label, and come with their own labels, not those of their containers', async () => {
  const labels = { 'com.docker.stack.namespace': 'shop', 'memfleet.role': 'cache' };
  const TaskTemplate = { ContainerSpec: { Labels: { other: 'x' }, Env: ['SECRET=1'] } };
  answer = { status: 200, body: [{ ID: 'uy5r', Spec: { Name: 'shop_cache', Labels: labels, TaskTemplate } }] };
  const services = await swarmEngine(host).services(['memfleet.role=cache', 'a=b'], never);
  expect(services).toEqual([{ id: 'uy5r', name: 'shop_cache', labels }]);
  expect(urls).toEqual(['GET /services {"label":["memfleet.role=cache","a=b"]}']);
});

test('tasks come with slot, states, addresses, and the ports that are theirs alone', async () => {
  const ports = [
    { Protocol: 'tcp', TargetPort: 11211, PublishedPort: 30000, PublishMode: 'host' },
    { Protocol: 'udp', TargetPort: 11211, PublishedPort: 30000, PublishMode: 'host' },
    { Protocol: 'tcp', TargetPort: 9150, PublishedPort: 30001, PublishMode: 'ingress' },
  ];
  const task = {
    ID: 'jgaw',
    ServiceID: 'uy5r',
    Slot: 2,
    NodeID: 'nz34',
    Status: { State: 'running', PortStatus: { Ports: ports } },
    DesiredState: 'shutdown',
    CreatedAt: '2026-11-22T18:15:29.983311319Z',
    NetworksAttachments: [
      { Network: { Spec: { Name: 'ingress', Ingress: true } }, Addresses: ['10.0.0.7/24'] },
      { Network: { Spec: { Name: 'shop_fleet' } }, Addresses: ['10.0.1.3/24'] },
      { Network: { Spec: { Name: 'host' } } },
    ],
  };
  answer = { status: 200, body: [task, { ID: 'new', Slot: 0 }] };
  const tasks = await swarmEngine(host).tasks(['uy5r'], never);
  expect(urls).toEqual(['GET /tasks {"service":["uy5r"]}']);
  expect(tasks[0]).toEqual({
    id: 'jgaw',
    serviceId: 'uy5r',
    slot: 2,
    machineId: 'nz34',
    state: 'running',
    desiredState: 'shutdown',
    createdAt: '2026-11-22T18:15:29.983311319Z',
    networks: [
      { name: 'ingress', ingress: true, addresses: ['10.0.0.7/24'] },
      { name: 'shop_fleet', ingress: false, addresses: ['10.0.1.3/24'] },
      { name: 'host', ingress: false, addresses: [] },
    ],
    ports: [{ target: 11211, published: 30000 }],
  });
  // A task that nobody has taken yet, of a service with one on each machine.
  expect(tasks[1]).toMatchObject({ id: 'new', slot: undefined, machineId: '', networks: [], ports: [] });
});

test('machines come with their names and addresses', async () => {
  const body = [{ ID: 'nz34', Description: { Hostname: 'rack-1' }, Status: { State: 'ready', Addr: '192.168.0.1' } }];
  answer = { status: 200, body };
  expect(await swarmEngine(host).machines(never)).toEqual([{ id: 'nz34', hostname: 'rack-1', address: '192.168.0.1' }]);
  expect(urls).toEqual(['GET /nodes']);
});

test('an engine that is no manager says so, without its advice for the command line', async () => {
  const message =
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
  answer = { status: 503, body: { message } };
  await expect(swarmEngine(host).services([], never)).rejects.toMatchObject({
    code: 'DISCOVERY_FAILED',
    message: expect.stringMatching(/^Docker at tcp:\S+: .*This node is not a swarm manager$/) as string,
  });
});

test('a proxy that refuses is told as such', async () => {
  answer = { status: 403, body: 'Forbidden' };
  await expect(swarmEngine(host).tasks(['a'], never)).rejects.toMatchObject({
    message: expect.stringContaining('forbidden; the proxy must allow') as string,
  });
});

test.each([undefined, { status: 200, body: { no: 'list' } }])('%j is no answer', async (given) => {
  answer = given;
  await expect(swarmEngine(host, 200).services([], never)).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
});
