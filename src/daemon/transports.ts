/** Which transport this process uses: Bun's under Bun; under Node its handles where they are as expected, else streams. */
import { bunTransport } from './transport-bun.ts';
import { nodeHandleTransport } from './transport-node-handle.ts';
import { nodeTransport } from './transport-node.ts';
import type { Transport } from './transport.ts';

/** @param wanted `stream` keeps to Node's public interface (MEMFLEET_NODE_TRANSPORT), for tests and for doubt */
export function chooseTransport(wanted: string | undefined): Transport {
  if (process.versions['bun'] !== undefined) return bunTransport;
  return (wanted === 'stream' ? undefined : nodeHandleTransport()) ?? nodeTransport;
}
