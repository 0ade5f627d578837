/**
 * Goal: every reply of the text protocol is read, wherever the bytes are cut, and no bytes whatever crash the parser or
 * make it wait for more than it may. Method: a table of replies fed whole, byte by byte and at every cut; properties.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  REPLY_DATA_BYTES_MAX,
  REPLY_LINE_BYTES_MAX,
  parseReply,
  type Reply,
} from '../../src/protocol/text/reply-parser.ts';

/** Comparable: data as text, cas as a bigint. */
function plain(reply: Reply): unknown {
  return 'data' in reply ? { ...reply, data: reply.data.toString('latin1') } : reply;
}

const TABLE: [string, unknown][] = [
  ['END\r\n', { kind: 'status', status: 'END' }],
  ['STORED\r\n', { kind: 'status', status: 'STORED' }],
  ['NOT_STORED\r\n', { kind: 'status', status: 'NOT_STORED' }],
  ['EXISTS\r\n', { kind: 'status', status: 'EXISTS' }],
  ['NOT_FOUND\r\n', { kind: 'status', status: 'NOT_FOUND' }],
  ['DELETED\r\n', { kind: 'status', status: 'DELETED' }],
  ['TOUCHED\r\n', { kind: 'status', status: 'TOUCHED' }],
  ['OK\r\n', { kind: 'status', status: 'OK' }],
  ['RESET\r\n', { kind: 'status', status: 'RESET' }],
  ['BUSY currently processing crawler request\r\n', { kind: 'status', status: 'BUSY' }],
  ['18446744073709551615\r\n', { kind: 'number', value: 18446744073709551615n }],
  ['7 \r\n', { kind: 'number', value: 7n }],
  ['VERSION 1.6.38\r\n', { kind: 'version', version: '1.6.38' }],
  ['VERSION\r\n', { kind: 'version', version: '' }],
  ['STAT pid 42\r\n', { kind: 'stat', name: 'pid', value: '42' }],
  ['STAT libevent 2.1 stable\r\n', { kind: 'stat', name: 'libevent', value: '2.1 stable' }],
  ['STAT empty \r\n', { kind: 'stat', name: 'empty', value: '' }],
  ['STAT bare\r\n', { kind: 'stat', name: 'bare', value: '' }],
  ['ERROR\r\n', { kind: 'error', error: 'ERROR', message: '' }],
  ['CLIENT_ERROR line too long\r\n', { kind: 'error', error: 'CLIENT_ERROR', message: 'line too long' }],
  ['SERVER_ERROR out of memory\r\n', { kind: 'error', error: 'SERVER_ERROR', message: 'out of memory' }],
  ['VALUE k 0 0\r\n\r\n', { kind: 'value', key: 'k', flags: 0, cas: undefined, data: '' }],
  ['VALUE k 4294967295 5\r\nhello\r\n', { kind: 'value', key: 'k', flags: 4294967295, cas: undefined, data: 'hello' }],
  [
    'VALUE k 1 2 18446744073709551615\r\n\r\n\r\n',
    { kind: 'value', key: 'k', flags: 1, cas: 18446744073709551615n, data: '\r\n' },
  ],
  ['VALUE \u00c3\u00a9 0 5\r\nEND\r\n\r\n', { kind: 'value', key: 'é', flags: 0, cas: undefined, data: 'END\r\n' }],
  ['CONFIG cluster 0 6\r\n1\na|b|\r\n', { kind: 'config', data: '1\na|b|' }],
  ['HD\r\n', { kind: 'meta', status: 'HD', flags: '', data: '' }],
  ['HD s5 t-1 Oab \r\n', { kind: 'meta', status: 'HD', flags: 's5 t-1 Oab', data: '' }],
  ['EN\r\n', { kind: 'meta', status: 'EN', flags: '', data: '' }],
  ['NF k\u00c3\u00a9 b\r\n', { kind: 'meta', status: 'NF', flags: 'k\u00e9 b', data: '' }],
  ['NS \r\n', { kind: 'meta', status: 'NS', flags: '', data: '' }],
  ['EX c18446744073709551615\r\n', { kind: 'meta', status: 'EX', flags: 'c18446744073709551615', data: '' }],
  ['MN\r\n', { kind: 'meta', status: 'MN', flags: '', data: '' }],
  ['VA 0\r\n\r\n', { kind: 'meta', status: 'VA', flags: '', data: '' }],
  ['VA 4 f0 W\r\nHD\r\n\r\n', { kind: 'meta', status: 'VA', flags: 'f0 W', data: 'HD\r\n' }],
];

const BAD = [
  '\r\n',
  'HELLO\r\n',
  'VA\r\n',
  'VA x\r\n',
  'VA 9999999999\r\n',
  'VA 1\r\nxyz\r\n',
  'hd\r\n',
  'end\r\n',
  '18446744073709551616\r\n',
  '12x\r\n',
  '-1\r\n',
  'STAT\r\n',
  'VALUE\r\n',
  'VALUE k\r\n',
  'VALUE k 0\r\n',
  'VALUE k 0 x\r\n',
  'VALUE k 0 -1\r\n',
  'VALUE k 4294967296 1\r\nx\r\n',
  'VALUE  0 1\r\nx\r\n',
  'VALUE k 0 1 x\r\nx\r\n',
  `VALUE k 0 ${REPLY_DATA_BYTES_MAX + 1}\r\n`,
  'VALUE k 0 1\r\nxx\r\n',
  'CONFIG cluster 0\r\n',
  'CONFIG cluster 0 1 2\r\nx\r\n',
  'CONFIG cluster 0 1\r\nxxx',
];

describe('each reply', () => {
  test.each(TABLE)('%j is read whole, at an offset and with more behind it', (text, expected) => {
    const size = Buffer.byteLength(text, 'latin1');
    const result = parseReply(Buffer.from(`xyz${text}END\r\n`, 'latin1'), 3);
    expect(result).toMatchObject({ outcome: 'reply', used: size });
    expect(result.outcome === 'reply' && plain(result.reply)).toEqual(expected);
  });

  test.each(TABLE)('%j is asked more of at every cut, and never more than there will be', (text) => {
    const bytes = Buffer.from(text, 'latin1');
    for (let cut = 0; cut < bytes.length; cut += 1) {
      const result = parseReply(bytes.subarray(0, cut), 0);
      expect(result.outcome).toBe('more');
      if (result.outcome !== 'more') continue;
      expect(result.bytesNeeded).toBeGreaterThan(cut);
      expect(result.bytesNeeded).toBeLessThanOrEqual(bytes.length);
    }
  });

  test.each(BAD)('%j is refused', (text) => {
    expect(parseReply(Buffer.from(text, 'latin1'), 0)).toMatchObject({ outcome: 'bad' });
  });

  test('a line end may be LF alone', () => {
    expect(parseReply(Buffer.from('VALUE k 0 1\nx\r\n'), 0)).toMatchObject({ outcome: 'reply', used: 15 });
  });
});

describe('bounds', () => {
  test('a line that does not end is refused at its limit', () => {
    const line = Buffer.alloc(REPLY_LINE_BYTES_MAX, 'a');
    expect(parseReply(line.subarray(1), 0)).toMatchObject({ outcome: 'more' });
    expect(parseReply(line, 0)).toMatchObject({ outcome: 'bad' });
    const ended = Buffer.from(`STAT a ${'b'.repeat(REPLY_LINE_BYTES_MAX)}\r\n`);
    expect(parseReply(ended, 0)).toMatchObject({ outcome: 'bad' });
  });

  test('the size of a data block is known from its line alone', () => {
    const result = parseReply(Buffer.from('VALUE k 0 1000000\r\n'), 0);
    const skipped = { kind: 'skipped', key: 'k', dataBytes: 1_000_000 };
    expect(result).toEqual({ outcome: 'more', bytesNeeded: 19 + 1_000_000 + 2, skipped });
  });
});

describe('properties', () => {
  const value = fc.record({
    key: fc.stringMatching(/^[!-~]{1,250}$/),
    flags: fc.nat(0xffffffff),
    data: fc.uint8Array({ maxLength: 300 }),
    cas: fc.option(fc.bigInt(0n, 2n ** 64n - 1n), { nil: undefined }),
  });

  test('what a server composes is read back, any bytes in the data', () => {
    fc.assert(
      fc.property(value, ({ key, flags, data, cas }) => {
        const head = `VALUE ${key} ${flags} ${data.length}${cas === undefined ? '' : ` ${cas}`}\r\n`;
        const bytes = Buffer.concat([Buffer.from(head), data, Buffer.from('\r\n')]);
        const result = parseReply(bytes, 0);
        expect(result).toMatchObject({ outcome: 'reply', used: bytes.length, reply: { key, flags, cas } });
        expect(result.outcome === 'reply' && 'data' in result.reply && result.reply.data).toEqual(Buffer.from(data));
      }),
    );
  });

  test('any bytes give a result, and progress', () => {
    const noise = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        fc
          .constantFrom(...TABLE.map(([text]) => text), ...BAD, 'VALUE ', 'STAT ', '\r\n', ' ', '\0')
          .map((text) => Buffer.from(text, 'latin1')),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(noise, (parts) => {
        const bytes = Buffer.concat(parts);
        let start = 0;
        while (start <= bytes.length) {
          const result = parseReply(bytes, start);
          if (result.outcome !== 'reply') {
            if (result.outcome === 'more') expect(result.bytesNeeded).toBeGreaterThan(bytes.length - start);
            break;
          }
          expect(result.used).toBeGreaterThan(0);
          start += result.used;
        }
        expect(start).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});
