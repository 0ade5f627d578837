/**
 * The configurations for other software, read by that software. Where the views promise that it places keys on the ring
 * of our clients, keys that are stored through it must be with their owners.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connection } from '../../src/client/wire/connection.ts';
import { networkView, proxyConfig, twemproxyConfig } from '../../src/coordinator/http/views.ts';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { buildRing } from '../../src/topology/ring.ts';
import { describeWith } from '../support/requirements.ts';
import { TinyMemcached } from '../support/tiny-memcached.ts';
import { until } from '../support/until.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';

const run = promisify(execFile);
const view = networkView(
  documentOf([
    nodeOf({ name: 'cache-1', ip: '10.0.0.1' }),
    nodeOf({ name: 'cache-2', host: '127.0.0.1', ip: '127.0.0.1', port: 11_300, weight: 2 }),
    nodeOf({ name: `odd"'\\name`, host: '127.0.0.2', ip: '127.0.0.2' }),
  ]),
);
const KEYS = Array.from({ length: 1_000 }, (_, index) => `user:${index}:${index * 7919}`);
let folder: string;

/** Nodes that really listen, with these weights, and the document that names them. */
async function realNodes(weights: readonly number[]): Promise<[Map<string, TinyMemcached>, TopologyDocument]> {
  const servers = new Map<string, TinyMemcached>();
  const nodes = [];
  for (const [index, weight] of weights.entries()) {
    const name = `cache-${index + 1}`;
    const server = await TinyMemcached.start();
    servers.set(name, server);
    nodes.push(nodeOf({ name, host: '127.0.0.1', ip: '127.0.0.1', port: server.port, weight }));
  }
  return [servers, documentOf(nodes)];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Stores all keys through the proxy at `port` and expects each of them at its owner, and at nobody else. */
async function expectOnOurRing(
  port: number,
  servers: ReadonlyMap<string, TinyMemcached>,
  document: TopologyDocument,
): Promise<void> {
  const proxy = new Connection({ host: '127.0.0.1', port });
  const stored = async (): Promise<boolean> => {
    try {
      await proxy.set('user:first', Buffer.from('1'));
      return true;
    } catch {
      return false;
    }
  };
  await until('the proxy stores', stored);
  for (const key of KEYS) await proxy.set(key, Buffer.from(key));
  await proxy.close();
  const ring = buildRing(document);
  for (const [name, { items }] of servers) {
    const owned = KEYS.filter((key) => ring.owner(key)?.name === name);
    expect(owned.length, name).toBeGreaterThan(KEYS.length / 10);
    expect([...items.keys()].filter((key) => key !== 'user:first').sort(), name).toEqual(owned.sort());
  }
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memfleet-views-'));
});
afterAll(() => rm(folder, { recursive: true }));

describeWith(['nutcracker'], 'twemproxy', () => {
  test('takes its configuration', async () => {
    const path = join(folder, 'twemproxy.yaml');
    await writeFile(path, twemproxyConfig(view));
    const { stderr } = await run('nutcracker', ['-t', '-c', path]);
    expect(stderr).toContain('syntax is ok');
  });

  test('has every key where our clients have it, by weight too', async () => {
    const [servers, document] = await realNodes([1, 2, 1, 1]);
    const [port, path] = [await freePort(), join(folder, 'twemproxy-nodes.yaml')];
    await writeFile(path, twemproxyConfig(networkView(document)).replace(':22121', `:${port}`));
    const statsPort = String(await freePort());
    const proxy = spawn('nutcracker', ['-c', path, '-a', '127.0.0.1', '-s', statsPort], { stdio: 'ignore' });
    try {
      await expectOnOurRing(port, servers, document);
    } finally {
      proxy.kill();
    }
  });
});

describeWith(['docker'], 'memcached’s own proxy', () => {
  test('takes its configuration', async () => {
    // It serves until it is ended; a configuration that it refuses ends it at once, with other words.
    const script = 'cat > /tmp/proxy.lua; timeout 2 memcached -v -o proxy_config=/tmp/proxy.lua';
    const args = ['run', '--rm', '-i', '--label', 'memfleet.test=views', '--entrypoint', 'sh', 'memcached:1.6'];
    const child = run('docker', [...args, '-c', script]);
    child.child.stdin?.end(proxyConfig(view));
    expect((await child.catch((error: { stderr: string }) => error)).stderr.trim()).toBe('Exiting normally');
  });

  test('has every key where our clients have it', async () => {
    const [servers, document] = await realNodes([1, 1, 1]);
    const port = await freePort();
    const script = `cat > /tmp/proxy.lua; exec memcached -l 127.0.0.1 -p ${port} -o proxy_config=/tmp/proxy.lua`;
    const options = ['--rm', '-i', '--network', 'host', '--label', 'memfleet.test=views', '--entrypoint', 'sh'];
    const name = `memfleet-test-views-${process.pid}`;
    const proxy = spawn('docker', ['run', '--name', name, ...options, 'memcached:1.6', '-c', script]);
    proxy.stdin.end(proxyConfig(networkView(document)));
    try {
      await expectOnOurRing(port, servers, document);
    } finally {
      await run('docker', ['rm', '-f', name]);
    }
  });
});

describeWith(['lua'], 'the proxy’s Lua', () => {
  test('compiles', async () => {
    const path = join(folder, 'proxy.lua');
    await writeFile(path, proxyConfig(view));
    const { stdout, stderr } = await run('luac5.4', ['-p', path]);
    expect([stdout, stderr]).toEqual(['', '']);
  });
});
