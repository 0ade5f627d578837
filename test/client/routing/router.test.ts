/**
 * Goal: a key finds the connection of its owner in the topology in force, and connections live as long as their
 * addresses are in it. Method: connections that only record what is done to them.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { FleetError } from '../../../src/base/errors.ts';
import { Router, type RouterOptions } from '../../../src/client/routing/router.ts';
import type { Connection } from '../../../src/client/wire/connection.ts';
import type { TopologyNode } from '../../../src/topology/document.ts';
import { buildRing } from '../../../src/topology/ring.ts';
import { documentOf, nodeOf } from '../../topology/nodes.ts';

interface Made {
  options: Parameters<RouterOptions['connect']>[0];
  connection: Connection;
  closing: PromiseWithResolvers<void> | undefined;
}

let made: Made[];
let events: string[];
let router: Router;

beforeEach(() => {
  made = [];
  events = [];
  router = new Router({
    connect(options) {
      const entry: Made = { options, closing: undefined, connection: undefined as unknown as Connection };
      const close = (): Promise<void> => (entry.closing ??= Promise.withResolvers()).promise;
      entry.connection = { close } as unknown as Connection;
      made.push(entry);
      return entry.connection;
    },
    onDown: (node, { code }) => events.push(`${node.name} weight ${node.weight} down ${code}`),
    onUp: (node) => events.push(`${node.name} up`),
  });
});

const nodes: TopologyNode[] = ['a', 'b', 'c'].map((name, index) => nodeOf({ name, ip: `10.0.0.${index}`, port: 1 }));
const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);

function addresses(): string[] {
  return made.map(({ options }) => `${options.host}:${options.port}`);
}

describe('before a topology', () => {
  test('nothing has an owner', async () => {
    expect([router.ready, router.document, router.owner('k'), router.connectionOf('k')]).toEqual([
      false,
      undefined,
      undefined,
      undefined,
    ]);
    expect(router.ownerIndex('k')).toBe(-1);
    expect(router.peers()).toEqual([]);
    await router.close();
  });
});

describe('a topology', () => {
  test('gives each key the connection of the node that the ring says', () => {
    const document = documentOf(nodes);
    const ring = buildRing(document);
    router.apply(document);
    expect([router.ready, router.document]).toEqual([true, document]);
    for (const key of keys) {
      const peer = router.peers()[router.ownerIndex(key)];
      expect(peer.node).toEqual(ring.owner(key));
      expect(router.owner(key)).toEqual(ring.owner(key));
      expect(router.connectionOf(key)).toBe(peer.connection);
    }
  });

  test('is connected to by ip, or by host where there is none; only active nodes count', () => {
    router.apply(documentOf([...nodes, nodeOf({ name: 'd', port: 7 }), nodeOf({ name: 'e', state: 'down' })]));
    expect(addresses().toSorted()).toEqual(['10.0.0.0:1', '10.0.0.1:1', '10.0.0.2:1', 'd:7']);
  });

  test('without an active node gives no owner', () => {
    router.apply(documentOf(nodes.map((node) => ({ ...node, state: 'down' }))));
    expect(router.ready).toBe(true);
    expect([router.owner('k'), router.connectionOf('k'), router.peers()]).toEqual([undefined, undefined, []]);
  });

  test('two nodes at one address share a connection', () => {
    router.apply(documentOf([nodes[0], { ...nodes[1], ip: nodes[0].ip }]));
    expect(addresses()).toEqual(['10.0.0.0:1']);
    expect(router.peers()).toHaveLength(2);
  });
});

describe('a new topology', () => {
  test('keeps the connections of the addresses that stay and closes the others', () => {
    router.apply(documentOf(nodes));
    const before = new Map(router.peers().map(({ node, connection }) => [node.name, connection]));
    const moved = { ...nodes[1], ip: '10.0.0.9' };
    router.apply(documentOf([{ ...nodes[0], weight: 3 }, moved], { version: 2 }));
    const after = new Map(router.peers().map(({ node, connection }) => [node.name, connection]));
    expect(after.get('a')).toBe(before.get('a'));
    expect(after.get('b')).not.toBe(before.get('b'));
    const closed = made.filter(({ closing }) => closing !== undefined).map(({ options }) => options.host);
    expect(closed.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('is what events describe nodes by', () => {
    router.apply(documentOf([nodes[0]]));
    made[0]?.options.onDown(new FleetError('TIMEOUT', 'silent'));
    router.apply(documentOf([{ ...nodes[0], weight: 3 }], { version: 2 }));
    made[0]?.options.onDown(new FleetError('TIMEOUT', 'silent'));
    made[0]?.options.onUp();
    expect(events).toEqual(['a weight 1 down TIMEOUT', 'a weight 3 down TIMEOUT', 'a up']);
  });
});

test('closing waits for every connection, those that left the topology included', async () => {
  router.apply(documentOf(nodes));
  router.apply(documentOf(nodes.slice(1), { version: 2 }));
  let closed = false;
  const closing = router.close().then(() => (closed = true));
  for (const { closing: left } of made) {
    await Promise.resolve();
    expect(closed).toBe(false);
    expect(left).toBeDefined();
    left?.resolve();
  }
  await closing;
});
