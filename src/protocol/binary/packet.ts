/**
 * One packet of the binary protocol, both ways: a header of 24 bytes, then extras, key and value.
 *
 *     byte 0      1       2–3         4            5          6–7     8–11        12–15   16–23
 *     ┌──────┬───────┬──────────┬─────────────┬──────────┬─────────┬───────────┬────────┬─────┬────────┬─────┬───────┐
 *     │magic │opcode │key bytes │extras bytes │data type │ status* │body bytes │ opaque │ cas │ extras │ key │ value │
 *     └──────┴───────┴──────────┴─────────────┴──────────┴─────────┴───────────┴────────┴─────┴────────┴─────┴───────┘
 *     * in a request: the vbucket, which nobody uses
 *
 * Pure: from bytes to a {@link PacketHead} that is used again and again, and back into a buffer that is given.
 */
import type { Magic } from './opcodes.ts';

/** Bytes of a header. */
export const HEADER_BYTES = 24;

/** {@link parsePacketHead}: the header, its extras or its key are not all there yet. */
export const NEED_MORE = 0;

/** {@link parsePacketHead}: these bytes are no packet of the kind that was expected, and what follows cannot be told. */
export const BAD_MAGIC = -1;

/** A packet without its value. */
export class PacketHead {
  opcode = 0;
  keyBytes = 0;
  extrasBytes = 0;
  /** Of a response; 0 in a request. */
  status = 0;
  /** Extras, key and value together, unsigned 32 bits. */
  bodyBytes = 0;
  /** Comes back as it was sent: 32 bits, signed. */
  opaque = 0;
  /** CAS in signed halves. */
  casHigh = 0;
  casLow = 0;
  /** Where in the parsed bytes the extras begin. */
  extrasStart = 0;
  keyStart = 0;
  /** End of the key: where the value begins. */
  valueStart = 0;

  /** Length of the value; negative if extras and key do not fit into the body. */
  get valueBytes(): number {
    return this.bodyBytes - this.extrasBytes - this.keyBytes;
  }
}

/**
 * Reads a packet up to its value, which follows with {@link PacketHead.valueBytes} bytes.
 *
 * @returns the bytes used, NEED_MORE or BAD_MAGIC. Whether the lengths make sense is for the caller to judge.
 */
export function parsePacketHead(bytes: Uint8Array, start: number, end: number, magic: Magic, head: PacketHead): number {
  if (end - start < HEADER_BYTES) return NEED_MORE;
  if (bytes[start] !== magic) return BAD_MAGIC;
  head.keyBytes = (bytes[start + 2] << 8) | bytes[start + 3];
  head.extrasBytes = bytes[start + 4];
  const used = HEADER_BYTES + head.extrasBytes + head.keyBytes;
  if (end - start < used) return NEED_MORE;
  head.opcode = bytes[start + 1];
  head.status = (bytes[start + 6] << 8) | bytes[start + 7];
  head.bodyBytes = readInt32(bytes, start + 8) >>> 0;
  head.opaque = readInt32(bytes, start + 12);
  head.casHigh = readInt32(bytes, start + 16);
  head.casLow = readInt32(bytes, start + 20);
  head.extrasStart = start + HEADER_BYTES;
  head.keyStart = head.extrasStart + head.extrasBytes;
  head.valueStart = start + used;
  return used;
}

/**
 * Writes a header; extras, key and value are the caller's to write behind it.
 *
 * @returns the position behind the header
 */
export function writePacketHead(bytes: Uint8Array, position: number, magic: Magic, head: PacketHead): number {
  bytes[position] = magic;
  bytes[position + 1] = head.opcode;
  bytes[position + 2] = head.keyBytes >>> 8;
  bytes[position + 3] = head.keyBytes;
  bytes[position + 4] = head.extrasBytes;
  bytes[position + 5] = 0;
  bytes[position + 6] = head.status >>> 8;
  bytes[position + 7] = head.status;
  writeInt32(bytes, position + 8, head.bodyBytes);
  writeInt32(bytes, position + 12, head.opaque);
  writeInt32(bytes, position + 16, head.casHigh);
  return writeInt32(bytes, position + 20, head.casLow);
}

/** Four bytes, the most significant first, as a signed number; `>>> 0` makes it unsigned. */
export function readInt32(bytes: Uint8Array, position: number): number {
  return (bytes[position] << 24) | (bytes[position + 1] << 16) | (bytes[position + 2] << 8) | bytes[position + 3];
}

/** Writes 32 bits, the most significant byte first; returns the position behind them. */
export function writeInt32(bytes: Uint8Array, position: number, value: number): number {
  bytes[position] = value >>> 24;
  bytes[position + 1] = value >>> 16;
  bytes[position + 2] = value >>> 8;
  bytes[position + 3] = value;
  return position + 4;
}
