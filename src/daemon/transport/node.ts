/** The transport over `node:net`, by its public interface. */
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Memory } from '../storage/memory.ts';
import { cannotListen, endpoint, removeOldSocket } from './common.ts';
import type { ListenAddress, ListenOptions, Listener, SocketHandler, Transport, TransportSocket } from './transport.ts';

const NOTHING = new Uint8Array(0);

/** A connection over one of Node's streams. How its writes wait is each stream's own. */
export abstract class StreamSocket<Stream extends Socket> implements TransportSocket {
  readonly peer: string;
  readonly local: string;
  handler: SocketHandler | undefined;
  protected readonly stream: Stream;

  constructor(stream: Stream, unixPath: string | undefined) {
    this.stream = stream;
    [this.peer, this.local] = nameEndpoints(stream, unixPath);
  }

  abstract write(bytes: Uint8Array, start: number, end: number): boolean;

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  end(): void {
    // end() alone would wait for the client to close its side as well.
    this.stream.destroySoon();
  }

  destroy(): void {
    this.stream.destroy();
  }
}

class NodeSocket extends StreamSocket<Socket> {
  /** Writes that were not taken at once and are not finished. */
  #pending = 0;

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.stream.write(bytes.subarray(start, end));
    // node:net tries the system call during write(); what is left over stays queued and keeps reading our memory.
    if (this.stream.writableLength === 0) return true;
    // 'drain' only comes when more than the high-water mark was left; the end of an empty write behind always does.
    this.#pending++;
    this.stream.write(NOTHING, (error) => this.#written(error));
    return false;
  }

  #written(error: Error | null | undefined): void {
    this.#pending--;
    // After an error the connection closes.
    if (this.#pending === 0 && !error) this.handler?.onDrain();
  }
}

/** Passes on what comes from a socket, and its end. */
export function attach(socket: Socket, handler: SocketHandler, options: ListenOptions): void {
  const { bytes, start, length } = options.readBuffer;
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length && !socket.destroyed; at += length) {
      const end = Math.min(at + length, chunk.length);
      Memory.copy(bytes, start, chunk, at, end);
      handler.onData(bytes, start, start + end - at);
    }
  });
  // A reset or a broken pipe ends a connection like any other close, which follows.
  socket.on('error', () => {});
  socket.on('close', () => handler.onClose());
}

/** The two ends of a connection, as `stats conns` names them. */
export function nameEndpoints(socket: Socket, unixPath: string | undefined): [peer: string, local: string] {
  if (unixPath !== undefined) return [`unix:${unixPath}`, `unix:${unixPath}`];
  return [endpoint(socket.remoteAddress, socket.remotePort), endpoint(socket.localAddress, socket.localPort)];
}

/**
 * Binds a server.
 *
 * @throws FleetError PORT_TAKEN
 */
export function bind(server: Server, address: ListenAddress, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(address, error)));
    server.once('listening', () => {
      server.on('error', () => {});
      resolve();
    });
    if ('path' in address) server.listen({ path: address.path, backlog });
    else server.listen({ host: address.host, port: address.port, backlog, ipv6Only: true });
  });
}

/** A listening server of `node:net`. */
export class NodeListener implements Listener {
  readonly port: number;
  readonly #server: Server;

  constructor(server: Server) {
    const bound = server.address();
    this.port = bound !== null && typeof bound === 'object' ? bound.port : 0;
    this.#server = server;
  }

  close(): void {
    this.#server.close();
  }
}

export const nodeTransport: Transport = {
  async listen(options: ListenOptions): Promise<Listener> {
    const { address } = options;
    const unixPath = 'path' in address ? address.path : undefined;
    const server = createServer({ allowHalfOpen: false }, (socket) => {
      const transportSocket = new NodeSocket(socket, unixPath);
      transportSocket.handler = options.accept(transportSocket);
      attach(socket, transportSocket.handler, options);
    });
    if (unixPath !== undefined) removeOldSocket(unixPath);
    await bind(server, address, options.backlog);
    if ('path' in address) chmodSync(address.path, address.mode);
    return new NodeListener(server);
  },
};
