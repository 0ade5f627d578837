/**
 * The transport over Bun's sockets. Bun's `write` takes what the kernel takes and says how much that was, so what is
 * left over waits here, in the caller's memory, until the socket drains.
 */
import { chmodSync } from 'node:fs';
import { FleetError } from '../../base/errors.ts';
import { Memory } from '../storage/memory.ts';
import { cannotListen, endpoint, removeOldSocket } from './common.ts';
import type { ListenOptions, Listener, SocketHandler, Transport, TransportSocket } from './transport.ts';

/** What is used of Bun's TCP interface (bun.sh/docs/api/tcp); Bun's own types would clash with Node's. */
interface BunTcpSocket {
  data: BunSocket;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  write(bytes: Uint8Array, byteOffset: number, byteLength: number): number;
  pause(): void;
  resume(): void;
  end(): void;
  terminate(): void;
  setNoDelay(noDelay: boolean): void;
}

interface BunHandlers {
  open(socket: BunTcpSocket): void;
  data(socket: BunTcpSocket, chunk: Uint8Array): void;
  drain(socket: BunTcpSocket): void;
  close(socket: BunTcpSocket): void;
  error(socket: BunTcpSocket, error: Error): void;
  binaryType: 'uint8array';
}

interface BunRuntime {
  listen(options: ({ hostname: string; port: number } | { unix: string }) & { socket: BunHandlers }): {
    port?: number;
    stop(closeActive: boolean): void;
  };
}

/** Bytes that a socket has not taken. */
interface Segment {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** How long a peer may keep its side of a connection open that was ended here. */
const FAREWELL_MS = 2000;

class BunSocket implements TransportSocket {
  readonly peer: string;
  readonly local: string;
  handler: SocketHandler | undefined;
  readonly #socket: BunTcpSocket;
  readonly #waiting: Segment[] = [];
  #ending = false;
  #ended = false;
  #farewell: NodeJS.Timeout | undefined;

  constructor(socket: BunTcpSocket, unixPath: string | undefined) {
    this.#socket = socket;
    this.peer = unixPath === undefined ? endpoint(socket.remoteAddress, socket.remotePort) : `unix:${unixPath}`;
    this.local = unixPath === undefined ? endpoint(socket.localAddress, socket.localPort) : `unix:${unixPath}`;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#waiting.length === 0) {
      const count = this.#send(bytes, start, end);
      if (count === end - start) return true;
      start += count;
    }
    this.#waiting.push({ bytes, start, end });
    return false;
  }

  drain(): void {
    if (this.#ended) return;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      first.start += this.#send(first.bytes, first.start, first.end);
      if (first.start < first.end) return;
      this.#waiting.shift();
    }
    if (this.#ending) this.#finish();
    else this.handler?.onDrain();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#ending = true;
    if (this.#waiting.length === 0) this.#finish();
  }

  destroy(): void {
    this.#socket.terminate();
  }

  /** The connection is gone. */
  closed(): void {
    clearTimeout(this.#farewell);
    this.handler?.onClose();
  }

  /** Writes what the kernel takes; a negative count says that the peer is gone, which a paused socket is not told. */
  #send(bytes: Uint8Array, start: number, end: number): number {
    const count = this.#socket.write(bytes, start, end - start);
    if (count < 0) this.#socket.terminate();
    return Math.max(count, 0);
  }

  /** Half-closes, and closes for good if the peer keeps its side open: it may never send its own end. */
  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.end();
    this.#farewell = setTimeout(() => this.#socket.terminate(), FAREWELL_MS);
    this.#farewell.unref();
  }
}

function handlers(options: ListenOptions, unixPath: string | undefined): BunHandlers {
  const { bytes, start, length } = options.readBuffer;
  return {
    binaryType: 'uint8array',
    open(socket) {
      socket.setNoDelay(true);
      socket.data = new BunSocket(socket, unixPath);
      socket.data.handler = options.accept(socket.data);
    },
    data(socket, chunk) {
      const { handler } = socket.data;
      for (let at = 0; at < chunk.length; at += length) {
        const end = Math.min(at + length, chunk.length);
        Memory.copy(bytes, start, chunk, at, end);
        handler?.onData(bytes, start, start + end - at);
      }
    },
    drain: (socket) => socket.data.drain(),
    close: (socket) => socket.data.closed(),
    // A reset or a broken pipe ends a connection like any other close, which follows.
    error() {},
  };
}

export const bunTransport: Transport = {
  async listen(options: ListenOptions): Promise<Listener> {
    const { Bun } = globalThis as unknown as { Bun: BunRuntime };
    const { address } = options;
    const unixPath = 'path' in address ? address.path : undefined;
    if (unixPath !== undefined) removeOldSocket(unixPath);
    const where = 'path' in address ? { unix: address.path } : { hostname: address.host, port: address.port };
    try {
      const server = Bun.listen({ ...where, socket: handlers(options, unixPath) });
      if ('path' in address) chmodSync(address.path, address.mode);
      return { port: server.port ?? 0, close: () => server.stop(false) };
    } catch (error) {
      throw error instanceof Error ? cannotListen(address, error) : new FleetError('PORT_TAKEN', String(error));
    }
  },
};
