/**
 * Hides in answers of the binary protocol what may differ between two servers that behave the same: CAS, versions, and
 * all rows of statistics. Writes each packet as a line, so that a difference can be read. Pure.
 */
import { Magic, Opcode } from '../../src/protocol/binary/opcodes.ts';
import { HEADER_BYTES, PacketHead, parsePacketHead } from '../../src/protocol/binary/packet.ts';

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}

function line(head: PacketHead, reserved: number, body: Buffer): string {
  const cas = (head.casHigh | head.casLow) === 0 ? '' : ' cas=UNIQUE';
  const isVersion = head.opcode === Opcode.VERSION && head.status === 0;
  const extras = body.subarray(0, head.extrasBytes).toString('hex');
  const key = body.subarray(head.extrasBytes, head.extrasBytes + head.keyBytes).toString('latin1');
  const value = isVersion ? 'VERSION' : body.subarray(head.extrasBytes + head.keyBytes).toString('latin1');
  const reservedByte = reserved === 0 ? '' : ` type=${hex(reserved)}`;
  const lengths = `${head.extrasBytes}+${head.keyBytes}${isVersion ? '' : `/${head.bodyBytes}`}`;
  return (
    `${hex(head.opcode)} status=${hex(head.status)} opaque=${(head.opaque >>> 0).toString(16)} lengths=${lengths}` +
    `${cas}${reservedByte} extras=${extras} key=${key} value=${value}\n`
  );
}

/** One answer stream as lines, comparable. What is no packet stays as it is. */
export function maskedPackets(answers: string): string {
  const bytes = Buffer.from(answers, 'latin1');
  const head = new PacketHead();
  let lines = '';
  let at = 0;
  while (parsePacketHead(bytes, at, bytes.length, Magic.RESPONSE, head) > 0) {
    const end = at + HEADER_BYTES + head.bodyBytes;
    if (end > bytes.length) break;
    // Each row is a packet with a name. Which rows there are is for the wire tables.
    if (head.opcode !== Opcode.STAT || head.keyBytes === 0) {
      lines += line(head, bytes[at + 5] ?? 0, bytes.subarray(at + HEADER_BYTES, end));
    }
    at = end;
  }
  return lines + bytes.subarray(at).toString('latin1');
}

/** The CAS, as 8 bytes, that the hits of GETKs told, by key. */
export function casByKey(answers: string): Map<string, string> {
  const bytes = Buffer.from(answers, 'latin1');
  const head = new PacketHead();
  const found = new Map<string, string>();
  for (let at = 0; parsePacketHead(bytes, at, bytes.length, Magic.RESPONSE, head) > 0;) {
    const end = at + HEADER_BYTES + head.bodyBytes;
    if (head.status === 0) {
      found.set(bytes.toString('latin1', head.keyStart, head.valueStart), bytes.toString('latin1', at + 16, at + 24));
    }
    at = end;
  }
  return found;
}
