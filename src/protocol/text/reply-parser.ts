/**
 * Reads replies of the text protocol, server to client, one at a time. Pure and without state: the caller keeps the
 * bytes, and calls again with more when a reply is not complete. Nothing here throws, whatever the bytes are.
 *
 * One reply is one line, or a `VALUE` or `CONFIG` line with its data block; an answer to `get` or `stats` is several
 * replies up to and including `END`. A reply of the meta protocol is one line, or a `VA` line with its data block.
 */
import { CR, DIGIT_0, DIGIT_9, LF, SPACE } from '../../base/bytes.ts';

/** Lines whose first word is all there is to them. */
const STATUSES = [
  'END',
  'STORED',
  'NOT_STORED',
  'EXISTS',
  'NOT_FOUND',
  'DELETED',
  'TOUCHED',
  'OK',
  'RESET',
  'BUSY',
  'BADCLASS',
] as const;

/** A reply that is a word. `BUSY` and `BADCLASS` may have an explanation, which is left out. */
export type Status = (typeof STATUSES)[number];

/** A data block and the line before it. */
export interface ValueReply {
  kind: 'value';
  key: string;
  /** Unsigned, 32 bits. */
  flags: number;
  /** The cas id, if it was asked for. */
  cas: bigint | undefined;
  /** A view of the parsed buffer, not a copy: it is valid only as long as those bytes stay as they are. */
  data: Buffer;
}

/** First words of the meta protocol's replies: header, value, miss, exists, not found, not stored, noop. */
const META_STATUSES = ['HD', 'VA', 'EN', 'EX', 'NF', 'NS', 'MN'] as const;
export type MetaStatus = (typeof META_STATUSES)[number];

/** A reply of the meta protocol. */
export interface MetaReply {
  kind: 'meta';
  status: MetaStatus;
  /** The flags as they came, separated by single spaces; {@link metaFlag} finds one. */
  flags: string;
  /** Of `VA`, else empty. A view, as that of a {@link ValueReply}. */
  data: Buffer;
}

/** A data block that the reader did not want to hold, in place of what it was: it has passed by, and nothing is left. */
export interface SkippedReply {
  kind: 'skipped';
  /** Of a value; empty for a configuration and for a value of the meta protocol. */
  key: string;
  dataBytes: number;
}

/** Everything a server may answer to the commands that this project's clients send. */
export type Reply =
  | ValueReply
  | SkippedReply
  | MetaReply
  | { kind: 'status'; status: Status }
  /** The new value after `incr` or `decr`, unsigned, 64 bits. */
  | { kind: 'number'; value: bigint }
  | { kind: 'stat'; name: string; value: string }
  | { kind: 'version'; version: string }
  | { kind: 'config'; data: Buffer }
  /** The server refused; `message` is empty for a bare `ERROR`. */
  | { kind: 'error'; error: 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR'; message: string };

/** What was found at the start of the bytes. */
export type ParseResult =
  /** A whole reply, of `used` bytes. */
  | { outcome: 'reply'; used: number; reply: Reply }
  /**
   * Not yet complete: pointless to try again with fewer than `bytesNeeded` bytes from the same start. With `skipped`
   * these are exactly a data block with its line and its end, and a reader may let them pass and take that instead.
   */
  | { outcome: 'more'; bytesNeeded: number; skipped?: SkippedReply }
  /** Not the memcached protocol; what follows cannot be understood either. */
  | { outcome: 'bad'; message: string };

/** A reply line is at most this long: a `STAT` value or an error text of a sane server is far shorter. */
export const REPLY_LINE_BYTES_MAX = 8192;

/** Largest data block that is accepted: memcached's own upper limit for `-I`. */
export const REPLY_DATA_BYTES_MAX = 1024 * 1024 * 1024;

/** The next reply in `bytes` from `start` on. */
export function parseReply(bytes: Buffer, start: number): ParseResult {
  const end = bytes.length;
  const newline = bytes.indexOf(LF, start);
  if (newline === -1) {
    if (end - start >= REPLY_LINE_BYTES_MAX) return bad(`a reply line exceeds ${REPLY_LINE_BYTES_MAX} bytes`);
    return { outcome: 'more', bytesNeeded: end - start + 1 };
  }
  if (newline - start > REPLY_LINE_BYTES_MAX) return bad(`a reply line exceeds ${REPLY_LINE_BYTES_MAX} bytes`);
  // memcached always ends a line with CR LF; a lone LF is accepted as its own clients accept it.
  const lineEnd = newline > start && bytes[newline - 1] === CR ? newline - 1 : newline;
  const wordEnd = endOfWord(bytes, start, lineEnd);
  const word = bytes.toString('latin1', start, wordEnd);
  if (word === 'VALUE') return parseValue(bytes, start, lineEnd, newline + 1);
  if (word === 'CONFIG') return parseConfig(bytes, start, lineEnd, newline + 1);
  if (word === 'VA') return parseMetaValue(bytes, wordEnd, lineEnd, newline + 1, start);
  const reply = parseLine(bytes, word, wordEnd, lineEnd);
  if (reply === undefined)
    return bad(`unknown reply ${JSON.stringify(bytes.toString('latin1', start, Math.min(lineEnd, start + 60)))}`);
  return { outcome: 'reply', used: newline + 1 - start, reply };
}

function parseLine(bytes: Buffer, word: string, wordEnd: number, lineEnd: number): Reply | undefined {
  const first = word.charCodeAt(0);
  if (first >= DIGIT_0 && first <= DIGIT_9) return parseNumber(word);
  switch (word) {
    case 'STAT': {
      const nameEnd = endOfWord(bytes, wordEnd + 1, lineEnd);
      if (nameEnd <= wordEnd + 1) return undefined;
      const name = bytes.toString('utf8', wordEnd + 1, nameEnd);
      // A value may have spaces in it, and may be empty.
      return { kind: 'stat', name, value: bytes.toString('utf8', Math.min(nameEnd + 1, lineEnd), lineEnd) };
    }
    case 'VERSION':
      return { kind: 'version', version: bytes.toString('utf8', Math.min(wordEnd + 1, lineEnd), lineEnd) };
    case 'ERROR':
    case 'CLIENT_ERROR':
    case 'SERVER_ERROR':
      return { kind: 'error', error: word, message: bytes.toString('utf8', Math.min(wordEnd + 1, lineEnd), lineEnd) };
    default: {
      const status = STATUSES.find((known) => known === word);
      return status === undefined ? parseMetaLine(bytes, word, wordEnd, lineEnd) : { kind: 'status', status };
    }
  }
}

/** A number, possibly followed by the spaces that memcached pads a shrunken counter with. */
function parseNumber(word: string): Reply | undefined {
  if (!/^\d{1,20}$/.test(word)) return undefined;
  const value = BigInt(word);
  return value > UINT64_MAX ? undefined : { kind: 'number', value };
}

const UINT64_MAX = 2n ** 64n - 1n;

/** `VALUE <key> <flags> <bytes>[ <cas unique>]` and the data block. */
function parseValue(bytes: Buffer, start: number, lineEnd: number, dataStart: number): ParseResult {
  const keyStart = start + 6;
  const keyEnd = endOfWord(bytes, keyStart, lineEnd);
  const flagsEnd = endOfWord(bytes, keyEnd + 1, lineEnd);
  const sizeEnd = endOfWord(bytes, flagsEnd + 1, lineEnd);
  const flags = decimal(bytes, keyEnd + 1, flagsEnd);
  const size = decimal(bytes, flagsEnd + 1, sizeEnd);
  if (keyEnd <= keyStart || !(flags <= 0xffffffff) || !(size <= REPLY_DATA_BYTES_MAX)) {
    return bad(`malformed ${JSON.stringify(bytes.toString('latin1', start, Math.min(lineEnd, start + 60)))}`);
  }
  let cas: bigint | undefined;
  if (sizeEnd < lineEnd) {
    const digits = bytes.toString('latin1', sizeEnd + 1, lineEnd);
    if (!/^\d{1,20}$/.test(digits)) return bad(`malformed cas id ${JSON.stringify(digits.slice(0, 30))}`);
    cas = BigInt(digits);
  }
  const dataEnd = dataStart + size;
  if (dataEnd + 2 > bytes.length) return moreData(bytes.toString('utf8', keyStart, keyEnd), size, dataEnd + 2 - start);
  if (bytes[dataEnd] !== CR || bytes[dataEnd + 1] !== LF) return bad(UNENDED);
  return {
    outcome: 'reply',
    used: dataEnd + 2 - start,
    reply: {
      kind: 'value',
      key: bytes.toString('utf8', keyStart, keyEnd),
      flags,
      cas,
      data: bytes.subarray(dataStart, dataEnd),
    },
  };
}

/** `CONFIG <name> <flags> <bytes>` and the data block; `END` follows as a reply of its own. */
function parseConfig(bytes: Buffer, start: number, lineEnd: number, dataStart: number): ParseResult {
  const nameEnd = endOfWord(bytes, start + 7, lineEnd);
  const flagsEnd = endOfWord(bytes, nameEnd + 1, lineEnd);
  const sizeEnd = endOfWord(bytes, flagsEnd + 1, lineEnd);
  const size = decimal(bytes, flagsEnd + 1, sizeEnd);
  if (sizeEnd !== lineEnd || !(size <= REPLY_DATA_BYTES_MAX)) return bad('malformed CONFIG line');
  const dataEnd = dataStart + size;
  if (dataEnd + 2 > bytes.length) return moreData('', size, dataEnd + 2 - start);
  if (bytes[dataEnd] !== CR || bytes[dataEnd + 1] !== LF) return bad(UNENDED);
  return {
    outcome: 'reply',
    used: dataEnd + 2 - start,
    reply: { kind: 'config', data: bytes.subarray(dataStart, dataEnd) },
  };
}

/** `HD`, `EN`, … with the flags that were asked for. */
function parseMetaLine(bytes: Buffer, word: string, wordEnd: number, lineEnd: number): MetaReply | undefined {
  const status = META_STATUSES.find((known) => known === word);
  if (status === undefined) return undefined;
  return { kind: 'meta', status, flags: metaFlags(bytes, wordEnd, lineEnd), data: NO_DATA };
}

/** `VA <bytes> <flags>*` and the data block. */
function parseMetaValue(
  bytes: Buffer,
  wordEnd: number,
  lineEnd: number,
  dataStart: number,
  start: number,
): ParseResult {
  const sizeEnd = endOfWord(bytes, wordEnd + 1, lineEnd);
  const size = decimal(bytes, wordEnd + 1, sizeEnd);
  if (!(size <= REPLY_DATA_BYTES_MAX)) return bad('malformed VA line');
  const dataEnd = dataStart + size;
  if (dataEnd + 2 > bytes.length) return moreData('', size, dataEnd + 2 - start);
  if (bytes[dataEnd] !== CR || bytes[dataEnd + 1] !== LF) return bad(UNENDED);
  const flags = metaFlags(bytes, sizeEnd, lineEnd);
  const reply: MetaReply = { kind: 'meta', status: 'VA', flags, data: bytes.subarray(dataStart, dataEnd) };
  return { outcome: 'reply', used: dataEnd + 2 - start, reply };
}

const NO_DATA = Buffer.alloc(0);

/** What follows the space at `at`; memcached ends some lines with a space. */
function metaFlags(bytes: Buffer, at: number, lineEnd: number): string {
  let end = lineEnd;
  while (end > at && bytes[end - 1] === SPACE) end -= 1;
  return bytes.toString('utf8', Math.min(at + 1, end), end);
}

/** What follows `letter` in the first flag that begins with it, possibly nothing; undefined without such a flag. */
export function metaFlag(flags: string, letter: string): string | undefined {
  for (let at = 0; at < flags.length;) {
    const space = flags.indexOf(' ', at);
    const end = space === -1 ? flags.length : space;
    if (flags[at] === letter) return flags.slice(at + 1, end);
    at = end + 1;
  }
  return undefined;
}

function moreData(key: string, dataBytes: number, bytesNeeded: number): ParseResult {
  return { outcome: 'more', bytesNeeded, skipped: { kind: 'skipped', key, dataBytes } };
}

/** What is wrong where a data block has another length than its line says. */
export const UNENDED = 'a data block does not end with CR LF';

/** The position of the first space from `at`, or `lineEnd`. */
function endOfWord(bytes: Buffer, at: number, lineEnd: number): number {
  let position = at;
  while (position < lineEnd && bytes[position] !== SPACE) position += 1;
  return Math.min(position, lineEnd);
}

/** The decimal number in `bytes` from `start` up to `end`; NaN if it is none or has more than ten digits. */
function decimal(bytes: Buffer, start: number, end: number): number {
  if (end <= start || end - start > 10) return NaN;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = bytes[at] - DIGIT_0;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function bad(message: string): ParseResult {
  return { outcome: 'bad', message };
}
