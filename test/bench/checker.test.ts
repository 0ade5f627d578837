/**
 * The benchmark's own honesty: the checker takes exactly the right answers, however they are cut, and nothing else.
 * The answers are built here by hand from the keys and values, not by the code under test.
 */
import { describe, expect, test } from 'vitest';
import { AnswerChecker } from '../../bench/load/checker.ts';
import { keySpaces, ScriptWriter, type KeySpaces, type Script } from '../../bench/load/script.ts';

const SPACES: KeySpaces = keySpaces({
  name: 'test',
  title: 'test',
  connections: 1,
  pipeline: 1,
  operations: [['get', 1]],
  items: 100,
  keyBytes: 12,
  sizes: {
    kind: 'mix',
    sizes: [
      [1, 1],
      [100, 1],
      [5000, 1],
    ],
  },
});

function valueOf(key: number): string {
  const { block } = SPACES.present;
  const start = SPACES.present.valueStart(key);
  return Buffer.from(block.subarray(start, start + SPACES.present.valueBytes(key))).toString('latin1');
}

function answerOf(key: number, cas = ''): string {
  const value = valueOf(key);
  return `VALUE ${SPACES.present.keyText(key)} 0 ${value.length}${cas}\r\n${value}\r\n`;
}

function binaryAnswer(opcode: number, body: string): string {
  const header = Buffer.alloc(24);
  header[0] = 0x81;
  header[1] = opcode;
  header[4] = body === '' ? 0 : 4;
  header.writeUInt32BE(body.length, 8);
  header.writeUInt32BE(0xdeadbeef, 16);
  return header.toString('latin1') + body;
}

function script(complete: boolean, fill: (writer: ScriptWriter) => void): Script {
  const writer = new ScriptWriter(SPACES, complete);
  fill(writer);
  return writer.finish();
}

/** Every kind of request once, with its right answer. */
const EVERYTHING = script(true, (writer) => {
  writer.get('get', [1]);
  writer.get('get', [2, 3, 4, 5]);
  writer.get('gets', [6]);
  writer.getMissing(7);
  writer.store('set', 8, 0);
  writer.store('add', 9, 60);
  writer.store('add', 10, 60);
  writer.increment(1, 1);
  writer.meta('mg', 11, 0);
  writer.meta('ms', 12, 0);
  writer.binary('get', 13, 0);
  writer.binary('set', 14, 0);
});
const RIGHT =
  `${answerOf(1)}END\r\n${[2, 3, 4, 5].map((key) => answerOf(key)).join('')}END\r\n${answerOf(6, ' 18446744073709551615')}END\r\n` +
  `END\r\nSTORED\r\nSTORED\r\nNOT_STORED\r\n18446744073709551615\r\n` +
  `VA ${valueOf(11).length}\r\n${valueOf(11)}\r\nHD\r\n${binaryAnswer(0, `\0\0\0\0${valueOf(13)}`)}${binaryAnswer(1, '')}`;

function feed(checker: AnswerChecker, pieces: readonly string[]): number[] {
  const done: number[] = [];
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    checker.consume(bytes, bytes.length, (batch) => done.push(batch));
  }
  return done;
}

function check(answers: Script, pieces: readonly string[], fullCheckEvery?: number): number[] {
  const checker = new AnswerChecker(SPACES, answers, fullCheckEvery);
  checker.expect(0);
  return feed(checker, pieces);
}

describe('right answers', () => {
  test('are taken whole', () => {
    expect(check(EVERYTHING, [RIGHT])).toEqual([0]);
    expect(check(EVERYTHING, [RIGHT], 1)).toEqual([0]);
  });

  test('are taken byte by byte', () => {
    expect(check(EVERYTHING, RIGHT.split(''))).toEqual([0]);
  });

  test('are taken at every cut', () => {
    for (let cut = 1; cut < RIGHT.length; cut++) {
      expect(check(EVERYTHING, [RIGHT.slice(0, cut), RIGHT.slice(cut)])).toEqual([0]);
    }
  });

  test('of several batches in one read end each of them', () => {
    const two = script(true, (writer) => {
      writer.store('set', 1, 0);
      writer.endBatch();
      writer.get('get', [1]);
    });
    const checker = new AnswerChecker(SPACES, two);
    for (const batch of [0, 1, 0]) checker.expect(batch);
    expect(feed(checker, [`STORED\r\n${answerOf(1)}END\r\nSTORED\r\n`])).toEqual([0, 1, 0]);
    expect(checker.underWay).toBe(0);
  });
});

describe('wrong answers', () => {
  /** Places where a single changed byte is not noticed by the quick check: none when every value is compared in full. */
  test('with any byte changed are refused when every value is compared in full', () => {
    const casBytes = new Set<number>();
    const binaryAt = RIGHT.indexOf(binaryAnswer(0, '').slice(0, 4));
    for (let i = 16; i < 24; i++) casBytes.add(binaryAt + i).add(RIGHT.length - 24 + i);
    for (let at = 0; at < RIGHT.length; at++) {
      const byte = RIGHT[at] ?? '';
      // Digits of a cas unique or counter, and the cas of the binary protocol, may be anything of their kind.
      if (casBytes.has(at) || /^\d{0,19}\d$/.test(byte)) continue;
      const changed = RIGHT.slice(0, at) + (byte === '~' ? '!' : '~') + RIGHT.slice(at + 1);
      expect(() => check(EVERYTHING, [changed], 1), `byte ${at} (${JSON.stringify(byte)})`).toThrow(/wrong answer/);
    }
  });

  test.each([
    ['an error', 'SERVER_ERROR out of memory\r\n'],
    ['a miss where every key is there', 'END\r\n'],
    ['the value of another key', `${answerOf(2)}END\r\n`],
    ['a value that is one byte short', `${answerOf(1).slice(0, -3)}\r\nEND\r\n`],
    ['a value that is one byte long', `${answerOf(1).slice(0, -2)}x\r\nEND\r\n`],
    ['no END', `${answerOf(1)}STORED\r\n`],
  ])('%s are refused by the quick check', (_, answer) => {
    const one = script(true, (writer) => writer.get('get', [1]));
    expect(() => check(one, [answer], 1_000_000)).toThrow(/wrong answer/);
  });

  test('more than was asked for is refused', () => {
    const one = script(true, (writer) => writer.get('get', [1]));
    expect(() => check(one, [`${answerOf(1)}END\r\nEND\r\n`])).toThrow(/nobody asked for/);
  });

  test('too little leaves the batch under way', () => {
    const one = script(true, (writer) => writer.get('get', [1]));
    const checker = new AnswerChecker(SPACES, one);
    checker.expect(0);
    expect(feed(checker, [`${answerOf(1)}END\r`])).toEqual([]);
    expect(checker.underWay).toBe(1);
  });
});

test('a miss counts as one, and its key is told, where keys may be missing', () => {
  const some = script(false, (writer) => {
    writer.get('get', [1]);
    writer.get('get', [2]);
    writer.get('gets', [3]);
  });
  const checker = new AnswerChecker(SPACES, some);
  const missed: number[] = [];
  checker.onMiss = (key) => missed.push(key);
  checker.expect(0);
  expect(feed(checker, ['END\r\n', `${answerOf(2)}END\r\n`, 'END\r\n'])).toEqual([0]);
  expect(missed).toEqual([1, 3]);
  expect(checker.counts).toMatchObject({ hits: 1, misses: 2 });
});
