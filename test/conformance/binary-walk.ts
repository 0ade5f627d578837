/**
 * Reads a stream of binary packets as memcached 1.6.45 reads it (proto_bin.c, dispatch_bin_command), just far enough to
 * know what each packet takes and which one closes the connection. The generator needs that to finish a stream that a
 * wrong length has put out of step, and to keep what is answered by chance or differently on purpose out of it. Pure.
 */
import { hasRightLengths } from '../../src/protocol/binary/lengths.ts';
import { Magic, Opcode, loudOf } from '../../src/protocol/binary/opcodes.ts';
import { BAD_MAGIC, HEADER_BYTES, NEED_MORE, PacketHead, parsePacketHead } from '../../src/protocol/binary/packet.ts';
import { KEY_250 } from './cases.ts';

/** What becomes of a packet. */
export type Fate = 'answered' | 'closes' | 'bad magic' | 'left out';

/** A packet as it will be read. */
export interface WalkedPacket {
  opcode: number;
  start: number;
  /** End of all that it takes: extras, key and what is stored or skipped. May lie behind the end of the stream. */
  end: number;
  fate: Fate;
}

/** A longer body closes the connection (memcached.h, ITEM_SIZE_MAX_UPPER_LIMIT). */
const BODY_BYTES_MAX = 1024 * 1024 * 1024;
/** Longer keys need not fit into memcached's read buffer, which then waits or closes. */
const KEY_READ_MAX = 4096;
/** Times up to so many seconds away could pass while the stream runs, in one server before the other. */
const NEAR_SECONDS = 4000;

/** Where among the extras the exptime of an opcode stands; undefined where it has none. */
function exptimeOffset(opcode: number): number | undefined {
  switch (opcode) {
    case Opcode.SET:
    case Opcode.ADD:
    case Opcode.REPLACE:
      return 4;
    case Opcode.INCREMENT:
    case Opcode.DECREMENT:
      return 16;
    case Opcode.TOUCH:
    case Opcode.GAT:
    case Opcode.GATK:
    case Opcode.FLUSH:
      return 0;
    default:
      return undefined;
  }
}

function expiresSoon(bytes: Buffer, opcode: number, head: PacketHead): boolean {
  const offset = exptimeOffset(opcode);
  if (offset === undefined || head.extrasBytes < offset + 4) return false;
  const exptime = bytes.readUInt32BE(head.extrasStart + offset);
  return exptime > 0 && exptime < NEAR_SECONDS;
}

/** Bytes taken behind the key. */
function rest(opcode: number, head: PacketHead): number {
  switch (opcode) {
    case Opcode.SET:
    case Opcode.ADD:
    case Opcode.REPLACE:
    case Opcode.APPEND:
    case Opcode.PREPEND:
      return head.valueBytes;
    case Opcode.SASL_LIST_MECHS:
    case Opcode.SASL_AUTH:
    case Opcode.SASL_STEP:
      // Where there is no SASL they are skipped.
      return head.valueBytes;
    default:
      return KNOWN.has(opcode) ? 0 : head.bodyBytes;
  }
}

const KNOWN = new Set<number>(Object.values(Opcode).filter((opcode) => opcode !== Opcode.VERBOSITY));

function fateOf(bytes: Buffer, opcode: number, head: PacketHead): Fate {
  if (head.keyBytes > KEY_READ_MAX) return 'left out';
  if (head.valueBytes < 0 || head.bodyBytes > BODY_BYTES_MAX || head.keyBytes > KEY_250.length) return 'closes';
  // Our daemon knows these opcodes, memcached does not.
  if (opcode >= Opcode.CONFIG_GET && opcode <= Opcode.CONFIG_DELETEQ) return 'left out';
  if (!hasRightLengths(opcode, head) || opcode === Opcode.QUIT) return 'closes';
  return expiresSoon(bytes, opcode, head) ? 'left out' : 'answered';
}

/** The packet at `start`; undefined where not all of its header, extras and key is there. */
export function walkPacket(bytes: Buffer, start: number): WalkedPacket | undefined {
  const head = new PacketHead();
  const used = parsePacketHead(bytes, start, bytes.length, Magic.REQUEST, head);
  if (used === NEED_MORE) return undefined;
  if (used === BAD_MAGIC) return { opcode: -1, start, end: start + HEADER_BYTES, fate: 'bad magic' };
  const opcode = loudOf(head.opcode);
  const fate = fateOf(bytes, opcode, head);
  const end = start + used + (fate === 'closes' ? 0 : Math.max(0, rest(opcode, head)));
  return { opcode, start, end, fate };
}
