import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { FleetError } from '../../src/base/errors.ts';
import { silentLogger, type Logger } from '../../src/base/log.ts';
import { Handover } from '../../src/sidecar/handover.ts';
import { DEFAULT_HASHING, type NodeState, type TopologyDocument } from '../../src/topology/document.ts';

function documentOf(version: number, state: NodeState = 'active'): TopologyDocument {
  const sidecar = 'http://10.0.0.1:9150';
  return {
    fleet: 'memfleet',
    version,
    publishedAt: '2026-01-01T00:00:00.000Z',
    hashing: DEFAULT_HASHING,
    nodes: [{ name: 'cache-1', host: 'cache-1', ip: '10.0.0.1', port: 11211, weight: 1, state, sidecar }],
  };
}

/** What a daemon does with `config`: keeps it, until it is another process. */
class Target {
  config: string | undefined;
  readonly set: string[] = [];
  failure: FleetError | undefined;

  async configGet(): Promise<string | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.config;
  }

  async configSet(payload: string, token: string, signature = ''): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.set.push(`${token}: ${payload}${signature}`);
    this.config = payload;
  }
}

describe('handing the topology to the daemon', () => {
  let target: Target;
  let clock: ManualClock;
  let warnings: string[];
  let handover: Handover;

  beforeEach(() => {
    target = new Target();
    clock = new ManualClock();
    warnings = [];
    const log = { ...silentLogger, info: () => {}, warn: (text: string) => warnings.push(text) } as unknown as Logger;
    handover = new Handover({ target, token: 'secret', clock, log, intervalMs: 1000 });
  });

  async function nextLook(): Promise<void> {
    clock.advance(1000);
    await new Promise(setImmediate);
  }

  test('the signature goes over with its document', async () => {
    handover.offer({ ...documentOf(5), signature: 'signed' });
    await new Promise(setImmediate);
    expect(target.set).toEqual(['secret: 5\ncache-1|10.0.0.1|11211\nsigned']);
  });

  test('of nodes with IPv6 alone nothing goes over, which is said once, unless the fleet tells IPv6', async () => {
    const ipv6 = documentOf(5);
    const nodes = ipv6.nodes.map((node) => ({ ...node, ip: '2001:db8::1' }));
    handover.offer({ ...ipv6, nodes });
    await nextLook();
    expect(target.set).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/all 1 nodes have IPv6 alone/)]);
    handover.offer({ ...ipv6, nodes, version: 6, ipDiscovery: 'ipv6' });
    await new Promise(setImmediate);
    expect(target.set).toEqual(['secret: 6\ncache-1|2001:db8::1|11211\n']);
  });

  test('a document goes over at once, and only once', async () => {
    handover.offer(documentOf(5));
    await new Promise(setImmediate);
    expect(target.set).toEqual(['secret: 5\ncache-1|10.0.0.1|11211\n']);
    expect(handover.daemonVersion).toBe(5);
    await nextLook();
    expect(target.set).toHaveLength(1);
  });

  test('a newer document follows, an older one does not', async () => {
    handover.offer(documentOf(5));
    handover.offer(documentOf(6));
    handover.offer(documentOf(4));
    await new Promise(setImmediate);
    expect(target.config).toContain('6\n');
    expect(target.set.at(-1)).toContain('6\n');
    expect(target.set.some((line) => line.includes('4\n'))).toBe(false);
  });

  test('a restarted daemon, which knows nothing, is given it again', async () => {
    handover.offer(documentOf(5));
    await new Promise(setImmediate);
    target.config = undefined;
    await nextLook();
    expect(target.set).toHaveLength(2);
    expect(target.config).toBe('5\ncache-1|10.0.0.1|11211\n');
  });

  test('a daemon that knows a newer one keeps it', async () => {
    target.config = '9\nother|10.0.0.9|11211\n';
    handover.offer(documentOf(5));
    await new Promise(setImmediate);
    expect(target.set).toEqual([]);
    expect(handover.daemonVersion).toBe(9);
  });

  test('an unreachable daemon gets it when it is back, and the trouble is told once', async () => {
    target.failure = new FleetError('CONNECT_FAILED', 'nobody there');
    handover.offer(documentOf(5));
    await new Promise(setImmediate);
    await nextLook();
    await nextLook();
    expect(warnings).toEqual(['the daemon does not take the topology: nobody there']);
    target.failure = undefined;
    await nextLook();
    expect(target.set).toHaveLength(1);
  });

  test('a stock memcached, which refuses to be asked, is never sent a payload', async () => {
    target.failure = new FleetError('SERVER', 'ERROR');
    handover.offer(documentOf(5));
    await new Promise(setImmediate);
    await nextLook();
    expect(target.set).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test('a topology without active nodes is not handed over', async () => {
    handover.offer(documentOf(5, 'down'));
    await new Promise(setImmediate);
    expect(target.set).toEqual([]);
  });

  test('nothing happens after the end', async () => {
    handover.offer(documentOf(5));
    await new Promise(setImmediate);
    handover.close();
    target.config = undefined;
    await nextLook();
    expect(target.set).toHaveLength(1);
  });
});
