/**
 * The numbers of memcached's binary protocol: magic bytes, opcodes, statuses and the texts that go with them.
 * Source: memcached's protocol_binary.h and proto_bin.c; the opcodes from 0x60 on are those of ElastiCache's engine.
 */

/** First byte of every packet. */
export const Magic = { REQUEST: 0x80, RESPONSE: 0x81 } as const;
export type Magic = (typeof Magic)[keyof typeof Magic];

export const Opcode = {
  GET: 0x00,
  SET: 0x01,
  ADD: 0x02,
  REPLACE: 0x03,
  DELETE: 0x04,
  INCREMENT: 0x05,
  DECREMENT: 0x06,
  QUIT: 0x07,
  FLUSH: 0x08,
  GETQ: 0x09,
  NOOP: 0x0a,
  VERSION: 0x0b,
  GETK: 0x0c,
  GETKQ: 0x0d,
  APPEND: 0x0e,
  PREPEND: 0x0f,
  STAT: 0x10,
  SETQ: 0x11,
  ADDQ: 0x12,
  REPLACEQ: 0x13,
  DELETEQ: 0x14,
  INCREMENTQ: 0x15,
  DECREMENTQ: 0x16,
  QUITQ: 0x17,
  FLUSHQ: 0x18,
  APPENDQ: 0x19,
  PREPENDQ: 0x1a,
  /** Defined, but memcached answers it as an unknown command. */
  VERBOSITY: 0x1b,
  TOUCH: 0x1c,
  GAT: 0x1d,
  GATQ: 0x1e,
  SASL_LIST_MECHS: 0x20,
  SASL_AUTH: 0x21,
  SASL_STEP: 0x22,
  GATK: 0x23,
  GATKQ: 0x24,
  CONFIG_GET: 0x60,
  CONFIG_GETQ: 0x61,
  CONFIG_GETK: 0x62,
  CONFIG_GETKQ: 0x63,
  CONFIG_SET: 0x64,
  CONFIG_SETQ: 0x65,
  CONFIG_DELETE: 0x66,
  CONFIG_DELETEQ: 0x67,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** What became of a request. */
export const Status = {
  SUCCESS: 0x00,
  KEY_NOT_FOUND: 0x01,
  KEY_EXISTS: 0x02,
  TOO_LARGE: 0x03,
  INVALID_ARGUMENTS: 0x04,
  NOT_STORED: 0x05,
  NOT_A_NUMBER: 0x06,
  AUTH_ERROR: 0x20,
  AUTH_CONTINUE: 0x21,
  UNKNOWN_COMMAND: 0x81,
  OUT_OF_MEMORY: 0x82,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** The text that an answer with a status carries (proto_bin.c, write_bin_error); empty for those that are no errors. */
export function statusText(status: Status): string {
  switch (status) {
    case Status.KEY_NOT_FOUND:
      return 'Not found';
    case Status.KEY_EXISTS:
      return 'Data exists for key.';
    case Status.TOO_LARGE:
      return 'Too large.';
    case Status.INVALID_ARGUMENTS:
      return 'Invalid arguments';
    case Status.NOT_STORED:
      return 'Not stored.';
    case Status.NOT_A_NUMBER:
      return 'Non-numeric server-side value for incr or decr';
    case Status.AUTH_ERROR:
      return 'Auth failure.';
    case Status.UNKNOWN_COMMAND:
      return 'Unknown command';
    case Status.OUT_OF_MEMORY:
      return 'Out of memory';
    default:
      return '';
  }
}

/** The opcode of which this is the quiet form, which wants no answer where there is nothing to tell; else the same. */
export function loudOf(opcode: number): number {
  switch (opcode) {
    case Opcode.GETQ:
      return Opcode.GET;
    case Opcode.GETKQ:
      return Opcode.GETK;
    case Opcode.GATQ:
      return Opcode.GAT;
    case Opcode.GATKQ:
      return Opcode.GATK;
    default:
      if (opcode >= Opcode.SETQ && opcode <= Opcode.PREPENDQ) return LOUD[opcode - Opcode.SETQ];
      return opcode >= Opcode.CONFIG_GET && opcode <= Opcode.CONFIG_DELETEQ ? opcode & ~1 : opcode;
  }
}

/** Whether an opcode is a quiet form. */
export function isQuiet(opcode: number): boolean {
  return loudOf(opcode) !== opcode;
}

/** SETQ to PREPENDQ without their quietness. */
const LOUD = Uint8Array.of(
  Opcode.SET,
  Opcode.ADD,
  Opcode.REPLACE,
  Opcode.DELETE,
  Opcode.INCREMENT,
  Opcode.DECREMENT,
  Opcode.QUIT,
  Opcode.FLUSH,
  Opcode.APPEND,
  Opcode.PREPEND,
);
