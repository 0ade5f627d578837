/** Words of administrative commands as numbers, by memcached's rules (mcmc.c, proto_parser.c). */
import { parseUnsigned, parsed, readSigned32, readUnsigned32 } from '../../protocol/text/numbers.ts';

/** Bytes that a fraction may have at most (mc_toktod). */
const FRACTION_BYTES_MAX = 31;

/** Unsigned 32 bits; undefined if it is not such a number. */
export function unsigned(word = ''): number | undefined {
  const bytes = Buffer.from(word, 'latin1');
  return word !== '' && readUnsigned32(bytes, 0, bytes.length) ? parsed.value : undefined;
}

/** Signed 32 bits; undefined if it is not such a number. */
export function signed(word = ''): number | undefined {
  const bytes = Buffer.from(word, 'latin1');
  return word !== '' && readSigned32(bytes, 0, bytes.length) ? parsed.value : undefined;
}

/** One of several numbers in a word, which C's strtoul still reads: cut to 32 bits; undefined if it is not a number. */
export function unsignedPart(word: string): number | undefined {
  const bytes = Buffer.from(word, 'latin1');
  return parseUnsigned(bytes, 0, bytes.length) ? parsed.low >>> 0 : undefined;
}

/** A decimal fraction as C's strtod reads it, `inf` included; undefined if it is not a number. */
export function fraction(word: string | undefined): number | undefined {
  if ((word ?? '').length > FRACTION_BYTES_MAX) return undefined;
  const match =
    /^[\t\v\f]*([+-]?)(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|(inf(?:inity)?))(?:[\t\v\f\r].*)?$/i.exec(
      word ?? '',
    );
  if (match === null) return undefined;
  const value = match[3] === undefined ? Number(match[2]) : Infinity;
  return match[1] === '-' ? -value : value;
}
