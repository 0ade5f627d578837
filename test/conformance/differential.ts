/**
 * Sends the same stream to two servers side by side and says where their answers part. A difference is looked at again:
 * if the reference does not agree with itself when the stream is cut otherwise, the stream asked for chance; else it is
 * shrunk to the few commands that show it.
 */
import { cut, seededRandom } from './cuts.ts';
import { firstDifference } from './difference.ts';
import { finishStream, makeCommands, PLAIN_KEYS, withUniques } from './generator.ts';
import type { StreamOptions } from './generator.ts';
import { masked } from './mask.ts';
import { NoAnswerError, RawClient } from './raw-client.ts';
import { forgetItems, runCase } from './run-case.ts';

/** Where a stream's answers part, with the commands that show it. */
export interface Difference {
  seed: number;
  commands: string[];
  where: string;
}

export interface DifferentialOptions extends StreamOptions {
  /** Commands of a stream are sent in so many parts; uniques are asked for before each. */
  partCount: number;
}

const UNIQUES_REQUEST = `gets ${PLAIN_KEYS.join(' ')}\r\n`;

/** Stands for a server that answered no more. */
const NO_MORE = '<no more>';

async function uniquesOf(client: RawClient): Promise<Map<string, string>> {
  const answer = await runCase(client, { send: UNIQUES_REQUEST }, { feed: 'whole', random: Math.random });
  return new Map(
    [...answer.matchAll(/^VALUE (\S+) \d+ \d+ (\d+)\r$/gm)].map((found) => [found[1] ?? '', found[2] ?? '']),
  );
}

/** All answers to a stream; `cutSeed` decides where its parts are cut. */
async function answersOf(
  port: number,
  parts: readonly string[][],
  cutSeed: number,
  silenceMaxMs?: number,
): Promise<string> {
  const random = seededRandom(cutSeed);
  const client = await RawClient.connect(port);
  client.silenceMaxMs = silenceMaxMs ?? client.silenceMaxMs;
  let answers = '';
  try {
    await forgetItems(client);
    for (const commands of parts) {
      const uniques = await uniquesOf(client);
      const { text, closes } = finishStream(commands);
      const send = Buffer.from(withUniques(text, uniques), 'latin1');
      if (closes) {
        await client.send(cut(send, 'random', random));
        return answers + (await client.receiveUntilClosed()).toString('latin1');
      }
      answers += await runCase(client, { send }, { feed: 'random', random });
    }
    return answers;
  } catch (error) {
    if (!(error instanceof NoAnswerError)) {
      throw error;
    }
    // A server that waits for more or closes where the other answers is a difference like any other.
    return `${answers}${error.received.toString('latin1')}${NO_MORE}`;
  } finally {
    client.destroy();
  }
}

function inParts(commands: readonly string[], partCount: number): string[][] {
  const size = Math.max(1, Math.ceil(commands.length / partCount));
  return Array.from({ length: Math.ceil(commands.length / size) }, (_, i) => commands.slice(i * size, (i + 1) * size));
}

/** Two servers and what the second is known to have. */
export interface Pair {
  reference: number;
  subject: number;
  /** Whether the subject knows `mn`. */
  barriers: boolean;
}

async function compare(
  pair: Pair,
  parts: readonly string[][],
  cutSeed: number,
  silenceMaxMs?: number,
): Promise<string | undefined> {
  const [expected, actual] = await Promise.all([
    answersOf(pair.reference, parts, cutSeed, silenceMaxMs),
    answersOf(pair.subject, parts, cutSeed + 1, silenceMaxMs),
  ]);
  if (expected.endsWith(NO_MORE) && actual.endsWith(NO_MORE)) {
    throw new Error(
      `both servers wait for more: the generator lost count, after ${JSON.stringify(expected.slice(-300))}`,
    );
  }
  return firstDifference(masked(expected, pair), masked(actual, pair));
}

const RETRIES = 4;

/** Whether the reference answers a stream the same, however it is cut. */
async function isCertain(pair: Pair, parts: readonly string[][], cutSeed: number): Promise<boolean> {
  const first = masked(await answersOf(pair.reference, parts, cutSeed), pair);
  for (let i = 1; i <= RETRIES; i += 1) {
    if (masked(await answersOf(pair.reference, parts, cutSeed + i * 1000), pair) !== first) {
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
 * Runs one stream on both servers. Gives back a difference, `undefined` if there is none, or `'chance'` if the reference
 * itself does not answer this stream the same twice.
 */
export async function runStream(
  pair: Pair,
  seed: number,
  options: DifferentialOptions,
): Promise<Difference | 'chance' | undefined> {
  const commands = makeCommands(seededRandom(seed), options);
  const parts = inParts(commands, options.partCount);
  const where = await compare(pair, parts, seed);
  if (where === undefined) {
    return undefined;
  }
  if (!(await isCertain(pair, parts, seed))) {
    return 'chance';
  }
  const smallest =
    (await compare(pair, [commands], seed)) === undefined ? commands : await shrink(pair, commands, seed);
  const again = smallest === commands ? where : ((await compare(pair, [smallest], seed)) ?? where);
  return { seed, commands: smallest, where: again };
}
