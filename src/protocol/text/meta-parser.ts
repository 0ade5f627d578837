/**
 * From one line of the meta protocol to a request. Pure: nothing is allocated but for numbers beyond 2^53, nothing is
 * thrown. The rules, their order and the error lines are memcached 1.6.38's (proto_text.c), the odd ones included.
 */
import { SPACE } from '../../base/bytes.ts';
import { KEY_BYTES_MAX } from '../../base/memcached.ts';
import { decodeBase64 } from './meta-base64.ts';
import * as meta from './meta-replies.ts';
import { Letter, META_WORDS_MAX, MetaCommand, OPAQUE_BYTES_MAX, type MetaRequest } from './meta-request.ts';
import { parseSigned, parseUnsigned, parsed } from './numbers.ts';
import { BAD_FORMAT, ERROR } from './replies.ts';
import { VALUE_BYTES_MAX } from './request.ts';

const LETTER_M = 0x6d;

/** Where a base64 key is decoded to: good until the next line is parsed. */
const keyBuffer = new Uint8Array(KEY_BYTES_MAX);

/** Whether a line's first word is two letters of which the first is m: a meta command or nothing at all. */
export function isMetaLine(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (bytes[at] === SPACE && at < end) at++;
  if (bytes[at] !== LETTER_M || end - at < 2) return false;
  const second = bytes[at + 1];
  if (second === SPACE || second === 0) return false;
  return end - at === 2 || bytes[at + 2] === SPACE || bytes[at + 2] === 0;
}

/**
 * Parses a line for which {@link isMetaLine} holds.
 *
 * @param end behind the last byte, without the line end
 * @returns undefined with `request` filled in, or the error line to answer. After an error, if `request.valueBytes` is
 * not negative, a data block of that length follows and is to be skipped.
 */
export function parseMeta(bytes: Uint8Array, start: number, end: number, request: MetaRequest): Uint8Array | undefined {
  request.valueBytes = -1;
  const words = splitWords(bytes, start, end, request);
  const command = commandOf(bytes[request.wordStart[0] + 1]);
  if (command === 0) return ERROR;
  request.command = command;
  if (command === MetaCommand.NOOP) return undefined;
  if (words < 2) return command === MetaCommand.DEBUG ? BAD_FORMAT : ERROR;
  request.bytes = bytes;
  request.key = bytes;
  request.keyStart = request.wordStart[1];
  request.keyEnd = request.wordEnd[1];
  request.keyBinary = false;
  if (request.keyEnd - request.keyStart > KEY_BYTES_MAX) return BAD_FORMAT;
  if (command === MetaCommand.DEBUG) return parseDebug(request);
  if (command === MetaCommand.SET && words === 2) return BAD_FORMAT;
  if (words > META_WORDS_MAX) return command === MetaCommand.GET ? meta.TOO_MANY_GET_FLAGS : meta.TOO_MANY_FLAGS;
  request.firstFlag = 2;
  if (command === MetaCommand.SET) return parseSet(request);
  const wrong = parseFlags(request);
  if (wrong === undefined || command === MetaCommand.GET) return wrong;
  return meta.INVALID_OR_DUPLICATE_FLAG;
}

function commandOf(letter: number): MetaCommand | 0 {
  switch (letter) {
    case 0x67:
      return MetaCommand.GET;
    case 0x73:
      return MetaCommand.SET;
    case 0x64:
      return MetaCommand.DELETE;
    case 0x61:
      return MetaCommand.ARITHMETIC;
    case 0x6e:
      return MetaCommand.NOOP;
    case 0x65:
      return MetaCommand.DEBUG;
    default:
      return 0;
  }
}

/** Splits at spaces, a NUL ends the line; returns the number of words, of which one too many is as good as all. */
function splitWords(bytes: Uint8Array, start: number, end: number, request: MetaRequest): number {
  const { wordStart, wordEnd } = request;
  let count = 0;
  let at = start;
  while (count <= META_WORDS_MAX) {
    while (at < end && bytes[at] === SPACE) at++;
    if (at >= end || bytes[at] === 0) break;
    wordStart[count] = at;
    while (at < end && bytes[at] !== SPACE && bytes[at] !== 0) at++;
    wordEnd[count++] = at;
  }
  request.wordCount = count;
  return count;
}

/** me KEY [b]: here `b` counts only as a word of its own right behind the key. */
function parseDebug(request: MetaRequest): Uint8Array | undefined {
  const binary =
    request.wordCount > 2 &&
    request.wordEnd[2] - request.wordStart[2] === 1 &&
    request.bytes[request.wordStart[2]] === Letter.b;
  return binary && !decodeKey(request) ? BAD_FORMAT : undefined;
}

/** ms KEY BYTES FLAG… */
function parseSet(request: MetaRequest): Uint8Array | undefined {
  const { bytes } = request;
  if (!parseSigned(bytes, request.wordStart[2], request.wordEnd[2])) return BAD_FORMAT;
  if (parsed.low < 0 || parsed.low > VALUE_BYTES_MAX) return BAD_FORMAT;
  request.valueBytes = parsed.low;
  request.firstFlag = 3;
  const wrong = parseFlags(request);
  if (wrong !== undefined) return wrong;
  if (!isSetMode(request.mode)) return meta.BAD_SET_MODE;
  return hasLongOpaque(request) ? meta.OPAQUE_TOO_LONG : undefined;
}

function isSetMode(mode: number): boolean {
  switch (mode) {
    case 0:
    case Letter.E:
    case Letter.A:
    case Letter.P:
    case Letter.R:
    case Letter.S:
      return true;
    default:
      return false;
  }
}

/** Whether an opaque is longer than may be sent back. */
export function hasLongOpaque(request: MetaRequest): boolean {
  if (!request.has(Letter.O)) return false;
  for (let i = request.firstFlag; i < request.wordCount; i++) {
    if (request.bytes[request.wordStart[i]] !== Letter.O) continue;
    return request.wordEnd[i] - request.wordStart[i] > OPAQUE_BYTES_MAX;
  }
  return false;
}

/** Reads all flags. A wrong value lets the others be read, and the last one's error stands; a wrong flag ends it. */
function parseFlags(request: MetaRequest): Uint8Array | undefined {
  const { bytes, wordStart, wordEnd } = request;
  request.lower = 0;
  request.upper = 0;
  request.mode = 0;
  request.exptime = 0;
  request.vivifyExptime = 0;
  request.clientFlags = 0;
  request.delta = 1;
  request.initial = 0;
  let wrong: Uint8Array | undefined;
  for (let i = request.firstFlag; i < request.wordCount; i++) {
    const letter = bytes[wordStart[i]];
    if (letter >= 0x7f) return meta.DUPLICATE_FLAG;
    const bit = 1 << (letter & 31);
    if (letter >= 0x61) {
      if ((request.lower & bit) !== 0) return meta.DUPLICATE_FLAG;
      request.lower |= bit;
      if (letter === Letter.b) {
        if (!decodeKey(request)) wrong = meta.BAD_KEY;
      } else if (!isLowerFlag(letter)) {
        return meta.INVALID_FLAG;
      }
    } else {
      if (letter < 0x41 || letter > 0x5a) return meta.INVALID_FLAG;
      if ((request.upper & bit) !== 0) return meta.DUPLICATE_FLAG;
      request.upper |= bit;
      const problem = parseUpper(request, letter, wordStart[i] + 1, wordEnd[i]);
      if (problem === meta.INVALID_FLAG) return problem;
      // A wrong F has no words of its own: those of another wrong value stand (proto_text.c).
      if (problem !== undefined && (problem !== BAD_FORMAT || wrong === undefined)) wrong = problem;
    }
  }
  return wrong;
}

function isLowerFlag(letter: number): boolean {
  switch (letter) {
    case Letter.c:
    case Letter.f:
    case Letter.h:
    case Letter.k:
    case Letter.l:
    case Letter.q:
    case Letter.s:
    case Letter.t:
    case Letter.u:
    case Letter.v:
    case Letter.x:
      return true;
    default:
      return false;
  }
}

/** Reads the value of a flag in capitals, which stands from `at` up to `end`. */
function parseUpper(request: MetaRequest, letter: number, at: number, end: number): Uint8Array | undefined {
  const { bytes } = request;
  switch (letter) {
    case Letter.O:
    case Letter.I:
    case Letter.L:
    case Letter.P:
      return undefined;
    case Letter.T:
      if (!parseSigned(bytes, at, end)) return meta.BAD_TOKEN;
      request.exptime = parsed.low;
      return undefined;
    case Letter.N:
      if (!parseSigned(bytes, at, end)) return meta.BAD_TOKEN;
      request.vivifyExptime = parsed.low;
      return undefined;
    case Letter.R:
      if (!parseSigned(bytes, at, end)) return meta.BAD_TOKEN;
      request.recacheExptime = parsed.low;
      return undefined;
    case Letter.F:
      if (!parseUnsigned(bytes, at, end)) return BAD_FORMAT;
      request.clientFlags = parsed.low >>> 0;
      return undefined;
    case Letter.C:
      if (!parseUnsigned(bytes, at, end)) return meta.BAD_TOKEN;
      request.casLow = parsed.low;
      request.casHigh = parsed.high;
      return undefined;
    case Letter.E:
      if (!parseUnsigned(bytes, at, end)) return meta.BAD_TOKEN;
      request.newCasLow = parsed.low;
      request.newCasHigh = parsed.high;
      return undefined;
    case Letter.D:
      if (!parseUnsigned(bytes, at, end)) return meta.BAD_DELTA;
      request.delta = parsedNumber();
      return undefined;
    case Letter.J:
      if (!parseUnsigned(bytes, at, end)) return meta.BAD_INITIAL;
      request.initial = parsedNumber();
      return undefined;
    case Letter.M:
      if (end - at !== 1) return meta.BAD_MODE_LENGTH;
      request.mode = bytes[at];
      return undefined;
    default:
      return meta.INVALID_FLAG;
  }
}

function parsedNumber(): number | bigint {
  if (parsed.exact) return parsed.value;
  return (BigInt(parsed.high >>> 0) << 32n) | BigInt(parsed.low >>> 0);
}

/** Replaces a base64 key by what it stands for; false if it is not base64. */
function decodeKey(request: MetaRequest): boolean {
  const length = decodeBase64(request.bytes, request.wordStart[1], request.wordEnd[1], keyBuffer);
  if (length === 0) return false;
  request.key = keyBuffer;
  request.keyStart = 0;
  request.keyEnd = length;
  request.keyBinary = true;
  return true;
}
