/**
 * Numbers as memcached's text protocol reads them, in its two ways. Words of a request are read strictly (mcmc.c,
 * mcmc_tokto32 and its siblings): digits and nothing else, in the range of their type. Stored values, and the flags and the
 * exptime of a storage command, are still read by C's strtoul family (util.c, safe_strto*): white space in front and one
 * sign are allowed, white space or a NUL ends the number, what does not fit into 32 bits is cut.
 *
 * The result is left in {@link parsed}, so that nothing is allocated.
 */
import { DIGIT_0, DIGIT_9, TWO_32 } from '../../base/bytes.ts';

/** The number that was read last: its value if it is exact as a double, and always its 64 bits. */
export const parsed = {
  /** The number; only exact if {@link exact}. */
  value: 0,
  /** Whether `value` is exact, which it is up to 15 digits. */
  exact: true,
  /** Bits 0–31, signed. */
  low: 0,
  /** Bits 32–63, signed. */
  high: 0,
};

const PLUS = 0x2b;
const MINUS = 0x2d;
/** Digits a double holds exactly, whatever they are. */
const EXACT_DIGITS = 15;
const UNSIGNED_64_MAX = 2n ** 64n - 1n;
const SIGNED_64_MAX = 2n ** 63n - 1n;

const UNSIGNED_32_MAX = 0xffff_ffff;
const SIGNED_32_MAX = 0x7fff_ffff;
/** Longest words that are read as numbers, leading zeros included (MCMC_TOKTO32_MAX, MCMC_TOKTO64_MAX). */
const LENGTH_32_MAX = 11;
const LENGTH_64_MAX = 22;

/** Reads a word as an unsigned 32-bit number. False if it is not one. */
export function readUnsigned32(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > LENGTH_32_MAX) return false;
  const value = digits(bytes, start, end);
  if (!(value <= UNSIGNED_32_MAX)) return false;
  setNumber(value);
  return true;
}

/** Reads a word as a signed 32-bit number; a minus alone is 0, as in memcached. False if it is not one. */
export function readSigned32(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > LENGTH_32_MAX) return false;
  const negative = bytes[start] === MINUS && start < end;
  const value = digits(bytes, negative ? start + 1 : start, end);
  if (!(value <= (negative ? SIGNED_32_MAX + 1 : SIGNED_32_MAX))) return false;
  setNumber(negative && value !== 0 ? -value : value);
  return true;
}

/** Reads a word as an unsigned 64-bit number. False if it is not one. */
export function readUnsigned64(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > LENGTH_64_MAX) return false;
  const value = digits(bytes, start, end);
  if (Number.isNaN(value)) return false;
  if (end - start > EXACT_DIGITS) return parseLong(bytes, start, end, false, false);
  setNumber(value);
  return true;
}

/** The value of bytes that are all digits, exact up to 15 of them; NaN if one is none. */
function digits(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - DIGIT_0;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Reads an unsigned 64-bit number (safe_strtoull; safe_strtoul cuts it to 32 bits). False if it is not one. */
export function parseUnsigned(bytes: Uint8Array, start: number, end: number): boolean {
  return parse(bytes, start, end, false);
}

/** Reads a signed 64-bit number (safe_strtol cuts it to 32 bits). False if it is not one. */
export function parseSigned(bytes: Uint8Array, start: number, end: number): boolean {
  return parse(bytes, start, end, true);
}

function parse(bytes: Uint8Array, start: number, end: number, signed: boolean): boolean {
  let at = start;
  while (at < end && isWhiteSpace(bytes[at])) at++;
  const negative = bytes[at] === MINUS && at < end;
  if (at < end && (negative || bytes[at] === PLUS)) at++;
  const digitsStart = at;
  let value = 0;
  for (; at < end && bytes[at] >= DIGIT_0 && bytes[at] <= DIGIT_9; at++) value = value * 10 + (bytes[at] - DIGIT_0);
  if (at === digitsStart || (at < end && bytes[at] !== 0 && !isWhiteSpace(bytes[at]))) return false;
  if (at - digitsStart > EXACT_DIGITS) return parseLong(bytes, digitsStart, at, negative, signed);
  if (negative && !signed && value > 0) return false;
  setNumber(negative ? -value : value);
  return true;
}

function setNumber(value: number): void {
  parsed.value = value;
  parsed.exact = true;
  parsed.low = value | 0;
  parsed.high = Math.floor(value / TWO_32) | 0;
}

function parseLong(bytes: Uint8Array, start: number, end: number, negative: boolean, signed: boolean): boolean {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  const magnitude = BigInt(text);
  if (magnitude > (signed ? SIGNED_64_MAX + (negative ? 1n : 0n) : UNSIGNED_64_MAX)) return false;
  let value = negative ? -magnitude : magnitude;
  if (!signed && negative) {
    // strtoull negates modulo 2^64; safe_strtoull then refuses what looks like a negative number.
    value = BigInt.asUintN(64, value);
    if (value > SIGNED_64_MAX) return false;
  }
  parsed.value = Number(value);
  parsed.exact = Number.isSafeInteger(parsed.value);
  parsed.low = Number(BigInt.asIntN(32, value));
  parsed.high = Number(BigInt.asIntN(32, value >> 32n));
  return true;
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
