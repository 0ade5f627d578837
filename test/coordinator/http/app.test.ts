/** The HTTP contract, route by route, without a socket. */
import { describe, expect, test } from 'vitest';
import { deriveToken } from '../../../src/base/token.ts';
import { PROBLEM_CONTENT_TYPE } from '../../../src/api/problem.ts';
import { LEFT_OUT_SHOWN_MAX } from '../../../src/coordinator/limits.ts';
import type { TopologyDocument } from '../../../src/topology/document.ts';
import { buildRing } from '../../../src/topology/ring.ts';
import { until } from '../../support/until.ts';
import { startApp, type AppSettings, type AppWorld } from './app-support.ts';
import { observedOf } from '../support.ts';

async function running(settings: AppSettings = {}, ...numbers: number[]): Promise<AppWorld> {
  const world = await startApp(settings);
  world.hold(...numbers);
  const wanted = numbers.map((number) => `cache-${number}`).join();
  await until(`${wanted} in the ring`, () => activeNames(world) === wanted);
  return world;
}

function activeNames({ publisher }: AppWorld): string | undefined {
  return publisher.current?.document.nodes
    .filter((node) => node.state === 'active')
    .map((node) => node.name)
    .join();
}

async function topologyOf({ app }: AppWorld): Promise<TopologyDocument> {
  return (await app.inject('/v1/topology')).json<TopologyDocument>();
}

describe('GET /v1/topology', () => {
  test('is a problem until something is known, and says when to come back', async () => {
    await using world = await startApp();
    const response = await world.app.inject('/v1/topology');
    expect(response.statusCode).toBe(503);
    expect(response.headers).toMatchObject({
      'content-type': expect.stringContaining(PROBLEM_CONTENT_TYPE),
      'retry-after': '1',
    });
    expect(response.json()).toMatchObject({ status: 503, title: 'Service Unavailable', type: 'about:blank' });
  });

  test('is the document, with an entity tag', async () => {
    await using world = await running({}, 1, 2);
    const response = await world.app.inject('/v1/topology');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toContain('application/json');
    expect(response.json()).toEqual(world.publisher.current?.document);
    expect(response.headers.etag).toBe(`"${world.publisher.current?.document.version}"`);
  });

  test('is 304 for who has it already', async () => {
    await using world = await running({}, 1);
    const { version } = await topologyOf(world);
    for (const tag of [`"${version}"`, `W/"${version}"`, `"1", "${version}"`, '*']) {
      const response = await world.app.inject({ url: '/v1/topology', headers: { 'if-none-match': tag } });
      expect([response.statusCode, response.body]).toEqual([304, '']);
      expect(response.headers.etag).toBe(`"${version}"`);
    }
    const other = await world.app.inject({ url: '/v1/topology', headers: { 'if-none-match': '"1"' } });
    expect(other.statusCode).toBe(200);
  });

  test('with after answers at once what is newer, and 304 what is not', async () => {
    await using world = await running({}, 1);
    const { version } = await topologyOf(world);
    const status = async (query: string): Promise<number> =>
      (await world.app.inject(`/v1/topology?${query}`)).statusCode;
    expect(await status(`after=${version - 1}&wait=30s`)).toBe(200);
    expect(await status(`after=${version}`)).toBe(304);
    expect(await status(`after=${version}&wait=0`)).toBe(304);
    expect(await status(`after=${version + 5}&wait=1ms`)).toBe(304);
  });

  test.each(['after=x', 'after=-1', 'after=1.5', 'after=99999999999', 'wait=1h', 'wait=', 'after=1&after=2'])(
    'with %s is a problem',
    async (query) => {
      await using world = await running({}, 1);
      const response = await world.app.inject(`/v1/topology?${query}`);
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({ status: 400, title: 'Bad Request' });
    },
  );
});

describe('what is not known yet', () => {
  const READS = [
    '/v1/topology',
    '/v1/topology/servers.txt',
    '/v1/topology/libmemcached.txt',
    '/v1/topology/twemproxy.yaml',
    '/v1/topology/mcrouter.json',
    '/v1/topology/proxy.lua',
    '/v1/owner?key=k',
    '/v1/prometheus/targets',
    '/v1/nodes',
    '/v1/nodes/cache-1',
    '/v1/fleet/flush',
  ];
  const CHANGES = [
    ['POST', '/v1/nodes/cache-1/drain'],
    ['POST', '/v1/fleet/flush'],
    ['DELETE', '/v1/keys/k'],
  ] as const;

  test('is 503 and no empty fleet, until every source was seen', async () => {
    await using world = await startApp({ token: 'secret' });
    const headers = { authorization: 'Bearer secret' };
    world.source.lose('no socket');
    for (const url of READS) {
      const response = await world.app.inject(url);
      expect([url, response.statusCode, response.headers['retry-after']]).toEqual([url, 503, '1']);
    }
    for (const [method, url] of CHANGES) {
      const response = await world.app.inject({ method, url, headers });
      expect([url, response.statusCode]).toEqual([url, 503]);
      expect(response.json()).toMatchObject({ detail: 'waiting for discovery (fake): no socket' });
    }
    expect((await world.app.inject('/metrics')).body).not.toMatch(/^memfleet_nodes\{/m);
    world.hold(1, 2);
    await until('the ring', () => activeNames(world) === 'cache-1,cache-2');
    for (const url of READS.filter((read) => read !== '/v1/fleet/flush')) {
      expect([url, (await world.app.inject(url)).statusCode]).toEqual([url, 200]);
    }
    expect((await world.app.inject({ method: 'DELETE', url: '/v1/keys/k', headers })).statusCode).toBe(200);
  });
});

describe('lists for other software', () => {
  test('servers.txt has host:port of the active nodes', async () => {
    await using world = await running({}, 2, 10);
    world.source.observe(
      observedOf('cache-2'),
      observedOf('cache-10', { hint: 'leaving' }),
      observedOf('cache-3', { host: '::1' }),
    );
    await until('cache-3', () => activeNames(world) === 'cache-2,cache-3');
    const response = await world.app.inject('/v1/topology/servers.txt');
    expect(response.headers['content-type']).toContain('text/plain');
    expect(response.body).toBe('cache-2:11211\n[::1]:11211\n');
    const again = await world.app.inject({
      url: '/v1/topology/servers.txt',
      headers: { 'if-none-match': String(response.headers.etag) },
    });
    expect(again.statusCode).toBe(304);
  });

  test.each([
    ['servers.txt?format=libmemcached', 'text/plain', '--SERVER=cache-1:11211\n'],
    ['libmemcached.txt', 'text/plain', '--SERVER=cache-1:11211\n'],
    ['twemproxy.yaml', 'application/yaml', '"cache-1:11211:1 cache-1"'],
    ['mcrouter.json', 'application/json', '"cache-1:11211"'],
    ['proxy.lua', 'text/x-lua', "mcp.backend('cache-1', 'cache-1', 11211)"],
  ])('%s is for whom it is made, with a tag', async (path, type, part) => {
    await using world = await running({}, 1);
    const url = `/v1/topology/${path}`;
    const response = await world.app.inject(url);
    expect(response.headers['content-type']).toContain(type);
    expect(response.body).toContain(part);
    const headers = { 'if-none-match': String(response.headers.etag) };
    expect((await world.app.inject({ url, headers })).statusCode).toBe(304);
  });

  test('configurations wait for a topology', async () => {
    await using world = await startApp();
    expect((await world.app.inject('/v1/topology/twemproxy.yaml')).statusCode).toBe(503);
  });

  test('view=host has published ports, by the name that the reader has for the host', async () => {
    await using world = await startApp();
    world.source.observe(observedOf('cache-1', { published: { ip: '', port: 32_768, sidecarPort: 32_769 } }));
    await until('cache-1', () => activeNames(world) === 'cache-1');
    const ask = async (url: string, host = '192.0.2.7:8080') => world.app.inject({ url, headers: { host } });
    const outside = await ask('/v1/topology?view=host');
    expect(outside.json<TopologyDocument>().nodes).toEqual([
      expect.objectContaining({ host: '192.0.2.7', ip: '192.0.2.7', port: 32_768, sidecar: 'http://192.0.2.7:32769' }),
    ]);
    expect(outside.headers.etag).not.toBe((await ask('/v1/topology')).headers.etag);
    expect((await ask('/v1/topology/servers.txt?view=host', '[2001:db8::1]:80')).body).toBe('[2001:db8::1]:32768\n');
    expect((await ask('/v1/topology/servers.txt?view=network')).body).toBe('cache-1:11211\n');
    expect((await ask('/v1/topology/servers.txt?view=host', 'a"b')).statusCode).toBe(400);
    expect((await ask('/v1/topology/servers.txt?view=moon')).statusCode).toBe(400);
  });

  test('prometheus targets are all sidecars, with the labels that dashboards select by', async () => {
    await using world = await startApp();
    world.source.observe(
      observedOf('cache-1'),
      observedOf('cache-2', { hint: 'stopped' }),
      observedOf('cache-3', { sidecar: '' }),
    );
    await until('three nodes', () => world.publisher.current?.document.nodes.length === 3 && activeNames(world) !== '');
    const response = await world.app.inject('/v1/prometheus/targets');
    expect(response.headers['content-type']).toContain('application/json');
    const labels = { cluster: 'memfleet', namespace: 'default', job: 'memcached' };
    expect(response.json()).toEqual([
      {
        targets: ['10.0.0.1:9150'],
        labels: { ...labels, instance: 'cache-1', node: 'cache-1', __meta_memfleet_state: 'active' },
      },
      {
        targets: ['10.0.0.2:9150'],
        labels: { ...labels, instance: 'cache-2', node: 'cache-2', __meta_memfleet_state: 'down' },
      },
    ]);
  });
});

describe('GET /v1/owner', () => {
  test('is the node that the ring gives the key to', async () => {
    await using world = await running({}, 1, 2, 3);
    const document = await topologyOf(world);
    const ring = buildRing(document);
    for (const key of ['a', 'sq:37', 'ключ', 'a/b?c=d&e']) {
      const response = await world.app.inject({ url: '/v1/owner', query: { key } });
      expect(response.json()).toEqual({ key, version: document.version, node: ring.owner(key) });
    }
  });

  test.each([
    ['', 400],
    ['with space', 400],
    ['new\nline', 400],
    ['x'.repeat(251), 400],
    ['ж'.repeat(126), 400],
    ['x'.repeat(250), 200],
    // A space to Unicode, a byte like any other to memcached and to our client.
    ['no\u00a0break', 200],
  ])('with the key %j is %i', async (key, status) => {
    await using world = await running({}, 1);
    expect((await world.app.inject({ url: '/v1/owner', query: { key } })).statusCode).toBe(status);
  });

  test('without a key, or without a node, is a problem', async () => {
    await using world = await startApp();
    expect((await world.app.inject('/v1/owner')).statusCode).toBe(400);
    expect((await world.app.inject('/v1/owner?key=a')).statusCode).toBe(503);
    world.hold();
    await until('an empty topology', () => world.publisher.current !== undefined);
    const response = await world.app.inject('/v1/owner?key=a');
    expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([503, 'NO_NODES']);
  });
});

describe('GET /v1/nodes', () => {
  test('is every node with state, probe and the statistics that matter most', async () => {
    await using world = await running({}, 1, 10);
    const list = (await world.app.inject('/v1/nodes')).json<{ nodes: { name: string }[] }>();
    expect(list).toMatchObject({
      fleet: 'memfleet',
      held: null,
      version: (await topologyOf(world)).version,
      sources: [{ name: 'fake', up: true, error: null, missing: 0 }],
      leftOut: { count: 0, shown: [] },
    });
    expect(list.nodes.map((node) => node.name)).toEqual(['cache-1', 'cache-10']);
    expect(list.nodes[0]).toMatchObject({
      state: 'active',
      hint: 'running',
      drained: false,
      failures: 0,
      probe: { ok: true, version: '1.6.38', durationMs: expect.any(Number) as number },
      stats: { values: { curr_items: 3, cmd_get: 10, version: '1.6.38' } },
    });
  });

  test('says what the view lacks: nodes that are missing, and what was left out, up to a bound', async () => {
    await using world = await running({}, 1, 2);
    const more = Array.from({ length: LEFT_OUT_SHOWN_MAX + 5 }, (_, index) => `n${index}.test`);
    const leftOut = more.map((name) => ({ name, reason: 'unresolved' as const, why: 'SERVFAIL' }));
    world.source.leaveOut(leftOut, observedOf('cache-1'), observedOf('cache-2', { hint: 'unlisted' }));
    const list = (await world.app.inject('/v1/nodes')).json<{ leftOut: { count: number; shown: object[] } }>();
    expect(list).toMatchObject({
      held: expect.stringContaining('1 of 2 nodes are kept') as string,
      sources: [{ up: false, missing: 1, error: expect.stringContaining('n0.test: SERVFAIL') as string }],
      nodes: [{ hint: 'running' }, { hint: 'unlisted', state: 'active' }],
    });
    expect(list.leftOut.count).toBe(more.length);
    expect(list.leftOut.shown).toEqual(leftOut.slice(0, LEFT_OUT_SHOWN_MAX));
    const lines = (await world.app.inject('/metrics')).body.split('\n');
    expect(lines).toContain('memfleet_discovery_up{source="fake"} 0');
    expect(lines).toContain('memfleet_topology_held 1');
    expect(lines).toContain('memfleet_discovery_missing_nodes{source="fake"} 1');
    expect(lines).toContain(`memfleet_nodes_left_out{reason="unresolved"} ${more.length}`);
    expect(lines).toContain('memfleet_nodes_left_out{reason="limit"} 0');
  });

  test('/NAME has all statistics, numbers as numbers unless digits would be lost', async () => {
    await using world = await running({}, 1);
    const node = (await world.app.inject('/v1/nodes/cache-1')).json<{ stats: { values: unknown } }>();
    expect(node.stats.values).toEqual({
      curr_items: 3,
      cmd_get: 10,
      version: '1.6.38',
      rusage_user: 0.25,
      huge: '18446744073709551615',
    });
    const unknown = await world.app.inject('/v1/nodes/nobody');
    expect([unknown.statusCode, unknown.headers['content-type']]).toEqual([
      404,
      expect.stringContaining(PROBLEM_CONTENT_TYPE),
    ]);
  });

  test('/NAME takes names as long as a host name may be', async () => {
    await using world = await running({}, 1);
    expect((await world.app.inject(`/v1/nodes/${'n'.repeat(253)}`)).json()).toMatchObject({
      detail: expect.stringContaining('nnn'),
    });
  });
});

describe('what changes something', () => {
  const drain = { method: 'POST', url: '/v1/nodes/cache-2/drain' } as const;
  const authorization = 'Bearer the-token';

  test('is refused while no token is set, whoever asks', async () => {
    for (const token of [undefined, '']) {
      await using world = await running(token === undefined ? {} : { token }, 1, 2);
      for (const headers of [{}, { authorization }, { authorization: 'Bearer ' }]) {
        expect((await world.app.inject({ ...drain, headers })).statusCode).toBe(403);
      }
    }
  });

  test.each([undefined, 'Bearer wrong', 'Bearer the-token2', 'Basic the-token', 'the-token', 'Bearer the-token x'])(
    'is refused with the authorization %j',
    async (given) => {
      await using world = await running({ token: 'the-token' }, 1, 2);
      const response = await world.app.inject({
        ...drain,
        headers: given === undefined ? {} : { authorization: given },
      });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="memfleet"');
      expect(response.headers['content-type']).toContain(PROBLEM_CONTENT_TYPE);
      expect(activeNames(world)).toBe('cache-1,cache-2');
    },
  );

  test.each(['POST', 'DELETE', 'PUT', 'PATCH'] as const)(
    'by %s is refused on any path, those without a route included',
    async (method) => {
      await using world = await running({ token: 'the-token' }, 1);
      for (const url of ['/', '/v1/topology', '/v1/key/a', '/nowhere']) {
        expect((await world.app.inject({ method, url })).statusCode).toBe(401);
        const status = (await world.app.inject({ method, url, headers: { authorization } })).statusCode;
        expect([404, 405]).toContain(status);
      }
    },
  );

  test('by a method that a path does not take is told which it takes', async () => {
    await using world = await running({ token: 'the-token' }, 1);
    for (const [url, allowed] of [
      ['/v1/topology', 'GET, HEAD'],
      ['/v1/fleet/flush', 'GET, HEAD, POST, DELETE'],
    ]) {
      const response = await world.app.inject({ method: 'PUT', url, headers: { authorization } });
      expect([response.statusCode, response.headers['allow']]).toEqual([405, allowed]);
    }
  });

  test('is allowed with the token that is made of the token for HTTP, and not with that for the nodes', async () => {
    await using world = await running({ token: 'the-token' }, 1, 2);
    const drain = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await world.app.inject({ method: 'POST', url: '/v1/nodes/cache-1/drain', headers })).statusCode;
    };
    expect(await drain(deriveToken('the-token', 'config'))).toBe(401);
    expect(await drain(deriveToken('the-token', 'topology'))).toBe(401);
    expect(await drain(deriveToken('the-token', 'http'))).toBe(200);
  });

  test('drains a node and resumes it with the token', async () => {
    await using world = await running({ token: 'the-token' }, 1, 2);
    const drained = await world.app.inject({ ...drain, headers: { authorization } });
    expect([drained.statusCode, drained.json()]).toEqual([
      200,
      expect.objectContaining({ state: 'draining', drained: true }),
    ]);
    await until('cache-2 out', () => activeNames(world) === 'cache-1');
    const resume = { ...drain, url: '/v1/nodes/cache-2/resume', headers: { authorization } };
    expect((await world.app.inject(resume)).statusCode).toBe(200);
    await until('cache-2 back', () => activeNames(world) === 'cache-1,cache-2');
  });

  test('does not drain the last node, nor one that is not there', async () => {
    await using world = await running({ token: 'the-token' }, 2);
    expect((await world.app.inject({ ...drain, headers: { authorization } })).statusCode).toBe(409);
    const nobody = { ...drain, url: '/v1/nodes/nobody/drain', headers: { authorization } };
    expect((await world.app.inject(nobody)).statusCode).toBe(404);
  });
});

describe('the coordinator about itself', () => {
  test('lives at once and is ready once something is published', async () => {
    await using world = await startApp();
    expect((await world.app.inject('/healthz')).json()).toMatchObject({ status: 'ok' });
    world.source.lose('no socket');
    const waiting = await world.app.inject('/readyz');
    expect(waiting.statusCode).toBe(503);
    expect(waiting.json()).toMatchObject({ detail: 'waiting for discovery (fake): no socket' });
    world.hold(1);
    await until('a topology', () => world.publisher.current !== undefined);
    world.source.lose('no socket');
    expect((await world.app.inject('/readyz')).json()).toMatchObject({ status: 'ready', held: null });
  });

  test('has its metrics', async () => {
    await using world = await running({}, 1, 2);
    world.source.lose();
    const response = await world.app.inject('/metrics');
    expect(response.headers['content-type']).toContain('text/plain');
    const { version } = await topologyOf(world);
    for (const line of [
      `memfleet_topology_version ${version}`,
      'memfleet_topology_watchers 0',
      'memfleet_topology_held 0',
      `memfleet_topology_changes_total ${world.publisher.changes}`,
      'memfleet_nodes{state="active"} 2',
      'memfleet_nodes{state="down"} 0',
      'memfleet_discovery_up{source="fake"} 0',
      'memfleet_discovery_missing_nodes{source="fake"} 0',
      'memfleet_nodes_left_out{reason="duplicate"} 0',
      'memfleet_discovery_connections 0',
    ]) {
      expect(response.body.split('\n')).toContain(line);
    }
    expect(response.body).toMatch(/^memfleet_probe_seconds_count [1-9]/m);
    expect(response.body).toMatch(/^memfleet_coordinator_process_cpu_seconds_total /m);
    // Asked again, what is read and not counted has not doubled.
    const again = (await world.app.inject('/metrics')).body;
    expect(again.split('\n')).toContain(`memfleet_topology_changes_total ${world.publisher.changes}`);
  });

  test('counts failed probes by node', async () => {
    await using world = await running({}, 1, 2);
    world.daemons.silent.add('10.0.0.2');
    await until('a failure', async () =>
      /^memfleet_probe_failures_total\{node="cache-2"\} [1-9]/m.test((await world.app.inject('/metrics')).body),
    );
  });

  test('describes every route', async () => {
    await using world = await startApp();
    const { paths } = (await world.app.inject('/openapi.json')).json<{ paths: Record<string, unknown> }>();
    expect(Object.keys(paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/v1/fleet/flush',
      '/v1/keys/{key}',
      '/v1/nodes',
      '/v1/nodes/{name}',
      '/v1/nodes/{name}/drain',
      '/v1/nodes/{name}/resume',
      '/v1/owner',
      '/v1/prometheus/targets',
      '/v1/topology',
      '/v1/topology/events',
      '/v1/topology/libmemcached.txt',
      '/v1/topology/mcrouter.json',
      '/v1/topology/proxy.lua',
      '/v1/topology/servers.txt',
      '/v1/topology/twemproxy.yaml',
    ]);
  });

  test('has a page that may load nothing but itself', async () => {
    await using world = await running({}, 1);
    const page = await world.app.inject('/');
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
    // Neither scripts nor styles inside the page, which the policy forbids.
    expect(page.body).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=/);
    for (const [, url = ''] of page.body.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
      if (url.startsWith('/v1/topology')) continue;
      expect((await world.app.inject(url)).statusCode, url).toBe(200);
    }
  });

  test('answers what it does not know with a problem', async () => {
    await using world = await startApp();
    const response = await world.app.inject('/nowhere');
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toContain(PROBLEM_CONTENT_TYPE);
    expect(response.json()).toMatchObject({ detail: 'there is no GET /nowhere' });
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });
});
