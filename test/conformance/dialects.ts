/** The two protocols that streams are made in, as the differential run needs them. Pure. */
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request, requests } from './binary-packets.ts';
import type { Need } from './cases.ts';
import { finishPackets, makePackets, withCas } from './generator-packets.ts';
import { finishStream, makeCommands, PLAIN_KEYS, withUniques } from './generator.ts';
import type { Random } from './generator.ts';
import { casByKey, maskedPackets } from './mask-binary.ts';
import { masked } from './mask.ts';

/** What one connection is sent, as latin1 text. */
export interface Sending {
  text: string;
  /** The server closes the connection behind this. */
  closes: boolean;
}

export interface Dialect {
  /** For test titles: `text commands`. */
  what: string;
  /** What the end of an answer is marked with. */
  needs?: Need;
  /** So many commands as they were made, before the rules: what a failing stream is shrunk by. */
  make: (random: Random, count: number) => string[];
  /** What is sent for commands, one connection behind the other; all but the last are closed by the server. */
  finish: (commands: readonly string[]) => Sending[];
  /** Asks for the cas uniques of all plain keys. */
  uniquesRequest: Buffer;
  /** The uniques that the answer to this tells, by key. */
  uniquesIn: (answer: string) => Map<string, string>;
  /** A text with the uniques put in. */
  withUniques: (text: string, uniques: ReadonlyMap<string, string>) => string;
  /** Answers without what may differ. */
  masked: (answers: string) => string;
  /** A command for people. */
  show: (command: string) => string;
}

/**
 * Classic and meta commands.
 *
 * @param wellFormed only what every memcached answers alike
 */
export function textDialect(wellFormed: boolean): Dialect {
  return {
    what: `${wellFormed ? 'well-formed ' : ''}text and meta commands`,
    make: (random, commandCount) => makeCommands(random, { commandCount, meta: true, wellFormed }),
    finish: finishStream,
    uniquesRequest: Buffer.from(`gets ${PLAIN_KEYS.join(' ')}\r\n`, 'latin1'),
    uniquesIn: (answer) =>
      new Map([...answer.matchAll(/^VALUE (\S+) \d+ \d+ (\d+)\r$/gm)].map((found) => [found[1] ?? '', found[2] ?? ''])),
    withUniques,
    masked: (answers) => masked(answers, { barriers: true }),
    show: (command) => JSON.stringify(command),
  };
}

function showPacket(packet: string): string {
  const header = Buffer.from(packet.slice(0, 24), 'latin1').toString('hex');
  return `${header.replaceAll(/.{8}/g, '$& ')}${JSON.stringify(packet.slice(24))}`;
}

/**
 * Binary packets.
 *
 * @param huge with bodies that are longer than any may be
 */
export function binaryDialect(huge: boolean): Dialect {
  return {
    what: 'binary packets',
    needs: 'binary',
    make: (random, count) => makePackets(random, count, { huge }),
    finish: finishPackets,
    uniquesRequest: requests(...PLAIN_KEYS.map((key) => request(Opcode.GETK, { key: Buffer.from(key, 'latin1') }))),
    uniquesIn: casByKey,
    withUniques: withCas,
    masked: maskedPackets,
    show: showPacket,
  };
}
