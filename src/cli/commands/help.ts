/** `memfleet help [COMMAND]`. */
import { FleetError } from '../../base/errors.ts';
import { processIo, runCommand, type Io } from '../command.ts';
import { COMMANDS } from '../commands.ts';

/** Lists the commands, or prints the help of one. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  const spec = { name: 'help', words: '[COMMAND]', about: 'Lists the commands, or explains one.', options: {} };
  return runCommand(spec, args, io, async (_options, [name]) => {
    if (name === undefined) {
      io.out(overview());
      return 0;
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) throw new FleetError('BAD_CONFIG', `unknown command ${JSON.stringify(name)}`);
    const { main } = await command.load();
    return main(['--help']);
  });
}

function overview(): string {
  const commands = Object.values(COMMANDS);
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  const lines = commands.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`);
  return `memfleet: a cache fleet that speaks the memcached protocol\n\n${lines.join('\n')}\n\n"memfleet COMMAND --help" explains one.\n`;
}
