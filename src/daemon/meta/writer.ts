/**
 * The pieces that answers of the meta protocol are made of, written straight to where they are sent from. Each returns
 * the position behind what it wrote.
 */
import { CR, LF, SPACE, writeDecimal, writeLatin } from '../../base/bytes.ts';
import { writeBase64 } from '../../protocol/text/meta-base64.ts';
import { Letter, OPAQUE_BYTES_MAX, type MetaRequest } from '../../protocol/text/meta-request.ts';

/** The two letters that begin an answer, as one number. */
export const Status = { HD: 0x4844, VA: 0x5641, EN: 0x454e, EX: 0x4558, NF: 0x4e46, NS: 0x4e53 } as const;
export type Status = (typeof Status)[keyof typeof Status];

/** Writes the two letters of a status. */
export function writeStatus(to: Uint8Array, position: number, status: Status): number {
  to[position] = status >>> 8;
  to[position + 1] = status;
  return position + 2;
}

/** Writes a flag's letter and the space in front of it. */
export function writeLetter(to: Uint8Array, position: number, letter: number): number {
  to[position] = SPACE;
  to[position + 1] = letter;
  return position + 2;
}

/** Writes a number and the space in front of it. */
export function writeNumber(to: Uint8Array, position: number, value: number): number {
  to[position] = SPACE;
  return writeDecimal(to, position + 1, value);
}

/** Writes a flag with a number. */
export function writeNumberFlag(to: Uint8Array, position: number, letter: number, value: number): number {
  return writeDecimal(to, writeLetter(to, position, letter), value);
}

/**
 * Writes the time an item has left.
 *
 * @param exptime its deadline; 0 = never
 */
export function writeTtl(to: Uint8Array, position: number, exptime: number, now: number): number {
  if (exptime === 0) return writeLatin(to, position, ' t-1');
  // An exptime that has passed shows as memcached's unsigned subtraction.
  return writeNumberFlag(to, position, Letter.t, (exptime - now) >>> 0);
}

/** Writes a word of the request as it came, its opaque; returns -1 if it is too long. */
export function writeWord(to: Uint8Array, position: number, request: MetaRequest, word: number): number {
  const start = request.wordStart[word];
  const end = request.wordEnd[word];
  if (end - start > OPAQUE_BYTES_MAX) return -1;
  let at = position;
  to[at++] = SPACE;
  for (let i = start; i < end; i++) to[at++] = request.bytes[i];
  return at;
}

/** Writes the request's key, as it was given. */
export function writeKey(to: Uint8Array, position: number, request: MetaRequest): number {
  let at = writeLetter(to, position, Letter.k);
  if (request.keyBinary) {
    return writeLetter(to, writeBase64(to, at, request.key, request.keyStart, request.keyEnd), Letter.b);
  }
  for (let i = request.keyStart; i < request.keyEnd; i++) to[at++] = request.key[i];
  return at;
}

/** Writes what is given back of any request, opaque and key; returns -1 if an opaque is too long. */
export function writeEchoes(to: Uint8Array, position: number, request: MetaRequest): number {
  if (!request.has(Letter.O) && !request.has(Letter.k)) return position;
  const { bytes, wordStart, wordCount } = request;
  let at = position;
  for (let i = request.firstFlag; i < wordCount && at >= 0; i++) {
    const letter = bytes[wordStart[i]];
    if (letter === Letter.O) at = writeWord(to, at, request, i);
    else if (letter === Letter.k) at = writeKey(to, at, request);
  }
  return at;
}

/** Ends a line. */
export function writeLineEnd(to: Uint8Array, position: number): number {
  to[position] = CR;
  to[position + 1] = LF;
  return position + 2;
}
