/**
 * Sockets straight over the kernel's, without an event loop: who uses them polls. For a load generator that spins anyway
 * this is the least there can be between a request and its answer, and it makes no garbage.
 */
import {
  AF_INET,
  IPPROTO_TCP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLIN,
  SOCK_STREAM,
  TCP_NODELAY,
  type Libc,
} from './libc.ts';
import type { Address, LoadSocket, LoadSocketEvents, LoadTransport } from './transport.ts';

export class DirectTransport implements LoadTransport {
  readonly mustPoll = true;
  readonly #libc: Libc;
  readonly #buffer: Uint8Array;
  #sockets: DirectSocket[] = [];
  /** struct pollfd for each socket: its descriptor, and POLLIN with what the kernel says in the upper half. */
  #descriptors = new Int32Array(0);

  constructor(libc: Libc, readBufferBytes: number) {
    this.#libc = libc;
    this.#buffer = new Uint8Array(readBufferBytes);
  }

  open(address: Address, events: LoadSocketEvents): Promise<LoadSocket> {
    const fd = this.#libc.socket(AF_INET, SOCK_STREAM, 0);
    // struct sockaddr_in; loopback answers at once, so connecting may block.
    const bytes = new Uint8Array(16);
    bytes.set([AF_INET, 0, address.port >> 8, address.port & 0xff, ...address.host.split('.').map(Number)]);
    if (fd < 0 || this.#libc.connect(fd, bytes, bytes.length) !== 0) {
      return Promise.reject(new Error(`cannot connect to ${address.host}:${address.port}`));
    }
    this.#libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, Int32Array.of(1), 4);
    const socket = new DirectSocket(this.#libc, fd, events, () =>
      this.#list(this.#sockets.filter((it) => it !== socket)),
    );
    this.#list([...this.#sockets, socket]);
    return Promise.resolve(socket);
  }

  poll(): undefined {
    const descriptors = this.#descriptors;
    const sockets = this.#sockets;
    // An array of its own for every change, so that what is done here may open and close sockets.
    for (const socket of sockets) if (socket.hasUnsent) socket.flush();
    if (this.#libc.poll(descriptors, sockets.length, 0) <= 0) return;
    let i = 1;
    for (const socket of sockets) {
      const ready = (descriptors[i] ?? 0) >>> 16;
      if (ready !== 0) socket.receive(this.#buffer, (ready & ~POLLIN) !== 0);
      i += 2;
    }
  }

  #list(sockets: DirectSocket[]): void {
    this.#sockets = sockets;
    this.#descriptors = Int32Array.from(sockets.flatMap(({ fd }) => [fd, POLLIN]));
  }
}

class DirectSocket implements LoadSocket {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #events: LoadSocketEvents;
  readonly #onClose: () => void;
  /** What the kernel did not take at once. */
  readonly #unsent: Uint8Array[] = [];
  #open = true;

  constructor(libc: Libc, fd: number, events: LoadSocketEvents, onClose: () => void) {
    this.#libc = libc;
    this.fd = fd;
    this.#events = events;
    this.#onClose = onClose;
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0;
  }

  write(bytes: Uint8Array): void {
    if (this.#unsent.length === 0) {
      const sent = this.#libc.send(this.fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < bytes.length) this.#unsent.push(bytes.subarray(Math.max(0, sent)));
    } else {
      this.#unsent.push(bytes);
    }
  }

  flush(): void {
    for (let first = this.#unsent.shift(); first !== undefined; first = this.#unsent.shift()) {
      const sent = this.#libc.send(this.fd, first, first.length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent === first.length) continue;
      this.#unsent.unshift(first.subarray(Math.max(0, sent)));
      return;
    }
  }

  /** Reads once. @param broken the kernel says that the connection has ended, or nearly so */
  receive(buffer: Uint8Array, broken: boolean): void {
    if (!this.#open) return;
    const length = this.#libc.recv(this.fd, buffer, buffer.length, MSG_DONTWAIT);
    if (length > 0) this.#events.onData(buffer, length);
    else if (length === 0 || broken) {
      this.close();
      this.#events.onLost(new Error('the server closed the connection'));
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#libc.close(this.fd);
    this.#onClose();
  }
}
