/** DNS messages: what is sent, and what is made of whatever comes back. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeQuestion, type DnsQuestion } from '../../../src/coordinator/discovery/dns-message.ts';
import { encodeName } from '../../support/dns-server.ts';

const ID = 0x1234;
const question: DnsQuestion = { name: 'Cache.test', type: 'A' };

/** A record whose owner is a pointer to the question's name, as servers write it, unless another owner is given. */
function record(type: number, data: Buffer, owner: Buffer = Buffer.of(0xc0, 12), recordClass = 1): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(recordClass, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function answerOf(asked: DnsQuestion, records: readonly Buffer[], flags = 0x8180, count = records.length): Buffer {
  const bytes = Buffer.concat([encodeQuestion(asked, ID, false), ...records]);
  bytes.writeUInt16BE(flags, 2);
  bytes.writeUInt16BE(count, 6);
  return bytes;
}

const aRecord = record(1, Buffer.of(10, 0, 0, 1));

describe('a question', () => {
  test('is its id, that recursion is wanted, name, type and class; with EDNS also that 1,232 bytes are welcome', () => {
    const plain = '12340100000100000000000005436163686504746573740000010001';
    expect(encodeQuestion(question, ID, false).toString('hex')).toBe(plain);
    const edns = `${plain.slice(0, 20)}0001${plain.slice(24)}00002904d0000000000000`;
    expect(encodeQuestion({ ...question, name: 'Cache.test.' }, ID, true).toString('hex')).toBe(edns);
  });

  test.each(['', '.', 'a..b', `${'a'.repeat(64)}.test`, `${'abcdefg.'.repeat(32)}a`])('%j cannot be asked', (name) => {
    expect(() => encodeQuestion({ name, type: 'A' }, ID, true)).toThrow(
      expect.objectContaining({ code: 'DISCOVERY_FAILED' }),
    );
  });
});

describe('an answer', () => {
  test('has the addresses of the name that was asked for, in whatever case it is repeated', () => {
    const bytes = answerOf(question, [aRecord, record(1, Buffer.of(10, 0, 0, 2), encodeName('CACHE.TEST'))]);
    expect(decodeAnswer(bytes, { name: 'cache.test.', type: 'A' }, ID)).toEqual({
      rcode: 0,
      truncated: false,
      addresses: ['10.0.0.1', '10.0.0.2'],
      services: [],
    });
  });

  test('has IPv6 addresses in their short form', () => {
    const asked = { name: 'six.test', type: 'AAAA' } as const;
    const data = Buffer.from('fd00000000000000000000000000000a', 'hex');
    expect(decodeAnswer(answerOf(asked, [record(28, data)]), asked, ID)?.addresses).toEqual(['fd00::a']);
  });

  test('has services with targets in lower case, compressed or not', () => {
    const asked = { name: '_mc._tcp.test', type: 'SRV' } as const;
    const fixed = Buffer.from('000100022bcb', 'hex');
    // The question's name begins at 12; "test" is its third label, at 12 + 4 + 5.
    const compressed = Buffer.concat([fixed, Buffer.from('\x04MC-0', 'latin1'), Buffer.of(0xc0, 21)]);
    const bytes = answerOf(asked, [record(33, compressed), record(33, Buffer.concat([fixed, encodeName('b.test')]))]);
    expect(decodeAnswer(bytes, asked, ID)?.services).toEqual([
      { target: 'mc-0.test', port: 11_211 },
      { target: 'b.test', port: 11_211 },
    ]);
  });

  test('is followed through aliases in any order, and what belongs to other names is not taken', () => {
    const [a, b] = [encodeName('a.test'), encodeName('b.test')];
    const records = [
      record(1, Buffer.of(10, 0, 0, 3), b),
      record(5, b, a),
      record(5, a),
      record(5, a, b),
      record(1, Buffer.of(10, 9, 9, 9), encodeName('evil.test')),
      record(1, Buffer.of(10, 9, 9, 8), b, 3),
    ];
    expect(decodeAnswer(answerOf(question, records), question, ID)?.addresses).toEqual(['10.0.0.3']);
  });

  test('that was cut keeps what is whole and says so', () => {
    const bytes = answerOf(question, [aRecord, aRecord.subarray(0, 7)], 0x8380);
    expect(decodeAnswer(bytes, question, ID)).toMatchObject({ truncated: true, addresses: ['10.0.0.1'] });
  });

  test.each([
    [1, { rcode: 1 }],
    [2, { rcode: 2 }],
    [3, { rcode: 3 }],
    [5, { rcode: 5 }],
  ])('with RCODE %d says so', (rcode, expected) => {
    expect(decodeAnswer(answerOf(question, [], 0x8180 | rcode), question, ID)).toMatchObject(expected);
  });

  test('of a server that cannot read questions may leave the question out', () => {
    const bytes = Buffer.from('123481810000000000000000', 'hex');
    expect(decodeAnswer(bytes, question, ID)).toMatchObject({ rcode: 1 });
  });
});

describe('what is no answer to the question', () => {
  const good = answerOf(question, [aRecord]);

  test.each([
    ['another id', good, question, ID + 1],
    ['a question', encodeQuestion(question, ID, false), question, ID],
    ['another name', good, { name: 'other.test', type: 'A' } as const, ID],
    ['another type', good, { name: 'cache.test', type: 'AAAA' } as const, ID],
    ['no question and no error', Buffer.from('123481800000000000000000', 'hex'), question, ID],
  ])('%s', (_, bytes, asked, id) => {
    expect(decodeAnswer(bytes, asked, id)).toBeUndefined();
  });

  test('an answer that ends at any place before its end', () => {
    for (let end = 0; end < good.length; end += 1) {
      expect(decodeAnswer(good.subarray(0, end), question, ID), `cut at ${end}`).toBeUndefined();
    }
  });

  test.each([
    ['a pointer to itself', Buffer.of(0xc0, 28)],
    ['a pointer ahead', Buffer.of(0xc0, 30)],
    ['a pointer beyond the end', Buffer.of(0xff, 0xff)],
    ['a label of a reserved kind', Buffer.of(0x80, 1)],
    ['a name without an end', Buffer.concat(Array<Buffer>(10).fill(Buffer.from(`\x3f${'a'.repeat(63)}`, 'latin1')))],
  ])('%s as the owner of a record', (_, owner) => {
    expect(decodeAnswer(answerOf(question, [record(1, Buffer.of(1, 2, 3, 4), owner)]), question, ID)).toBeUndefined();
  });

  test('a record that is longer than it may be', () => {
    const asked = { name: 'cache.test', type: 'SRV' } as const;
    const target = encodeName('mc-0.test');
    const lying = record(33, Buffer.concat([Buffer.from('000100022bcb', 'hex'), target]));
    lying.writeUInt16BE(8, 10);
    expect(decodeAnswer(answerOf(asked, [lying]), asked, ID)?.services ?? []).toEqual([]);
  });

  test('any bytes at all give an answer or none, and never an error', () => {
    const start = good.subarray(0, 12);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, headed) => {
        const message = headed
          ? Buffer.concat([start, encodeQuestion(question, ID, false).subarray(12), bytes])
          : bytes;
        const answer = decodeAnswer(Buffer.from(message), question, ID);
        for (const address of answer?.addresses ?? []) expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      }),
    );
  });
});
