/**
 * Reads a stream of text commands as memcached 1.6.45 and our daemon read it, just far enough to know where each command
 * begins and how many bytes of data it takes, and where the two part on purpose. The generator needs that to finish a stream
 * that a mutation has put out of step, and to keep what memcached itself answers by chance out of it. Pure.
 */

/** A command as it will be executed. */
export interface Walked {
  /** Where its line begins and where everything that it takes ends. */
  start: number;
  end: number;
  /** The line without its ending, and its words as far as they are looked at. */
  line: string;
  words: string[];
}

/** Bytes that are still missing to the last command's data. */
export interface Walk {
  commands: Walked[];
  missing: number;
}

/** What becomes of a command. */
export type Fate =
  | 'answered'
  /** Both close the connection behind it. */
  | 'closes'
  /** A storage command whose length cannot be read: our daemon closes behind its answer, memcached goes on. */
  | 'unreadable'
  /** Answered differently on purpose (docs/compatibility.md), or not by memcached's rules alone. */
  | 'left out';

const STORAGE = new Set(['set', 'add', 'replace', 'append', 'prepend', 'cas']);
const STORAGE_LENGTH_WORD = 4;
const META_LENGTH_WORD = 2;
/** What memcached finds no command in, with spaces in front. */
const DATA_COMMANDS =
  /^(?:m[gsdnae]|gets?|gats?|set|add|cas|append|prepend|replace|incr|decr|touch|delete|quit|version|stats|watch)$/;
const KEY_MAX = 250;
/** Words that are looked at (mcmc.h, MCMC_PARSER_MAX_TOKENS). */
const WORDS_MAX = 23;
const LENGTH_DIGITS_MAX = 11;
const VALUE_MAX = 2_147_483_645;

function wordsOf(line: string): string[] {
  return line
    .split(' ')
    .filter((word) => word !== '')
    .slice(0, WORDS_MAX);
}

/** Where the length of a command's data stands; undefined of a command that takes none. */
function lengthWord(words: readonly string[]): number | undefined {
  const command = words[0] ?? '';
  if (command === 'ms') return META_LENGTH_WORD;
  return STORAGE.has(command) ? STORAGE_LENGTH_WORD : undefined;
}

/** The announced length; undefined where it cannot be read. */
function dataLength(word: string | undefined): number | undefined {
  if (word === undefined || !/^-?\d*$/.test(word) || word.length > LENGTH_DIGITS_MAX) return undefined;
  const value = word === '-' ? 0 : Number(word);
  return value < 0 || value > VALUE_MAX ? undefined : value;
}

function dataBytes(words: readonly string[]): number {
  const at = lengthWord(words);
  const length = at === undefined ? undefined : dataLength(words[at]);
  return length === undefined ? 0 : length + 2;
}

/** Walks a whole stream. A rest without an end of line is no command. */
export function walk(stream: string): Walk {
  const commands: Walked[] = [];
  let at = 0;
  for (;;) {
    const newline = stream.indexOf('\n', at);
    if (newline < 0) {
      return { commands, missing: 0 };
    }
    const line = stream.slice(at, newline).replace(/(?<=.)\r$/s, '');
    const words = wordsOf(line);
    // A line of less than four bytes with its end is not looked at.
    const end = newline + 1 + (newline + 1 - at < 4 ? 0 : dataBytes(words));
    commands.push({ start: at, end: Math.min(end, stream.length), line, words });
    if (end > stream.length) {
      return { commands, missing: end - stream.length };
    }
    at = end;
  }
}

const FETCHES = /^(?:gets?|gats?|mg|me)$/;
const RETRIEVALS = /^(?:gets?|gats?)$/;

/** Whether memcached finds no words in a meta command, because of how a flag begins. */
function hasOddFlag(words: readonly string[]): boolean {
  return (
    /^m[gsdae]$/.test(words[0] ?? '') && words.slice(words[0] === 'ms' ? 3 : 2).some((flag) => !/^[\dA-z]/.test(flag))
  );
}

/** What becomes of a command on both servers. */
export function fateOf({ line, words }: Walked): Fate {
  const command = words[0] ?? '';
  if (line.startsWith(' ') && DATA_COMMANDS.test(command)) return 'left out';
  // memcached puts an empty line behind the error.
  if (RETRIEVALS.test(command) && line.split(' ').some((word) => word.length > KEY_MAX)) return 'left out';
  if (command === 'me' && words.length === 3 && words[2] === 'b') return 'left out';
  if (command === 'ms' && hasOddFlag(words)) return 'left out';
  // Tables of statistics are for tests of their own; a part of a name is one to memcached.
  if (command === 'stats' && words[1] !== 'nothing') return 'left out';
  if (command === 'quit') return 'closes';
  const at = lengthWord(words);
  if (at !== undefined) return words.length > 1 && dataLength(words[at]) === undefined ? 'unreadable' : 'answered';
  const isKnown =
    DATA_COMMANDS.test(command) ||
    /^(?:shutdown|slabs|cache_memlimit|flush_all|lru_crawler|verbosity|lru|extstore|refresh_certs)$/.test(command);
  return !isKnown && words.length > 1 && words.at(-1)?.startsWith('HTTP/') === true ? 'closes' : 'answered';
}

/**
 * Whether what memcached answers next depends on whether this command's answer has been sent yet: an item that an
 * unsent answer refers to is not changed in place.
 */
export function refersToItems(words: readonly string[]): boolean {
  return FETCHES.test(words[0] ?? '');
}
