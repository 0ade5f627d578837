/**
 * The `memfleet` command: finds the module of a command, runs it and exits with its code. The only file that exits.
 * Modules are loaded on demand, so that `memfleet daemon` starts with the daemon's files and nothing else.
 */
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

const ALIASES: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-V': 'version',
};

endWithParent();
process.exit(await run(process.argv.slice(2)));
