/**
 * Sends the same stream to two servers side by side and says where their answers part. A difference is looked at again:
 * if the reference does not agree with itself when the stream is cut otherwise, the stream asked for chance; else it is
 * shrunk to the few commands that show it.
 */
import { seededRandom } from './cuts.ts';
import { firstDifference } from './difference.ts';
import type { Dialect } from './dialects.ts';
import { NoAnswerError, RawClient } from './raw-client.ts';
import { forgetItems, runCase } from './run-case.ts';

/** Where a stream's answers part, with the commands that show it. */
export interface Difference {
  seed: number;
  commands: string[];
  where: string;
}

export interface DifferentialOptions {
  /** Commands of a stream, before those that the rules add. */
  commandCount: number;
  /** They are sent in so many parts; uniques are asked for before each. */
  partCount: number;
}

/** Stands for a server that answered no more. */
const NO_MORE = '<no more>';

async function uniquesOf(client: RawClient, dialect: Dialect): Promise<Map<string, string>> {
  const asked = { feed: 'whole', random: Math.random, needs: dialect.needs } as const;
  return dialect.uniquesIn(await runCase(client, { send: dialect.uniquesRequest }, asked));
}

/** One connection behind the other, as servers close them. */
class Connections {
  readonly #port: number;
  readonly #silenceMaxMs: number | undefined;
  #client: RawClient | undefined;

  constructor(port: number, silenceMaxMs: number | undefined) {
    this.#port = port;
    this.#silenceMaxMs = silenceMaxMs;
  }

  async current(): Promise<RawClient> {
    if (this.#client === undefined) {
      this.#client = await RawClient.connect(this.#port);
      this.#client.silenceMaxMs = this.#silenceMaxMs ?? this.#client.silenceMaxMs;
    }
    return this.#client;
  }

  destroy(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }
}

/** All answers to a stream; `cutSeed` decides where its parts are cut. */
async function answersOf(
  { dialect }: Pair,
  port: number,
  parts: readonly string[][],
  cutSeed: number,
  silenceMaxMs?: number,
): Promise<string> {
  const random = seededRandom(cutSeed);
  const connections = new Connections(port, silenceMaxMs);
  let answers = '';
  try {
    await forgetItems(await connections.current(), dialect.needs);
    for (const commands of parts) {
      const uniques = await uniquesOf(await connections.current(), dialect);
      for (const { text, closes } of dialect.finish(commands)) {
        const send = Buffer.from(dialect.withUniques(text, uniques), 'latin1');
        const client = await connections.current();
        answers += await runCase(client, { send, closes }, { feed: 'random', random, needs: dialect.needs });
        if (closes) {
          connections.destroy();
        }
      }
    }
    return answers;
  } catch (error) {
    if (!(error instanceof NoAnswerError)) {
      throw error;
    }
    // A server that waits for more or closes where the other answers is a difference like any other.
    return `${answers}${error.received.toString('latin1')}${NO_MORE}`;
  } finally {
    connections.destroy();
  }
}

function inParts(commands: readonly string[], partCount: number): string[][] {
  const size = Math.max(1, Math.ceil(commands.length / partCount));
  return Array.from({ length: Math.ceil(commands.length / size) }, (_, i) => commands.slice(i * size, (i + 1) * size));
}

/** The ports of two servers, and what is spoken with them. */
export interface Pair {
  reference: number;
  subject: number;
  dialect: Dialect;
}

async function compare(
  pair: Pair,
  parts: readonly string[][],
  cutSeed: number,
  silenceMaxMs?: number,
): Promise<string | undefined> {
  const [expected, actual] = await Promise.all([
    answersOf(pair, pair.reference, parts, cutSeed, silenceMaxMs),
    answersOf(pair, pair.subject, parts, cutSeed + 1, silenceMaxMs),
  ]);
  if (expected.endsWith(NO_MORE) && actual.endsWith(NO_MORE)) {
    throw new Error(
      `both servers wait for more: the generator lost count, after ${JSON.stringify(expected.slice(-300))}`,
    );
  }
  return firstDifference(pair.dialect.masked(expected), pair.dialect.masked(actual));
}

const RETRIES = 4;

/** Whether the reference answers a stream the same, however it is cut. */
async function isCertain(pair: Pair, parts: readonly string[][], cutSeed: number): Promise<boolean> {
  const masked = (answers: string): string => pair.dialect.masked(answers);
  const first = masked(await answersOf(pair, pair.reference, parts, cutSeed));
  for (let i = 1; i <= RETRIES; i += 1) {
    if (masked(await answersOf(pair, pair.reference, parts, cutSeed + i * 1000)) !== first) {
      return false;
    }
  }
  return true;
}

/** Once a difference is found, a hang need not be waited for so long. */
const SHRINK_SILENCE_MS = 1000;

/** Leaves out commands as long as the answers still part. */
async function shrink(pair: Pair, commands: string[], seed: number): Promise<string[]> {
  let smallest = commands;
  for (let size = Math.ceil(commands.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length;) {
      const tried = [...smallest.slice(0, at), ...smallest.slice(at + size)];
      if (tried.length > 0 && (await compare(pair, [tried], seed, SHRINK_SILENCE_MS)) !== undefined) {
        smallest = tried;
      } else {
        at += size;
      }
    }
  }
  return smallest;
}

/**
 * Runs one stream on both servers. Gives back a difference, `undefined` if there is none, or `'chance'` if it does not
 * show twice or the reference itself does not answer this stream the same twice.
 */
export async function runStream(
  pair: Pair,
  seed: number,
  options: DifferentialOptions,
): Promise<Difference | 'chance' | undefined> {
  const commands = pair.dialect.make(seededRandom(seed), options.commandCount);
  const parts = inParts(commands, options.partCount);
  const where = await compare(pair, parts, seed);
  if (where === undefined) {
    return undefined;
  }
  // What does not show again is chance too: on a busy machine a connection that is closed may lose its last answers.
  if ((await compare(pair, parts, seed)) === undefined || !(await isCertain(pair, parts, seed))) {
    return 'chance';
  }
  const smallest =
    (await compare(pair, [commands], seed)) === undefined ? commands : await shrink(pair, commands, seed);
  const again = smallest === commands ? where : ((await compare(pair, [smallest], seed)) ?? where);
  return { seed, commands: smallest, where: again };
}
