/** `memfleet owner KEY`. */
import { formatHostPort } from '../../base/host-port.ts';
import { FleetError } from '../../base/errors.ts';
import { FLEET_OPTION, JSON_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'owner',
  words: 'KEY',
  about: 'Prints the name and address of the node that has KEY, whether or not there is an item under it.',
  options: { fleet: FLEET_OPTION, json: JSON_OPTION },
};

/** Resolves with 0 if some node owns the key. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async ({ fleet, json }, [key = '']) => {
    const node = await withFleet(fleet, (client) => client.owner(key));
    if (node === undefined) throw new FleetError('NO_NODES', 'no node is active, so no key has an owner');
    io.out(json ? `${JSON.stringify(node, null, 2)}\n` : `${node.name} ${formatHostPort(node)}\n`);
    return 0;
  });
}
