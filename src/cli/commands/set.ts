/** `memfleet set KEY VALUE`. */
import { integer, option } from '../../base/config.ts';
import { FleetError } from '../../base/errors.ts';
import { FLEET_OPTION, processIo, runCommand, type Io } from '../command.ts';
import { VALUE_BYTES_MAX } from '../limits.ts';
import { withFleet } from '../with-fleet.ts';

const SPEC = {
  name: 'set',
  words: 'KEY VALUE',
  about: 'Stores VALUE under KEY; a VALUE of - is read from standard input.',
  options: {
    fleet: FLEET_OPTION,
    ttl: option(integer(0, 2 ** 31 - 1), { default: '0', help: 'seconds until it expires, 0 for ever' }),
  },
};

/** Resolves with 0 when the value is stored. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async ({ fleet, ttl }, [key = '', word = '']) => {
    const value = word === '-' ? await readAll(io.stdin) : word;
    const stored = await withFleet(fleet, (client) => client.set(key, value, { ttl }));
    if (!stored) throw new FleetError('SERVER', 'the node did not store it');
    return 0;
  });
}

/** @throws FleetError BAD_VALUE beyond {@link VALUE_BYTES_MAX} */
async function readAll(stdin: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stdin) {
    size += part.length;
    if (size > VALUE_BYTES_MAX) throw new FleetError('BAD_VALUE', `standard input exceeds ${VALUE_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts, size);
}
