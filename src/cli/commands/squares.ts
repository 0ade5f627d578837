/** `memfleet squares`: the example, run against a fleet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../base/clock.ts';
import { toggle } from '../../base/config.ts';
import { defaultCodec } from '../../client/index.ts';
import { FLEET_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { squares, squaresLine } from '../squares.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'squares',
  about: `Squares random numbers of 0 to 5000, 2000 in each of ten runs. A square takes a millisecond to compute, so it is
looked for in the cache under sq:N first. Prints how long each run took.`,
  options: { fleet: FLEET_OPTION, warm: toggle({ help: 'keep the squares that are in the cache already' }) },
};

/** Resolves with 0 after the ten runs. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, ({ fleet, warm }) =>
    withFleet(
      fleet,
      async (cache) => {
        const runs = squares({
          cache,
          monotonicMs: () => systemClock.monotonicMs(),
          random: Math.random,
          work: (durationMs) => sleep(durationMs),
          warm,
        });
        const durationsMs: number[] = [];
        let shown = '';
        for await (const durationMs of runs) {
          durationsMs.push(durationMs);
          const line = squaresLine(durationsMs);
          io.out(line.slice(shown.length));
          shown = line;
        }
        io.out('\n');
        return 0;
      },
      defaultCodec,
    ),
  );
}
