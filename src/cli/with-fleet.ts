/** A client of the fleet for the length of one command. */
import { FleetError } from '../base/errors.ts';
import { bytesCodec, createFleet, type Fleet } from '../client/index.ts';
import type { Codec } from '../client/internal.ts';
import { ANSWER_TIMEOUT_MS, VALUE_BYTES_MAX } from './limits.ts';

/**
 * Calls `body` with a client that has a topology, and closes it.
 *
 * The client turns a node that does not answer into misses, which is right for a cache in front of something; whoever
 * asks on a terminal wants to know.
 * @param codec bytes as they are unless given
 * @throws FleetError CONNECT_FAILED at once if there is no coordinator at `fleetUrl`, or if a node did not answer
 */
export async function withFleet<T>(
  fleetUrl: string,
  body: (fleet: Fleet) => Promise<T>,
  codec: Codec = bytesCodec,
): Promise<T> {
  const fleet = createFleet({
    coordinator: fleetUrl,
    codec,
    topologyTimeoutMs: ANSWER_TIMEOUT_MS,
    valueBytesMax: VALUE_BYTES_MAX,
  });
  try {
    const trouble = Promise.withResolvers<never>();
    const silent = new Set<string>();
    fleet.on('trouble', ({ error }) =>
      trouble.reject(new FleetError(error.code, `${error.message}; is the fleet up?`, error)),
    );
    fleet.on('nodeDown', ({ node }) => silent.add(`${node.name} (${node.ip}:${node.port})`));
    await Promise.race([fleet.ready(), trouble.promise]);
    const result = await body(fleet);
    if (fleet.counts.failures > 0) {
      const names = silent.size === 0 ? 'a node' : [...silent].join(', ');
      throw new FleetError('CONNECT_FAILED', `${names} does not answer`);
    }
    return result;
  } finally {
    await fleet.close();
  }
}
