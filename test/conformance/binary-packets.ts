/** Packets of the binary protocol for wire tables: requests as bytes, answers as a pattern for all of them. Pure. */
import { Magic, Status, statusText } from '../../src/protocol/binary/opcodes.ts';
import { HEADER_BYTES, PacketHead, writePacketHead } from '../../src/protocol/binary/packet.ts';

/** The opaque of every request that says nothing else. */
const OPAQUE = 0x01020304;

type Bytes = string | Buffer;

function bytesOf(bytes: Bytes | undefined): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes ?? '', 'latin1');
}

/** A request's parts. Lengths are told as they are, unless a test lies about them. */
export interface RequestParts {
  key?: Bytes;
  extras?: Bytes;
  value?: Bytes;
  opaque?: number;
  cas?: bigint;
  keyBytes?: number;
  extrasBytes?: number;
  bodyBytes?: number;
}

/** A request as bytes. */
export function request(opcode: number, parts: RequestParts = {}): Buffer {
  const [extras, key, value] = [bytesOf(parts.extras), bytesOf(parts.key), bytesOf(parts.value)];
  const head = new PacketHead();
  head.opcode = opcode;
  head.keyBytes = parts.keyBytes ?? key.length;
  head.extrasBytes = parts.extrasBytes ?? extras.length;
  head.bodyBytes = parts.bodyBytes ?? extras.length + key.length + value.length;
  head.opaque = parts.opaque ?? OPAQUE;
  head.casHigh = Number(BigInt.asIntN(32, (parts.cas ?? 0n) >> 32n));
  head.casLow = Number(BigInt.asIntN(32, parts.cas ?? 0n));
  const packet = Buffer.alloc(HEADER_BYTES);
  writePacketHead(packet, 0, Magic.REQUEST, head);
  return Buffer.concat([packet, extras, key, value]);
}

/** Several requests in one write. */
export function requests(...packets: Buffer[]): Buffer {
  return Buffer.concat(packets);
}

/** Unsigned 32-bit numbers as extras. */
export function words(...values: number[]): Buffer {
  const extras = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) extras.writeUInt32BE(value, 4 * i);
  return extras;
}

/** The extras of set, add and replace. */
export function storage(flags = 0, exptime = 0): Buffer {
  return words(flags, exptime);
}

/** The extras of incr and decr. */
export function arithmetic(delta: bigint, initial: bigint, exptime: number): Buffer {
  return Buffer.concat([number(delta), number(initial), words(exptime)]);
}

/** 64 bits as incr and decr answer them. */
export function number(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** An answer's parts. */
export interface AnswerParts {
  status?: number;
  key?: Bytes;
  extras?: Bytes;
  value?: Bytes;
  opaque?: number;
  /** The header has a CAS, which the server chose. Default: it has none. */
  cas?: boolean;
}

/** An answer as the source of a pattern. */
export function answer(opcode: number, parts: AnswerParts = {}): string {
  const [extras, key, value] = [bytesOf(parts.extras), bytesOf(parts.key), bytesOf(parts.value)];
  const head = new PacketHead();
  head.opcode = opcode;
  head.status = parts.status ?? 0;
  head.keyBytes = key.length;
  head.extrasBytes = extras.length;
  head.bodyBytes = extras.length + key.length + value.length;
  head.opaque = parts.opaque ?? OPAQUE;
  const packet = Buffer.alloc(HEADER_BYTES);
  writePacketHead(packet, 0, Magic.RESPONSE, head);
  const cas = parts.cas === true ? '(?!\\0{8})[^]{8}' : '\\0{8}';
  return exactly(packet.subarray(0, HEADER_BYTES - 8)) + cas + exactly(Buffer.concat([extras, key, value]));
}

/** An answer with a status and its text. */
export function failure(opcode: number, status: Status, text = statusText(status)): string {
  return answer(opcode, { status, value: text });
}

/** A row of stats whose value is the server's, and all rows behind it. */
export function rowsFrom(opcode: number, name: string): string {
  const head = Buffer.from([Magic.RESPONSE, opcode, 0, name.length, 0, 0, 0, 0]);
  return `${exactly(head)}[^]{16}${name}[^]+`;
}

/** The pattern of several answers, one behind the other. */
export function answers(...sources: string[]): RegExp {
  return new RegExp(`^${sources.join('')}$`);
}

function exactly(bytes: Buffer): string {
  let source = '';
  for (const byte of bytes) source += `\\x${byte.toString(16).padStart(2, '0')}`;
  return source;
}

/** The CAS in the header of the last answer that was received, if it has no body. */
export function lastCas(received: string): bigint {
  return Buffer.from(received.slice(-8), 'latin1').readBigUInt64BE();
}
