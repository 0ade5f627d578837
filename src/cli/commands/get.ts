/** `memfleet get KEY`. */
import { EXIT_MISS, FLEET_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'get',
  words: 'KEY',
  about: 'Prints the value under KEY as it is; on a terminal with a newline behind it. Ends with 1 if there is none.',
  options: { fleet: FLEET_OPTION },
};

/** Resolves with 0 for a hit, {@link EXIT_MISS} for a miss. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async (options, [key = '']) => {
    const value = await withFleet(options.fleet, (fleet) => fleet.get<Buffer>(key));
    if (value === undefined) return EXIT_MISS;
    io.out(value);
    if (io.terminal) io.out('\n');
    return 0;
  });
}
