/** `memfleet version`. */
import { productVersion } from '../../base/version.ts';
import { processIo, runCommand, type Io } from '../command.ts';

/** Prints the product's version. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand({ name: 'version', about: 'Prints the version.', options: {} }, args, io, async () => {
    io.out(`memfleet ${productVersion()}\n`);
    return 0;
  });
}
