/** Bytes without strings, against what strings give. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  decimalLength,
  equalBytes,
  murmur3,
  writeBytes,
  writeDecimal,
  writeLatin,
} from '../../src/base/bytes.ts';

describe('decimals', () => {
  test('are written as String writes them, up to 2^53 - 1', () => {
    const numbers = fc.oneof(
      fc.nat(),
      fc.maxSafeNat(),
      fc.integer({ min: 0, max: 15 }).map((power) => 10 ** power),
      fc.integer({ min: 1, max: 15 }).map((power) => 10 ** power - 1),
      fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff, Number.MAX_SAFE_INTEGER),
    );
    fc.assert(
      fc.property(numbers, fc.nat({ max: 5 }), (number, position) => {
        const bytes = new Uint8Array(30);
        const end = writeDecimal(bytes, position, number);
        expect(Buffer.from(bytes.subarray(position, end)).toString()).toBe(String(number));
        expect(decimalLength(number)).toBe(String(number).length);
        expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('runs of bytes', () => {
  test('are equal when every byte is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(), (bytes, at) => {
        const other = Uint8Array.from([0, ...bytes]);
        expect(equalBytes(bytes, 0, other, 1, bytes.length)).toBe(true);
        other[1 + (at % bytes.length)] ^= 1;
        expect(equalBytes(bytes, 0, other, 1, bytes.length)).toBe(false);
      }),
    );
    expect(equalBytes(bytesOf('a'), 0, bytesOf('b'), 0, 0)).toBe(true);
  });

  test('are put where they belong', () => {
    const bytes = new Uint8Array(8);
    const end = writeLatin(bytes, writeBytes(bytes, 1, bytesOf('ab')), 'c\xff');
    expect([...bytes]).toEqual([0, 0x61, 0x62, 0x63, 0xff, 0, 0, 0]);
    expect(end).toBe(5);
  });
});

describe('murmur3', () => {
  // Published test vectors of MurmurHash3_x86_32 (Wikipedia, "MurmurHash"; Appleby's SMHasher verification values).
  test.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0, 0xba6bd213],
    ['6666', 0, 0x5122d803],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
  ])('of %j with seed %i', (text, seed, hash) => {
    const bytes = bytesOf(`xx${text}x`);
    expect(murmur3(bytes, 2, text.length, seed) >>> 0).toBe(hash);
  });
});
