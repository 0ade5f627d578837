/** The transport over `node:net`, by its public interface. */
import { chmodSync, existsSync, statSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { FleetError } from '../base/errors.ts';
import { Memory } from './storage/memory.ts';
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

function endpoint(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return 'unknown';
  return address.includes(':') ? `tcp6:[${address}]:${port}` : `tcp:${address}:${port}`;
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

function cannotListen(address: ListenAddress, error: NodeJS.ErrnoException): FleetError {
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${error.code ?? error.message})`;
  return new FleetError('PORT_TAKEN', `${where} ${why}`, error);
}

/** A socket file that an earlier daemon left behind; anything else at that path is not ours to remove. */
function removeOldSocket(path: string): void {
  if (existsSync(path) && statSync(path).isSocket()) unlinkSync(path);
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
