/**
 * Goal: every packet of the binary protocol is read, wherever the bytes are cut, what is written is what is read, and no
 * bytes whatever crash the parser. Method: packets fed whole, byte by byte and at every cut; properties.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasRightLengths } from '../../src/protocol/binary/lengths.ts';
import { Magic, Opcode, Status, isQuiet, loudOf, statusText } from '../../src/protocol/binary/opcodes.ts';
import {
  BAD_MAGIC,
  HEADER_BYTES,
  NEED_MORE,
  PacketHead,
  parsePacketHead,
  readInt32,
  writeInt32,
  writePacketHead,
} from '../../src/protocol/binary/packet.ts';

interface Packet {
  opcode: number;
  status: number;
  opaque: number;
  casHigh: number;
  casLow: number;
  extras: string;
  key: string;
  value: string;
}

function compose(packet: Packet, magic: Magic): Buffer {
  const { extras, key, value, ...rest } = packet;
  const head = Object.assign(new PacketHead(), rest);
  head.extrasBytes = extras.length;
  head.keyBytes = key.length;
  head.bodyBytes = extras.length + key.length + value.length;
  const bytes = Buffer.alloc(HEADER_BYTES);
  expect(writePacketHead(bytes, 0, magic, head)).toBe(HEADER_BYTES);
  return Buffer.concat([bytes, Buffer.from(extras + key + value, 'latin1')]);
}

/** Reads all packets of some bytes that came in pieces; what is incomplete waits for the next piece. */
function parseAll(pieces: Iterable<Uint8Array>, magic: Magic): Packet[] {
  const packets: Packet[] = [];
  const head = new PacketHead();
  let rest = Buffer.alloc(0);
  for (const piece of pieces) {
    // Not at the start of the buffer, so that a parser that forgets its start shows.
    const bytes = Buffer.concat([Buffer.from('xyz'), rest, piece]);
    let at = 3;
    for (;;) {
      const used = parsePacketHead(bytes, at, bytes.length, magic, head);
      if (used === NEED_MORE || at + HEADER_BYTES + head.bodyBytes > bytes.length) break;
      expect(used).toBe(HEADER_BYTES + head.extrasBytes + head.keyBytes);
      const text = (from: number, to: number): string => bytes.subarray(from, to).toString('latin1');
      packets.push({
        opcode: head.opcode,
        status: head.status,
        opaque: head.opaque,
        casHigh: head.casHigh,
        casLow: head.casLow,
        extras: text(head.extrasStart, head.keyStart),
        key: text(head.keyStart, head.valueStart),
        value: text(head.valueStart, head.valueStart + head.valueBytes),
      });
      at += used + head.valueBytes;
    }
    rest = bytes.subarray(at);
  }
  expect(rest.length).toBe(0);
  return packets;
}

const latin = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const packet: fc.Arbitrary<Packet> = fc.record({
  opcode: fc.nat(255),
  status: fc.nat(65_535),
  opaque: int32,
  casHigh: int32,
  casLow: int32,
  extras: latin(255),
  key: latin(300),
  value: latin(100),
});

const SAMPLE: Packet[] = [
  { opcode: Opcode.NOOP, status: 0, opaque: -1, casHigh: 0, casLow: 0, extras: '', key: '', value: '' },
  {
    opcode: Opcode.SET,
    status: 0,
    opaque: 7,
    casHigh: 1,
    casLow: -2,
    extras: 'flagtime',
    key: 'k',
    value: '\x80\n\x81',
  },
  {
    opcode: Opcode.GETK,
    status: 0x8182,
    opaque: 0,
    casHigh: -1,
    casLow: 0,
    extras: '',
    key: 'k'.repeat(300),
    value: '',
  },
];

describe('a stream of packets', () => {
  const bytes = Buffer.concat(SAMPLE.map((one) => compose(one, Magic.REQUEST)));

  test('whole', () => {
    expect(parseAll([bytes], Magic.REQUEST)).toEqual(SAMPLE);
  });

  test('byte by byte', () => {
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(parseAll(pieces, Magic.REQUEST)).toEqual(SAMPLE);
  });

  test('at every cut', () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(parseAll([bytes.subarray(0, cut), bytes.subarray(cut)], Magic.REQUEST)).toEqual(SAMPLE);
    }
  });

  test('is read as it was written, both ways', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 5 }), fc.constantFrom(Magic.REQUEST, Magic.RESPONSE), (list, magic) => {
        expect(parseAll([Buffer.concat(list.map((one) => compose(one, magic)))], magic)).toEqual(list);
      }),
    );
  });
});

describe('bytes that are no packet', () => {
  test('are told by their first byte, once there is a header of them', () => {
    const head = new PacketHead();
    const answer = compose(SAMPLE[0], Magic.RESPONSE);
    expect(parsePacketHead(answer, 0, HEADER_BYTES - 1, Magic.REQUEST, head)).toBe(NEED_MORE);
    expect(parsePacketHead(answer, 0, HEADER_BYTES, Magic.REQUEST, head)).toBe(BAD_MAGIC);
    expect(parsePacketHead(answer, 0, HEADER_BYTES, Magic.RESPONSE, head)).toBe(HEADER_BYTES);
  });

  test('never crash the parser or make it use more than there is', () => {
    const head = new PacketHead();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(30), (bytes, start) => {
        if (bytes.length > start) bytes[start] = Magic.REQUEST;
        const used = parsePacketHead(bytes, start, bytes.length, Magic.REQUEST, head);
        expect(used).toBeLessThanOrEqual(Math.max(0, bytes.length - start));
        expect(used === NEED_MORE || used >= HEADER_BYTES).toBe(true);
        expect(head.bodyBytes).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('may say that extras and key are longer than the body: then the value is negative', () => {
    const bytes = compose({ ...SAMPLE[1], value: '' }, Magic.REQUEST);
    bytes.writeUInt32BE(2, 8);
    const head = new PacketHead();
    expect(parsePacketHead(bytes, 0, bytes.length, Magic.REQUEST, head)).toBe(HEADER_BYTES + 9);
    expect(head.valueBytes).toBe(-7);
  });
});

describe('numbers', () => {
  test('of 32 bits go both ways', () => {
    fc.assert(
      fc.property(int32, (value) => {
        const bytes = new Uint8Array(6);
        expect(writeInt32(bytes, 1, value)).toBe(5);
        expect(readInt32(bytes, 1)).toBe(value);
        expect(Buffer.from(bytes).readInt32BE(1)).toBe(value);
      }),
    );
  });
});

describe('opcodes', () => {
  test('each quiet form has a loud one that is not quiet', () => {
    const quiet = Object.entries(Opcode).filter(([, opcode]) => isQuiet(opcode));
    expect(quiet.map(([name]) => name).sort()).toEqual(
      Object.keys(Opcode)
        .filter((name) => name.endsWith('Q'))
        .sort(),
    );
    for (const [name, opcode] of quiet) expect(loudOf(opcode)).toBe(Opcode[name.slice(0, -1) as keyof typeof Opcode]);
  });

  test('of which nobody knows keep their number and may have any lengths', () => {
    for (const opcode of [0x1f, 0x25, 0x5f, 0x68, 0xff]) {
      expect(loudOf(opcode)).toBe(opcode);
      expect(hasRightLengths(opcode, new PacketHead())).toBe(true);
    }
  });

  test('every error has a text, and what is no error has none', () => {
    for (const status of Object.values(Status)) {
      const isError = status !== Status.SUCCESS && status !== Status.AUTH_CONTINUE;
      expect(statusText(status) !== '', String(status)).toBe(isError);
    }
  });
});
