// What the scripts of npm's clients share: their arguments (KEYS SERVER..., after a MODE where they have several), how
// they check an answer, and how they ask for many keys without asking for all at once.
import { deepStrictEqual } from 'node:assert';

const [keyCount, ...addresses] = process.argv.slice(process.argv.findIndex((text, i) => i > 1 && /^\d+$/.test(text)));
export const count = Number(keyCount);
export const servers = addresses;

/** A mode's name, or undefined where the script has but one. */
export const mode = /^\d+$/.test(process.argv[2]) ? undefined : process.argv[2];

/** A time long past, in seconds: an item that is given it has expired. */
export const PAST_S = 1_000_000_000;

export function check(what, got, wanted) {
  try {
    deepStrictEqual(got, wanted);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
}

export async function checkFails(what, asked) {
  const failed = await asked.then(
    () => false,
    () => true,
  );
  check(`${what} fails`, failed, true);
}

/** Keys, or their numbers, in parts of `size`. */
export function inParts(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** Asks for each key, `atOnce` at a time. */
export async function forEach(keys, atOnce, ask) {
  const indexes = inParts([...keys.keys()], atOnce);
  for (const part of indexes) await Promise.all(part.map((i) => ask(keys[i], i)));
}

export function keysOf(prefix) {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
