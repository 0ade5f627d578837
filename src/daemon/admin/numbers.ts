/** Words of administrative commands as numbers, by memcached's rules (util.c). */
import { parseSigned, parseUnsigned, parsed } from '../../protocol/text/numbers.ts';

const UNSIGNED_MAX = 2 ** 32 - 1;
const SIGNED_MAX = 2 ** 31 - 1;

/** An unsigned number of 32 bits; undefined if it is none. */
export function unsigned(word: string | undefined): number | undefined {
  const bytes = Buffer.from(word ?? '', 'latin1');
  return parseUnsigned(bytes, 0, bytes.length) && parsed.value <= UNSIGNED_MAX ? parsed.value : undefined;
}

/** A signed number of 32 bits; undefined if it is none. */
export function signed(word: string | undefined): number | undefined {
  const bytes = Buffer.from(word ?? '', 'latin1');
  const fits = parseSigned(bytes, 0, bytes.length) && parsed.value <= SIGNED_MAX && parsed.value >= -SIGNED_MAX - 1;
  return fits ? parsed.value : undefined;
}

/** safe_strtod: a decimal fraction, `inf` included; undefined if it is not a number. */
export function fraction(word: string | undefined): number | undefined {
  const match =
    /^[\t\v\f]*([+-]?)(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|(inf(?:inity)?))(?:[\t\v\f\r].*)?$/i.exec(
      word ?? '',
    );
  if (match === null) return undefined;
  const value = match[3] === undefined ? Number(match[2]) : Infinity;
  return match[1] === '-' ? -value : value;
}
