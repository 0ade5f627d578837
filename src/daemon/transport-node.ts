/** The transport over `node:net`, by its public interface. */
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Memory } from './storage/memory.ts';
import { cannotListen, endpoint, removeOldSocket } from './transport-common.ts';
import type { ListenAddress, ListenOptions, Listener, SocketHandler, Transport, TransportSocket } from './transport.ts';

class NodeSocket implements TransportSocket {
  readonly peer: string;
  readonly local: string;
  readonly #socket: Socket;

  constructor(socket: Socket, unixPath: string | undefined) {
    this.#socket = socket;
    this.peer = unixPath === undefined ? endpoint(socket.remoteAddress, socket.remotePort) : `unix:${unixPath}`;
    this.local = unixPath === undefined ? endpoint(socket.localAddress, socket.localPort) : `unix:${unixPath}`;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#socket.write(bytes.subarray(start, end));
    // node:net tries the system call during write(); what is left over stays queued and keeps reading our memory.
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function attach(socket: Socket, handler: SocketHandler, options: ListenOptions): void {
  const { bytes, start, length } = options.readBuffer;
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length && !socket.destroyed; at += length) {
      const end = Math.min(at + length, chunk.length);
      Memory.copy(bytes, start, chunk, at, end);
      handler.onData(bytes, start, start + end - at);
    }
  });
  socket.on('drain', () => handler.onDrain());
  // A reset or a broken pipe ends a connection like any other close, which follows.
  socket.on('error', () => {});
  socket.on('close', () => handler.onClose());
}

function bind(server: Server, address: ListenAddress, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(address, error)));
    server.once('listening', () => resolve());
    if ('path' in address) server.listen({ path: address.path, backlog });
    else server.listen({ host: address.host, port: address.port, backlog });
  });
}

export const nodeTransport: Transport = {
  async listen(options: ListenOptions): Promise<Listener> {
    const { address } = options;
    const unixPath = 'path' in address ? address.path : undefined;
    const server = createServer({ allowHalfOpen: false }, (socket) => {
      attach(socket, options.accept(new NodeSocket(socket, unixPath)), options);
    });
    if (unixPath !== undefined) removeOldSocket(unixPath);
    await bind(server, address, options.backlog);
    server.on('error', () => {});
    if ('path' in address) chmodSync(address.path, address.mode);
    const bound = server.address();
    return {
      port: bound !== null && typeof bound === 'object' ? bound.port : 0,
      close: () => void server.close(),
    };
  },
};
