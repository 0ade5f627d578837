/** Numbers of the text protocol against C's rules, written with a pattern and BigInt. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseSigned,
  parseUnsigned,
  parsed,
  readSigned32,
  readUnsigned32,
  readUnsigned64,
} from '../../src/protocol/text/numbers.ts';

const U64 = 2n ** 64n;
const S63 = 2n ** 63n;

/** strtoull or strtoll as memcached uses them (util.c); undefined if the text is refused. */
function reference(text: string, signed: boolean): bigint | undefined {
  const match = /^[ \t\n\v\f\r]*([+-]?)(\d+)(?:$|[ \t\n\v\f\r\0])/.exec(text);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2]);
  const value = match[1] === '-' ? -magnitude : magnitude;
  if (signed) return value >= -S63 && value < S63 ? value : undefined;
  if (magnitude >= U64) return undefined;
  const wrapped = BigInt.asUintN(64, value);
  return value < 0n && wrapped >= S63 ? undefined : wrapped;
}

function check(text: string): void {
  const bytes = Buffer.from(`#${text}9`, 'latin1');
  for (const signed of [false, true]) {
    const expected = reference(text, signed);
    const found = (signed ? parseSigned : parseUnsigned)(bytes, 1, bytes.length - 1);
    expect(found, `'${text}' as ${signed ? 'signed' : 'unsigned'}`).toBe(expected !== undefined);
    if (expected === undefined) continue;
    const bits = (BigInt(parsed.high >>> 0) << 32n) | BigInt(parsed.low >>> 0);
    expect(bits, text).toBe(BigInt.asUintN(64, expected));
    if (parsed.exact) expect(BigInt(parsed.value), text).toBe(expected);
    if (expected >= -BigInt(Number.MAX_SAFE_INTEGER) && expected <= 10n ** 15n - 1n && text.length < 16) {
      expect(parsed.exact, text).toBe(true);
    }
  }
}

describe('numbers', () => {
  test.each([
    '0',
    '1',
    '-0',
    '+0',
    '+7',
    '-7',
    '007',
    '4294967295',
    '4294967296',
    '-4294967296',
    '999999999999999',
    '1000000000000000',
    '9007199254740991',
    '9007199254740992',
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '-9223372036854775809',
    '18446744073709551615',
    '18446744073709551616',
    '-18446744073709551615',
    '-18446744073709551616',
    '99999999999999999999999',
    '0000000000000000000000000001',
    '',
    ' ',
    '+',
    '-',
    '+-1',
    '- 1',
    '1-',
    '1x',
    'x1',
    '0x10',
    '1.5',
    '1e3',
    '1 2',
    ' 12',
    '\t12',
    '12 ',
    '12\0x',
    '\0',
    '1\r',
    '1\n',
    '\xa01',
    '１',
  ])('%j is read as C reads it', (text) => check(text));

  test('digits in any number and dress', () => {
    const spaces = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
    const digits = fc.stringMatching(/^[0-9]{0,25}$/);
    const sign = fc.constantFrom('', '+', '-');
    const rest = fc.constantFrom('', ' ', 'x', '\0', '\0z', '5', '-');
    fc.assert(
      fc.property(spaces, sign, digits, rest, (...parts) => check(parts.join(''))),
      { numRuns: 3000 },
    );
  });

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => check(Buffer.from(bytes).toString('latin1'))),
      { numRuns: 2000 },
    );
  });
});

/** Strict numbers by mcmc.c: a type's name, its reader, its pattern, the longest word and its range. */
const STRICT = [
  ['unsigned 32 bits', readUnsigned32, /^\d*$/, 11, 0n, 2n ** 32n - 1n],
  ['signed 32 bits', readSigned32, /^-?\d*$/, 11, -(2n ** 31n), 2n ** 31n - 1n],
  ['unsigned 64 bits', readUnsigned64, /^\d*$/, 22, 0n, 2n ** 64n - 1n],
] as const;

describe.each(STRICT)('words of %s', (_, read, pattern, longest, least, most) => {
  function checkStrict(text: string): void {
    const value = pattern.test(text) ? BigInt(text === '-' ? '0' : text) : undefined;
    const fits = value !== undefined && text.length <= longest && value >= least && value <= most;
    const bytes = Buffer.from(`9${text}9`, 'latin1');
    expect(read(bytes, 1, bytes.length - 1), JSON.stringify(text)).toBe(fits);
    if (!fits) return;
    const bits = (BigInt(parsed.high >>> 0) << 32n) | BigInt(parsed.low >>> 0);
    expect(bits, text).toBe(BigInt.asUintN(64, value));
    if (parsed.exact) expect(BigInt(parsed.value), text).toBe(value);
  }

  test('at every edge', () => {
    const edges = [0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n];
    for (const edge of edges) {
      for (const near of [edge - 1n, edge, edge + 1n]) {
        for (const sign of ['', '-', '+', '\t', '0']) checkStrict(`${sign}${near}`);
      }
    }
    for (const text of [
      '',
      '-',
      '+',
      '--1',
      '1-',
      '1x',
      '1\0',
      ' 1',
      '1 ',
      '00000000001',
      '0'.repeat(22),
      '0'.repeat(23),
    ]) {
      checkStrict(text);
    }
  });

  test('whatever the bytes', () => {
    const words = fc.oneof(fc.stringMatching(/^[-+]?[0-9]{0,24}$/), fc.stringMatching(/^[-0-9x \t]{0,12}$/));
    fc.assert(fc.property(words, checkStrict), { numRuns: 2000 });
  });
});
