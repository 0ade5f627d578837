/** `memfleet incr KEY [N]`. */
import { FleetError } from '../../base/errors.ts';
import { EXIT_MISS, FLEET_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'incr',
  words: 'KEY [N]',
  about:
    'Adds N, 1 unless given, to the number under KEY and prints the sum. Ends with 1 if there is nothing under KEY.',
  options: { fleet: FLEET_OPTION },
};

/** Resolves with 0 if the number was there, {@link EXIT_MISS} if not. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async (options, [key = '', word = '1']) => {
    if (!/^\d{1,20}$/.test(word)) {
      throw new FleetError('BAD_CONFIG', `expected a number of 0 or more, got ${JSON.stringify(word)}`);
    }
    const sum = await withFleet(options.fleet, (fleet) => fleet.incr(key, BigInt(word)));
    if (sum === undefined) return EXIT_MISS;
    io.out(`${sum}\n`);
    return 0;
  });
}
