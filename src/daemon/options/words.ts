/** getopt's ways: `-m64`, `-m 64`, `-vv`, `--memory-limit=64`, and `-o name,name=value`. Pure. */
import { bad } from './values.ts';

/** What a flag's name tells about the words behind it. */
export interface FlagName {
  /** Empty for a flag of ours, which memcached has not. */
  letter: string;
  long: string;
  /** Name of the value, if it takes one. */
  value?: string;
}

/**
 * Each flag with its value (`''` without one), in order.
 *
 * @throws FleetError BAD_CONFIG for a word that is no flag, and a flag without its value
 */
export function* flagsOf<Flag extends FlagName>(
  words: readonly string[],
  flags: readonly Flag[],
): Generator<{ flag: Flag; value: string }> {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (long === null && !/^-[^-]/.test(word)) throw bad(`unexpected argument '${word}'`);
    const letters = long === null ? word.slice(1) : '';
    if (long !== null) {
      const flag = flags.find((candidate) => candidate.long === long[1]);
      if (flag === undefined) throw bad(`unknown option '--${long[1]}'`);
      yield { flag, value: flag.value === undefined ? '' : (long[2] ?? need(flag, words[++i])) };
    }
    for (let at = 0; at < letters.length; at++) {
      const flag = flags.find((candidate) => candidate.letter === letters[at]);
      if (flag === undefined) throw bad(`unknown option '-${letters[at]}'`);
      if (flag.value === undefined) {
        yield { flag, value: '' };
      } else {
        yield { flag, value: letters.slice(at + 1) || need(flag, words[++i]) };
        break;
      }
    }
  }
}

function need(flag: FlagName, value: string | undefined): string {
  if (value === undefined) throw bad(`option --${flag.long} needs a value <${flag.value}>`);
  return value;
}

/** The suboptions of one `-o`: what stands between commas, with what stands behind `=`. */
export function suboptionsOf(list: string): { name: string; value: string | undefined }[] {
  return list
    .split(',')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const equals = entry.indexOf('=');
      return equals < 0
        ? { name: entry, value: undefined }
        : { name: entry.slice(0, equals), value: entry.slice(equals + 1) };
    });
}
