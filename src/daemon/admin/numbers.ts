/** Words of administrative commands as numbers, by memcached's rules (util.c). */
import { parseSigned, parseUnsigned, parsed } from '../../protocol/text/numbers.ts';

/** safe_strtoul: unsigned 32 bits; undefined if it is not a number. */
export function unsigned(word: string | undefined): number | undefined {
  const bytes = Buffer.from(word ?? '', 'latin1');
  return parseUnsigned(bytes, 0, bytes.length) ? parsed.low >>> 0 : undefined;
}

/** safe_strtol: signed 32 bits; undefined if it is not a number. */
export function signed(word: string | undefined): number | undefined {
  const bytes = Buffer.from(word ?? '', 'latin1');
  return parseSigned(bytes, 0, bytes.length) ? parsed.low : undefined;
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
