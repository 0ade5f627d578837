/**
 * Sends the same stream of binary packets to two servers and says where their answers part, shrunk to the few packets
 * that show it. CAS values differ from server to server: each is told its own, and all are masked in the answers.
 */
import { HEADER_BYTES } from '../../src/protocol/binary/packet.ts';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request, requests } from './binary-packets.ts';
import { seededRandom } from './cuts.ts';
import { firstDifference } from './difference.ts';
import { BINARY_KEYS, bytesOfCommand, makeBinaryCommands, type BinaryCommand } from './generator-binary.ts';
import { NoAnswerError, RawClient } from './raw-client.ts';
import { forgetItems, runCase } from './run-case.ts';

/** Packets of a part; the CAS values are asked for before each. */
const PART_COMMANDS = 40;
/** How long a server may say nothing: a stream that hangs is a difference. */
const SILENCE_MS = 5000;
const CAS_OFFSET = 16;

/** Where two servers' answers part. */
export interface BinaryDifference {
  seed: number;
  commands: BinaryCommand[];
  where: string;
}

/** An answer stream without the CAS values that a server chose. */
function masked(answers: string): string {
  const bytes = Buffer.from(answers, 'latin1');
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    if (bytes.readBigUInt64BE(at + CAS_OFFSET) !== 0n) bytes.fill(0xca, at + CAS_OFFSET, at + HEADER_BYTES);
    at += HEADER_BYTES + bytes.readUInt32BE(at + 8);
  }
  return bytes.toString('latin1');
}

/** The CAS value of each key that is there. */
async function uniquesOf(client: RawClient): Promise<Map<string, bigint>> {
  const send = requests(...BINARY_KEYS.map((key, i) => request(Opcode.GETQ, { key, opaque: i })));
  const bytes = Buffer.from(
    await runCase(client, { send }, { feed: 'whole', random: Math.random, needs: 'binary' }),
    'latin1',
  );
  const uniques = new Map<string, bigint>();
  for (let at = 0; at + HEADER_BYTES <= bytes.length; at += HEADER_BYTES + bytes.readUInt32BE(at + 8)) {
    uniques.set(BINARY_KEYS[bytes.readUInt32BE(at + 12)] ?? '', bytes.readBigUInt64BE(at + CAS_OFFSET));
  }
  return uniques;
}

async function answersOf(port: number, commands: readonly BinaryCommand[], cutSeed: number): Promise<string> {
  const random = seededRandom(cutSeed);
  const client = await RawClient.connect(port);
  client.silenceMaxMs = SILENCE_MS;
  let answers = '';
  try {
    await forgetItems(client, 'binary');
    for (let start = 0; start < commands.length; start += PART_COMMANDS) {
      const part = commands.slice(start, start + PART_COMMANDS);
      const uniques = await uniquesOf(client);
      const send = requests(...part.map((command) => bytesOfCommand(command, uniques)));
      const closes = part.at(-1)?.closes === true;
      answers += await runCase(client, { send, closes }, { feed: 'random', random, needs: 'binary' });
    }
    return masked(answers);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    return `${masked(answers + error.received.toString('latin1'))}<no more>`;
  } finally {
    client.destroy();
  }
}

async function compare(
  ports: readonly [number, number],
  commands: readonly BinaryCommand[],
  seed: number,
): Promise<string | undefined> {
  const [expected, actual] = await Promise.all([
    answersOf(ports[0], commands, seed),
    answersOf(ports[1], commands, seed + 1),
  ]);
  return firstDifference(expected, actual);
}

/** Runs one stream against reference and subject; undefined if they answer the same. */
export async function runBinaryStream(
  ports: readonly [number, number],
  seed: number,
  commandCount: number,
): Promise<BinaryDifference | undefined> {
  let commands = makeBinaryCommands(seededRandom(seed), commandCount);
  let where = await compare(ports, commands, seed);
  if (where === undefined) return undefined;
  for (let size = Math.ceil(commands.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < commands.length;) {
      const fewer = commands.toSpliced(start, size);
      const still = fewer.length > 0 ? await compare(ports, fewer, seed) : undefined;
      if (still === undefined) {
        start += size;
      } else {
        commands = fewer;
        where = still;
      }
    }
  }
  return { seed, commands, where };
}
