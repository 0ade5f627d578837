/**
 * A UDP port over the kernel's own calls, under Bun on Linux. Bun's own reads on while there is anything to read, and a
 * flood keeps its whole loop; here so much is read in a turn, and what is over waits in the kernel, or is dropped by it.
 */
import { UDP_READ_BYTES_MAX, UDP_TURN_DATAGRAMS_MAX, UDP_UNSENT_BYTES_MAX } from '../limits.ts';
import { cannotListen } from './common.ts';
import type { EpollLoop, Watched } from './epoll-loop.ts';
import * as c from './libc.ts';
import type { Libc, Pointer } from './libc.ts';
import { AddressBuffer, toSocketAddress } from './socket-address.ts';
import type { DatagramHandler, DatagramPort } from './transport.ts';

/** A datagram that the kernel had no room for. */
interface Unsent {
  readonly address: Uint8Array;
  readonly bytes: Uint8Array;
}

class EpollDatagramPort implements DatagramPort, Watched {
  readonly fd: number;
  readonly port: number;
  readonly #loop: EpollLoop;
  readonly #handler: DatagramHandler;
  readonly #bytes = new Uint8Array(c.fixedMemory(UDP_READ_BYTES_MAX));
  readonly #bytesAt: Pointer;
  /** Who sent the datagram that is being handled. */
  readonly #sender: AddressBuffer;
  readonly #unsent: Unsent[] = [];
  #unsentBytes = 0;
  #closed = false;

  constructor(fd: number, loop: EpollLoop, handler: DatagramHandler) {
    const { libc } = loop;
    this.fd = fd;
    this.#loop = loop;
    this.#handler = handler;
    this.#bytesAt = libc.ptr(this.#bytes);
    this.#sender = new AddressBuffer(libc);
    this.#sender.clear();
    libc.getsockname(fd, this.#sender.at, this.#sender.lengthAt);
    this.port = this.#sender.port;
    loop.add(this, c.EPOLLIN);
  }

  onReady(events: number): void {
    if ((events & c.EPOLLOUT) !== 0) this.#drain();
    for (let worked = 0; worked < UDP_TURN_DATAGRAMS_MAX && !this.#closed;) {
      this.#sender.clear();
      const { at, lengthAt } = this.#sender;
      const count = this.#loop.libc.recvfrom(this.fd, this.#bytesAt, this.#bytes.length, 0, at, lengthAt);
      if (count < 0) return;
      worked += 1 + this.#handler.onDatagram(this.#bytes.subarray(0, count), this.#sender.port, this);
    }
  }

  reply(bytes: Uint8Array): boolean {
    if (this.#unsent.length === 0) {
      const { at, length } = this.#sender;
      if (this.#send(bytes, at, length)) return true;
    }
    if (this.#unsentBytes >= UDP_UNSENT_BYTES_MAX) return false;
    if (this.#unsent.length === 0) this.#loop.change(this, c.EPOLLIN, c.EPOLLIN | c.EPOLLOUT);
    this.#unsent.push({ address: this.#sender.copy(), bytes: bytes.slice() });
    this.#unsentBytes += bytes.length;
    return true;
  }

  /** Returns false if there is no room yet; an address that cannot be sent to is done with. */
  #send(bytes: Uint8Array, address: Pointer, addressBytes: number): boolean {
    const { libc } = this.#loop;
    const sent = libc.sendto(this.fd, libc.ptr(bytes), bytes.length, c.MSG_NOSIGNAL, address, addressBytes);
    return sent >= 0 || libc.errorName() !== 'EAGAIN';
  }

  #drain(): void {
    const { libc } = this.#loop;
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      if (!this.#send(first.bytes, libc.ptr(first.address), first.address.length)) return;
      this.#unsent.shift();
      this.#unsentBytes -= first.bytes.length;
    }
    this.#loop.change(this, c.EPOLLIN | c.EPOLLOUT, c.EPOLLIN);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loop.settleLater(this);
  }

  settle(): void {
    this.#loop.close(this);
  }
}

function openAt(libc: Libc, name: Uint8Array): number {
  const family = new DataView(name.buffer, name.byteOffset).getUint16(0, true);
  const fd = libc.socket(family, c.SOCK_DGRAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0);
  if (fd < 0) throw c.systemError(libc);
  const one = new Int32Array([1]);
  if (family === c.AF_INET6) libc.setsockopt(fd, c.IPPROTO_IPV6, c.IPV6_V6ONLY, libc.ptr(one), one.byteLength);
  if (libc.bind(fd, libc.ptr(name), name.length) < 0) {
    const error = c.systemError(libc);
    libc.close(fd);
    throw error;
  }
  return fd;
}

/**
 * Binds a UDP port.
 *
 * @throws FleetError PORT_TAKEN
 */
export async function bindEpollDatagrams(
  loop: EpollLoop,
  host: string,
  port: number,
  handler: DatagramHandler,
): Promise<DatagramPort> {
  try {
    const name = await toSocketAddress(loop.libc, { host, port });
    return new EpollDatagramPort(openAt(loop.libc, name), loop, handler);
  } catch (error) {
    throw cannotListen({ host, port }, error as NodeJS.ErrnoException);
  }
}
