/** Lines of the meta protocol: which request each is, or which error. What the answers are is in the tables of test/conformance. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64, writeBase64 } from '../../src/protocol/text/meta-base64.ts';
import { hasLongOpaque, isMetaLine, parseMeta } from '../../src/protocol/text/meta-parser.ts';
import { Letter, MetaCommand, MetaRequest } from '../../src/protocol/text/meta-request.ts';
import { LENGTH_UNREADABLE, NO_VALUE } from '../../src/protocol/text/request.ts';

interface Parsed {
  error: string | undefined;
  request: MetaRequest;
  key: string;
}

function parse(line: string): Parsed {
  const bytes = Buffer.from(`@@${line}@@`, 'latin1');
  const request = new MetaRequest();
  const error = parseMeta(bytes, 2, bytes.length - 2, request);
  const key = Buffer.from(request.key.subarray(request.keyStart, request.keyEnd)).toString('latin1');
  return { error: error === undefined ? undefined : Buffer.from(error).toString('latin1'), request, key };
}

const LONG = 'k'.repeat(251);
const FLAGS_17 = 'k f t c s h l v u Oa T0 R30 N30 q E4 C5 I';

describe('lines of two letters that begin with m', () => {
  test.each(['mg k', 'mn', ' ms k 1', 'mg', 'md k\0x'])('%j is one', (line) => {
    const bytes = Buffer.from(line, 'latin1');
    expect(isMetaLine(bytes, 0, bytes.length)).toBe(true);
  });

  test.each(['get k', 'm', 'm k', 'mgx k', 'MG k', 'mz k', 'mg\0', '', ' ', 'm\0'])('%j is none', (line) => {
    const bytes = Buffer.from(line, 'latin1');
    expect(isMetaLine(bytes, 0, bytes.length)).toBe(false);
  });
});

describe('requests', () => {
  test.each([
    ['mg k', { command: MetaCommand.GET, lower: 0, upper: 0 }],
    ['  mg   k  v ', { command: MetaCommand.GET }],
    ['mg k T-1 N30 R5', { exptime: -1, vivifyExptime: 30, recacheExptime: 5 }],
    ['ms k 5', { command: MetaCommand.SET, valueBytes: 5, mode: 0 }],
    ['ms k 05 T60 F4294967295 MAX', { valueBytes: 5, exptime: 60, clientFlags: 4294967295, mode: Letter.A }],
    ['ms k 2147483645', { valueBytes: 2147483645 }],
    ['ms k 0 C18446744073709551615 E4294967296', { casLow: -1, casHigh: -1, newCasLow: 0, newCasHigh: 1 }],
    ['md k q x I', { command: MetaCommand.DELETE }],
    ['ma k', { command: MetaCommand.ARITHMETIC, delta: 1, initial: 0, mode: 0 }],
    ['ma k D5 J18446744073709551615 M-', { delta: 5, initial: 18446744073709551615n, mode: 0x2d }],
    ['mn whatever comes', { command: MetaCommand.NOOP }],
    ['me k', { command: MetaCommand.DEBUG }],
    [`mg k ${FLAGS_17}`, { command: MetaCommand.GET }],
  ])('%s', (line, expected) => {
    const { error, request } = parse(line);
    expect(error).toBeUndefined();
    expect(request).toMatchObject(expected);
  });

  test('flags are known by their letters, whatever follows', () => {
    const { request } = parse('mg k vx q O123 k');
    const has = (letters: string): boolean[] => Array.from(letters, (letter) => request.has(letter.charCodeAt(0)));
    expect(has('vqOk')).toEqual([true, true, true, true]);
    expect(has('VQoKcfhlstux')).toEqual(Array.from('VQoKcfhlstux', () => false));
  });

  test('what an earlier line said is forgotten', () => {
    const request = new MetaRequest();
    for (const line of ['ms k 5 T9 F8 ME C3 E4 I b', 'ms k 0']) parseMeta(Buffer.from(line), 0, line.length, request);
    expect(request).toMatchObject({ lower: 0, upper: 0, mode: 0, exptime: 0, clientFlags: 0, keyBinary: false });
  });

  test('a NUL is a byte like any other', () => {
    expect(parse('mg key\0 v').key).toBe('key\0');
    expect(parse('mg k v\0t').request.has(Letter.v)).toBe(true);
  });

  test('b decodes the key', () => {
    const { key, request } = parse('ms Zm9v 2 b k');
    expect(key).toBe('foo');
    expect(request.keyBinary).toBe(true);
  });

  test('me takes b only right behind the key', () => {
    expect(parse('me Zm9v b').key).toBe('foo');
    expect(parse('me Zm9v v b').key).toBe('Zm9v');
    expect(parse('me Zm9v bb').key).toBe('Zm9v');
  });
});

describe('errors', () => {
  test.each([
    ['mg', 'CLIENT_ERROR bad command line format'],
    ['ms', 'CLIENT_ERROR bad command line format'],
    ['me', 'CLIENT_ERROR bad command line format'],
    [`mg ${LONG}`, 'CLIENT_ERROR bad command line format'],
    ['ms k', 'CLIENT_ERROR bad command line format'],
    ['ms k x', 'CLIENT_ERROR bad command line format'],
    ['ms k -1', 'CLIENT_ERROR bad command line format'],
    ['ms k 2147483646', 'CLIENT_ERROR bad command line format'],
    ['mg k v v', 'CLIENT_ERROR duplicate flag'],
    ['mg k \x7f', 'CLIENT_ERROR bad command line format'],
    ['mg k !', 'CLIENT_ERROR bad command line format'],
    ['mg k T2147483648', 'CLIENT_ERROR bad token in command line format'],
    ['mg k T+1', 'CLIENT_ERROR bad token in command line format'],
    ['mg k F4294967296', 'CLIENT_ERROR bad command line format'],
    ['ms k +5', 'CLIENT_ERROR bad command line format'],
    ['mg k S', 'CLIENT_ERROR invalid flag'],
    ['mg k 1', 'CLIENT_ERROR invalid flag'],
    ['mg k z', 'CLIENT_ERROR invalid flag'],
    ['mg k Tx', 'CLIENT_ERROR bad token in command line format'],
    ['mg k Fx', 'CLIENT_ERROR bad command line format'],
    ['mg k Fx Tx', 'CLIENT_ERROR bad token in command line format'],
    ['mg k Tx Fx', 'CLIENT_ERROR bad token in command line format'],
    ['mg k Tx z', 'CLIENT_ERROR invalid flag'],
    ['mg k b', 'CLIENT_ERROR error decoding key'],
    ['me k b', 'CLIENT_ERROR bad command line format'],
    ['md k z', 'CLIENT_ERROR invalid flag'],
    ['ma k z', 'CLIENT_ERROR invalid or duplicate flag'],
    ['ma k Dx', 'CLIENT_ERROR invalid or duplicate flag'],
    [`mg k ${FLAGS_17} x J1`, 'CLIENT_ERROR options flags are too long'],
    [`ma k ${FLAGS_17} x J1`, 'CLIENT_ERROR invalid or duplicate flag'],
    ['ms k 1 Ms', 'CLIENT_ERROR invalid mode for ms M token'],
  ])('%s', (line, expected) => {
    expect(parse(line).error).toBe(`${expected}\r\n`);
  });

  test('only an ms whose length was understood has a data block to skip', () => {
    expect(parse('ms k 7 z').request.valueBytes).toBe(7);
    expect(parse(`ms ${LONG} 7`).request.valueBytes).toBe(7);
    expect(parse('ms k 7 !').request.valueBytes).toBe(7);
    expect(parse(`ms k 7 ${FLAGS_17} x`).request.valueBytes).toBe(7);
    for (const line of ['ms k', 'ms k x z', 'ms k -1', 'ms k +7', 'ms k 2147483646']) {
      expect(parse(line).request.valueBytes, line).toBe(LENGTH_UNREADABLE);
    }
    for (const line of ['ms', 'mg k z', 'ma k 7']) expect(parse(line).request.valueBytes, line).toBe(NO_VALUE);
  });

  test('an opaque of 32 bytes with its letter is the longest', () => {
    expect(hasLongOpaque(parse(`mg k O${'o'.repeat(31)}`).request)).toBe(false);
    expect(hasLongOpaque(parse(`mg k O${'o'.repeat(32)}`).request)).toBe(true);
    expect(hasLongOpaque(parse('mg k v').request)).toBe(false);
  });
});

test('whatever comes, the words of a request lie within its line and the key is no longer than allowed', () => {
  const word = fc.oneof(fc.constantFrom('k', 'v', 'b', 'T5', 'Fx', 'O', 'MA', 'C1', 'YQ==', '5'), fc.string());
  fc.assert(
    fc.property(fc.constantFrom('mg', 'ms', 'md', 'ma', 'me'), fc.array(word, { maxLength: 25 }), (command, words) => {
      const bytes = Buffer.from([command, ...words].join(' '), 'latin1');
      const request = new MetaRequest();
      if (parseMeta(bytes, 0, bytes.length, request) !== undefined) return;
      expect(request.keyEnd - request.keyStart).toBeLessThanOrEqual(250);
      for (let i = 0; i < request.wordCount; i++) {
        expect(request.wordStart[i]).toBeLessThan(request.wordEnd[i]);
        expect(request.wordEnd[i]).toBeLessThanOrEqual(bytes.length);
      }
    }),
  );
});

describe('base64', () => {
  test('is written as everywhere, and read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 187 }), (key) => {
        const text = new Uint8Array(300);
        const end = writeBase64(text, 3, key, 0, key.length);
        expect(Buffer.from(text.subarray(3, end)).toString('latin1')).toBe(Buffer.from(key).toString('base64'));
        const decoded = new Uint8Array(300);
        expect(decodeBase64(text, 3, end, decoded)).toBe(key.length);
        expect(Buffer.from(decoded.subarray(0, key.length))).toEqual(Buffer.from(key));
      }),
    );
  });

  test.each([
    ['YQ==', 'a'],
    ['YR==', 'a'],
    ['YQ==YQ==', 'a'],
    ['Y-Q=!=', 'a'],
    ['YQ=a', 'a\0'],
    ['YQ', ''],
    ['YQ=', ''],
    ['Y===', ''],
    ['====', ''],
    ['!!!!', ''],
  ])('%s is %j, as memcached reads it', (text, expected) => {
    const decoded = Buffer.alloc(16);
    const length = decodeBase64(Buffer.from(text), 0, text.length, decoded);
    expect(decoded.toString('latin1', 0, length)).toBe(expected);
  });
});
