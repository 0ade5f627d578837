/**
 * One request of the classic text protocol, as the parser leaves it for the daemon. A single object is used again and
 * again; keys and values stay where they are, as positions in the buffer that was parsed.
 */

/** Commands, in numbers that a `switch` can jump by. */
export const Command = {
  GET: 1,
  GETS: 2,
  GAT: 3,
  GATS: 4,
  SET: 5,
  ADD: 6,
  REPLACE: 7,
  APPEND: 8,
  PREPEND: 9,
  CAS: 10,
  INCR: 11,
  DECR: 12,
  TOUCH: 13,
  DELETE: 14,
  FLUSH_ALL: 15,
  VERSION: 16,
  VERBOSITY: 17,
  STATS: 18,
  QUIT: 19,
  CONFIG: 20,
  SHUTDOWN: 21,
  LRU_CRAWLER: 22,
  SLABS: 23,
  LRU: 24,
  CACHE_MEMLIMIT: 25,
  WATCH: 26,
  REFRESH_CERTS: 27,
  EXTSTORE: 28,
} as const;
export type Command = (typeof Command)[keyof typeof Command];

/** How parsing a line ended. */
export const Parse = {
  /** The request is filled in. */
  OK: 0,
  /** `ERROR`: no such command. */
  ERROR: 1,
  /** `CLIENT_ERROR bad command line format`. */
  BAD_FORMAT: 2,
  /** `CLIENT_ERROR invalid exptime argument`. */
  BAD_EXPTIME: 3,
  /** `CLIENT_ERROR invalid numeric delta argument`. */
  BAD_DELTA: 4,
} as const;
export type Parse = (typeof Parse)[keyof typeof Parse];

/** A data block is shorter than 2 GiB with its line end (memcached: INT_MAX - 2). */
export const VALUE_BYTES_MAX = 0x7fffffff - 2;

/** Words of a line that are told apart: what comes behind them is a retrieval's keys, or not looked at (mcmc.h). */
export const WORDS_MAX = 23;

/** {@link TextRequest.valueBytes}: no data block follows. */
export const NO_VALUE = -1;

/**
 * {@link TextRequest.valueBytes}: a data block follows, but its length cannot be read, so nobody knows where the next command
 * begins.
 */
export const LENGTH_UNREADABLE = -2;

export class TextRequest {
  command: Command = Command.GET;
  /** The answer is not wanted. */
  noreply = false;
  /** First byte of the key; of a retrieval's first key. */
  keyStart = 0;
  keyEnd = 0;
  /** End of the line without its line end. */
  lineEnd = 0;
  /** Client flags, unsigned 32 bits. */
  flags = 0;
  /** Signed 32 bits, as the client sent it. */
  exptime = 0;
  /**
   * Length of the data block that follows, without its line end, whatever else is wrong with the line; else NO_VALUE or
   * LENGTH_UNREADABLE.
   */
  valueBytes = NO_VALUE;
  /** CAS unique, or the delta of incr and decr: 64 bits in two signed halves. */
  low = 0;
  high = 0;
  /** A number's value where 53 bits hold it: verbosity level, flush delay, small delta. */
  number = 0;
  /** Whether {@link number} is exact. */
  numberExact = true;
  /** Words of the line, the command included, at most WORDS_MAX. */
  wordCount = 0;
  readonly wordStart = new Int32Array(WORDS_MAX);
  readonly wordEnd = new Int32Array(WORDS_MAX);
}
