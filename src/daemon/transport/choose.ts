/**
 * Which transport this process uses. Under Bun the kernel's calls, else Bun's sockets; under Node its handles where they
 * are as expected, else streams.
 */
import { bunTransport } from './bun.ts';
import { epollTransport } from './epoll.ts';
import { nodeHandleTransport } from './node-handle.ts';
import { nodeTransport } from './node.ts';
import type { Transport } from './transport.ts';

/** @param wanted `public` keeps to the runtime's public interface (MEMFLEET_TRANSPORT), for tests and for doubt */
export async function chooseTransport(wanted: string | undefined): Promise<Transport> {
  const isPublic = wanted === 'public';
  if (process.versions['bun'] !== undefined) return (isPublic ? undefined : await epollTransport()) ?? bunTransport;
  return (isPublic ? undefined : nodeHandleTransport()) ?? nodeTransport;
}
