/**
 * Reads a stream of text commands as memcached reads it, just far enough to know where each command begins and how many
 * bytes of data it takes. The generator needs that to finish a stream that a mutation has put out of step, and to keep
 * what memcached itself answers by chance out of it. Pure.
 */

/** A command as it will be executed. */
export interface Walked {
  /** Where its line begins and where everything that it takes ends. */
  start: number;
  end: number;
  /** The line's words, the ending cut off. */
  words: string[];
}

/** Bytes that are still missing to the last command's data. */
export interface Walk {
  commands: Walked[];
  missing: number;
}

const STORAGE_WORDS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  set: [5, 6],
  add: [5, 6],
  replace: [5, 6],
  append: [5, 6],
  prepend: [5, 6],
  cas: [6, 7],
};
const KEY_MAX = 250;
const INT32 = 4_294_967_296n;
/** Of one pass of memcached's tokenizer; what comes behind counts as one word more. */
const WORDS_MAX = 23;

function wordsOf(line: string): string[] {
  const end = line.indexOf('\0');
  return (end < 0 ? line : line.slice(0, end)).split(' ').filter((word) => word !== '');
}

/** A number as memcached's safe_strtol takes it; undefined where it refuses. */
function signed(word: string | undefined): bigint | undefined {
  const digits = /^[\t\n\v\f\r]*([+-]?\d+)(?:[\t\n\v\f\r].*)?$/s.exec(word ?? '')?.[1];
  if (digits === undefined) {
    return undefined;
  }
  const value = BigInt(digits.replace('+', ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined;
}

/** As safe_strtoul and safe_strtoull: a minus wraps, and is refused if the result is negative as a signed number. */
function unsigned(word: string | undefined): boolean {
  const digits = /^[\t\n\v\f\r]*([+-]?)(\d+)(?:[\t\n\v\f\r].*)?$/s.exec(word ?? '');
  if (digits === null) {
    return false;
  }
  const value = BigInt(digits[2] ?? '0');
  if (value >= 2n ** 64n) {
    return false;
  }
  return digits[1] !== '-' || BigInt.asIntN(64, -value) >= 0n;
}

/** The announced length, cut to 32 bits as memcached does; undefined where it is refused. */
function dataLength(word: string | undefined): number | undefined {
  const value = signed(word);
  const length = value === undefined ? -1 : Number(BigInt.asIntN(32, value % INT32));
  return length < 0 || length > 2_147_483_645 ? undefined : length;
}

function storageData(words: readonly string[]): number {
  const limits = STORAGE_WORDS[words[0] ?? ''];
  if (
    limits === undefined ||
    words.length < limits[0] ||
    words.length > limits[1] ||
    (words[1] ?? '').length > KEY_MAX
  ) {
    return 0;
  }
  if (!unsigned(words[2]) || signed(words[3]) === undefined || (words[0] === 'cas' && !unsigned(words[5]))) {
    return 0;
  }
  const length = dataLength(words[4]);
  return length === undefined ? 0 : length + 2;
}

/** `ms key length flags`: once the length is known, the data is taken whatever else is wrong. */
function metaSetData(words: readonly string[]): number {
  if (words[0] !== 'ms' || words.length < 3 || words.length > META_WORDS_MAX || (words[1] ?? '').length > KEY_MAX) {
    return 0;
  }
  const length = dataLength(words[2]);
  return length === undefined ? 0 : length + 2;
}

/** MFLAG_MAX_OPT_LENGTH counts the terminal token too. */
const META_WORDS_MAX = 19;

/** Walks a whole stream. A rest without an end of line is no command. */
export function walk(stream: string): Walk {
  const commands: Walked[] = [];
  let at = 0;
  for (;;) {
    const newline = stream.indexOf('\n', at);
    if (newline < 0) {
      return { commands, missing: 0 };
    }
    let line = stream.slice(at, newline);
    if (line.length > 1 && line.endsWith('\r')) {
      line = line.slice(0, -1);
    }
    const words = wordsOf(line);
    const data = words.length > WORDS_MAX ? 0 : storageData(words) + metaSetData(words);
    const end = newline + 1 + data;
    commands.push({ start: at, end: Math.min(end, stream.length), words });
    if (end > stream.length) {
      return { commands, missing: end - stream.length };
    }
    at = end;
  }
}

const CLOSING = /^quit$/;
const FETCHES = /^(?:b?get|gets|gats?|mg|me)$/;

/** Whether memcached closes the connection on this command. */
export function closes(words: readonly string[]): boolean {
  const command = words[0] ?? '';
  return CLOSING.test(command) || (words.at(-1)?.startsWith('HTTP/') === true && !/^[gsacidt]/.test(command));
}

/**
 * Whether what memcached answers next depends on whether this command's answer has been sent yet: an item that an
 * unsent answer refers to is not changed in place.
 */
export function refersToItems(words: readonly string[]): boolean {
  return FETCHES.test(words[0] ?? '');
}

/** Whether memcached throws away answers that it has not sent yet when it refuses this command (a key that is too long). */
export function dropsAnswers(words: readonly string[]): boolean {
  return refersToItems(words) && words.some((word) => word.length > KEY_MAX);
}
