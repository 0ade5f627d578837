/**
 * A coordinator that finds its nodes in several ways at once, as a process, with real memcacheds: by a name in a real
 * DNS, and in a file. Goal: each way is lost and found by itself, and what it said last stays good.
 *
 * Daemons are at different addresses of the loopback interface and one port, as containers are.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { Dnsmasq } from '../support/dnsmasq.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

const command = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const children: ChildProcess[] = [];
let directory: string;
let dns: Dnsmasq;

function run(program: string, ...args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore' });
  children.push(child);
  return child;
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function at(...hosts: number[]): string[] {
  return hosts.map((host) => `127.0.0.${host}`);
}

function writeNodes(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

describeWith(['memcached', 'dnsmasq'], 'a coordinator with a name and a file', () => {
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'memfleet-discovery-'));
    dns = await Dnsmasq.start();
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map(kill));
    await dns.close();
    rmSync(directory, { recursive: true });
  });

  test('keeps what each of them said last, and follows the one that it sees', async () => {
    const port = await freePort('127.0.0.2');
    for (const host of at(2, 3, 4, 5)) run('memcached', '-u', 'nobody', '-l', host, '-p', String(port), '-m', '16');
    await dns.serve({ addresses: { 'tasks.test': at(2, 3) } });
    const file = join(directory, 'nodes');
    // 127.0.0.3 is known to both: by its address first, because that is the order of the sources.
    writeNodes(file, `static-3=127.0.0.3:${port}\nstatic-4=127.0.0.4:${port}\n`);

    const http = await freePort('127.0.0.1');
    const url = `http://127.0.0.1:${http}`;
    const found = ['--discover', 'dns,static', '--nodes-file', file, '--dns-names', `tasks.test:${port}`];
    const asked = ['--dns-servers', dns.address, '--dns-interval', '100ms'];
    const listening = ['--listen', `127.0.0.1:${http}`, '--discovery-listen', '127.0.0.1:0'];
    run(command, 'coordinator', ...found, ...asked, ...listening);
    const active = async (): Promise<string> => {
      const response = await fetch(`${url}/v1/topology`).catch(() => undefined);
      if (response?.ok !== true) return '';
      const { nodes } = (await response.json()) as TopologyDocument;
      return nodes.flatMap(({ name, state }) => (state === 'active' ? [name] : [])).join();
    };
    const sources = async (): Promise<string> => {
      const { sources: all } = (await (await fetch(`${url}/v1/nodes`)).json()) as {
        sources: { name: string; up: boolean }[];
      };
      return all.map(({ name, up }) => `${name} ${up ? 'up' : 'lost'}`).join();
    };
    await until('both sources', async () => (await active()) === '127.0.0.2,127.0.0.3,static-4', 60_000);

    await dns.stop();
    await until('the loss of DNS', async () => (await sources()) === 'dns:tasks.test lost,static up', 60_000);
    writeNodes(file, `static-4=127.0.0.4:${port}\nstatic-5=127.0.0.5:${port}\n`);
    await until('the file', async () => (await active()) === '127.0.0.2,127.0.0.3,static-4,static-5', 60_000);

    truncateSync(file);
    await until('the loss of the file', async () => (await sources()) === 'dns:tasks.test lost,static lost', 60_000);
    await dns.serve({ addresses: { 'tasks.test': at(2) } });
    await until('DNS', async () => (await active()) === '127.0.0.2,static-4,static-5', 60_000);
    expect(await sources()).toBe('dns:tasks.test up,static lost');
  });
});
