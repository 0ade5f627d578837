/**
 * From one line of the classic text protocol to a request. Pure: the bytes stay where they are, nothing is allocated,
 * nothing is thrown. The rules and their order are memcached 1.6.45's (proto_parser.c, proto_text.c); the conformance tables
 * hold both to them. Spaces in front of a command are skipped, as they were up to 1.6.39: left to be refused, a storage
 * command behind them would have its value run as commands.
 */
import { SPACE, bytesOf, equalBytes } from '../../base/bytes.ts';
import { KEY_BYTES_MAX } from '../../base/memcached.ts';
import { parseSigned, parseUnsigned, parsed, readSigned32, readUnsigned32, readUnsigned64 } from './numbers.ts';
import {
  Command,
  LENGTH_UNREADABLE,
  NO_VALUE,
  Parse,
  VALUE_BYTES_MAX,
  WORDS_MAX,
  type TextRequest,
} from './request.ts';

/**
 * Parses a line.
 *
 * @param end behind the last byte, without the line end
 * @returns OK with `request` filled in, or which error to answer. After an error `request.noreply` still says whether
 * the client wants to hear of it, and `request.valueBytes` what has to become of a data block.
 */
export function parseRequest(bytes: Uint8Array, start: number, end: number, request: TextRequest): Parse {
  request.noreply = false;
  request.valueBytes = NO_VALUE;
  request.wordCount = 0;
  request.lineEnd = end;
  splitWords(bytes, start, request, 2);
  if (request.wordCount === 0) return Parse.ERROR;
  const command = commandOf(bytes, request.wordStart[0], request.wordEnd[0] - request.wordStart[0]);
  request.command = command as Command;
  request.keyStart = request.wordStart[1];
  request.keyEnd = request.wordEnd[1];
  if (command === Command.GET || command === Command.GETS) {
    return request.wordCount > 1 ? Parse.OK : Parse.BAD_FORMAT;
  }
  if (request.wordCount > 1) splitWords(bytes, request.wordEnd[1], request, WORDS_MAX);
  switch (command) {
    case Command.GAT:
    case Command.GATS:
      return parseGetAndTouch(bytes, request);
    case Command.SET:
    case Command.ADD:
    case Command.REPLACE:
    case Command.APPEND:
    case Command.PREPEND:
    case Command.CAS:
      return parseStorage(bytes, request);
    case Command.INCR:
    case Command.DECR:
      return parseArithmetic(bytes, request);
    case Command.TOUCH:
      return parseTouch(bytes, request);
    case Command.DELETE:
      return parseDelete(bytes, request);
    case Command.FLUSH_ALL:
      return parseFlushAll(bytes, request);
    case Command.VERBOSITY:
      return parseVerbosity(bytes, request);
    case 0:
      request.noreply = endsWithNoreply(bytes, request);
      return Parse.ERROR;
    default:
      return Parse.OK;
  }
}

/** Splits at spaces from `start` on, until there are `most` words. */
function splitWords(bytes: Uint8Array, start: number, request: TextRequest, most: number): void {
  const end = request.lineEnd;
  let count = request.wordCount;
  let at = start;
  while (count < most) {
    while (at < end && bytes[at] === SPACE) at++;
    if (at >= end) break;
    request.wordStart[count] = at;
    while (at < end && bytes[at] !== SPACE) at++;
    request.wordEnd[count++] = at;
  }
  request.wordCount = count;
}

const COMMANDS: readonly [string, Command][] = [
  ['get', Command.GET],
  ['gets', Command.GETS],
  ['gat', Command.GAT],
  ['gats', Command.GATS],
  ['set', Command.SET],
  ['add', Command.ADD],
  ['replace', Command.REPLACE],
  ['append', Command.APPEND],
  ['prepend', Command.PREPEND],
  ['cas', Command.CAS],
  ['incr', Command.INCR],
  ['decr', Command.DECR],
  ['touch', Command.TOUCH],
  ['delete', Command.DELETE],
  ['flush_all', Command.FLUSH_ALL],
  ['version', Command.VERSION],
  ['verbosity', Command.VERBOSITY],
  ['stats', Command.STATS],
  ['quit', Command.QUIT],
  ['config', Command.CONFIG],
  ['shutdown', Command.SHUTDOWN],
  ['lru_crawler', Command.LRU_CRAWLER],
  ['slabs', Command.SLABS],
  ['lru', Command.LRU],
  ['cache_memlimit', Command.CACHE_MEMLIMIT],
  ['watch', Command.WATCH],
  ['refresh_certs', Command.REFRESH_CERTS],
  ['extstore', Command.EXTSTORE],
];

const LETTERS_G_E_T = 0x746567;
const LETTERS_S_E_T = 0x746573;

/** The commands by {@link shapeOf}; few share one. */
const BY_SHAPE: { word: Uint8Array; command: Command }[][] = [];
for (const [text, command] of COMMANDS) {
  const word = bytesOf(text);
  (BY_SHAPE[shapeOf(word[0], word.length)] ??= []).push({ word, command });
}

/** Length and first letter as one number. */
function shapeOf(first: number, length: number): number {
  return length * 32 + (first & 31);
}

/** The command of a word, or 0. The two that make up nearly all traffic are told by their letters. */
/** The command that the line of the classic protocol at `start` begins with; 0 if it is none. */
export function commandAt(bytes: Uint8Array, start: number, end: number): Command | 0 {
  let wordEnd = start;
  while (wordEnd < end && bytes[wordEnd] !== SPACE) wordEnd++;
  return commandOf(bytes, start, wordEnd - start);
}

function commandOf(bytes: Uint8Array, start: number, length: number): Command | 0 {
  if (length === 3) {
    const letters = bytes[start] | (bytes[start + 1] << 8) | (bytes[start + 2] << 16);
    if (letters === LETTERS_G_E_T) return Command.GET;
    if (letters === LETTERS_S_E_T) return Command.SET;
  }
  const candidates = BY_SHAPE[shapeOf(bytes[start], length)];
  if (candidates === undefined) return 0;
  for (const { word, command } of candidates) if (equalBytes(bytes, start, word, 0, length)) return command;
  return 0;
}

const NOREPLY = bytesOf('noreply');

/** Whether the last word is `noreply`, of those that are told apart. */
function endsWithNoreply(bytes: Uint8Array, request: TextRequest): boolean {
  const last = request.wordCount - 1;
  const start = request.wordStart[last];
  return request.wordEnd[last] - start === NOREPLY.length && equalBytes(bytes, start, NOREPLY, 0, NOREPLY.length);
}

function keyTooLong(request: TextRequest): boolean {
  return request.keyEnd - request.keyStart > KEY_BYTES_MAX;
}

/** set|add|replace|append|prepend KEY FLAGS EXPTIME BYTES [noreply] · cas KEY FLAGS EXPTIME BYTES UNIQUE [noreply] */
function parseStorage(bytes: Uint8Array, request: TextRequest): Parse {
  const { wordStart, wordEnd, wordCount, lineEnd } = request;
  // A name alone announces nothing.
  if (wordCount > 1) request.valueBytes = LENGTH_UNREADABLE;
  if (wordCount < 5 || !readSigned32(bytes, wordStart[4], wordEnd[4])) return Parse.BAD_FORMAT;
  if (parsed.value < 0 || parsed.value > VALUE_BYTES_MAX) return Parse.BAD_FORMAT;
  request.valueBytes = parsed.value;
  request.noreply = endsWithNoreply(bytes, request);
  if (keyTooLong(request)) return Parse.BAD_FORMAT;
  if (!parseUnsigned(bytes, wordStart[2], lineEnd)) return Parse.BAD_FORMAT;
  request.flags = parsed.low >>> 0;
  if (!parseSigned(bytes, wordStart[3], lineEnd)) return Parse.BAD_FORMAT;
  request.exptime = parsed.low;
  if (request.command !== Command.CAS) return Parse.OK;
  if (wordCount < 6 || !readUnsigned64(bytes, wordStart[5], wordEnd[5])) return Parse.BAD_FORMAT;
  request.low = parsed.low;
  request.high = parsed.high;
  return Parse.OK;
}

/** gat|gats EXPTIME KEY… */
function parseGetAndTouch(bytes: Uint8Array, request: TextRequest): Parse {
  if (request.wordCount < 3) return Parse.BAD_FORMAT;
  if (!readSigned32(bytes, request.wordStart[1], request.wordEnd[1])) return Parse.BAD_EXPTIME;
  request.exptime = parsed.low;
  request.keyStart = request.wordStart[2];
  return Parse.OK;
}

/** incr|decr KEY DELTA [noreply] */
function parseArithmetic(bytes: Uint8Array, request: TextRequest): Parse {
  if (request.wordCount < 3) return Parse.BAD_FORMAT;
  request.noreply = endsWithNoreply(bytes, request);
  if (keyTooLong(request)) return Parse.BAD_FORMAT;
  if (!readUnsigned64(bytes, request.wordStart[2], request.wordEnd[2])) return Parse.BAD_DELTA;
  request.low = parsed.low;
  request.high = parsed.high;
  request.number = parsed.value;
  request.numberExact = parsed.exact;
  return Parse.OK;
}

/** touch KEY EXPTIME [noreply] */
function parseTouch(bytes: Uint8Array, request: TextRequest): Parse {
  if (request.wordCount < 3) return Parse.BAD_FORMAT;
  request.noreply = endsWithNoreply(bytes, request);
  if (keyTooLong(request)) return Parse.BAD_FORMAT;
  if (!readSigned32(bytes, request.wordStart[2], request.wordEnd[2])) return Parse.BAD_EXPTIME;
  request.exptime = parsed.low;
  return Parse.OK;
}

/** delete KEY [noreply]; other words behind the key, such as the time of old clients, are not looked at. */
function parseDelete(bytes: Uint8Array, request: TextRequest): Parse {
  if (request.wordCount < 2) return Parse.BAD_FORMAT;
  request.noreply = endsWithNoreply(bytes, request);
  return keyTooLong(request) ? Parse.BAD_FORMAT : Parse.OK;
}

/** flush_all [DELAY] [noreply] */
function parseFlushAll(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = endsWithNoreply(bytes, request);
  request.exptime = 0;
  if (request.wordCount === (request.noreply ? 2 : 1)) return Parse.OK;
  if (!readSigned32(bytes, request.wordStart[1], request.wordEnd[1])) return Parse.BAD_EXPTIME;
  request.exptime = parsed.low;
  return Parse.OK;
}

/** verbosity LEVEL [noreply] */
function parseVerbosity(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = endsWithNoreply(bytes, request);
  if (request.wordCount < 2) return Parse.BAD_FORMAT;
  if (!readUnsigned32(bytes, request.wordStart[1], request.wordEnd[1])) return Parse.BAD_FORMAT;
  request.number = parsed.value;
  return Parse.OK;
}
