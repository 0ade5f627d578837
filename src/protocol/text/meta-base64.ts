/**
 * Base64 of binary keys, by memcached's own rules (base64.c): bytes outside the alphabet are skipped, and what comes
 * behind the padding is not looked at. Pure, and nothing is allocated.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const NOT_IN_ALPHABET = 0x80;

const encoded = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const decoded = new Uint8Array(256).fill(NOT_IN_ALPHABET);
for (const [value, letter] of encoded.entries()) decoded[letter] = value;
decoded[PAD] = 0;

/**
 * Decodes into `to`, from its start; it must have room for three bytes for each four of the text.
 *
 * @returns how many bytes it wrote; 0 if the text is not base64
 */
export function decodeBase64(text: Uint8Array, start: number, end: number, to: Uint8Array): number {
  let letters = 0;
  for (let i = start; i < end; i++) if (decoded[text[i]] !== NOT_IN_ALPHABET) letters++;
  if (letters === 0 || letters % 4 !== 0) return 0;
  let length = 0;
  let group = 0;
  let inGroup = 0;
  let pads = 0;
  for (let i = start; i < end; i++) {
    const value = decoded[text[i]];
    if (value === NOT_IN_ALPHABET) continue;
    if (text[i] === PAD) pads++;
    group = (group << 6) | value;
    if (++inGroup < 4) continue;
    to[length++] = group >>> 16;
    to[length++] = group >>> 8;
    to[length++] = group;
    if (pads > 0) return pads > 2 ? 0 : length - pads;
    group = 0;
    inGroup = 0;
  }
  return length;
}

/** Writes bytes in base64; returns the position behind it. */
export function writeBase64(to: Uint8Array, position: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let out = position;
  for (; end - at >= 3; at += 3) {
    to[out++] = encoded[bytes[at] >> 2];
    to[out++] = encoded[((bytes[at] & 0x03) << 4) | (bytes[at + 1] >> 4)];
    to[out++] = encoded[((bytes[at + 1] & 0x0f) << 2) | (bytes[at + 2] >> 6)];
    to[out++] = encoded[bytes[at + 2] & 0x3f];
  }
  if (at === end) return out;
  const second = end - at === 2 ? bytes[at + 1] : 0;
  to[out++] = encoded[bytes[at] >> 2];
  to[out++] = encoded[((bytes[at] & 0x03) << 4) | (second >> 4)];
  to[out++] = end - at === 2 ? encoded[(second & 0x0f) << 2] : PAD;
  to[out++] = PAD;
  return out;
}
