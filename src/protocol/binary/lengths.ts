/** How many bytes of extras, key and value each request must have (proto_bin.c, dispatch_bin_command). Pure. */
import { Opcode } from './opcodes.ts';
import type { PacketHead } from './packet.ts';

/** Extras of set, add and replace: flags and exptime. */
const STORAGE_EXTRAS_BYTES = 8;
/** Extras of incr and decr: delta, initial value and exptime. */
const ARITHMETIC_EXTRAS_BYTES = 20;
/** Extras of touch, the gats and flush: an exptime. */
const EXPTIME_EXTRAS_BYTES = 4;

/**
 * Whether a request whose extras and key fit into its body has what its opcode must have.
 *
 * @param opcode without its quiet form; what nobody knows may have anything
 */
export function hasRightLengths(opcode: number, head: PacketHead): boolean {
  const { keyBytes, extrasBytes, bodyBytes } = head;
  switch (opcode) {
    case Opcode.GET:
    case Opcode.GETK:
    case Opcode.DELETE:
      return keyBytes > 0 && bodyBytes === keyBytes;
    case Opcode.SET:
    case Opcode.ADD:
    case Opcode.REPLACE:
      return keyBytes > 0 && extrasBytes === STORAGE_EXTRAS_BYTES;
    case Opcode.INCREMENT:
    case Opcode.DECREMENT:
      return keyBytes > 0 && extrasBytes === ARITHMETIC_EXTRAS_BYTES && bodyBytes === keyBytes + extrasBytes;
    case Opcode.APPEND:
    case Opcode.PREPEND:
    case Opcode.SASL_AUTH:
    case Opcode.SASL_STEP:
      return keyBytes > 0 && extrasBytes === 0;
    case Opcode.TOUCH:
    case Opcode.GAT:
    case Opcode.GATK:
      return keyBytes > 0 && extrasBytes === EXPTIME_EXTRAS_BYTES;
    case Opcode.VERSION:
    case Opcode.NOOP:
    case Opcode.QUIT:
    case Opcode.SASL_LIST_MECHS:
      return bodyBytes === 0;
    case Opcode.FLUSH:
      return bodyBytes === extrasBytes && (extrasBytes === 0 || extrasBytes === EXPTIME_EXTRAS_BYTES);
    case Opcode.STAT:
      return extrasBytes === 0;
    default:
      return true;
  }
}
