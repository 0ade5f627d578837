/** Asks the system whether the addresses that a local fleet is going to listen on are free. */
import { createServer } from 'node:net';
import type { HostPort } from '../base/host-port.ts';
import { listenError } from '../base/lifecycle.ts';

/**
 * Listens on each address for a moment. The answer can be outdated as soon as it is there; it is for a good message,
 * and a child that loses such a race still ends everything with a message of its own.
 * @throws FleetError PORT_TAKEN naming the first address that cannot be had
 */
export async function assertFree(addresses: readonly HostPort[]): Promise<void> {
  for (const address of addresses) {
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ ...address, exclusive: true }, resolve);
      });
    } catch (error) {
      throw listenError(error, address);
    }
    await new Promise((resolve) => server.close(resolve));
  }
}
