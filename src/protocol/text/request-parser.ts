/**
 * From one line of the classic text protocol to a request. Pure: the bytes stay where they are, nothing is allocated,
 * nothing is thrown. The rules and their order are memcached's (proto_text.c); the conformance tables hold both to them.
 */
import { DIGIT_0, SPACE, bytesOf, equalBytes } from '../../base/bytes.ts';
import { KEY_BYTES_MAX } from '../../base/memcached.ts';
import { parseSigned, parseUnsigned, parsed } from './numbers.ts';
import { Command, Parse, VALUE_BYTES_MAX, WORDS_MAX, type TextRequest } from './request.ts';

/**
 * Parses a line.
 *
 * @param end behind the last byte, without the line end
 * @returns OK with `request` filled in, or which error to answer. After an error `request.noreply` still says whether
 * the client wants to hear of it (of ERROR it always does).
 */
export function parseRequest(bytes: Uint8Array, start: number, end: number, request: TextRequest): Parse {
  splitWords(bytes, start, end, request);
  request.noreply = false;
  const words = request.wordCount;
  if (words === 0) return Parse.ERROR;
  const length = request.wordEnd[0] - request.wordStart[0];
  const command = commandOf(bytes, request.wordStart[0], length);
  request.command = command as Command;
  request.keyStart = request.wordStart[1];
  request.keyEnd = request.wordEnd[1];
  switch (command) {
    case Command.GET:
    case Command.GETS:
      return words >= 2 ? Parse.OK : Parse.ERROR;
    case Command.GAT:
    case Command.GATS:
      return words >= 2 ? parseGetAndTouch(bytes, request) : Parse.ERROR;
    case Command.SET:
    case Command.ADD:
    case Command.REPLACE:
    case Command.APPEND:
    case Command.PREPEND:
      return words === 5 || words === 6 ? parseStorage(bytes, request) : Parse.ERROR;
    case Command.CAS:
      return words === 6 || words === 7 ? parseStorage(bytes, request) : Parse.ERROR;
    case Command.INCR:
    case Command.DECR:
      return words === 3 || words === 4 ? parseArithmetic(bytes, request) : Parse.ERROR;
    case Command.TOUCH:
      return words === 3 || words === 4 ? parseTouch(bytes, request) : Parse.ERROR;
    case Command.DELETE:
      return words >= 2 && words <= 4 ? parseDelete(bytes, request) : Parse.ERROR;
    case Command.FLUSH_ALL:
      return words <= 3 ? parseFlushAll(bytes, request) : Parse.ERROR;
    case Command.VERBOSITY:
      return words === 2 || words === 3 ? parseVerbosity(bytes, request) : Parse.ERROR;
    case 0:
      return Parse.ERROR;
    default:
      return Parse.OK;
  }
}

/** Splits at spaces; a NUL ends the line, as it does for memcached's C strings. */
function splitWords(bytes: Uint8Array, start: number, end: number, request: TextRequest): void {
  let count = 0;
  let at = start;
  while (count < WORDS_MAX) {
    while (at < end && bytes[at] === SPACE) at++;
    if (at >= end || bytes[at] === 0) break;
    request.wordStart[count] = at;
    while (at < end && bytes[at] !== SPACE && bytes[at] !== 0) at++;
    request.wordEnd[count++] = at;
  }
  request.wordCount = count;
  request.lineEnd = end;
}

const COMMANDS: readonly [string, Command][] = [
  ['get', Command.GET],
  ['bget', Command.GET],
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

/** Whether the last word is `noreply`. */
function endsWithNoreply(bytes: Uint8Array, request: TextRequest): boolean {
  const last = request.wordCount - 1;
  const start = request.wordStart[last];
  return request.wordEnd[last] - start === NOREPLY.length && equalBytes(bytes, start, NOREPLY, 0, NOREPLY.length);
}

function signedWord(bytes: Uint8Array, request: TextRequest, word: number): boolean {
  return parseSigned(bytes, request.wordStart[word], request.wordEnd[word]);
}

function unsignedWord(bytes: Uint8Array, request: TextRequest, word: number): boolean {
  return parseUnsigned(bytes, request.wordStart[word], request.wordEnd[word]);
}

function keyTooLong(request: TextRequest): boolean {
  return request.keyEnd - request.keyStart > KEY_BYTES_MAX;
}

/** set|add|replace|append|prepend KEY FLAGS EXPTIME BYTES [noreply] · cas KEY FLAGS EXPTIME BYTES UNIQUE [noreply] */
function parseStorage(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = endsWithNoreply(bytes, request);
  if (keyTooLong(request)) return Parse.BAD_FORMAT;
  if (!unsignedWord(bytes, request, 2)) return Parse.BAD_FORMAT;
  request.flags = parsed.low >>> 0;
  if (!signedWord(bytes, request, 3)) return Parse.BAD_FORMAT;
  request.exptime = parsed.low;
  if (!signedWord(bytes, request, 4)) return Parse.BAD_FORMAT;
  request.valueBytes = parsed.low;
  if (request.command === Command.CAS) {
    if (!unsignedWord(bytes, request, 5)) return Parse.BAD_FORMAT;
    request.low = parsed.low;
    request.high = parsed.high;
  }
  return request.valueBytes < 0 || request.valueBytes > VALUE_BYTES_MAX ? Parse.BAD_FORMAT : Parse.OK;
}

/** gat|gats EXPTIME KEY… */
function parseGetAndTouch(bytes: Uint8Array, request: TextRequest): Parse {
  if (!signedWord(bytes, request, 1)) return Parse.BAD_EXPTIME;
  request.exptime = parsed.low;
  request.keyStart = request.wordCount > 2 ? request.wordStart[2] : request.lineEnd;
  return Parse.OK;
}

/** incr|decr KEY DELTA [noreply] */
function parseArithmetic(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = endsWithNoreply(bytes, request);
  if (keyTooLong(request)) return Parse.BAD_FORMAT;
  if (!unsignedWord(bytes, request, 2)) return Parse.BAD_DELTA;
  takeNumber(request);
  return Parse.OK;
}

function takeNumber(request: TextRequest): void {
  request.low = parsed.low;
  request.high = parsed.high;
  request.number = parsed.value;
  request.numberExact = parsed.exact;
}

/** touch KEY EXPTIME [noreply] */
function parseTouch(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = endsWithNoreply(bytes, request);
  if (keyTooLong(request)) return Parse.BAD_FORMAT;
  if (!signedWord(bytes, request, 2)) return Parse.BAD_EXPTIME;
  request.exptime = parsed.low;
  return Parse.OK;
}

/** delete KEY [0] [noreply]; the time of old clients is only taken as 0 (protocol.txt "Deletion"). */
function parseDelete(bytes: Uint8Array, request: TextRequest): Parse {
  if (request.wordCount > 2) {
    const zero = request.wordEnd[2] - request.wordStart[2] === 1 && bytes[request.wordStart[2]] === DIGIT_0;
    request.noreply = endsWithNoreply(bytes, request);
    const valid = request.wordCount === 3 ? zero || request.noreply : zero && request.noreply;
    if (!valid) return Parse.BAD_DELETE;
  }
  return keyTooLong(request) ? Parse.BAD_FORMAT : Parse.OK;
}

/** flush_all [DELAY] [noreply] */
function parseFlushAll(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = request.wordCount > 1 && endsWithNoreply(bytes, request);
  request.exptime = 0;
  if (request.wordCount > (request.noreply ? 2 : 1)) {
    if (!signedWord(bytes, request, 1)) return Parse.BAD_EXPTIME;
    request.exptime = parsed.low;
  }
  return Parse.OK;
}

/** verbosity LEVEL [noreply] */
function parseVerbosity(bytes: Uint8Array, request: TextRequest): Parse {
  request.noreply = endsWithNoreply(bytes, request);
  if (!unsignedWord(bytes, request, 1)) return Parse.BAD_FORMAT;
  request.number = parsed.low >>> 0;
  return Parse.OK;
}
