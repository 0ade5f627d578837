/**
 * Bytes: comparing and hashing keys, reading and writing decimals, without making a string or an object.
 * Plain loops, since a call into the runtime costs more than the few bytes of a key or a number.
 */

export const SPACE = 0x20;
export const CR = 0x0d;
export const LF = 0x0a;
export const DIGIT_0 = 0x30;
export const DIGIT_9 = 0x39;

/** 2^32, to put two 32-bit words together as a number. */
export const TWO_32 = 0x1_0000_0000;

const encoder = new TextEncoder();

/** A constant byte string from Latin text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Whether two runs of `length` bytes are equal. The last byte is looked at first: keys differ at their end. */
export function equalBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = length - 1; i >= 0; i--) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}

/**
 * MurmurHash3 x86_32 of `length` bytes, as a signed 32-bit integer.
 *
 * Source: Appleby, MurmurHash3.cpp, `MurmurHash3_x86_32`. The daemon seeds it with chance, so that a client cannot
 * choose keys that fall into one bucket; pymemcache places keys on nodes by it, with seed 0.
 */
export function murmur3(bytes: Uint8Array, start: number, length: number, seed: number): number {
  let h = seed | 0;
  const wordsEnd = start + (length & ~3);
  let i = start;
  for (; i < wordsEnd; i += 4) {
    let k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  const rest = length & 3;
  if (rest !== 0) {
    let k = bytes[i];
    if (rest > 1) k |= bytes[i + 1] << 8;
    if (rest > 2) k |= bytes[i + 2] << 16;
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** How many decimal digits a non-negative integer has. */
export function decimalLength(value: number): number {
  let length = 1;
  for (let n = value; n >= 10; n = Math.floor(n / 10)) length++;
  return length;
}

/**
 * Writes a non-negative integer up to 2^53 - 1 in decimal.
 *
 * @returns the position behind its last digit
 */
export function writeDecimal(bytes: Uint8Array, position: number, value: number): number {
  const end = position + decimalLength(value);
  let rest = value;
  let at = end - 1;
  // Doubles only while the number is larger than an integer division can take.
  for (; rest > 0x7fffffff; at--) {
    const quotient = Math.floor(rest / 10);
    bytes[at] = DIGIT_0 + (rest - quotient * 10);
    rest = quotient;
  }
  for (; at >= position; at--) {
    const quotient = (rest / 10) | 0;
    bytes[at] = DIGIT_0 + (rest - quotient * 10);
    rest = quotient;
  }
  return end;
}

/** How many decimal digits an unsigned 64-bit number has; a bigint where a double does not hold it. */
export function unsignedLength(value: number | bigint): number {
  return typeof value === 'number' ? decimalLength(value) : String(value).length;
}

/** Writes an unsigned 64-bit number in decimal; returns the position behind its last digit. */
export function writeUnsigned(bytes: Uint8Array, position: number, value: number | bigint): number {
  return typeof value === 'number' ? writeDecimal(bytes, position, value) : writeLatin(bytes, position, String(value));
}

/** Copies a short constant; `copyWithin` and `set` cost more than this loop for the few bytes of a reply line. */
export function writeBytes(bytes: Uint8Array, position: number, constant: Uint8Array): number {
  for (let i = 0; i < constant.length; i++) bytes[position + i] = constant[i];
  return position + constant.length;
}

/** Copies text of one byte a character (names and numbers that the daemon itself makes). */
export function writeLatin(bytes: Uint8Array, position: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[position + i] = text.charCodeAt(i);
  return position + text.length;
}
