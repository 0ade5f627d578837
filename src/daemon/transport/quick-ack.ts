/**
 * Acknowledges a client's last handshake bytes at once. Under TLS 1.3 they are the client's, and OpenSSL's server then
 * sends session tickets, which carry the acknowledgement; BoringSSL, Bun's, keeps the tickets back until its first answer.
 * A client that does not set TCP_NODELAY holds its first request until it has the acknowledgement (Nagle), and the kernel
 * holds that for 40 ms because there may be an answer to put it on (tcp(7), TCP_QUICKACK). Our own TCP_NODELAY is set all
 * along and has no part in it.
 */
import type { Socket } from 'node:net';
import { IPPROTO_TCP, TCP_QUICKACK, fixedMemory, loadLibc } from './libc.ts';

/** Does it to a socket whose handshake has just ended. */
export type QuickAck = (socket: Socket) => void;

/** Under Bun; elsewhere there is nothing to do, or no way to do it. */
export async function quickAck(): Promise<QuickAck> {
  const libc = await loadLibc();
  if (libc === undefined) return () => {};
  const one = new Int32Array(fixedMemory(4)).fill(1);
  const oneAt = libc.ptr(one);
  return (socket) => {
    // Bun's handle of a connection knows its descriptor; of another form, the client waits as it did.
    const fd = (socket as unknown as { _handle?: { fd?: unknown } | null })._handle?.fd;
    if (typeof fd === 'number' && fd >= 0) libc.setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, oneAt, one.byteLength);
  };
}
