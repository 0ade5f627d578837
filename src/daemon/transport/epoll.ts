/**
 * The transport over the kernel's own calls, under Bun on Linux: reads land where the daemon wants them, and a write is
 * a `send`. Bun's sockets, which are there for every other system (`bun.ts`), make an object and a copy of each
 * read. docs/performance.md has what it buys.
 *
 *     open ──end()──► ending ──all sent──► half-closed ──peer's end, or FAREWELL_MS──► closed
 *       └────────────── destroy(), the peer's end, an error ──────────────────────────────┘
 *
 * A failed call's errno is not asked for: the kernel tells of a broken connection by EPOLLERR and EPOLLHUP.
 */
import { chmodSync } from 'node:fs';
import { bindEpollDatagrams } from './epoll-datagrams.ts';
import { EpollLoop, type Watched } from './epoll-loop.ts';
import { GatherMessage } from './gather-message.ts';
import * as c from './libc.ts';
import { fixedMemory, type Libc, type Pointer } from './libc.ts';
import type { Runs } from './runs.ts';
import { AddressBuffer, toSocketAddress } from './socket-address.ts';
import { cannotListen, removeOldSocket } from './common.ts';
import type { ListenOptions, Listener, SocketHandler, Transport, TransportSocket } from './transport.ts';

/** Bytes that one read takes, as memcached's: most requests are shorter, and a large value goes on where it belongs. */
const RECEIVE_BYTES = 16 * 1024;
/** Reads in a row of a connection that has more than that; then the others have their turn. */
const RECEIVES_PER_TURN = 4;
/** How long a peer may keep its side of a connection open that was ended here. */
const FAREWELL_MS = 2000;
/** Connections accepted in a row; the others have their turn before more are. */
const ACCEPTS_PER_TURN = 64;
/** Pause of a listener that can have no more descriptors, as memcached's (maxconns_handler). */
const OUT_OF_DESCRIPTORS_MS = 10;

/** What all connections of a listener share: where reads go, and what gathering writes are described in. */
interface Shared {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
  /** Where `bytes` begin in memory. */
  readonly base: Pointer;
  readonly message: GatherMessage;
  /** Where the kernel says how many bytes a socket has. */
  readonly available: Int32Array;
  readonly availableAt: Pointer;
}

/** Bytes that a socket has not taken. */
interface Segment {
  readonly bytes: Uint8Array;
  start: number;
  readonly end: number;
}

class EpollSocket implements TransportSocket, Watched {
  readonly fd: number;
  readonly peer: string;
  readonly local: string;
  handler: SocketHandler | undefined;
  readonly #loop: EpollLoop;
  readonly #shared: Shared;
  readonly #waiting: Segment[] = [];
  /** Somebody waits for room to send more. */
  #awaitsRoom = false;
  #reading = true;
  #ending = false;
  #halfClosed = false;
  #closing = false;
  #unsettled = false;
  /** What the kernel was told to watch for; undefined = nothing, since a peer that is gone would wake us again and again. */
  #watchedFor: number | undefined = c.EPOLLIN;
  #isPeerGone = false;
  #farewell: NodeJS.Timeout | undefined;

  constructor(fd: number, peer: string, local: string, loop: EpollLoop, shared: Shared) {
    this.fd = fd;
    this.peer = peer;
    this.local = local;
    this.#loop = loop;
    this.#shared = shared;
    loop.add(this, c.EPOLLIN);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#closing) return true;
    if (this.#waiting.length === 0) {
      const count = this.#send(bytes, start, end);
      if (count === end - start) return true;
      start += count;
    }
    this.#waiting.push({ bytes, start, end });
    this.#settleLater();
    return false;
  }

  /** Writes what the kernel takes. */
  #send(bytes: Uint8Array, start: number, end: number): number {
    const { libc } = this.#loop;
    const base = bytes === this.#shared.bytes ? this.#shared.base : libc.ptr(bytes);
    return Math.max(0, libc.send(this.fd, base + start, end - start, c.MSG_NOSIGNAL));
  }

  sendRuns(runs: Runs): number {
    if (this.#closing) return runs.byteLength;
    const message = this.#shared.message.of(runs);
    const count = Math.max(0, this.#loop.libc.sendmsg(this.fd, message, c.MSG_NOSIGNAL));
    if (count < runs.byteLength) {
      this.#awaitsRoom = true;
      this.#settleLater();
    }
    return count;
  }

  available(): number {
    const { available, availableAt } = this.#shared;
    return this.#loop.libc.ioctl(this.fd, c.FIONREAD, availableAt) < 0 ? 0 : available[0];
  }

  pause(): void {
    this.#reading = false;
    this.#settleLater();
  }

  resume(): void {
    this.#reading = true;
    this.#settleLater();
  }

  end(): void {
    this.#ending = true;
    if (this.#waiting.length === 0) this.#halfClose();
  }

  destroy(): void {
    this.#closing = true;
    this.#settleLater();
  }

  /** Closes our side; what still comes is thrown away, lest the kernel answers it with a reset that outruns our last bytes. */
  #halfClose(): void {
    if (this.#halfClosed) return;
    this.#halfClosed = true;
    this.#loop.libc.shutdown(this.fd, c.SHUT_WR);
    this.#farewell = setTimeout(() => this.destroy(), FAREWELL_MS);
    this.#farewell.unref();
    this.resume();
  }

  // ---- what the loop calls ----

  onReady(events: number): void {
    if (this.#closing) return;
    if ((events & c.EPOLLOUT) !== 0) this.#drain();
    if ((events & c.EPOLLIN) !== 0 && this.#reading) this.#read(events);
    else if ((events & (c.EPOLLERR | c.EPOLLHUP)) !== 0) this.#lost();
  }

  #read(events: number): void {
    const { bytes, start, length, base } = this.#shared;
    for (let left = RECEIVES_PER_TURN; left > 0 && this.#reading && !this.#closing; left--) {
      const places = this.#halfClosed ? undefined : this.handler?.places?.();
      if (places !== undefined) return this.#readInto(places, events);
      const count = this.#loop.libc.recv(this.fd, base + start, length, 0);
      if (count <= 0) return this.#readNothing(count, events);
      if (!this.#halfClosed) this.handler?.onData(bytes, start, start + count);
      if (count < length) return;
    }
  }

  #readInto(places: Runs, events: number): void {
    const count = this.#loop.libc.recvmsg(this.fd, this.#shared.message.of(places), 0);
    if (count > 0) this.handler?.onPlaced?.(count);
    else this.#readNothing(count, events);
  }

  #readNothing(count: number, events: number): void {
    if (count === 0 || (events & c.EPOLLERR) !== 0) this.destroy();
  }

  /** The peer is gone. What it sent before may still be worked on: then its end is met after that. */
  #lost(): void {
    if (this.#reading || this.#awaitsRoom || this.#waiting.length > 0) return this.destroy();
    this.#isPeerGone = true;
    this.#settleLater();
  }

  #drain(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      first.start += this.#send(first.bytes, first.start, first.end);
      if (first.start < first.end) return;
      this.#waiting.shift();
    }
    this.#awaitsRoom = false;
    this.#settleLater();
    if (this.#ending) this.#halfClose();
    else this.handler?.onDrain();
  }

  #settleLater(): void {
    if (this.#unsettled) return;
    this.#unsettled = true;
    this.#loop.settleLater(this);
  }

  settle(): void {
    this.#unsettled = false;
    if (this.#closing) return this.#close();
    const events = (this.#reading ? c.EPOLLIN : 0) | (this.#awaitsRoom || this.#waiting.length > 0 ? c.EPOLLOUT : 0);
    const wanted = events === 0 && this.#isPeerGone ? undefined : events;
    if (wanted === this.#watchedFor) return;
    this.#loop.change(this, this.#watchedFor, wanted);
    this.#watchedFor = wanted;
  }

  #close(): void {
    // Settled again by whoever asks for something while it closes.
    this.#unsettled = true;
    clearTimeout(this.#farewell);
    this.#loop.close(this);
    this.handler?.onClose();
  }
}

class EpollListener implements Listener, Watched {
  readonly fd: number;
  readonly port: number;
  readonly #loop: EpollLoop;
  readonly #options: ListenOptions;
  readonly #shared: Shared;
  readonly #addresses: AddressBuffer;
  #closed = false;

  constructor(fd: number, loop: EpollLoop, options: ListenOptions) {
    const { libc } = loop;
    const { bytes, start, length } = options.readBuffer;
    this.fd = fd;
    this.#loop = loop;
    this.#options = options;
    const available = new Int32Array(fixedMemory(4));
    this.#shared = {
      available,
      availableAt: libc.ptr(available),
      bytes,
      start,
      length: Math.min(length, RECEIVE_BYTES),
      base: libc.ptr(bytes),
      message: new GatherMessage(libc),
    };
    this.#addresses = new AddressBuffer(libc);
    this.port = 'path' in options.address ? 0 : this.#local().port;
    loop.add(this, c.EPOLLIN);
  }

  #local(fd: number = this.fd): AddressBuffer {
    this.#addresses.clear();
    this.#loop.libc.getsockname(fd, this.#addresses.at, this.#addresses.lengthAt);
    return this.#addresses;
  }

  onReady(): void {
    for (let left = ACCEPTS_PER_TURN; left > 0 && !this.#closed && this.#acceptOne(); left--);
  }

  #acceptOne(): boolean {
    const { libc } = this.#loop;
    const { address } = this.#options;
    const addresses = this.#addresses;
    addresses.clear();
    const fd = libc.accept4(this.fd, addresses.at, addresses.lengthAt, c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);
    if (fd < 0) {
      const error = libc.errorName();
      if (error === 'EMFILE' || error === 'ENFILE') this.#rest();
      return error === 'ECONNABORTED' || error === 'EINTR';
    }
    const path = 'path' in address ? `unix:${address.path}` : undefined;
    const peer = path ?? addresses.name;
    const socket = new EpollSocket(fd, peer, path ?? this.#local(fd).name, this.#loop, this.#shared);
    socket.handler = this.#options.accept(socket);
    return true;
  }

  /** Waits a moment for descriptors to be closed; to be woken at once would take the processor from those who close them. */
  #rest(): void {
    this.#loop.change(this, c.EPOLLIN, 0);
    setTimeout(() => {
      if (!this.#closed) this.#loop.change(this, 0, c.EPOLLIN);
    }, OUT_OF_DESCRIPTORS_MS);
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

const ONE = new Int32Array([1]);

/** What memcached sets on a listening socket (server_socket); accepted ones inherit it. */
function setOptions(libc: Libc, fd: number, family: number): void {
  const switchOn = (level: number, option: number): void => {
    libc.setsockopt(fd, level, option, libc.ptr(ONE), ONE.byteLength);
  };
  switchOn(c.SOL_SOCKET, c.SO_REUSEADDR);
  switchOn(c.SOL_SOCKET, c.SO_KEEPALIVE);
  switchOn(c.IPPROTO_TCP, c.TCP_NODELAY);
  if (family === c.AF_INET6) switchOn(c.IPPROTO_IPV6, c.IPV6_V6ONLY);
}

async function listen(loop: EpollLoop, options: ListenOptions): Promise<Listener> {
  const { libc } = loop;
  const { address, backlog } = options;
  try {
    const name = await toSocketAddress(libc, address);
    if ('path' in address) removeOldSocket(address.path);
    const family = new DataView(name.buffer, name.byteOffset).getUint16(0, true);
    const fd = libc.socket(family, c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0);
    if (fd < 0) throw c.systemError(libc);
    if (family !== c.AF_UNIX) setOptions(libc, fd, family);
    if (libc.bind(fd, libc.ptr(name), name.length) < 0 || libc.listen(fd, backlog) < 0) {
      const error = c.systemError(libc);
      libc.close(fd);
      throw error;
    }
    if ('path' in address) chmodSync(address.path, address.mode);
    return new EpollListener(fd, loop, options);
  } catch (error) {
    throw cannotListen(address, error as NodeJS.ErrnoException);
  }
}

/** The transport, or undefined where the C library cannot be reached. */
export async function epollTransport(): Promise<Transport | undefined> {
  const libc = await c.loadLibc();
  if (libc === undefined) return undefined;
  const loop = new EpollLoop(libc);
  return {
    listen: (options) => listen(loop, options),
    bindDatagrams: (host, port, handler) => bindEpollDatagrams(loop, host, port, handler),
  };
}
