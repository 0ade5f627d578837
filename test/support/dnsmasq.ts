/**
 * A real DNS server for the tests: dnsmasq, answering for `.test` alone from records that a test changes. It runs in
 * the foreground, as a child, on a port of the loopback interface.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/** What the server knows. */
export interface Records {
  /** Name → addresses of either family. */
  addresses?: Readonly<Record<string, readonly string[]>>;
  /** Name → SRV records as `target:port`. */
  services?: Readonly<Record<string, readonly string[]>>;
}

/** Docker's resolver says ten minutes too. */
const TTL_SECONDS = 600;

/** A port on which nobody listens, neither for datagrams nor for connections as far as one can tell. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** A DNS server that can be changed, silenced and stopped. */
export class Dnsmasq {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'memfleet-dns-'));
  #child: ChildProcess | undefined;
  #generation = 0;

  constructor(port: number) {
    this.port = port;
  }

  static async start(records: Records = {}): Promise<Dnsmasq> {
    const server = new Dnsmasq(await freePort());
    await server.serve(records);
    return server;
  }

  /** For `dnsQueries`, and for `--dns-servers`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Makes the server know these records and no others. */
  async serve({ addresses = {}, services = {} }: Records): Promise<void> {
    await this.stop();
    this.#generation += 1;
    const lines = ['no-resolv', 'no-hosts', 'no-daemon', 'bind-interfaces', 'listen-address=127.0.0.1', 'local=/test/'];
    lines.push(`port=${this.port}`, `local-ttl=${TTL_SECONDS}`, 'pid-file', 'user=root', 'cache-size=0');
    lines.push(`txt-record=generation.test,${this.#generation}`, `addn-hosts=${join(this.#folder, 'hosts')}`);
    const hosts = Object.entries(addresses).flatMap(([name, all]) => all.map((address) => `${address} ${name}\n`));
    for (const [name, targets] of Object.entries(services)) {
      for (const target of targets) lines.push(`srv-host=${name},${target.replace(/:(\d+)$/, ',$1')}`);
    }
    writeFileSync(join(this.#folder, 'hosts'), hosts.join(''));
    const config = join(this.#folder, 'dnsmasq.conf');
    writeFileSync(config, `${lines.join('\n')}\n`);
    const child = spawn('dnsmasq', [`--conf-file=${config}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    await until('dnsmasq answers', async () => {
      if (child.exitCode !== null) throw new Error(`dnsmasq ended with ${child.exitCode}: ${said}`);
      return (await this.#servedGeneration()) === String(this.#generation);
    });
  }

  async #servedGeneration(): Promise<string | undefined> {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([this.address]);
    return (await resolver.resolveTxt('generation.test').catch(() => undefined))?.[0]?.[0];
  }

  /** Takes what it is sent and answers nothing, as a server behind a broken network; or goes on. */
  silence(yes: boolean): void {
    this.#child?.kill(yes ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Ends the server: nobody is there any more. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Ends the server and removes what it needed. */
  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
