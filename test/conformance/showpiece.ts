/**
 * A pipelined megabyte of mixed, well-formed commands in writes of one byte each: the answers' digests of both servers,
 * with nothing masked but the version at the end. CAS uniques are numbered from a server's start: both must be new.
 */
import { createHash } from 'node:crypto';
import { seededRandom } from './cuts.ts';
import { integer, pick } from './generator.ts';
import type { Random } from './generator.ts';
import { RawClient } from './raw-client.ts';
import { forgetItems } from './run-case.ts';

const BYTES = 1_048_576;
const END = 'version\r\n';
const TEXT = '0123456789 abcdefghijklmnopqrstuvwxyz\r\n'.repeat(30);

function mixed(random: Random): string {
  const key = `key:${integer(random, 0, 199)}`;
  const data = TEXT.slice(0, integer(random, 0, 1000));
  switch (integer(random, 0, 9)) {
    case 0:
    case 1:
    case 2:
      return `set ${key} ${integer(random, 0, 65_535)} 0 ${data.length}\r\n${data}\r\n`;
    case 3:
      return `${pick(random, ['add', 'replace', 'append', 'prepend'])} ${key} 0 0 5\r\nabcde\r\n`;
    case 4:
      return `set number:${integer(random, 0, 9)} 0 0 20 noreply\r\n1000000000000000000${integer(random, 0, 9)}\r\n`;
    case 5:
      return `incr number:${integer(random, 0, 9)} ${integer(random, 0, 1000)}\r\n`;
    case 6:
      return `delete ${key}\r\n`;
    case 7:
      return `touch ${key} 5000\r\n`;
    default:
      return `${pick(random, ['get', 'gets'])} ${key} key:${integer(random, 0, 199)} none\r\n`;
  }
}

/** The request: at least a megabyte, ending between commands. */
export function showpieceRequest(seed: number): Buffer {
  const random = seededRandom(seed);
  const commands: string[] = [];
  for (let length = 0; length < BYTES; length += commands.at(-1)?.length ?? 0) {
    commands.push(mixed(random));
  }
  return Buffer.from(`${commands.join('')}${END}`, 'latin1');
}

async function answer(port: number, request: Buffer): Promise<string> {
  const client = await RawClient.connect(port);
  try {
    await forgetItems(client);
    await client.send(Array.from(request, (_, i) => request.subarray(i, i + 1)));
    const all = await client.receiveUntilMatch(/VERSION \S+\r\n$/);
    const received = all.subarray(0, all.lastIndexOf('VERSION '));
    return `${received.length} bytes, sha256 ${createHash('sha256').update(received).digest('hex')}`;
  } finally {
    client.destroy();
  }
}

/** Length and digest of both servers' answers. */
export async function runShowpiece(
  pair: { reference: number; subject: number },
  seed: number,
): Promise<[string, string]> {
  const request = showpieceRequest(seed);
  return await Promise.all([answer(pair.reference, request), answer(pair.subject, request)]);
}
