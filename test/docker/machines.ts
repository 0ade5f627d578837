/**
 * Two machines for the tests: network namespaces with a Docker engine in each and a cable between them that can be
 * pulled out. The host reaches either by a cable of its own, so that a test sees both sides of a split.
 *
 * ```
 *   host ──── machine 1 ──── machine 2 ──── host
 *                    (the cable)
 * ```
 * Needs root. The engines' images, containers and sockets are in a temporary folder; nothing is left of them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, run } from './support.ts';

/** Networks that RFC 5737 keeps free for examples: nobody else uses them. */
const CABLE = '192.0.2';
const HOST_CABLES = ['198.51.100', '203.0.113'];

async function must(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** One machine. */
export class Machine {
  readonly number: 1 | 2;
  /** Where the other machine reaches it. */
  readonly address: string;
  /** Where the host reaches it. */
  readonly hostAddress: string;
  readonly hostname: string;
  readonly socket: string;
  readonly namespace: string;
  readonly #folder: string;
  #engine: ChildProcess | undefined;

  constructor(number: 1 | 2, folder: string) {
    this.number = number;
    this.address = `${CABLE}.${number}`;
    this.hostAddress = `${HOST_CABLES[number - 1]}.2`;
    this.hostname = `machine-${number}`;
    // By this name CI finds what a run that was cut off has left.
    this.namespace = `memfleet-test-${process.pid}-${number}`;
    this.#folder = join(folder, String(number));
    this.socket = join(this.#folder, 'docker.sock');
  }

  /** Makes the namespace and its cable to the host. */
  async build(): Promise<void> {
    const { namespace, number } = this;
    const link = `mft${number}-${process.pid}`;
    const network = HOST_CABLES[number - 1];
    mkdirSync(this.#folder);
    await must('ip', 'netns', 'add', namespace);
    await must('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'host', 'netns', namespace);
    await must('ip', 'addr', 'add', `${network}.1/30`, 'dev', link);
    await must('ip', 'link', 'set', link, 'up');
    await must('ip', '-n', namespace, 'addr', 'add', `${this.hostAddress}/30`, 'dev', 'host');
    for (const name of ['host', 'lo']) await must('ip', '-n', namespace, 'link', 'set', name, 'up');
    // A Swarm asks the registry for each task's image, which is there already: that is refused at once, not in time.
    await must('ip', '-n', namespace, 'route', 'add', 'unreachable', 'default');
  }

  /** Starts the engine; resolves when it answers. */
  async start(): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    const engine = `exec dockerd --data-root '${at('data')}' --exec-root '${at('run')}' --pidfile '${at('pid')}' -H unix://${this.socket}`;
    const log = openSync(at('log'), 'a');
    // Not `ip netns exec`, which hides the control groups.
    const inside = ['unshare', '--uts', 'sh', '-c', `hostname ${this.hostname} && ${engine}`];
    this.#engine = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, ...inside], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    await eventually(`the engine of ${this.hostname}`, async () => {
      if (this.#engine?.exitCode !== null) throw new Error(readFileSync(at('log'), 'utf8').slice(-2000));
      return await this.docker('version', '--format', '{{.Server.Version}}');
    });
  }

  /** Runs `docker` on this machine's engine. */
  async docker(...args: string[]): Promise<string> {
    return await must('docker', '-H', `unix://${this.socket}`, ...args);
  }

  /** Plugs the cable to the other machine in, or pulls it out. */
  async connect(yes: boolean): Promise<void> {
    await must('ip', '-n', this.namespace, 'link', 'set', 'cable', yes ? 'up' : 'down');
  }

  /** Ends the engine with its containers, and the namespace with its cables. */
  async remove(): Promise<void> {
    const engine = this.#engine;
    if (engine !== undefined && engine.exitCode === null) {
      const exit = once(engine, 'exit');
      engine.kill('SIGTERM');
      await exit;
    }
    await run('ip', ['netns', 'del', this.namespace]);
  }
}

/** Both machines. */
export class Machines {
  readonly first: Machine;
  readonly second: Machine;
  readonly #folder = mkdtempSync(join(tmpdir(), 'memfleet-machines-'));

  constructor() {
    this.first = new Machine(1, this.#folder);
    this.second = new Machine(2, this.#folder);
  }

  get both(): Machine[] {
    return [this.first, this.second];
  }

  /** Builds both, starts their engines, and gives them these images of the host's engine. */
  async start(images: readonly string[]): Promise<void> {
    for (const machine of this.both) await machine.build();
    const { first, second } = this;
    const peer = ['peer', 'name', 'cable', 'netns', second.namespace];
    await must('ip', 'link', 'add', 'cable', 'netns', first.namespace, 'type', 'veth', ...peer);
    for (const machine of this.both) {
      await must('ip', '-n', machine.namespace, 'addr', 'add', `${machine.address}/24`, 'dev', 'cable');
      await machine.connect(true);
    }
    await Promise.all(this.both.map((machine) => machine.start()));
    const archive = join(this.#folder, 'images.tar');
    await must('docker', 'save', '-o', archive, ...images);
    await Promise.all(this.both.map((machine) => machine.docker('load', '-q', '-i', archive)));
    rmSync(archive);
  }

  /** Makes a Swarm of both, the first its manager. */
  async joinSwarm(): Promise<void> {
    const { first, second } = this;
    await first.docker('swarm', 'init', '--advertise-addr', first.address);
    const token = await first.docker('swarm', 'join-token', '-q', 'worker');
    await second.docker('swarm', 'join', '--advertise-addr', second.address, '--token', token, `${first.address}:2377`);
  }

  async remove(): Promise<void> {
    await Promise.all(this.both.map((machine) => machine.remove()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
