/**
 * Discovery through the official client, over real HTTP, from a server in this process that behaves as Kubernetes' API
 * server does with lists, watches, versions and bookmarks.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/log.ts';
import type { DiscoveryAdapter, ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { kubernetesSlices } from '../../../src/coordinator/discovery/kubernetes-client.ts';
import { kubernetesDiscovery } from '../../../src/coordinator/discovery/kubernetes.ts';
import { KubernetesApi, sliceOf } from '../../support/kubernetes-api.ts';
import { until } from '../../support/until.ts';

const directory = mkdtempSync(join(tmpdir(), 'memfleet-kubernetes-'));
afterAll(() => rmSync(directory, { recursive: true }));

let api: KubernetesApi;
const adapters: DiscoveryAdapter[] = [];
beforeEach(async () => {
  api = await KubernetesApi.start();
});
afterEach(async () => {
  await Promise.all(adapters.splice(0).map((adapter) => adapter.close()));
  await api.close();
});

function kubeconfig(text = api.kubeconfig()): string {
  const path = join(directory, 'config');
  writeFileSync(path, text);
  return path;
}

/** An adapter for service `cache`, and what it has said. */
function follow(config = kubeconfig(), namespace?: string) {
  const target = { service: 'cache', namespace, kubeconfig: config, requestTimeoutMs: 2_000 };
  const slices = kubernetesSlices(target);
  const rest = { sidecarPort: 9150, clock: systemClock, random: Math.random, log: silentLogger };
  const adapter = kubernetesDiscovery({ api: slices, ...rest });
  adapters.push(adapter);
  const lists: (readonly ObservedNode[])[] = [];
  const losses: string[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes), lost: (error) => losses.push(error.message) });
  const names = (): string => (lists.at(-1) ?? []).map(({ name, hint }) => `${name} ${hint}`).join(', ');
  return { adapter, lists, losses, names };
}

describe('a watch over HTTP', () => {
  test('is of the service’s own slices in the namespace of the kubeconfig, and sees them change', async () => {
    api.put(sliceOf('cache-a', [1]));
    api.put({ ...sliceOf('other', [7]), metadata: { name: 'other', labels: { 'kubernetes.io/service-name': 'web' } } });
    const { names, adapter } = follow();
    expect(adapter.name).toBe('kubernetes:shop/cache');
    await until('the list', () => names() === 'cache-1 running');
    await until('the watch', () => api.watcherCount === 1);
    api.put(sliceOf('cache-a', [1, 2]));
    await until('a pod more', () => names() === 'cache-1 running, cache-2 running');
    const [one, two] = sliceOf('cache-a', [1, 2]).endpoints ?? [];
    api.put(sliceOf('cache-a', [], { endpoints: [{ ...one, conditions: { terminating: true } }, { ...two }] }));
    await until('a pod that leaves', () => names() === 'cache-1 leaving, cache-2 running');
    api.remove('cache-a');
    await until('none', () => names() === '');
    const query = new URL(api.requests.at(-1)?.split(' ')[1] ?? '', api.url).searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      watch: 'true',
      allowWatchBookmarks: 'true',
      labelSelector: 'kubernetes.io/service-name=cache',
      timeoutSeconds: '20',
    });
    expect(api.counts).toEqual({ lists: 1, watches: 1 });
  });

  test('is read whole however its bytes come', async () => {
    const { names } = follow();
    await until('the watch', () => api.watcherCount === 1);
    api.pieceBytes = 1;
    api.put(sliceOf('cache-a', [1, 2, 3]));
    await until('the pods', () => names().endsWith('cache-3 running'));
  });

  test('that the server ends is taken up where it was, and misses nothing that happened between', async () => {
    const { names, losses } = follow();
    await until('the watch', () => api.watcherCount === 1);
    api.finish();
    api.put(sliceOf('cache-a', [4]));
    await until('what happened between', () => names() === 'cache-4 running');
    expect([api.counts.lists, losses]).toEqual([1, []]);
  });

  test.each(['event', 'status'] as const)(
    'from a forgotten version, told so by %s, begins with a list',
    async (how) => {
      api.goneAs = how;
      api.put(sliceOf('cache-a', [1]));
      const { names, losses } = follow();
      await until('the watch', () => api.watcherCount === 1);
      api.remove('cache-a');
      await until('none', () => names() === '');
      api.elsewhere(100);
      api.compact();
      api.finish();
      api.put(sliceOf('cache-b', [2]));
      await until('the new list', () => names() === 'cache-2 running');
      expect([api.counts.lists, losses]).toEqual([2, []]);
    },
  );

  test('that was told of a bookmark goes on from there', async () => {
    const { names, losses } = follow();
    await until('the watch', () => api.watcherCount === 1);
    api.elsewhere(100);
    api.bookmark();
    api.compact();
    const sent = api.counts.watches;
    // The bookmark is taken in before the end, which comes after it on the same connection.
    api.finish();
    await until('the next watch', () => api.counts.watches > sent);
    api.put(sliceOf('cache-a', [1]));
    await until('the pod', () => names() === 'cache-1 running');
    expect([api.counts.lists, losses]).toEqual([1, []]);
  });
});

describe('a server that cannot be asked is no word on the pods', () => {
  test('when its connections break: what was known stays, and what changed is found', async () => {
    api.put(sliceOf('cache-a', [1]));
    const { names, lists, losses } = follow();
    await until('the watch', () => api.watcherCount === 1);
    api.failure = 503;
    api.cut();
    await until('the loss', () => losses.some((loss) => loss.includes('answered 503')));
    expect(lists.length).toBe(1);
    api.put(sliceOf('cache-a', [2]));
    api.failure = undefined;
    await until('the list', () => names() === 'cache-2 running');
  });

  test.each([
    ['with the wrong token', () => follow(kubeconfig(api.kubeconfig('wrong'))), 'not signed in (401)'],
    ['in a namespace that is not allowed', () => follow(kubeconfig(), 'other'), 'forbidden (403)'],
  ])('%s: why is told in one line, without the token', async (_, start, why) => {
    const { lists, losses } = start();
    await until('the loss', () => losses.length > 0);
    expect(losses[0]).toContain(why);
    expect(losses[0]).toContain(api.url);
    expect(losses[0]).not.toMatch(/\n|token=|wrong|fleet-token/);
    expect(lists).toEqual([]);
  });

  test('when it is silent, and closing does not wait for it', async () => {
    api.silent = true;
    const { adapter, losses } = follow();
    await until('the loss', () => losses.length > 0);
    expect(losses[0]).toContain('no answer in time');
    await until('another try', () => api.requests.length > 1);
    await adapter.close();
  });

  test('when nobody is there', async () => {
    const config = kubeconfig();
    await api.close();
    const { losses } = follow(config);
    await until('the loss', () => losses.length > 0);
    expect(losses[0]).toContain('ECONNREFUSED');
    api = await KubernetesApi.start();
  });
});

test.each([
  ['that is not there', join(directory, 'nowhere')],
  ['that says nothing', '/dev/null'],
])('a kubeconfig %s is refused', (_, path) => {
  expect(() => kubernetesSlices({ service: 'cache', namespace: undefined, kubeconfig: path })).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIG' }),
  );
});

/** Writes without end, as fast as it is read. */
function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(256 * 1024, 'x');
  const more = (error?: Error | null): void => {
    if (!error && !response.destroyed) response.write(chunk, more);
  };
  more();
}

describe('an API server that means harm', () => {
  let server: Server;
  let listener: RequestListener;

  beforeEach(async () => {
    server = createServer((request, response) => listener(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function slices() {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = kubeconfig(api.kubeconfig().replaceAll(api.url, url));
    return kubernetesSlices({ service: 'cache', namespace: 'shop', kubeconfig: config, requestTimeoutMs: 60_000 });
  }

  const never = new AbortController().signal;

  test('and lists without end is left at the bound', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      endless(response);
    };
    await expect(slices().list(never)).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringMatching(/exceeds \d+ bytes$/) as string,
    });
  });

  test('and sends an event without end is left at the bound', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      endless(response);
    };
    const events = await slices().watch('1', 20_000, never);
    const all = async (): Promise<void> => {
      for await (const event of events) expect(event).toBeUndefined();
    };
    await expect(all()).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
  });

  test('and answers with a bomb is refused before it is inflated', async () => {
    listener = (request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(10_000_000)));
    };
    await expect(slices().list(never)).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringMatching(/encoded, unasked$/) as string,
    });
  });
});
