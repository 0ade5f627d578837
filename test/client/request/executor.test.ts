/**
 * Goal: an operation reaches the owner of its key or becomes a miss, is counted, and never hides an error that is the
 * caller's. Method: a real router and ring over connections whose fate the test decides.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError, type ErrorCode } from '../../../src/base/errors.ts';
import { FirstTopology } from '../../../src/client/following/first-topology.ts';
import { FleetExecutor } from '../../../src/client/request/executor.ts';
import { Router } from '../../../src/client/routing/router.ts';
import type { Connection } from '../../../src/client/wire/connection.ts';
import type { TopologyNode } from '../../../src/topology/document.ts';
import { documentOf, nodeOf } from '../../topology/nodes.ts';

interface FakeConnection {
  host: string;
  available: boolean;
}

const nodes: TopologyNode[] = ['a', 'b', 'c'].map((name) => nodeOf({ name }));

let router: Router;
let firstTopology: FirstTopology;
let executor: FleetExecutor;
let connections: Map<string, FakeConnection>;

beforeEach(() => {
  connections = new Map();
  router = new Router({
    connect({ host }) {
      const fake = { host, available: true, close: () => Promise.resolve() };
      connections.set(host, fake);
      return fake as unknown as Connection;
    },
    onDown: () => undefined,
    onUp: () => undefined,
  });
  firstTopology = new FirstTopology({ sourceName: 'x', topologyTimeoutMs: 100, waitingClock: new ManualClock() });
  executor = new FleetExecutor({ router, firstTopology, keyPrefix: 'app:', sourceName: 'the test' });
});

function publish(published: TopologyNode[] = nodes): void {
  router.apply(documentOf(published));
  firstTopology.arrive();
}

function hostOf(connection: Connection): string {
  return (connection as unknown as FakeConnection).host;
}

function takeDown(host: string): void {
  const connection = connections.get(host);
  if (connection !== undefined) connection.available = false;
}

/** Keys that `host` owns with the prefix before them. */
function keysOf(host: string, count: number): string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i += 1) if (router.owner(`app:k${i}`)?.host === host) keys.push(`k${i}`);
  return keys;
}

function failing(code: ErrorCode): () => Promise<never> {
  return () => Promise.reject(new FleetError(code, 'why'));
}

function valuesOf(_: Connection, fullKeys: readonly string[]): Promise<Map<string, string>> {
  return Promise.resolve(new Map(fullKeys.map((key) => [key, `value of ${key}`])));
}

describe('one key', () => {
  test('is asked of its owner, with the prefix', async () => {
    publish();
    const asked = await executor.one('k', '', (owner, fullKey) => Promise.resolve(`${hostOf(owner)} ${fullKey}`));
    expect(asked).toBe(`${router.owner('app:k')?.host} app:k`);
    await expect(executor.ownerOf('k')).resolves.toEqual(router.owner('app:k'));
    expect(executor.counts).toEqual({ requests: 1, failures: 0 });
  });

  test.each<ErrorCode>(['CONNECT_FAILED', 'TIMEOUT', 'PROTOCOL'])('whose owner fails with %s misses', async (code) => {
    publish();
    await expect(executor.one('k', 'missing', failing(code))).resolves.toBe('missing');
    expect(executor.counts).toEqual({ requests: 1, failures: 1 });
  });

  test.each<ErrorCode>(['SERVER', 'TOO_LARGE', 'QUEUE_FULL', 'CLOSED'])('%s is for the caller', async (code) => {
    publish();
    await expect(executor.one('k', 'missing', failing(code))).rejects.toMatchObject({ code });
    expect(executor.counts).toEqual({ requests: 1, failures: 0 });
  });

  test('an error that is not of the fleet is for the caller', async () => {
    publish();
    await expect(executor.one('k', 'missing', () => Promise.reject(new RangeError('decode')))).rejects.toThrow(
      'decode',
    );
  });

  test('of a node known to be down misses without asking, in a later turn of the event loop', async () => {
    publish();
    for (const host of ['a', 'b', 'c']) takeDown(host);
    let turned = false;
    setImmediate(() => (turned = true));
    await expect(executor.one('k', 'missing', failing('SERVER'))).resolves.toBe('missing');
    expect(turned).toBe(true);
    expect(executor.counts).toEqual({ requests: 1, failures: 1 });
  });

  test('that is invalid is refused before it is counted', async () => {
    publish();
    await expect(executor.one('a b', 0, failing('SERVER'))).rejects.toMatchObject({ code: 'BAD_KEY' });
    await expect(executor.ownerOf('')).resolves.toBeDefined();
    await expect(executor.ownerOf('k'.repeat(247))).rejects.toMatchObject({ code: 'BAD_KEY' });
    expect(executor.counts).toEqual({ requests: 0, failures: 0 });
  });
});

describe('many keys', () => {
  test('are one request to each owner, and come in the order they were asked for', async () => {
    publish();
    const keys = [...keysOf('c', 3), ...keysOf('a', 2), ...keysOf('b', 1)];
    const asked: string[] = [];
    const found = await executor.many([...keys, keys[0]], (owner, fullKeys) => {
      asked.push(`${hostOf(owner)} ${fullKeys.length}`);
      return valuesOf(owner, fullKeys);
    });
    expect([...found]).toEqual(keys.map((key) => [key, `value of app:${key}`]));
    expect(asked.toSorted()).toEqual(['a 2', 'b 1', 'c 3']);
    expect(executor.counts).toEqual({ requests: 6, failures: 0 });
  });

  test('of nodes that are down or fail are not found, and each counts', async () => {
    publish();
    takeDown('a');
    const ours = keysOf('c', 2);
    const found = await executor.many([...keysOf('a', 3), ...keysOf('b', 4), ...ours], (owner, fullKeys) =>
      hostOf(owner) === 'b' ? failing('TIMEOUT')() : valuesOf(owner, fullKeys),
    );
    expect([...found.keys()]).toEqual(ours);
    expect(executor.counts).toEqual({ requests: 9, failures: 7 });
  });

  test('a refusal rejects them all, after every node has replied', async () => {
    publish();
    let replied = false;
    const many = executor.many([...keysOf('a', 1), ...keysOf('b', 1)], async (owner, fullKeys) => {
      if (hostOf(owner) === 'a') return failing('SERVER')();
      await new Promise((resolve) => setImmediate(resolve));
      replied = true;
      return valuesOf(owner, fullKeys);
    });
    await expect(many).rejects.toMatchObject({ code: 'SERVER' });
    expect(replied).toBe(true);
  });
});

describe('every node', () => {
  test('is asked, known to be down or not; one that fails gives what is missing', async () => {
    publish();
    takeDown('c');
    const all = await executor.every('missing', (connection) =>
      hostOf(connection) === 'b' ? failing('CONNECT_FAILED')() : Promise.resolve(hostOf(connection)),
    );
    expect(all.map(({ node, result }) => [node.name, result])).toEqual([
      ['a', 'a'],
      ['b', 'missing'],
      ['c', 'c'],
    ]);
    await expect(executor.every('missing', failing('SERVER'))).rejects.toMatchObject({ code: 'SERVER' });
  });

  test('of a topology without an active node: NO_NODES, and keys miss', async () => {
    publish([{ ...nodes[0], state: 'down' }]);
    const none = { code: 'NO_NODES', message: 'the test: no active node' };
    await expect(executor.every('missing', failing('SERVER'))).rejects.toMatchObject(none);
    await expect(executor.one('k', 'missing', failing('SERVER'))).resolves.toBe('missing');
    await expect(executor.many(['k'], failing('SERVER'))).resolves.toEqual(new Map());
    await expect(executor.ownerOf('k')).resolves.toBeUndefined();
    expect(executor.counts).toEqual({ requests: 1, failures: 1 });
  });
});

test('everything waits for the first topology, and is refused after closing', async () => {
  const waiting = Promise.all([
    executor.one('k', '', () => Promise.resolve('one')),
    executor.many(['k'], (_, [fullKey = '']) => Promise.resolve(new Map([[fullKey, 'many']]))),
    executor.every('', () => Promise.resolve('every')),
    executor.ownerOf('k'),
  ]);
  publish([nodes[0]]);
  await expect(waiting).resolves.toEqual([
    'one',
    new Map([['k', 'many']]),
    [{ node: nodes[0], result: 'every' }],
    nodes[0],
  ]);
  firstTopology.close();
  for (const refused of [
    executor.one('k', '', failing('SERVER')),
    executor.many([], failing('SERVER')),
    executor.every('', failing('SERVER')),
    executor.ownerOf('k'),
  ]) {
    await expect(refused).rejects.toMatchObject({ code: 'CLOSED' });
  }
});
