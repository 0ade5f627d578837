/**
 * The load generator's sockets: one small interface, over `node:net`, and under Bun straight over the kernel's
 * (`direct.ts`), where nothing is allocated for a request and no collector makes the generator late.
 */
import { connect } from 'node:net';
import { DirectTransport } from './direct.ts';
import { loadLibc } from './libc.ts';

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

export interface LoadTransport {
  /** Connects; the promise fails if that does not succeed. */
  open(address: Address, events: LoadSocketEvents): Promise<LoadSocket>;
  /** Whether data comes in by {@link poll} alone, and not while the process waits for something else. */
  readonly mustPoll: boolean;
  /** Hands over what has arrived: at once, or once the promise that it returns is kept. */
  poll(): Promise<unknown> | undefined;
}

/** All connections read into one buffer of this size: data is looked at before the next read. */
const READ_BUFFER_BYTES = 256 << 10;

/** The quickest transport of this runtime. */
export async function chooseTransport(): Promise<LoadTransport> {
  const libc = await loadLibc();
  return libc === undefined ? new NodeTransport() : new DirectTransport(libc, READ_BUFFER_BYTES);
}

/** Sockets of `node:net`. */
export class NodeTransport implements LoadTransport {
  readonly mustPoll = false;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);

  poll(): Promise<unknown> {
    return new Promise(setImmediate);
  }

  open(address: Address, events: LoadSocketEvents): Promise<LoadSocket> {
    return new Promise((resolve, reject) => {
      let closed = false;
      const socket = connect({
        ...address,
        noDelay: true,
        onread: {
          buffer: this.#buffer,
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
}
