/** `memfleet token PURPOSE`: what follows from the fleet's token, for those who need not know the token itself. */
import { FleetError } from '../../base/errors.ts';
import { withSecretFiles } from '../../base/secret-files.ts';
import { deriveToken } from '../../base/token.ts';
import { processIo, runCommand, type Io } from '../command.ts';

const SPEC = {
  name: 'token',
  words: 'http|config',
  about: `Prints a token that follows from MEMFLEET_TOKEN (or the file that MEMFLEET_TOKEN_FILE names) and does not give it
away. http: what a caller of the coordinator may present instead. config: MEMFLEET_CONFIG_TOKEN of the nodes.`,
  options: {},
};

/** Resolves with 0; with 64 if there is no token, or no such purpose. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async (_options, [purpose = '']) => {
    const token = withSecretFiles(io.env)['MEMFLEET_TOKEN'];
    if (!token) throw new FleetError('BAD_CONFIG', 'neither MEMFLEET_TOKEN nor MEMFLEET_TOKEN_FILE is set');
    if (purpose !== 'http' && purpose !== 'config') {
      throw new FleetError('BAD_CONFIG', `expected http or config, got ${JSON.stringify(purpose)}`);
    }
    io.out(`${deriveToken(token, purpose)}\n`);
    return 0;
  });
}
