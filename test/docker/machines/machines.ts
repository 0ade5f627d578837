/**
 * Machines for the tests: network namespaces with a Docker engine in each, and between two of them a cable that can be
 * pulled out. The host reaches each by a cable of its own, so that a test sees both sides of a split.
 *
 * ```
 *   host ──── machine 1 ──── machine 2 ──── host
 *                    (the cable)
 * ```
 * Needs root. The namespaces have no name: each is held by a process that ends with the tests, and its cables go with
 * it. The engines get SIGTERM when the tests end, however they end. Their images, containers and sockets are in a
 * temporary folder, `memfleet-machines-PID-…`, by which CI finds what a run that was cut off has left (clear.sh).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { eventually, run } from '../support.ts';

/** The cable between the machines. RFC 5737 keeps this network free for examples, and only they see it. */
const CABLE = '192.0.2';

/** The host's cables are in RFC 2544's networks for laboratories, each in a network of four addresses. */
const HOST_CABLES_MAX = 2 * 256 * 64;

/** Kills a process, with its descendants that it does not take along, when the tests end. */
const endsWithTests = (signal: string): string[] => ['--pdeathsig', signal];

async function must(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** Network, the host's address and the machine's of a cable that the host has no address on yet. */
async function freeHostCable(): Promise<[string, string]> {
  const taken = await must('ip', '-4', 'route', 'show', 'table', 'all');
  for (;;) {
    const cable = Math.floor(Math.random() * HOST_CABLES_MAX);
    const network = `198.${18 + (cable >> 14)}.${(cable >> 6) & 255}`;
    const first = (cable & 63) * 4;
    if (!taken.includes(`${network}.${first}/30`)) return [`${network}.${first + 1}`, `${network}.${first + 2}`];
  }
}

/** One machine. */
export class Machine {
  /** Where other machines reach it. */
  readonly address: string;
  readonly hostname: string;
  readonly socket: string;
  readonly #folder: string;
  #hostAddress = '';
  #holder: ChildProcess | undefined;
  #engine: ChildProcess | undefined;

  /** @param folder for everything that it needs; removed by the caller */
  constructor(number: number, folder: string) {
    this.address = `${CABLE}.${number}`;
    this.hostname = `machine-${number}`;
    this.#folder = join(folder, String(number));
    this.socket = join(this.#folder, 'docker.sock');
  }

  /** Where the host reaches it. */
  get hostAddress(): string {
    return this.#hostAddress;
  }

  /** The process that holds its namespaces. */
  get pid(): number {
    const pid = this.#holder?.pid;
    if (pid === undefined) throw new Error(`${this.hostname} is not built`);
    return pid;
  }

  /** Command and arguments that run `command` in this machine's network. */
  within(...command: string[]): [string, string[]] {
    return ['nsenter', [`--net=/proc/${this.pid}/ns/net`, ...command]];
  }

  /** Runs a command in this machine's network. */
  async inside(...command: string[]): Promise<string> {
    const [program, args] = this.within(...command);
    return await must(program, ...args);
  }

  /** Makes the namespaces and the cable to the host. */
  async build(): Promise<void> {
    mkdirSync(this.#folder);
    const hold = `hostname ${this.hostname} && echo ready && exec sleep infinity`;
    const holder = spawn('setpriv', [...endsWithTests('KILL'), 'unshare', '--net', '--uts', 'sh', '-c', hold], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    this.#holder = holder;
    await Promise.race([
      once(holder.stdout, 'data'),
      once(holder, 'exit').then(() => Promise.reject(new Error('no namespaces'))),
    ]);
    const [hostEnd, machineEnd] = await freeHostCable();
    this.#hostAddress = machineEnd;
    const link = `mf${this.pid}`;
    await must('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'host', 'netns', String(this.pid));
    await must('ip', 'addr', 'add', `${hostEnd}/30`, 'dev', link);
    await must('ip', 'link', 'set', link, 'up');
    await this.inside('ip', 'addr', 'add', `${machineEnd}/30`, 'dev', 'host');
    for (const name of ['host', 'lo']) await this.inside('ip', 'link', 'set', name, 'up');
    // An engine asks the registry for images that are there already: that is refused at once, not in time.
    await this.inside('ip', 'route', 'add', 'unreachable', 'default');
  }

  /** Starts the engine; resolves when it answers. */
  async start(...flags: string[]): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    const files = ['--data-root', at('data'), '--exec-root', at('run'), '--pidfile', at('pid')];
    // By this name clear.sh finds the containers.
    const groups = ['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${basename(dirname(at('')))}`];
    const log = openSync(at('log'), 'a');
    // Not `ip netns exec`, which hides the control groups.
    const namespaces = [`--net=/proc/${this.pid}/ns/net`, `--uts=/proc/${this.pid}/ns/uts`];
    const engine = ['dockerd', ...files, ...groups, '-H', `unix://${this.socket}`, ...flags];
    this.#engine = spawn('setpriv', [...endsWithTests('TERM'), 'nsenter', ...namespaces, ...engine], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    await eventually(`the engine of ${this.hostname}`, async () => {
      if (this.#engine?.exitCode !== null) throw new Error(readFileSync(at('log'), 'utf8').slice(-2000));
      return await this.docker('version', '--format', '{{.Server.Version}}');
    });
  }

  /** Ends the engine; resolves when it has ended. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined || engine.exitCode !== null || engine.signalCode !== null) return;
    const exit = once(engine, 'exit');
    engine.kill(signal);
    await exit;
  }

  /** Runs `docker` on this machine's engine. */
  async docker(...args: string[]): Promise<string> {
    return await must('docker', '-H', `unix://${this.socket}`, ...args);
  }

  /** Plugs the cable to the other machine in, or pulls it out. */
  async connect(yes: boolean): Promise<void> {
    await this.inside('ip', 'link', 'set', 'cable', yes ? 'up' : 'down');
  }

  /** Ends the engine with its containers, and the namespaces with their cables. */
  async remove(): Promise<void> {
    // An engine with live-restore leaves its containers running.
    const containers = await this.docker('ps', '-q').catch(() => '');
    if (containers !== '') await this.docker('rm', '-f', ...containers.split('\n')).catch(() => undefined);
    await this.stop();
    this.#holder?.kill('SIGKILL');
  }
}

/** One or two machines and their folder. */
export class Machines {
  readonly all: readonly Machine[];
  readonly #folder = mkdtempSync(join(tmpdir(), `memfleet-machines-${process.pid}-`));

  constructor(count: 1 | 2) {
    this.all = Array.from({ length: count }, (_, index) => new Machine(index + 1, this.#folder));
  }

  get first(): Machine {
    return this.#number(1);
  }

  get second(): Machine {
    return this.#number(2);
  }

  /** Builds them, starts their engines, and gives them these images of the host's engine. */
  async start(images: readonly string[], ...flags: string[]): Promise<void> {
    for (const machine of this.all) await machine.build();
    if (this.all.length === 2) await this.#join();
    const archive = join(this.#folder, 'images.tar');
    const saved = must('docker', 'save', '-o', archive, ...images);
    await Promise.all([saved, ...this.all.map((machine) => machine.start(...flags))]);
    await Promise.all(this.all.map((machine) => machine.docker('load', '-q', '-i', archive)));
    rmSync(archive);
  }

  async remove(): Promise<void> {
    await Promise.all(this.all.map((machine) => machine.remove()));
    await must(join(import.meta.dirname, 'clear.sh'), this.#folder);
  }

  /** Lays the cable between two machines. */
  async #join(): Promise<void> {
    const peer = ['peer', 'name', 'cable', 'netns', String(this.second.pid)];
    await must('ip', 'link', 'add', 'cable', 'netns', String(this.first.pid), 'type', 'veth', ...peer);
    for (const machine of this.all) {
      await machine.inside('ip', 'addr', 'add', `${machine.address}/24`, 'dev', 'cable');
      await machine.connect(true);
    }
  }

  #number(number: number): Machine {
    const machine = this.all[number - 1];
    if (machine === undefined) throw new Error(`there are only ${this.all.length} machines`);
    return machine;
  }
}
