/**
 * Goal: the meta protocol's two sides understand each other: what the client composes is what the daemon parses, and
 * what the daemon writes is what the client parses, wherever the bytes are cut.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReceiveBuffer } from '../../src/client/wire/receive-buffer.ts';
import {
  Status,
  writeKey,
  writeLineEnd,
  writeNumber,
  writeNumberFlag,
  writeStatus,
  writeTtl,
  writeWord,
} from '../../src/daemon/meta/writer.ts';
import { isMetaLine, parseMeta } from '../../src/protocol/text/meta-parser.ts';
import { Letter, MetaCommand, MetaRequest } from '../../src/protocol/text/meta-request.ts';
import { metaFlag, type MetaReply } from '../../src/protocol/text/reply-parser.ts';
import { RequestWriter, type MetaVerb } from '../../src/protocol/text/request-writer.ts';

const COMMANDS = { mg: MetaCommand.GET, md: MetaCommand.DELETE, ma: MetaCommand.ARITHMETIC } as const;

const key = fc.string({ unit: fc.constantFrom('a', 'Z', '0', ':', '-', 'é', '€'), minLength: 1, maxLength: 80 });
const opaque = fc.string({ unit: fc.constantFrom('a', '1', '_'), maxLength: 31 });
const exptime = fc.integer({ min: -1, max: 2 ** 31 - 1 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** The daemon's reading of a line. */
function parseLine(line: Buffer): MetaRequest {
  expect(line.subarray(-2).toString()).toBe('\r\n');
  expect(isMetaLine(line, 0, line.length - 2)).toBe(true);
  const request = new MetaRequest();
  expect(parseMeta(line, 0, line.length - 2, request)).toBeUndefined();
  return request;
}

function keyOf({ key: bytes, keyStart, keyEnd }: MetaRequest): string {
  return Buffer.from(bytes.subarray(keyStart, keyEnd)).toString();
}

describe('requests', () => {
  test.each([
    ['mg k\r\n', 'mg', ''],
    ['mg k u s t\r\n', 'mg', 'u s t'],
    ['md k q\r\n', 'md', 'q'],
    ['ma k N0 J5 MI\r\n', 'ma', 'N0 J5 MI'],
  ] as const)('%j', (line, verb, flags) => {
    const writer = new RequestWriter();
    writer.meta(verb, 'k', flags);
    expect(writer.take().toString()).toBe(line);
  });

  test('are what the daemon parses', () => {
    const verb = fc.constantFrom<MetaVerb[]>('mg', 'md', 'ma');
    fc.assert(
      fc.property(verb, key, opaque, exptime, uint64, (command, text, token, ttl, cas) => {
        const writer = new RequestWriter();
        writer.meta(command, text, `k O${token} T${ttl} C${cas} E${cas}`);
        const request = parseLine(writer.take());
        expect(request.command).toBe(COMMANDS[command]);
        expect(keyOf(request)).toBe(text);
        expect(request.exptime).toBe(ttl);
        expect((BigInt(request.casHigh >>> 0) << 32n) | BigInt(request.casLow >>> 0)).toBe(cas);
        expect(['k', 'O', 'T', 'C', 'E', 'q'].map((letter) => request.has(letter.charCodeAt(0)))).toEqual([
          ...Array.from({ length: 5 }, () => true),
          false,
        ]);
      }),
    );
  });

  test('longer than the buffer, one after the other, keep their bounds', () => {
    const writer = new RequestWriter();
    const flags = `O${'€'.repeat(2000)}`;
    for (let i = 0; i < 5; i += 1) writer.meta('mg', 'k'.repeat(250), flags);
    expect(writer.take().toString()).toBe(`mg ${'k'.repeat(250)} ${flags}\r\n`.repeat(5));
  });
});

interface Written {
  status: keyof typeof Status;
  text: string;
  token: string;
  size: number;
  ttl: number;
  data: Uint8Array;
}

/** A reply as the daemon writes it, to a request for key, opaque, size and ttl. */
function write({ status, text, token, size, ttl, data }: Written): Buffer {
  const line = new RequestWriter();
  line.meta('mg', text, `k O${token}`);
  const request = parseLine(line.take());
  const to = Buffer.alloc(1024 + data.length);
  let at = writeStatus(to, 0, Status[status]);
  if (status === 'VA') at = writeNumber(to, at, data.length);
  at = writeKey(to, at, request);
  at = writeWord(to, at, request, request.firstFlag + 1);
  at = writeNumberFlag(to, at, Letter.s, size);
  at = writeLineEnd(to, writeTtl(to, at, ttl, 0));
  if (status !== 'VA') return to.subarray(0, at);
  to.set(data, at);
  return to.subarray(0, writeLineEnd(to, at + data.length));
}

/** What a client reads of the chunks. */
function read(chunks: readonly Buffer[]): MetaReply[] {
  const replies: MetaReply[] = [];
  const received = new ReceiveBuffer(10_000, () => true);
  for (const chunk of chunks) {
    const problem = received.push(Buffer.from(chunk), (reply) => {
      if (reply.kind === 'meta') replies.push({ ...reply, data: Buffer.from(reply.data) });
      return reply.kind === 'meta';
    });
    expect(problem).toBeUndefined();
  }
  expect(received.size).toBe(0);
  return replies;
}

describe('replies', () => {
  const written = fc.record<Written>({
    status: fc.constantFrom('HD', 'VA', 'EN', 'EX', 'NF', 'NS'),
    text: key,
    token: opaque,
    size: fc.nat(),
    ttl: fc.nat(),
    data: fc.uint8Array({ maxLength: 100 }),
  });

  test('are what the daemon wrote, whole, byte by byte and at every cut', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 3 }), (all) => {
        const stream = Buffer.concat(all.map(write));
        const replies = read([stream]);
        expect(replies.map(({ status }) => status)).toEqual(all.map(({ status }) => status));
        for (const [index, { status, text, token, size, ttl, data }] of all.entries()) {
          const reply = replies[index];
          expect(reply.data).toEqual(status === 'VA' ? Buffer.from(data) : Buffer.alloc(0));
          expect(['k', 'O', 's', 't', 'f'].map((letter) => metaFlag(reply.flags, letter))).toEqual([
            text,
            token,
            String(size),
            String(ttl === 0 ? -1 : ttl),
            undefined,
          ]);
        }
        expect(read(Array.from(stream, (byte) => Buffer.from([byte])))).toEqual(replies);
        for (let cut = 1; cut < stream.length; cut += 1) {
          expect(read([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(replies);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a value above the bound is skipped, and the stream stays in step', () => {
    const seen: unknown[] = [];
    const received = new ReceiveBuffer(10, () => true);
    const stream = Buffer.from(`VA 11 s11\r\n${'x'.repeat(11)}\r\nEN\r\n`);
    for (const byte of stream) {
      received.push(Buffer.from([byte]), (reply) => seen.push(reply.kind === 'skipped' ? reply : reply.kind) > 0);
    }
    expect(seen).toEqual([{ kind: 'skipped', key: '', dataBytes: 11 }, 'meta']);
  });
});

test.each([
  ['s5 t-1 k', 's', '5'],
  ['s5 t-1 k', 't', '-1'],
  ['s5 t-1 k', 'k', ''],
  ['ks s1', 's', '1'],
  ['', 's', undefined],
  ['k', 's', undefined],
])('in %j the flag %s is %j', (flags, letter, value) => {
  expect(metaFlag(flags, letter)).toBe(value);
});
