/**
 * The load generator's process. The harness starts it on a core of its own and speaks to it in JSON lines: commands on
 * standard input, one answer each on standard output (`load/commands.ts` has both). It runs under Node or Bun.
 */
import { createInterface } from 'node:readline';
import type { CommandName, LoadCommands } from './commands.ts';
import { connect } from 'node:net';
import {
  COUNTERS,
  counterScript,
  keySpaces,
  preloadScripts,
  probeScript,
  workloadScript,
  type KeySpaces,
  type Script,
} from './script.ts';
import { withFreshKeys } from './fresh-keys.ts';
import { OpenLoop } from './open-loop.ts';
import { seededRandom } from './random.ts';
import { Target } from './target.ts';
import { chooseTransport, type Address } from './transport.ts';
import type { Workload } from './workload.ts';

interface Opened {
  readonly target: Target;
  readonly address: Address;
  readonly pid: number;
}

const transport = await chooseTransport();
let workload: Workload | undefined;
let spaces: KeySpaces | undefined;
let script: Script | undefined;
let fullCheckEvery: number | undefined;
const opened = new Map<string, Opened>();

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not there yet`);
  return value;
}

function targetOf(name: string): Target {
  return present(opened.get(name), `the server ${name}`).target;
}

/** Connections for filling and probing. Not the workload's own: those may speak binary, and a server fixes that per connection. */
const SIDE_CONNECTIONS = 4;

async function withSideConnections<T>(name: string, use: (target: Target) => Promise<T>): Promise<T> {
  const { address, pid } = present(opened.get(name), `the server ${name}`);
  const idle = counterScript(present(spaces, 'the workload'));
  const side = await Target.open(transport, address, pid, SIDE_CONNECTIONS, present(spaces, 'the workload'), idle, 1);
  try {
    return await use(side);
  } finally {
    side.close();
  }
}

/** What each command does. */
const handlers: {
  [Name in CommandName]: (params: LoadCommands[Name]['params']) => Promise<LoadCommands[Name]['result']>;
} = {
  async prepare(params) {
    for (const { target } of opened.values()) target.close();
    opened.clear();
    workload = params.workload;
    fullCheckEvery = params.fullCheckEvery;
    spaces = keySpaces(workload);
    script = workloadScript(workload, spaces, params.batchesMax);
    if (workload.freshKeys !== undefined) script = withFreshKeys(script, spaces.present, workload.freshKeys);
    return { batches: script.batches };
  },

  async open({ name, address, pid }) {
    const target = await Target.open(
      transport,
      address,
      pid,
      present(workload, 'the workload').connections,
      present(spaces, 'the workload'),
      present(script, 'the workload'),
      fullCheckEvery,
    );
    opened.set(name, { target, address, pid });
    return {};
  },

  async close({ name }) {
    targetOf(name).close();
    opened.delete(name);
    return {};
  },

  async fill({ name, from, to, ttlSeconds }) {
    const startMs = performance.now();
    const keys = present(spaces, 'the workload');
    await withSideConnections(name, async (target) => {
      for (const part of preloadScripts(keys, from, to, ttlSeconds)) await target.once(part);
      const counting = present(workload, 'the workload').operations.some(([operation]) => operation === 'incr');
      if (counting) await target.once(counterScript(keys));
    });
    return { seconds: (performance.now() - startMs) / 1000 };
  },

  async probe({ name, count, from, to }) {
    const random = seededRandom(count);
    const keys = Array.from({ length: count }, () => from + Math.floor(random() * (to - from)));
    const counts = await withSideConnections(name, async (target) => {
      await target.once(probeScript(present(spaces, 'the workload'), keys));
      return target.counts();
    });
    return { asked: count, held: counts.hits };
  },

  closedLoop: ({ name, warmupSeconds, seconds }) =>
    targetOf(name).closedLoop(present(script, 'the workload'), warmupSeconds, seconds),

  openLoop({ name, ...plan }) {
    const { target, address, pid } = present(opened.get(name), `the server ${name}`);
    return new OpenLoop(target, transport, plan).run(present(script, 'the workload'), address, pid);
  },

  async counters({ name }) {
    const { address } = present(opened.get(name), `the server ${name}`);
    const { counters } = present(spaces, 'the workload');
    const keys = Array.from({ length: COUNTERS }, (_, i) => counters.keyText(i));
    const answer = await ask(address, `get ${keys.join(' ')}\r\n`);
    let sum = 0;
    for (const match of answer.matchAll(/^(\d+) *\r$/gm)) sum += Number(match[1]);
    return { sum, operations: targetOf(name).operations };
  },
};

/** One request on a connection of its own, read until `END`. */
function ask(address: Address, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(address, () => socket.write(request));
    let answer = '';
    socket.setEncoding('latin1');
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.endsWith('END\r\n')) {
        socket.destroy();
        resolve(answer);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
  });
}

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  const { command, params } = JSON.parse(line) as { command: CommandName; params: object };
  try {
    const result = await handlers[command](params as never);
    process.stdout.write(`${JSON.stringify({ result })}\n`);
  } catch (error) {
    const server = 'name' in params ? `${(params as { name: string }).name}: ` : '';
    process.stdout.write(`${JSON.stringify({ error: `${server}${(error as Error).message}` })}\n`);
  }
}
process.exit(0);
