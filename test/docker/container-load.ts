/**
 * Our client under constant load in a container, where the nodes can be reached or names resolve: about 400 requests a
 * second until it is told to end; then it says what came of them. Meanwhile it says which topologies it follows.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './support.ts';

const SCRIPT = `
import { createFleet } from '/opt/memfleet/dist/client/index.js';
const fleet = createFleet({ coordinator: process.argv[1] });
const result = { requests: 0, misses: 0, failed: 0, reasons: [] };
let version;
const count = async (request) => {
  result.requests += 1;
  try { return await request; } catch (error) {
    result.failed += 1;
    if (result.reasons.length < 5) result.reasons.push(String(error));
  }
};
await fleet.set('load:0', 0);
console.log('ready');
let n = 0;
const timer = setInterval(() => {
  n = (n + 1) % 500;
  if (fleet.topology.version !== version) console.log('version ' + (version = fleet.topology.version));
  void count(fleet.set('load:' + n, n));
  void count(fleet.get('load:' + ((n + 250) % 500))).then((value) => { if (value === undefined) result.misses += 1; });
}, 5);
process.stdin.resume().on('end', async () => {
  clearInterval(timer);
  await new Promise((wake) => setTimeout(wake, 500));
  console.log(JSON.stringify(result));
  process.exit(0);
});
`;

/** What the load has met with. */
export interface LoadResult {
  requests: number;
  misses: number;
  failed: number;
  /** The first few of the failures. */
  reasons: string[];
}

/** A load that runs. */
export class ContainerLoad {
  readonly #child: ChildProcess;
  #output = '';

  private constructor(container: readonly string[], coordinator: string) {
    const node = ['node', '--input-type=module', '-e', SCRIPT, coordinator];
    const child = spawn('docker', [...container, ...node]);
    child.stdout.on('data', (text: Buffer) => (this.#output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (this.#output += text.toString()));
    this.#child = child;
  }

  /**
   * Starts one; resolves when it has stored its first key.
   * @param container the arguments of `docker` before the command: `exec -i …` or `run -i …`
   */
  static async start(container: readonly string[], coordinator: string): Promise<ContainerLoad> {
    const load = new ContainerLoad(container, coordinator);
    await eventually('the load', () => {
      if (load.#child.exitCode !== null) throw new Error(load.#output);
      return load.#output.includes('ready') || undefined;
    });
    return load;
  }

  /** Of the topologies that it has followed, one after the other. */
  get versions(): number[] {
    return [...this.#output.matchAll(/^version (\d+)$/gm)].map((match) => Number(match[1]));
  }

  /** Ends it. */
  async end(what: string): Promise<LoadResult> {
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
    const result = JSON.parse(this.#output.trim().split('\n').at(-1) ?? '') as LoadResult;
    console.log(`${what}: ${result.requests} requests, ${result.misses} misses, ${result.failed} failed`);
    return result;
  }

  /** Ends it without a word. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
