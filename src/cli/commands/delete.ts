/** `memfleet delete KEY`. */
import { EXIT_MISS, FLEET_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'delete',
  words: 'KEY',
  about: 'Removes the item under KEY. Ends with 1 if there is none.',
  options: { fleet: FLEET_OPTION },
};

/** Resolves with 0 if the item was there, {@link EXIT_MISS} if not. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async (options, [key = '']) => {
    const deleted = await withFleet(options.fleet, (fleet) => fleet.delete(key));
    return deleted ? 0 : EXIT_MISS;
  });
}
