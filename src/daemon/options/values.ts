/** Values of flags: from one word to a number or a size, or one clear error. Pure. */
import { FleetError } from '../../base/errors.ts';
import { ANY_PORT } from '../settings.ts';

export const MEGABYTE = 1024 * 1024;
const ITEM_SIZE_MIN = 1024;
const ITEM_SIZE_MAX = 1024 * MEGABYTE;

/** A flag that cannot be obeyed. */
export function bad(message: string): FleetError {
  return new FleetError('BAD_CONFIG', message);
}

/** @throws FleetError BAD_CONFIG naming the flag and its range */
export function integer(flag: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw bad(`${flag} ${value}: not a whole number from ${least} to ${most}`);
  }
  return number;
}

const PORT_MAX = 65_535;

/** A port; 0 = none, ANY_PORT = any. */
export function port(flag: string, value: string): number {
  if (Number(value) === ANY_PORT) return ANY_PORT;
  if (!/^\d+$/.test(value) || Number(value) > PORT_MAX) {
    throw bad(`${flag} ${value}: not a port from 1 to ${PORT_MAX}, nor 0 for none or ${ANY_PORT} for any`);
  }
  return Number(value);
}

/** A number with a fraction, above `least` and below `most`. */
export function fraction(flag: string, value: string, least: number, most = Infinity): number {
  const number = Number(value);
  if (!/^\d*\.?\d+$/.test(value) || number <= least || number >= most) {
    const range = most === Infinity ? `above ${least}` : `above ${least} and below ${most}`;
    throw bad(`${flag} ${value}: not a number ${range}`);
  }
  return number;
}

/** One of a few words. */
export function oneOf<Word extends string>(flag: string, value: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw bad(`${flag} ${value}: must be one of ${words.join(', ')}`);
  return word;
}

/** A number of bytes with memcached's suffixes k and m; g as well. */
export function itemSize(value: string): number {
  const match = /^(\d+)([kmg]?)$/i.exec(value);
  if (match === null) throw bad(`-I ${value}: not a size such as 1m or 512k`);
  const unit = { '': 1, k: 1024, m: MEGABYTE, g: 1024 * MEGABYTE }[match[2].toLowerCase() as '' | 'k' | 'm' | 'g'];
  const bytes = Number(match[1]) * unit;
  if (bytes < ITEM_SIZE_MIN || bytes > ITEM_SIZE_MAX) throw bad(`-I ${value}: must be between 1k and 1024m`);
  return bytes;
}
