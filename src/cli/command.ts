/**
 * What every command shares: its options read, `--help` answered, words counted, failures told in one line with an
 * exit code. The outside world (standard streams, environment) is passed in, so that a test calls a command directly.
 */
import {
  describeOptions,
  httpUrl,
  option,
  readCommand,
  toggle,
  type Environment,
  type OptionSpec,
  type OptionValues,
} from '../base/config.ts';
import { FleetError, isFleetError, type ErrorCode } from '../base/errors.ts';
import { EXIT_PORT_TAKEN, EXIT_USAGE } from '../base/lifecycle.ts';

/** Nothing there to answer: EX_UNAVAILABLE of sysexits.h. */
export const EXIT_UNAVAILABLE = 69;
/** An answer that makes no sense, or a refusal: EX_PROTOCOL of sysexits.h. */
export const EXIT_PROTOCOL = 76;
/** The key that was asked for is not there; every error has a greater code. */
export const EXIT_MISS = 1;

/** The world around a command. */
export interface Io {
  out(data: string | Uint8Array): void;
  err(text: string): void;
  /** True if standard output is a terminal. */
  readonly terminal: boolean;
  readonly env: Environment;
  readonly stdin: AsyncIterable<Uint8Array>;
}

/** The process's own streams and environment. A reader that went away (`memfleet stats | head`) ends it quietly. */
export function processIo(): Io {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exitCode = 0;
  });
  return {
    out: (data) => void process.stdout.write(data),
    err: (text) => void process.stderr.write(text),
    terminal: process.stdout.isTTY,
    env: process.env,
    stdin: process.stdin,
  };
}

/** Where the coordinator is; an option of every command that talks to a fleet. */
export const FLEET_OPTION = option(httpUrl, {
  env: 'MEMFLEET_FLEET_URL',
  default: 'http://127.0.0.1:8080',
  help: "the coordinator's address",
});

/** Print JSON instead of a table. */
export const JSON_OPTION = toggle({ help: 'print JSON instead of a table' });

export interface CommandSpec<S extends OptionSpec> {
  name: string;
  /** The words after the command's name, for example `KEY [N]`; those in brackets may be left out. */
  words?: string;
  about: string;
  options: S;
  /** Takes out the flags that are meant for somebody else; the body then gets those instead of words. */
  split?: (args: readonly string[]) => { ours: string[]; others: string[] };
}

/** Reads the arguments, runs `body` and returns its exit code, or tells why not. */
export async function runCommand<S extends OptionSpec>(
  spec: CommandSpec<S>,
  args: readonly string[],
  io: Io,
  body: (options: OptionValues<S>, words: readonly string[]) => Promise<number>,
): Promise<number> {
  const withHelp = { ...spec.options, help: toggle({ short: 'h', help: 'print this' }) };
  try {
    const { ours, others } = spec.split?.(args) ?? { ours: args, others: [] };
    const { options, words } = readCommand(withHelp, ours, io.env);
    if (options['help'] === true) {
      const usage = ['memfleet', spec.name, '[options]', spec.words ?? ''].join(' ').trimEnd();
      io.out(`${usage}\n${spec.about}\n\n${describeOptions(withHelp)}\n`);
      return 0;
    }
    if (spec.split === undefined) checkWords(spec, words);
    return await body(options, spec.split === undefined ? words : others);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    io.err(`memfleet ${spec.name}: ${error.message}\n`);
    return exitCode(error.code);
  }
}

function checkWords(spec: CommandSpec<OptionSpec>, words: readonly string[]): void {
  const names = (spec.words ?? '').split(' ').filter((name) => name !== '');
  const missing = names.filter((name) => !name.startsWith('['))[words.length];
  if (missing !== undefined) throw new FleetError('BAD_CONFIG', `needs ${missing}`);
  const extra = words[names.length];
  if (extra !== undefined) throw new FleetError('BAD_CONFIG', `unexpected argument ${JSON.stringify(extra)}`);
}

function exitCode(code: ErrorCode): number {
  switch (code) {
    case 'BAD_CONFIG':
    case 'BAD_KEY':
    case 'BAD_VALUE':
      return EXIT_USAGE;
    case 'PORT_TAKEN':
      return EXIT_PORT_TAKEN;
    case 'PROTOCOL':
    case 'SERVER':
    case 'BAD_TOPOLOGY':
    case 'TOO_LARGE':
      return EXIT_PROTOCOL;
    default:
      return EXIT_UNAVAILABLE;
  }
}
