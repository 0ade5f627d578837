/** `memfleet inspect KEY`. */
import { formatHostPort } from '../../base/host-port.ts';
import { EXIT_MISS, FLEET_OPTION, JSON_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'inspect',
  words: 'KEY',
  about:
    'Prints what its node knows of the item under KEY, without reading the value. Ends with 1 if there is no item.',
  options: { fleet: FLEET_OPTION, json: JSON_OPTION },
};

/** Resolves with 0 for a hit, {@link EXIT_MISS} for a miss. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async ({ fleet, json }, [key = '']) => {
    const [node, item] = await withFleet(fleet, (client) => Promise.all([client.owner(key), client.inspect(key)]));
    if (node === undefined || item === undefined) return EXIT_MISS;
    if (json) {
      // JSON has no integers of 64 bits; an item that does not expire has a ttl of null.
      const { ttl = null, cas, ...rest } = item;
      io.out(`${JSON.stringify({ node: node.name, ...rest, ttl, cas: String(cas) }, null, 2)}\n`);
      return 0;
    }
    const lines = [
      `node     ${node.name} ${formatHostPort(node)}`,
      `size     ${item.valueBytes} bytes`,
      `flags    ${item.flags}`,
      `cas      ${item.cas}`,
      `expires  ${item.ttl === undefined ? 'never' : `in ${item.ttl} s`}`,
      `used     ${item.idleSeconds} s ago${item.wasRead ? '' : ', never read'}`,
    ];
    io.out(`${lines.join('\n')}\n`);
    return 0;
  });
}
