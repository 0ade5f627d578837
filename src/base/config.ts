/**
 * Flags and environment variables, read once, typed, at the start of a `main.ts`. Pure: arguments and environment are
 * passed in, and every value that cannot be used is a BAD_CONFIG that names the flag or variable it came from.
 *
 * ```ts
 * const OPTIONS = {
 *   listen: option(listenAddress, { env: 'MEMFLEET_SIDECAR_LISTEN', default: '0.0.0.0:9150', help: 'where' }),
 *   coordinator: option(httpUrl, { env: 'MEMFLEET_COORDINATOR', help: 'whose topology to follow' }),
 *   token: option(text, { env: ['MEMFLEET_CONFIG_TOKEN', 'MEMFLEET_TOKEN'], flag: false, help: 'the secret' }),
 *   help: toggle({ short: 'h', help: 'print this' }),
 * };
 * const options = readOptions(OPTIONS, args, process.env);
 * // { listen: HostPort; coordinator: string | undefined; token: string | undefined; help: boolean }
 * ```
 *
 * The key `drainTimeout` is the flag `--drain-timeout`. A flag wins over the environment, the environment over the
 * default. An empty environment variable counts as unset, because that is what compose makes of `${NAME:-}`.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { FleetError } from './errors.ts';

/** Turns the text of a value into the value; throws BAD_CONFIG saying what was expected. */
export interface Parser<T> {
  /** How help names the value, for example `HOST:PORT`. */
  readonly placeholder: string;
  readonly parse: (text: string) => T;
}

/** One flag and what it falls back to. */
export interface Option<T> {
  readonly parser: Parser<T> | undefined;
  readonly env: readonly string[];
  readonly default: string | undefined;
  readonly flag: boolean;
  readonly short: string | undefined;
  readonly help: string;
  /** Carries the type of the value and is never set. */
  readonly type?: T;
}

export interface OptionSettings {
  /** Environment variables to fall back to, the first that is set wins. */
  env?: string | readonly string[];
  /** False for what may only come from the environment, such as a secret, which a process list would show. */
  flag?: boolean;
  /** One letter. */
  short?: string;
  /** One line for `--help`. */
  help: string;
}

/** A table of options by their key. */
export type OptionSpec = Record<string, Option<unknown>>;

/** What {@link readOptions} makes of a table. */
export type OptionValues<S extends OptionSpec> = { -readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never };

/** An option with a value. Without a default its value may be undefined. The default is text, read as a flag's would be. */
export function option<T>(parser: Parser<T>, settings: OptionSettings & { default: string }): Option<T>;
export function option<T>(parser: Parser<T>, settings: OptionSettings): Option<T | undefined>;
export function option<T>(parser: Parser<T>, settings: OptionSettings & { default?: string }): Option<T | undefined> {
  return { ...common(settings), parser, default: settings.default };
}

/** A flag without a value: true if it is given, or if its environment variable is `1`, `true` or `yes`. */
export function toggle(settings: OptionSettings): Option<boolean> {
  return { ...common(settings), parser: undefined, default: undefined };
}

function common(settings: OptionSettings): Pick<Option<unknown>, 'env' | 'flag' | 'short' | 'help'> {
  const env = typeof settings.env === 'string' ? [settings.env] : (settings.env ?? []);
  return { env, flag: settings.flag ?? true, short: settings.short, help: settings.help };
}

/** The environment as Node gives it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the options of a command that takes no further words.
 * @throws FleetError BAD_CONFIG: an unknown flag, a word that is no flag, or a value that cannot be used
 */
export function readOptions<S extends OptionSpec>(spec: S, args: readonly string[], env: Environment): OptionValues<S> {
  const { options, words } = readCommand(spec, args, env);
  if (words[0] !== undefined) throw new FleetError('BAD_CONFIG', `unexpected argument ${JSON.stringify(words[0])}`);
  return options;
}

/**
 * Reads the options of a command that takes words too, such as `memfleet get KEY`; `--` ends the flags.
 * @throws FleetError BAD_CONFIG: an unknown flag or a value that cannot be used
 */
export function readCommand<S extends OptionSpec>(
  spec: S,
  args: readonly string[],
  env: Environment,
): { options: OptionValues<S>; words: string[] } {
  const { values, positionals } = parseFlags(spec, args);
  const options: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(spec)) options[key] = valueOf(key, entry, values[flagName(key)], env);
  return { options: options as OptionValues<S>, words: positionals };
}

function parseFlags(spec: OptionSpec, args: readonly string[]) {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [key, entry] of Object.entries(spec)) {
    if (!entry.flag) continue;
    const type = entry.parser === undefined ? 'boolean' : 'string';
    options[flagName(key)] = entry.short === undefined ? { type } : { type, short: entry.short };
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's messages are good, but go on with advice about positional arguments that would make two lines of one.
    const message = error instanceof Error ? error.message : String(error);
    throw new FleetError('BAD_CONFIG', message.split(/\.? To specify|\n/)[0] ?? message, error);
  }
}

function valueOf(key: string, entry: Option<unknown>, given: unknown, env: Environment): unknown {
  if (entry.parser === undefined) return given === true || envToggle(entry.env, env);
  if (typeof given === 'string') return parseNamed(`--${flagName(key)}`, entry.parser, given);
  for (const name of entry.env) {
    const text = env[name];
    if (text !== undefined && text !== '') return parseNamed(name, entry.parser, text);
  }
  return entry.default === undefined ? undefined : entry.parser.parse(entry.default);
}

function envToggle(names: readonly string[], env: Environment): boolean {
  for (const name of names) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    if (/^(1|true|yes)$/i.test(text)) return true;
    if (/^(0|false|no)$/i.test(text)) return false;
    throw new FleetError('BAD_CONFIG', `${name}: expected yes or no, got ${JSON.stringify(text)}`);
  }
  return false;
}

function parseNamed(name: string, parser: Parser<unknown>, text: string): unknown {
  try {
    return parser.parse(text);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    throw new FleetError(error.code, `${name}: ${error.message}`, error);
  }
}

function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The lines of `--help` for a table of options: flag, meaning, variable and default. */
export function describeOptions(spec: OptionSpec): string {
  const rows = Object.entries(spec).map(([key, entry]): [string, string] => {
    const short = entry.short === undefined ? '' : `-${entry.short}, `;
    const value = entry.parser === undefined ? '' : ` ${entry.parser.placeholder}`;
    const notes = [
      entry.flag ? entry.env.join(', ') : '',
      entry.default === undefined ? '' : `default ${entry.default}`,
    ];
    const note = notes.filter((part) => part !== '').join('; ');
    const left = entry.flag ? `${short}--${flagName(key)}${value}` : entry.env.join(', ');
    return [left, note === '' ? entry.help : `${entry.help} (${note})`];
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function expected(what: string, text: string): FleetError {
  return new FleetError('BAD_CONFIG', `expected ${what}, got ${JSON.stringify(text)}`);
}

/** Any text that is not empty. */
export const text: Parser<string> = {
  placeholder: 'TEXT',
  parse(value) {
    if (value === '') throw expected('a value', value);
    return value;
  },
};

/** {@link text} under another name in the help, for example `named('PATH')`. */
export function named(placeholder: string): Parser<string> {
  return { ...text, placeholder };
}

/** A decimal integer from `min` to `max`, both included. */
export function integer(min: number, max: number): Parser<number> {
  return {
    placeholder: 'NUMBER',
    parse(value) {
      const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= min && number <= max)) throw expected(`an integer from ${min} to ${max}`, value);
      return number;
    },
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[]): Parser<T> {
  return {
    placeholder: words.join('|'),
    parse(value) {
      const word = words.find((candidate) => candidate === value);
      if (word === undefined) throw expected(`one of ${words.join(', ')}`, value);
      return word;
    },
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration with its unit, `250ms`, `1.5s`, `5m` or `1h`, in milliseconds rounded to a whole one. */
export const durationMs: Parser<number> = {
  placeholder: 'DURATION',
  parse(value) {
    const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(value);
    const unitMs = match === null ? undefined : UNIT_MS[match[2] ?? ''];
    if (match === null || unitMs === undefined) throw expected('a duration such as 250ms, 30s or 5m', value);
    return Math.round(Number(match[1]) * unitMs);
  },
};

/** An `http:` or `https:` URL, without the slashes at its end. */
export const httpUrl: Parser<string> = {
  placeholder: 'URL',
  parse(value) {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol))
      throw expected('a URL such as http://127.0.0.1:8080', value);
    return value.replace(/\/+$/, '');
  },
};
