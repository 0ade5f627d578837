/**
 * The hashes that place keys on nodes, as the memcached clients of other languages compute them; murmur3, which the
 * daemon needs too, is in `bytes.ts`. Pure functions of bytes or strings; a string counts as its UTF-8 bytes. All results
 * are unsigned 32-bit integers.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * One little-endian 32-bit word of the MD5 of `data`.
 *
 * @param word 0…3; ketama takes word 0 for a key and all four for the points of a node
 */
export function md5Word(data: string | Uint8Array, word: 0 | 1 | 2 | 3 = 0): number {
  return wordAt(md5(data), word);
}

/** The four little-endian words of the MD5 of `data`, in order. */
export function md5Words(data: string | Uint8Array): [number, number, number, number] {
  const digest = md5(data);
  return [wordAt(digest, 0), wordAt(digest, 1), wordAt(digest, 2), wordAt(digest, 3)];
}

/** A string with one character per byte: making a Buffer for each digest takes three times as long. */
function md5(data: string | Uint8Array): string {
  return hash('md5', data, 'binary');
}

function wordAt(digest: string, word: number): number {
  const at = word * 4;
  return (
    (digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24)) >>>
    0
  );
}

/**
 * python-memcached's `cmemcache_hash`: 15 bits from the middle of the CRC-32, and never 0.
 * Source: python-memcached memcache.py, `(((crc32(key) & 0xffffffff) >> 16) & 0x7fff) or 1`.
 */
export function crc32Shift(data: string | Uint8Array): number {
  return (crc32(data) >>> 16) & 0x7fff || 1;
}
