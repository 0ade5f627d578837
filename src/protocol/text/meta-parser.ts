/**
 * From one line of the meta protocol to a request. Pure: nothing is allocated but for numbers beyond 2^53, nothing is
 * thrown. The rules, their order and the error lines are memcached 1.6.45's (proto_parser.c), the odd ones included.
 */
import { DIGIT_0, DIGIT_9, LF, SPACE } from '../../base/bytes.ts';
import { KEY_BYTES_MAX } from '../../base/memcached.ts';
import { decodeBase64 } from './meta-base64.ts';
import * as meta from './meta-replies.ts';
import { Letter, META_WORDS_MAX, MetaCommand, OPAQUE_BYTES_MAX, type MetaRequest } from './meta-request.ts';
import { parsed, readSigned32, readUnsigned32, readUnsigned64 } from './numbers.ts';
import { BAD_FORMAT } from './replies.ts';
import { LENGTH_UNREADABLE, NO_VALUE, VALUE_BYTES_MAX, WORDS_MAX } from './request.ts';

const LETTER_M = 0x6d;

/** Where a base64 key is decoded to: good until the next line is parsed. */
const keyBuffer = new Uint8Array(KEY_BYTES_MAX);

/** Whether a line's first word is a meta command. */
export function isMetaLine(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (bytes[at] === SPACE && at < end) at++;
  if (bytes[at] !== LETTER_M || end - at < 2 || commandOf(bytes[at + 1]) === 0) return false;
  return end - at === 2 || bytes[at + 2] === SPACE;
}

/**
 * Parses a line for which {@link isMetaLine} holds.
 *
 * @param end behind the last byte, without the line end
 * @returns undefined with `request` filled in, or the error line to answer. After an error `request.valueBytes` says what
 * has to become of a data block.
 */
export function parseMeta(bytes: Uint8Array, start: number, end: number, request: MetaRequest): Uint8Array | undefined {
  request.valueBytes = NO_VALUE;
  const words = splitWords(bytes, start, end, request);
  const command = commandOf(bytes[request.wordStart[0] + 1]) as MetaCommand;
  request.command = command;
  if (command === MetaCommand.NOOP) return undefined;
  request.firstFlag = 2;
  if (command === MetaCommand.SET && !readLength(request)) return BAD_FORMAT;
  if (words < 2 || hasOddFlag(request)) return BAD_FORMAT;
  request.bytes = bytes;
  request.key = bytes;
  request.keyStart = request.wordStart[1];
  request.keyEnd = request.wordEnd[1];
  request.keyBinary = false;
  const isTooLong = request.keyEnd - request.keyStart > KEY_BYTES_MAX;
  if (command === MetaCommand.DEBUG) return isTooLong ? BAD_FORMAT : parseDebug(request);
  const wrong = isTooLong ? BAD_FORMAT : words > META_WORDS_MAX ? meta.TOO_MANY_FLAGS : parseFlags(request);
  // ma has one word for all that may be wrong.
  if (command === MetaCommand.ARITHMETIC) return wrong === undefined ? undefined : meta.INVALID_OR_DUPLICATE_FLAG;
  if (wrong !== undefined || command !== MetaCommand.SET) return wrong;
  return isSetMode(request.mode) ? undefined : meta.BAD_SET_MODE;
}

/** ms KEY BYTES FLAG… */
function readLength(request: MetaRequest): boolean {
  const { bytes, wordStart, wordEnd, wordCount } = request;
  // A name alone announces nothing.
  if (wordCount > 1) request.valueBytes = LENGTH_UNREADABLE;
  if (wordCount < 3 || !readSigned32(bytes, wordStart[2], wordEnd[2])) return false;
  if (parsed.value < 0 || parsed.value > VALUE_BYTES_MAX) return false;
  request.valueBytes = parsed.value;
  request.firstFlag = 3;
  return true;
}

/** Whether a flag begins with what no flag can begin with: then memcached finds no words at all (mcmc.c). */
function hasOddFlag({ bytes, wordStart, wordCount, firstFlag }: MetaRequest): boolean {
  for (let i = firstFlag; i < wordCount; i++) {
    const letter = bytes[wordStart[i]];
    if (!((letter >= 0x41 && letter <= 0x7a) || (letter >= DIGIT_0 && letter <= DIGIT_9))) return true;
  }
  return false;
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

/** Splits at spaces; returns the number of words, at most WORDS_MAX. */
function splitWords(bytes: Uint8Array, start: number, end: number, request: MetaRequest): number {
  const { wordStart, wordEnd } = request;
  let count = 0;
  let at = start;
  while (count < WORDS_MAX) {
    while (at < end && bytes[at] === SPACE) at++;
    if (at >= end) break;
    wordStart[count] = at;
    while (at < end && bytes[at] !== SPACE) at++;
    wordEnd[count++] = at;
  }
  request.bytes = bytes;
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
      // A wrong F has no words of its own: those of another wrong value stand (proto_parser.c).
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
      if (at === end || !readSigned32(bytes, at, end)) return meta.BAD_TOKEN;
      request.exptime = parsed.low;
      return undefined;
    case Letter.N:
      if (at === end || !readSigned32(bytes, at, end)) return meta.BAD_TOKEN;
      request.vivifyExptime = parsed.low;
      return undefined;
    case Letter.R:
      if (at === end || !readSigned32(bytes, at, end)) return meta.BAD_TOKEN;
      request.recacheExptime = parsed.low;
      return undefined;
    case Letter.F:
      if (at === end || !readUnsigned32(bytes, at, end)) return BAD_FORMAT;
      request.clientFlags = parsed.low >>> 0;
      return undefined;
    case Letter.C:
      if (at === end || !readUnsigned64(bytes, at, end)) return meta.BAD_TOKEN;
      request.casLow = parsed.low;
      request.casHigh = parsed.high;
      return undefined;
    case Letter.E:
      if (at === end || !readUnsigned64(bytes, at, end)) return meta.BAD_TOKEN;
      request.newCasLow = parsed.low;
      request.newCasHigh = parsed.high;
      return undefined;
    case Letter.D:
      if (at === end || !readUnsigned64(bytes, at, end)) return meta.BAD_DELTA;
      request.delta = parsedNumber();
      return undefined;
    case Letter.J:
      if (at === end || !readUnsigned64(bytes, at, end)) return meta.BAD_INITIAL;
      request.initial = parsedNumber();
      return undefined;
    case Letter.M:
      // Only the first letter is looked at, and a line end is none.
      request.mode = at < end ? bytes[at] : LF;
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
