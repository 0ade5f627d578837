/** Lines that memcached's `-vv` prints of the binary protocol (proto_bin.c). Pure. */
import { Magic, Opcode, loudOf, statusText, type Status } from '../../protocol/binary/opcodes.ts';
import { HEADER_BYTES, PacketHead, parsePacketHead } from '../../protocol/binary/packet.ts';
import type { Show } from './shown.ts';

const WORD_BYTES = 4;
/** Where incr and decr have the number and what to begin with. */
const INITIAL_OFFSET = 8;
const EXPTIME_OFFSET = 16;

const head = new PacketHead();

/** The packet that begins at `start`. */
export function binaryRequest(id: number, bytes: Uint8Array, start: number, end: number, show: Show): string[] {
  if (bytes[start] !== Magic.REQUEST) return [`Invalid magic:  ${(bytes[start] ?? 0).toString(16)}`];
  if (end - start < HEADER_BYTES || parsePacketHead(bytes, start, end, Magic.REQUEST, head) <= 0) return [];
  const lines = [`<${id} Read binary protocol data:`, ...dump(`<${id}    `, bytes, start)];
  const command = commandLine(id, bytes, show);
  return command === undefined ? lines : [...lines, command];
}

function commandLine(id: number, bytes: Uint8Array, show: Show): string | undefined {
  const key = show(bytes, head.keyStart, head.valueStart);
  const length = `Value len is ${head.valueBytes}`;
  switch (loudOf(head.opcode)) {
    case Opcode.GET:
    case Opcode.GETK:
      return `<${id} GET ${key}`;
    case Opcode.TOUCH:
    case Opcode.GAT:
    case Opcode.GATK:
      return `<${id} TOUCH ${key}`;
    case Opcode.SET:
      return `<${id} SET ${key} ${length}`;
    case Opcode.ADD:
      return `<${id} ADD ${key} ${length}`;
    case Opcode.REPLACE:
      return `<${id} REPLACE ${key} ${length}`;
    case Opcode.APPEND:
    case Opcode.PREPEND:
      return length;
    case Opcode.DELETE:
      return `Deleting ${key}`;
    case Opcode.STAT:
      return `<${id} STATS ${key}`;
    case Opcode.INCREMENT:
    case Opcode.DECREMENT:
      return arithmeticLine(key, bytes);
    default:
      return undefined;
  }
}

function arithmeticLine(key: string, bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset + head.extrasStart);
  const [delta, initial] = [view.getBigUint64(0), view.getBigUint64(INITIAL_OFFSET)];
  return `incr ${key} ${delta}, ${initial}, ${view.getInt32(EXPTIME_OFFSET)}`;
}

/** Whole answers; the rows of `stat` are not printed. */
export function binaryReplies(id: number, bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const status = view.getUint16(6);
    if (view.getUint8(1) === Opcode.STAT && status === 0) break;
    if (status !== 0) lines.push(`>${id} Writing an error: ${statusText(status as Status)}`);
    lines.push(`>${id} Writing bin response:`, ...dump(`>${id}   `, bytes, at));
    at += HEADER_BYTES + view.getUint32(8);
  }
  return lines;
}

/** A header's bytes, four a line. */
function dump(beginning: string, bytes: Uint8Array, start: number): string[] {
  const lines: string[] = [];
  for (let at = start; at < start + HEADER_BYTES; at += WORD_BYTES) {
    const word = [...bytes.subarray(at, at + WORD_BYTES)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`);
    lines.push(`${beginning}${word.join(' ')}`);
  }
  return lines;
}
