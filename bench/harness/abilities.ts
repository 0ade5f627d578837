/** What a server can do beyond the text protocol, found by asking it. */
import { askOnce, type RunningServer } from './server.ts';

/** A binary VERSION request: magic 0x80, opcode 0x0b, an empty body. */
const BINARY_VERSION = Uint8Array.from({ length: 24 }, (_, i) => (i === 0 ? 0x80 : i === 1 ? 0x0b : 0));

/** Whether the server answers meta commands (`mn` with `MN`) or the binary protocol. */
export async function isAbleTo(server: RunningServer, need: 'meta' | 'binary'): Promise<boolean> {
  try {
    if (need === 'meta') return (await askOnce(server.address, 'mn\r\n')).startsWith('MN');
    return (await askOnce(server.address, BINARY_VERSION)).charCodeAt(0) === 0x81;
  } catch {
    return false;
  }
}
