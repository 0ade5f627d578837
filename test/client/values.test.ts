/** Keys, values, times to live, back-off and server lists: the pure parts of the client. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/base/errors.ts';
import { backoffMs } from '../../src/base/backoff.ts';
import {
  FLAGS_BYTES,
  FLAGS_INTEGER,
  FLAGS_JSON,
  FLAGS_TEXT,
  bytesCodec,
  defaultCodec,
} from '../../src/client/codec.ts';
import { exptimeOf } from '../../src/client/exptime.ts';
import { checkKey } from '../../src/client/key.ts';
import { parseServer, topologyOfServers } from '../../src/client/servers.ts';

function errorOf(code: ErrorCode): Error {
  return expect.objectContaining({ name: 'FleetError', code }) as Error;
}

function throughCodec(value: unknown): unknown {
  const { data, flags } = defaultCodec.encode(value);
  return defaultCodec.decode(Buffer.from(data), flags);
}

describe('a key', () => {
  test.each(['a', 'k'.repeat(250), 'é'.repeat(125), '€'.repeat(83), '💾'.repeat(62), '!~', '\u0080', '\u00a0'])(
    '%j may be sent',
    (key) => expect(() => checkKey(key)).not.toThrow(),
  );

  test.each([
    '',
    ' ',
    'a b',
    'a\r\nflush_all',
    '\0',
    'a\tb',
    '\u007f',
    'k'.repeat(251),
    'é'.repeat(126),
    '\ud800',
    'a\udc00',
  ])('%j may not', (key) => expect(() => checkKey(key)).toThrow(errorOf('BAD_KEY')));

  test('that passes is one word of at most 250 bytes, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (key) => {
        try {
          checkKey(key);
        } catch {
          return;
        }
        const bytes = Buffer.from(key);
        expect(bytes.length).toBeLessThanOrEqual(250);
        expect(bytes.toString()).toBe(key);
        expect(bytes.every((byte) => byte > 0x20 && byte !== 0x7f)).toBe(true);
      }),
    );
  });
});

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

  test('what has the flags of JSON but is none is an error', () => {
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

describe('a time to live', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const nowSeconds = nowMs / 1000;
  test.each([
    [undefined, 0],
    [0, 0],
    [0.2, 1],
    [60, 60],
    [2_592_000, 2_592_000],
    [2_592_001, nowSeconds + 2_592_001],
    [10 ** 9, 0],
    [Infinity, 0],
  ])('of %s seconds is the exptime %d', (ttl, exptime) => {
    expect(exptimeOf(ttl, nowMs)).toBe(exptime);
  });

  test.each([-1, NaN])('of %d is refused', (ttl) => {
    expect(() => exptimeOf(ttl, nowMs)).toThrow(errorOf('BAD_VALUE'));
  });
});

describe('back-off', () => {
  test('doubles up to its limit, and half of it is chance', () => {
    const least = [1, 2, 3, 4, 50].map((failures) => backoffMs(failures, 100, 500, () => 0));
    const most = [1, 2, 3, 4, 50].map((failures) => backoffMs(failures, 100, 500, () => 0.999_999));
    expect(least).toEqual([50, 100, 200, 250, 250]);
    expect(most.map(Math.round)).toEqual([100, 200, 400, 500, 500]);
  });
});

describe('a server', () => {
  test.each([
    ['cache-1', { host: 'cache-1', port: 11211, weight: 1 }],
    ['127.0.0.1:11212', { host: '127.0.0.1', port: 11212, weight: 1 }],
    ['a:1:3', { host: 'a', port: 1, weight: 3 }],
    ['[::1]:11212', { host: '::1', port: 11212, weight: 1 }],
    ['[::1]', { host: '::1', port: 11211, weight: 1 }],
  ])('%j is understood', (text, expected) => expect(parseServer(text)).toEqual(expected));

  test.each(['', ':1', 'a:', 'a:x', 'a:1:2:3', '::1', 'a b:1', 'http://a:1'])('%j is refused', (text) => {
    expect(() => parseServer(text)).toThrow(errorOf('BAD_CONFIG'));
  });

  test('lists keep their order, as some hashing depends on it', () => {
    const document = topologyOfServers(['b:1', { host: 'a' }, 'c:2:5'], 'modulo-crc32-shift');
    expect(document.nodes.map((node) => node.name)).toEqual(['b:1', 'a:11211', 'c:2']);
    expect(document.nodes.map((node) => node.weight)).toEqual([1, 1, 5]);
    expect(document.hashing.algorithm).toBe('modulo-crc32-shift');
  });

  test.each([[['a:1', 'a:1']], [['a:99999']], [[{ host: '' }]]])('%j is refused', (servers) => {
    expect(() => topologyOfServers(servers)).toThrow(errorOf('BAD_CONFIG'));
  });
});
