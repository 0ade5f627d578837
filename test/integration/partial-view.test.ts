/**
 * A coordinator as a process whose DNS shows another part of the fleet in each answer, names what cannot be resolved,
 * and gives one short name to two nodes. Goal: no key moves and no node is flushed for any of it, over a restart too, and
 * everybody can see that the view is not whole.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NodeView } from '../../src/api/coordinator.ts';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { DnsServer } from '../support/dns-server.ts';
import { TinyMemcached } from '../support/tiny-memcached.ts';
import { until } from '../support/until.ts';

const command = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const NAME = '_mc._tcp.test';
/** One of four is missing in each; a node that was dropped for one absence would have gone in the first. */
const LOOKS = 20;

interface NodeList {
  version: number;
  held: string | null;
  sources: { name: string; up: boolean; missing: number }[];
  leftOut: { shown: { name: string; reason: string }[] };
  nodes: NodeView[];
}

let directory: string;
let dns: DnsServer;
let daemons: TinyMemcached[];
let coordinator: ChildProcess | undefined;
let url: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'memfleet-partial-'));
  daemons = await Promise.all(Array.from({ length: 5 }, () => TinyMemcached.start()));
  dns = await DnsServer.start({}, 'udp');
  for (const index of daemons.keys()) dns.zone[`n${index}.test`] = { A: ['127.0.0.1'] };
});
afterEach(async () => {
  await stop();
  await dns.close();
  await Promise.all(daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  rmSync(directory, { recursive: true });
});

async function start(): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  url = `http://127.0.0.1:${port}`;
  const asked = ['--dns-names', NAME, '--dns-servers', dns.address, '--dns-interval', '100ms'];
  const listening = ['--listen', `127.0.0.1:${port}`, '--discovery-listen', '127.0.0.1:0'];
  const remembered = ['--state-file', join(directory, 'state.json')];
  coordinator = spawn(command, ['coordinator', ...asked, ...listening, ...remembered], { stdio: 'ignore' });
}

async function stop(): Promise<void> {
  const child = coordinator;
  coordinator = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function nodeList(): Promise<NodeList | undefined> {
  const response = await fetch(`${url}/v1/nodes`).catch(() => undefined);
  return response?.ok === true ? ((await response.json()) as NodeList) : undefined;
}

/** The ring that is published. */
async function active(): Promise<string> {
  const response = await fetch(`${url}/v1/topology`).catch(() => undefined);
  if (response?.ok !== true) return '';
  const { nodes } = (await response.json()) as TopologyDocument;
  return nodes.flatMap(({ name, state }) => (state === 'active' ? [name] : [])).join();
}

const looks = (): number => dns.asked.filter(({ name }) => name === NAME).length;

async function someLooks(): Promise<void> {
  const before = looks();
  await until('looks at DNS', () => looks() >= before + LOOKS, 60_000);
}

const target = (name: string, index: number): string => `${name}:${daemons[index]?.port}`;
const flushes = (): number[] => daemons.map(({ lines }) => lines.filter((line) => line.startsWith('flush_all')).length);

test('keys stay where they are while DNS shows a part, fails in one member, and names two nodes alike', async () => {
  const members = [0, 1, 2, 3].map((index) => target(`n${index}.test`, index));
  dns.zone[NAME] = { SRV: members, limit: 3 };
  await start();
  await until('four nodes', async () => (await active()) === 'n0,n1,n2,n3', 60_000);
  const { version } = (await nodeList()) ?? {};
  await someLooks();
  const partial = await nodeList();
  expect(partial).toMatchObject({
    version,
    held: expect.stringContaining('1 of 4 nodes are kept') as string,
    sources: [{ name: `dns:${NAME}`, up: false, missing: 1 }],
  });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain(`memfleet_discovery_up{source="dns:${NAME}"} 0`);
  expect(metrics).toContain(`memfleet_discovery_missing_nodes{source="dns:${NAME}"} 1`);

  await stop();
  await start();
  await until('the coordinator is back', async () => (await active()) === 'n0,n1,n2,n3', 60_000);
  await someLooks();
  expect((await nodeList())?.version).toBe(version);
  expect(flushes()).toEqual([1, 1, 1, 1, 0]);

  dns.zone['n0.other'] = { A: ['127.0.0.1'] };
  dns.zone['n9.test'] = { rcode: 2 };
  dns.zone[NAME] = { SRV: [...members, target('n0.other', 4), 'n9.test:11211'] };
  await until('the namesake', async () => (await active()) === 'n0,n0.other,n1,n2,n3', 60_000);
  const last = await nodeList();
  expect(last?.leftOut.shown).toMatchObject([{ name: 'n9.test', reason: 'unresolved' }]);
  expect(last?.nodes.find(({ name }) => name === 'n0')?.host).toBe('n0.test');
  expect(flushes()).toEqual([1, 1, 1, 1, 1]);
});

test('a member that cannot be resolved at the start keeps nobody from the others', async () => {
  dns.zone[NAME] = { SRV: [target('n0.test', 0), 'n8.test:11211', 'n9.test:11211'] };
  dns.zone['n8.test'] = { silent: true };
  dns.zone['n9.test'] = { rcode: 2 };
  await start();
  await until('the one that can be', async () => (await active()) === 'n0', 60_000);
  const names = (await nodeList())?.leftOut.shown.map(({ name }) => name);
  expect(names).toEqual(['n8.test', 'n9.test']);
});
