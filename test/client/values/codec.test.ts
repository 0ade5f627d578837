/** Goal: values come back as they were stored, and what other clients stored is read as they meant it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import {
  FLAGS_BYTES,
  FLAGS_INTEGER,
  FLAGS_JSON,
  FLAGS_TEXT,
  bytesCodec,
  defaultCodec,
} from '../../../src/client/values/codec.ts';

function errorOf(code: ErrorCode): Error {
  return expect.objectContaining({ name: 'FleetError', code }) as Error;
}

function throughCodec(value: unknown): unknown {
  const { data, flags } = defaultCodec.encode(value);
  return defaultCodec.decode(Buffer.from(data), flags);
}

describe('a value', () => {
  test.each([
    ['text', 'text', FLAGS_TEXT],
    ['', '', FLAGS_TEXT],
    [7, '7', FLAGS_INTEGER],
    [-0, '0', FLAGS_INTEGER],
    [2n ** 70n, '1180591620717411303424', FLAGS_INTEGER],
    [1.5, '1.5', FLAGS_JSON],
    [1e300, '1e+300', FLAGS_JSON],
    [true, 'true', FLAGS_JSON],
    [null, 'null', FLAGS_JSON],
    [{ a: [1] }, '{"a":[1]}', FLAGS_JSON],
    [new Date(0), '"1970-01-01T00:00:00.000Z"', FLAGS_JSON],
    [Buffer.from('ab'), 'ab', FLAGS_BYTES],
    [new Uint8Array([97]), 'a', FLAGS_BYTES],
  ])('%o is stored as %j with flags %d', (value, text, flags) => {
    const encoded = defaultCodec.encode(value);
    expect(Buffer.from(encoded.data).toString()).toBe(text);
    expect(encoded.flags).toBe(flags);
  });

  test('comes back as it was', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), fc.jsonValue(), fc.integer(), fc.bigInt()), (value) => {
        const expected = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
        // JSON has no -0.
        expect(throughCodec(value)).toEqual(JSON.stringify(value, bigints) === '0' ? 0 : jsonTwin(expected));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(throughCodec(value)).toEqual(Buffer.from(value));
      }),
    );
  });

  test.each([undefined, () => 1, Symbol('s'), NaN, Infinity, { deep: 1n }, '\ud800'])('%s is refused', (value) => {
    expect(() => defaultCodec.encode(value)).toThrow(errorOf('BAD_VALUE'));
  });

  test('that refers to itself is refused, and the cause is kept', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(() => defaultCodec.encode(loop)).toThrow(errorOf('BAD_VALUE'));
  });
});

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** What JSON makes of a value: -0 becomes 0. */
function jsonTwin(value: unknown): unknown {
  return typeof value === 'bigint' || typeof value === 'string'
    ? value
    : (JSON.parse(JSON.stringify(value)) as unknown);
}

describe('what other clients stored', () => {
  test.each([
    ['hello', 0, 'hello'],
    ['hello', 16, 'hello'],
    ['42', 2, 42],
    ['9007199254740993', 4, 9007199254740993n],
    ['9 ', 2, 9],
    ['-5', 2, -5],
  ])('%j with flags %d is %o', (text, flags, value) => {
    expect(defaultCodec.decode(Buffer.from(text), flags)).toBe(value);
  });

  test.each([
    ['{"a":1}', 2],
    ['\x80\x04K\x01.', 1],
    ['x', 8],
    ['x', 0xffffffff],
  ])('%j with flags %d is given as bytes', (text, flags) => {
    expect(defaultCodec.decode(Buffer.from(text, 'latin1'), flags)).toEqual(Buffer.from(text, 'latin1'));
  });

  test('what has the flags of JSON but is not JSON is an error', () => {
    expect(() => defaultCodec.decode(Buffer.from('{'), FLAGS_JSON)).toThrow(errorOf('BAD_VALUE'));
  });

  test('bytes are copied: what is read is not changed by what comes after it', () => {
    const received = Buffer.from('abc');
    const value = defaultCodec.decode(received, FLAGS_BYTES);
    received.fill(0);
    expect(value).toEqual(Buffer.from('abc'));
  });
});

describe('the bytes codec', () => {
  test('stores bytes and text with flags 0 and reads everything as bytes', () => {
    expect(bytesCodec.encode(Buffer.from('a'))).toEqual({ data: Buffer.from('a'), flags: 0 });
    expect(bytesCodec.encode('é')).toEqual({ data: Buffer.from('é'), flags: 0 });
    expect(bytesCodec.decode(Buffer.from('{}'), FLAGS_JSON)).toEqual(Buffer.from('{}'));
    expect(() => bytesCodec.encode({})).toThrow(errorOf('BAD_VALUE'));
  });
});
