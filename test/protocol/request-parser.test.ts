/** Lines of the classic text protocol: which request each is, or which error. What the answers are is in the tables of test/conformance. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRequest } from '../../src/protocol/text/request-parser.ts';
import {
  Command,
  LENGTH_UNREADABLE,
  NO_VALUE,
  Parse,
  TextRequest,
  WORDS_MAX,
} from '../../src/protocol/text/request.ts';

function parse(line: string): { verdict: Parse; request: TextRequest; text: (start: number, end: number) => string } {
  const bytes = Buffer.from(`@@${line}@@`, 'latin1');
  const request = new TextRequest();
  const verdict = parseRequest(bytes, 2, bytes.length - 2, request);
  return { verdict, request, text: (start, end) => bytes.subarray(start, end).toString('latin1') };
}

const LONG = 'k'.repeat(251);

function lengthOf(line: string): number {
  return parse(line).request.valueBytes;
}

describe('requests', () => {
  test.each([
    ['get k', { command: Command.GET }],
    ['  get   k  other ', { command: Command.GET }],
    ['gets k', { command: Command.GETS }],
    ['gat 5 k', { command: Command.GAT, exptime: 5 }],
    ['gats -1 k', { command: Command.GATS, exptime: -1 }],
    ['set k 1 2 3', { command: Command.SET, flags: 1, exptime: 2, valueBytes: 3, noreply: false }],
    ['set k 1 2 3 noreply', { command: Command.SET, noreply: true }],
    ['set k 4294967295 -1 0', { command: Command.SET, flags: 0xffffffff, exptime: -1, valueBytes: 0 }],
    ['add k 0 0 1', { command: Command.ADD }],
    ['replace k 0 0 1', { command: Command.REPLACE }],
    ['append k 0 0 1', { command: Command.APPEND }],
    ['prepend k 0 0 1', { command: Command.PREPEND }],
    ['cas k 0 0 1 18446744073709551615', { command: Command.CAS, low: -1, high: -1 }],
    ['cas k 0 0 1 4294967296 noreply', { command: Command.CAS, low: 0, high: 1, noreply: true }],
    ['incr k 5', { command: Command.INCR, number: 5, numberExact: true }],
    [
      'decr k 18446744073709551615 noreply',
      { command: Command.DECR, numberExact: false, low: -1, high: -1, noreply: true },
    ],
    ['touch k 7', { command: Command.TOUCH, exptime: 7 }],
    ['delete k', { command: Command.DELETE, noreply: false }],
    ['delete k 10 x', { command: Command.DELETE, noreply: false }],
    ['delete noreply', { command: Command.DELETE, noreply: true }],
    ['set k 1 2 3 a b c', { command: Command.SET, flags: 1, exptime: 2, valueBytes: 3, noreply: false }],
    ['set k 1 2 3 a b noreply', { command: Command.SET, noreply: true }],
    ['set k 4294967296 4294967296 3', { command: Command.SET, flags: 0, exptime: 0 }],
    ['cas k 0 0 1 7 noreply x', { command: Command.CAS, low: 7, noreply: false }],
    ['touch k -2147483648', { command: Command.TOUCH, exptime: -2147483648 }],
    ['touch k -', { command: Command.TOUCH, exptime: 0 }],
    ['delete k noreply', { command: Command.DELETE, noreply: true }],
    ['delete k 0 noreply', { command: Command.DELETE, noreply: true }],
    ['flush_all', { command: Command.FLUSH_ALL, exptime: 0, noreply: false }],
    ['flush_all 10', { command: Command.FLUSH_ALL, exptime: 10 }],
    ['flush_all noreply', { command: Command.FLUSH_ALL, exptime: 0, noreply: true }],
    ['flush_all -1 noreply', { command: Command.FLUSH_ALL, exptime: -1, noreply: true }],
    ['version', { command: Command.VERSION }],
    ['verbosity 1', { command: Command.VERBOSITY, number: 1 }],
    ['stats', { command: Command.STATS, wordCount: 1 }],
    ['stats items', { command: Command.STATS, wordCount: 2 }],
    ['quit', { command: Command.QUIT }],
  ])('%j is understood', (line, expected) => {
    const { verdict, request } = parse(line);
    expect(verdict).toBe(Parse.OK);
    expect(request).toMatchObject(expected);
  });

  test.each([
    ['', Parse.ERROR],
    ['   ', Parse.ERROR],
    ['\0get k', Parse.ERROR],
    ['GET k', Parse.ERROR],
    ['bogus', Parse.ERROR],
    ['bget k', Parse.ERROR],
    ['get', Parse.BAD_FORMAT],
    ['gat 0', Parse.BAD_FORMAT],
    ['set k 0 0', Parse.BAD_FORMAT],
    ['cas k 0 0 1', Parse.BAD_FORMAT],
    ['cas k 0 0 1 +7', Parse.BAD_FORMAT],
    ['incr k', Parse.BAD_FORMAT],
    ['delete', Parse.BAD_FORMAT],
    ['verbosity', Parse.BAD_FORMAT],
    ['verbosity 4294967296', Parse.BAD_FORMAT],
    ['flush_all 4294967296', Parse.BAD_EXPTIME],
    ['flush_all noreply 1', Parse.BAD_EXPTIME],
    ['incr k -18446744073709551615', Parse.BAD_DELTA],
    ['touch k 4294967296', Parse.BAD_EXPTIME],
    ['touch k -2147483649', Parse.BAD_EXPTIME],
    [`set ${LONG} 0 0 1`, Parse.BAD_FORMAT],
    ['set k x 0 1', Parse.BAD_FORMAT],
    ['set k -1 0 1', Parse.BAD_FORMAT],
    ['set k 0 x 1', Parse.BAD_FORMAT],
    ['set k 0 0 x', Parse.BAD_FORMAT],
    ['set k 0 0 -1', Parse.BAD_FORMAT],
    ['set k 0 0 2147483647', Parse.BAD_FORMAT],
    ['cas k 0 0 1 x', Parse.BAD_FORMAT],
    ['incr k x', Parse.BAD_DELTA],
    ['incr k -1', Parse.BAD_DELTA],
    [`incr ${LONG} 1`, Parse.BAD_FORMAT],
    ['touch k x', Parse.BAD_EXPTIME],
    ['gat x k', Parse.BAD_EXPTIME],
    ['flush_all x', Parse.BAD_EXPTIME],
    [`delete ${LONG}`, Parse.BAD_FORMAT],
    ['verbosity x', Parse.BAD_FORMAT],
  ])('%j is refused', (line, expected) => expect(parse(line).verdict).toBe(expected));

  test('the length is told whatever else is wrong, and that it cannot be read', () => {
    for (const verb of ['set', 'add', 'replace', 'append', 'prepend', 'cas']) {
      expect(lengthOf(`${verb} ${LONG} x y 7`)).toBe(7);
      expect(lengthOf(`${verb} k x y 0 z z z z z z z z noreply`)).toBe(0);
      expect(lengthOf(`${verb} k 0 0 2147483645`)).toBe(2147483645);
      for (const length of ['', ' 2147483646', ' -1', ' +1', ' 1x', ' \t1', ' 4294967297']) {
        expect(lengthOf(`${verb} k 0 0${length}`)).toBe(LENGTH_UNREADABLE);
      }
      expect(lengthOf(`${verb} k`)).toBe(LENGTH_UNREADABLE);
      expect(lengthOf(verb)).toBe(NO_VALUE);
    }
    for (const line of ['get k', 'incr k x', `touch ${LONG} 1`, 'bogus k 0 0 5']) expect(lengthOf(line)).toBe(NO_VALUE);
  });

  test('a key is exactly the bytes between the spaces', () => {
    const keys = fc
      .uint8Array({ minLength: 1, maxLength: 250 })
      .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0x20 ? 0x21 : byte))).toString('latin1'));
    fc.assert(
      fc.property(keys, fc.nat({ max: 3 }), (key, spaces) => {
        const gap = ' '.repeat(spaces + 1);
        const { verdict, request, text } = parse(`set${gap}${key}${gap}0${gap}0${gap}5`);
        expect(verdict).toBe(Parse.OK);
        expect(text(request.keyStart, request.keyEnd)).toBe(key);
      }),
    );
  });

  test('random bytes are never more than a verdict, and stay within the line', () => {
    const words = fc.constantFrom(
      'get',
      'set',
      'cas',
      'gat',
      'incr',
      'touch',
      'delete',
      'flush_all',
      'k',
      '0',
      '-1',
      'noreply',
    );
    const lines = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.array(words, { maxLength: 14 }).map((list) => list.join(' ')),
    );
    const verdicts: number[] = Object.values(Parse);
    fc.assert(
      fc.property(lines, (line) => {
        const { verdict, request } = parse(line);
        expect(verdicts).toContain(verdict);
        expect(request.wordCount).toBeLessThanOrEqual(WORDS_MAX);
        for (let i = 0; i < request.wordCount; i++) {
          expect(request.wordStart[i]).toBeGreaterThanOrEqual(2);
          expect(request.wordEnd[i]).toBeLessThanOrEqual(2 + line.length);
          expect(request.wordEnd[i]).toBeGreaterThan(request.wordStart[i]);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
