/** `memfleet node`, the entry of a cache container: daemon and sidecar under one supervisor. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/client/wire/connection.ts';
import { childrenOf, freePorts, isAlive, MEMFLEET, run } from '../support/local-fleet.ts';
import { describeWith } from '../support/requirements.ts';
import { until } from '../support/until.ts';

/** A node that runs. */
class TestNode implements AsyncDisposable {
  readonly port: number;
  readonly sidecarUrl: string;
  readonly #process: ChildProcess;
  stderr = '';

  private constructor(process: ChildProcess, port: number, sidecarPort: number) {
    this.#process = process;
    this.port = port;
    this.sidecarUrl = `http://127.0.0.1:${sidecarPort}`;
    process.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString()));
  }

  static async start(env: Record<string, string> = {}, flags: readonly string[] = []): Promise<TestNode> {
    const { daemon, sidecar } = await freePorts(1);
    const child = spawn(MEMFLEET, ['node', '-l', '127.0.0.1', '-m', '64', '-p', String(daemon), ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, MEMFLEET_SIDECAR_LISTEN: `127.0.0.1:${sidecar}`, MEMFLEET_LOG_LEVEL: 'warn', ...env },
    });
    const node = new TestNode(child, daemon, sidecar);
    await node.untilReadyz(200);
    return node;
  }

  untilReadyz(status: number): Promise<void> {
    return until(`/readyz to answer ${status}`, async () => (await this.readyz()) === status, 60_000);
  }

  /** The status of /readyz, or 0 while nobody listens. */
  async readyz(): Promise<number> {
    try {
      const response = await fetch(`${this.sidecarUrl}/readyz`);
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  }

  children(): number[] {
    return childrenOf(this.#process.pid ?? 0);
  }

  /** What the daemon, and nothing else, says its pid is. */
  async daemonPid(): Promise<number> {
    const connection = this.connect();
    const pid = Number((await connection.stats()).get('pid'));
    await connection.close();
    return pid;
  }

  connect(): Connection {
    return new Connection({ host: '127.0.0.1', port: this.port });
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async ended(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'close');
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGTERM');
    await this.ended();
  }
}

describe('a node', () => {
  test('a sidecar that dies is started again, and no request notices', async () => {
    await using node = await TestNode.start();
    const connection = node.connect();
    await connection.set('key', Buffer.from('value'));
    const daemon = await node.daemonPid();
    const sidecar = node.children().find((pid) => pid !== daemon) ?? 0;
    process.kill(sidecar, 'SIGKILL');
    await until('the sidecar to be gone', () => !isAlive(sidecar));
    expect((await connection.get('key'))?.data.toString()).toBe('value');
    await node.untilReadyz(200);
    expect(await node.daemonPid()).toBe(daemon);
    expect(node.stderr).toContain(`memfleet node: sidecar (pid ${sidecar}) ended with SIGKILL; starting it again`);
    await connection.close();
  });

  test('SIGTERM: the sidecar says that it drains while the daemon still answers, then all ends with 0', async () => {
    const node = await TestNode.start({ MEMFLEET_DRAIN_MS: '3000' });
    const children = node.children();
    expect(children).toHaveLength(2);
    const connection = node.connect();
    await connection.set('key', Buffer.from('value'));
    node.kill('SIGTERM');
    await node.untilReadyz(503);
    expect((await connection.get('key'))?.data.toString()).toBe('value');
    await connection.close();
    expect(await node.ended()).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    expect(node.stderr).toBe('');
  });

  test("the daemon's end is the node's end", async () => {
    const node = await TestNode.start();
    const children = node.children();
    process.kill(await node.daemonPid(), 'SIGKILL');
    expect(await node.ended()).toBe(137);
    expect(node.stderr).toBe('memfleet node: daemon ended with SIGKILL\n');
    expect(children.filter(isAlive)).toEqual([]);
  });

  test('a node whose supervisor is killed leaves nothing behind', async () => {
    const node = await TestNode.start();
    const children = node.children();
    node.kill('SIGKILL');
    await until('the children to be gone', () => children.every((pid) => !isAlive(pid)));
  });

  test('what a node cannot be started with is one line and a code', async () => {
    expect(await run(MEMFLEET, ['node', '-d'])).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^memfleet node: -d cannot be used here: .*\n$/),
    });
    await using node = await TestNode.start();
    const taken = await run(MEMFLEET, ['node', '-l', '127.0.0.1', '-p', String(node.port)]);
    expect(taken.code).toBe(71);
    expect(taken.stderr).toContain(String(node.port));
  });

  test.each([
    ['a Unix socket', 'domain_socket', ['-s', 'SOCKET'], {}],
    ['logins of the text protocol', 'auth_enabled_ascii', ['-Y', 'USERS'], {}],
    ['SASL', 'auth_enabled_sasl', ['-S'], { MEMCACHED_SASL_PWDB: 'USERS' }],
    ['the binary protocol', 'binding_protocol', ['-B', 'binary'], {}],
  ])('%s alone is no wall between a node and its sidecar', async (_, setting, flags, env: Record<string, string>) => {
    const folder = mkdtempSync(join(tmpdir(), 'node-test-'));
    const users = join(folder, 'users');
    writeFileSync(users, 'user:password\n');
    const place = (word: string): string => word.replace('SOCKET', join(folder, 'socket')).replace('USERS', users);
    const placedEnv = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, place(value)]));
    try {
      await using node = await TestNode.start(placedEnv, flags.map(place));
      const settings = (await (await fetch(`${node.sidecarUrl}/stats/settings`)).json()) as Record<string, unknown>;
      expect(settings[setting]).not.toMatch(/^(no|NULL|auto-negotiate)$/);
      expect(await (await fetch(`${node.sidecarUrl}/metrics`)).text()).toMatch(/^memcached_up 1$/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  describeWith(['openssl'], 'TLS', () => {
    test('is no wall between a node and its sidecar', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'node-test-'));
      const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=node'];
      execFileSync('openssl', [...make, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
      try {
        const options = `ssl_chain_cert=${certificate},ssl_key=${key},ssl_ca_cert=${certificate},ssl_verify_mode=2`;
        await using node = await TestNode.start({}, ['-Z', '-o', options]);
        expect(await (await fetch(`${node.sidecarUrl}/metrics`)).text()).toMatch(/^memcached_up 1$/m);
        const settings = (await (await fetch(`${node.sidecarUrl}/stats/settings`)).json()) as Record<string, unknown>;
        expect(settings['ssl_enabled']).toBe('yes');
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });

  test("-h and -V are the daemon's", async () => {
    const [help, daemonHelp] = [await run(MEMFLEET, ['node', '-h']), await run(MEMFLEET, ['daemon', '-h'])];
    expect(help.code).toBe(0);
    expect(help.stdout).toBe(daemonHelp.stdout);
    expect((await run(MEMFLEET, ['node', '--help'])).stdout).toContain('MEMFLEET_DRAIN_MS');
  });
});
