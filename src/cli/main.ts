/**
 * The `memfleet` command: finds the module of a command, runs it and exits with its code. The only file that exits.
 * Modules are loaded on demand, so that `memfleet daemon` starts with the daemon's files and nothing else.
 */
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { EXIT_USAGE } from '../base/lifecycle.ts';
import { endWithParent } from '../base/parent.ts';
import { COMMANDS, suggest } from './commands.ts';

async function run(args: readonly string[]): Promise<number> {
  const [word = 'help', ...rest] = args;
  const name = ALIASES[word] ?? word;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const near = suggest(word);
    const advice = near === undefined ? '' : `; did you mean ${near}?`;
    process.stderr.write(`memfleet: unknown command ${JSON.stringify(word)}${advice} ("memfleet help" lists them)\n`);
    return EXIT_USAGE;
  }
  const { main } = await command.load();
  return main(rest);
}

/** What Node ends with after an exception that nothing caught. */
const EXIT_FAULT = 1;

const ALIASES: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-V': 'version',
};

/**
 * Has Node keep compiled code, in a checkout beside the packages it belongs to: a local fleet starts in half the time
 * from its second start on. Where that folder cannot be written, as in a container, Node goes on without.
 */
function cacheCompiledCode(): void {
  const packages = fileURLToPath(new URL('../../node_modules', import.meta.url));
  if (existsSync(packages)) enableCompileCache(`${packages}/.cache/memfleet`);
}

/** A fault that nobody foresaw ends the process, for a supervisor to start it again. Bun would go on with half a daemon. */
function endWithFault(fault: unknown): void {
  process.stderr.write(`memfleet: ${fault instanceof Error ? fault.stack : String(fault)}\n`);
  process.exit(EXIT_FAULT);
}

cacheCompiledCode();
endWithParent();
// Whoever read our messages may be gone, and is no reason to follow.
process.stderr.on('error', () => {});
process.on('uncaughtException', endWithFault);
process.on('unhandledRejection', endWithFault);
process.exit(await run(process.argv.slice(2)));
