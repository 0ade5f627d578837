/** The topology for other software: what is written, and that nothing a document may hold breaks the form. */
import { expect, describe, test } from 'vitest';
import {
  hostView,
  libmemcachedServers,
  mcrouterConfig,
  networkView,
  proxyConfig,
  serverList,
  twemproxyConfig,
} from '../../../src/coordinator/http/views.ts';
import { documentOf, nodeOf } from '../../topology/nodes.ts';

const nodes = [
  nodeOf({ name: 'cache-1', ip: '10.0.0.1', sidecar: 'http://10.0.0.1:9150' }),
  nodeOf({ name: 'cache-2', ip: '10.0.0.2', port: 11300 }),
  nodeOf({ name: 'cache-3', ip: '10.0.0.3', state: 'draining' }),
];
const inside = networkView(documentOf(nodes, { version: 7 }));
const places = new Map([
  ['cache-1', { ip: '', port: 32_768, sidecarPort: 32_769 }],
  ['cache-2', { ip: '127.0.0.9', port: 32_770 }],
]);
const outside = hostView(inside.document, (name) => places.get(name), '192.0.2.7');

describe('from inside', () => {
  test('servers.txt and libmemcached name the active nodes', () => {
    expect(serverList(inside)).toBe('cache-1:11211\ncache-2:11300\n');
    expect(libmemcachedServers(inside)).toBe('--SERVER=cache-1:11211\n--SERVER=cache-2:11300\n');
    expect(serverList(networkView(documentOf([nodeOf({ name: 'a', host: '::1' })])))).toBe('[::1]:11211\n');
  });

  test('weights are said where nodes differ, as whole numbers', () => {
    const weighing = networkView(documentOf([nodes[0], { ...nodes[1], weight: 2.6 }]));
    expect(libmemcachedServers(weighing)).toBe('--SERVER=cache-1:11211/?1\n--SERVER=cache-2:11300/?3\n');
    expect(twemproxyConfig(weighing)).toContain('"cache-2:11300:3 cache-2:11300"');
    expect(JSON.parse(mcrouterConfig(weighing))).toMatchObject({
      route: { type: 'PoolRoute', pool: 'memfleet', hash: { hash_func: 'WeightedCh3', weights: [1 / 2.6, 1] } },
    });
  });

  test('mcrouter gets a pool and a route to it', () => {
    expect(JSON.parse(mcrouterConfig(inside))).toEqual({
      pools: { memfleet: { servers: ['cache-1:11211', 'cache-2:11300'] } },
      route: { type: 'PoolRoute', pool: 'memfleet' },
    });
  });

  test('memcached’s proxy gets the names that the ring is made of', () => {
    const text = proxyConfig(inside);
    expect(text).toContain("mcp.backend('cache-1', 'cache-1', 11211),");
    expect(text).toContain("omode = 'twemproxy', obuckets = 160");
  });

  test('no name can end a Lua string', () => {
    const text = proxyConfig(networkView(documentOf([nodeOf({ name: `a'..os.exit()..'\\` })])));
    expect(text).toContain(String.raw`'a\039..os.exit\040\041..\039\092'`);
  });
});

describe('from outside', () => {
  test('published nodes are where the host forwards them, by the reader’s name for it', () => {
    expect(serverList(outside)).toBe('192.0.2.7:32768\n127.0.0.9:32770\n');
    expect(outside.document.nodes[0]).toMatchObject({
      ip: '192.0.2.7',
      port: 32_768,
      sidecar: 'http://192.0.2.7:32769',
    });
    expect(outside.document.nodes[1]?.sidecar).toBe('');
  });

  test('a node that is not published stays where it is', () => {
    expect(outside.document.nodes[2]).toEqual(nodes[2]);
  });

  test('twemproxy keeps the names, and so the ring, of the inside', () => {
    expect(twemproxyConfig(outside)).toContain(
      '    - "192.0.2.7:32768:1 cache-1"\n    - "127.0.0.9:32770:1 cache-2:11300"\n',
    );
  });
});

describe('without an active node', () => {
  const none = networkView(documentOf([nodes[2]]));

  test('lists are empty', () => {
    expect([serverList(none), libmemcachedServers(none)]).toEqual(['', '']);
  });

  test.each([twemproxyConfig, mcrouterConfig, proxyConfig])('%o refuses', (write) => {
    expect(() => write(none)).toThrow(expect.objectContaining({ code: 'NO_NODES' }) as Error);
  });
});
