/**
 * One request of the meta protocol, as the parser leaves it for the daemon (protocol.txt "Meta Commands"). A single
 * object is used again and again; words stay where they are, as positions in the buffer that was parsed.
 */
import { NO_VALUE, WORDS_MAX } from './request.ts';

/** Meta commands, in numbers that a `switch` can jump by. */
export const MetaCommand = { GET: 1, SET: 2, DELETE: 3, ARITHMETIC: 4, NOOP: 5, DEBUG: 6 } as const;
export type MetaCommand = (typeof MetaCommand)[keyof typeof MetaCommand];

/** Words that a meta command may have with its name; more are refused (proto_parser.h MFLAG_MAX_OPT_LENGTH). */
export const META_WORDS_MAX = 20;

/** Bytes of an opaque token with its letter (proto_text.c MFLAG_MAX_OPAQUE_LENGTH). */
export const OPAQUE_BYTES_MAX = 32;

/** A flag's letter, as its byte. */
export const Letter = {
  A: 0x41,
  b: 0x62,
  c: 0x63,
  f: 0x66,
  h: 0x68,
  k: 0x6b,
  l: 0x6c,
  q: 0x71,
  s: 0x73,
  t: 0x74,
  u: 0x75,
  v: 0x76,
  x: 0x78,
  C: 0x43,
  D: 0x44,
  E: 0x45,
  F: 0x46,
  I: 0x49,
  J: 0x4a,
  L: 0x4c,
  M: 0x4d,
  N: 0x4e,
  O: 0x4f,
  P: 0x50,
  R: 0x52,
  S: 0x53,
  T: 0x54,
} as const;

export class MetaRequest {
  command: MetaCommand = MetaCommand.GET;
  /** The buffer the words lie in. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the key's bytes are: in `bytes`, or decoded in a buffer of the parser's own. */
  key: Uint8Array = this.bytes;
  keyStart = 0;
  keyEnd = 0;
  /** Flag `b`: the key came in base64. */
  keyBinary = false;
  /** Words of the line, the command included, at most WORDS_MAX. */
  wordCount = 0;
  readonly wordStart = new Int32Array(WORDS_MAX);
  readonly wordEnd = new Int32Array(WORDS_MAX);
  /** The first word that is a flag. */
  firstFlag = 2;
  /** Which flags were given: bit n for the n-th letter of the alphabet. */
  lower = 0;
  upper = 0;
  /** As {@link TextRequest.valueBytes}. */
  valueBytes = NO_VALUE;
  /** `T`, `N` and `R`: signed 32 bits, as the client sent them. */
  exptime = 0;
  vivifyExptime = 0;
  recacheExptime = 0;
  /** `F`: unsigned 32 bits. */
  clientFlags = 0;
  /** `M`: the mode's letter, 0 if none was given. */
  mode = 0;
  /** `C`: the CAS to compare with, in signed halves. */
  casLow = 0;
  casHigh = 0;
  /** `E`: the CAS to give, in signed halves. */
  newCasLow = 0;
  newCasHigh = 0;
  /** `D` and `J`: a number if it is exact as one, else the 64 bits as bigint. */
  delta: number | bigint = 1;
  initial: number | bigint = 0;

  /** Whether a flag was given. */
  has(letter: number): boolean {
    return ((letter >= 0x61 ? this.lower : this.upper) & (1 << (letter & 31))) !== 0;
  }
}
