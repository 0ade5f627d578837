/**
 * The load generator's sockets: one small interface, over `node:net` and over Bun's sockets, chosen by the runtime that
 * the generator runs under. Both read without a copy where the runtime allows it.
 */
import { connect } from 'node:net';

/** One connection to a server. */
export interface LoadSocket {
  /** Sends all of `bytes`, which must stay as they are until they are gone. */
  write(bytes: Uint8Array): void;
  close(): void;
}

/** What a connection tells. */
export interface LoadSocketEvents {
  /** The first `length` bytes of `chunk` were read; they are only good during the call. */
  onData(chunk: Uint8Array, length: number): void;
  /** The connection ended without having been closed from here. */
  onLost(error: Error): void;
}

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** All connections read into this one buffer: data is looked at before the next read. */
const READ_BUFFER_BYTES = 256 << 10;

/** Connects; the promise fails if that does not succeed. */
export function openSocket(address: Address, events: LoadSocketEvents): Promise<LoadSocket> {
  return 'Bun' in globalThis ? openBunSocket(address, events) : openNodeSocket(address, events);
}

const nodeReadBuffer = new Uint8Array(READ_BUFFER_BYTES);

function openNodeSocket(address: Address, events: LoadSocketEvents): Promise<LoadSocket> {
  return new Promise((resolve, reject) => {
    let closed = false;
    const socket = connect({
      ...address,
      noDelay: true,
      onread: {
        buffer: nodeReadBuffer,
        callback(length, buffer) {
          events.onData(buffer, length);
          return true;
        },
      },
    });
    let opened = false;
    const lost = (error: Error): void => {
      if (!opened) reject(error);
      else if (!closed) events.onLost(error);
      closed = true;
    };
    socket.on('error', lost);
    socket.on('close', () => lost(new Error('the server closed the connection')));
    socket.on('connect', () => {
      opened = true;
      resolve({
        write: (bytes) => void socket.write(bytes),
        close() {
          closed = true;
          socket.destroy();
        },
      });
    });
  });
}

/** The little of Bun's interface that is used here. */
interface BunSocket {
  write(bytes: Uint8Array): number;
  end(): void;
}
interface BunGlobal {
  connect(options: {
    hostname: string;
    port: number;
    socket: {
      open(socket: BunSocket): void;
      data(socket: BunSocket, data: Uint8Array): void;
      drain(socket: BunSocket): void;
      close(socket: BunSocket): void;
      error(socket: BunSocket, error: Error): void;
      connectError(socket: BunSocket, error: Error): void;
    };
  }): Promise<unknown>;
}

function openBunSocket(address: Address, events: LoadSocketEvents): Promise<LoadSocket> {
  const bun = (globalThis as unknown as { Bun: BunGlobal }).Bun;
  return new Promise((resolve, reject) => {
    let closed = false;
    // What the kernel did not take at once; Bun leaves it to its caller to keep it.
    const unsent: Uint8Array[] = [];
    const flush = (socket: BunSocket): void => {
      for (let first = unsent[0]; first !== undefined; first = unsent[0]) {
        const sent = socket.write(first);
        if (sent < first.length) {
          unsent[0] = first.subarray(Math.max(0, sent));
          return;
        }
        unsent.shift();
      }
    };
    const lost = (error: Error): void => {
      if (!closed) events.onLost(error);
      closed = true;
    };
    const opened = bun.connect({
      hostname: address.host,
      port: address.port,
      socket: {
        open(socket) {
          resolve({
            write(bytes) {
              unsent.push(bytes);
              if (unsent.length === 1) flush(socket);
            },
            close() {
              closed = true;
              socket.end();
            },
          });
        },
        data: (_, data) => events.onData(data, data.length),
        drain: flush,
        close: () => lost(new Error('the server closed the connection')),
        error: (_, error) => lost(error),
        connectError: (_, error) => reject(error),
      },
    });
    opened.catch(reject);
  });
}
