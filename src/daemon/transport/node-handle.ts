/**
 * The transport over Node's socket handles: reads land in one buffer of ours and writes go straight to libuv, without
 * the stream layer between. It is the only file that uses a private interface of Node; where that is not as expected,
 * `node.ts` does the same by public means. docs/performance.md has what it buys.
 *
 * The `net.Socket` stays the owner of the handle: it closes it, and says when it is closed.
 */
import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { removeOldSocket } from './common.ts';
import { NodeListener, bind, nameEndpoints } from './node.ts';
import type { ListenOptions, Listener, SocketHandler, Transport, TransportSocket } from './transport.ts';

/** What is used of a TCP or pipe handle (node: src/stream_base.cc). */
interface Handle {
  onread: (() => void) | undefined;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
}

/** A libuv write that is under way. */
interface WriteRequest {
  handle: Handle;
  oncomplete: (status: number) => void;
  bytes: Uint8Array;
}

interface StreamBinding {
  WriteWrap: new () => WriteRequest;
  streamBaseState: Int32Array;
  kReadBytesOrError: number;
  kLastWriteWasAsync: number;
}

/** The binding, or undefined where this Node has none of this form. */
function loadBinding(): StreamBinding | undefined {
  const { binding } = process as unknown as { binding?: (name: string) => Partial<StreamBinding> };
  try {
    const found = binding?.call(process, 'stream_wrap');
    const complete =
      typeof found?.WriteWrap === 'function' &&
      found.streamBaseState instanceof Int32Array &&
      typeof found.kReadBytesOrError === 'number' &&
      typeof found.kLastWriteWasAsync === 'number';
    return complete ? (found as StreamBinding) : undefined;
  } catch {
    return undefined;
  }
}

function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<Handle> | null };
  return typeof handle?.useUserBuffer === 'function' && typeof handle.writeBuffer === 'function'
    ? (handle as Handle)
    : undefined;
}

class HandleSocket implements TransportSocket {
  readonly peer: string;
  readonly local: string;
  handler: SocketHandler | undefined;
  readonly #socket: Socket;
  readonly #handle: Handle;
  readonly #binding: StreamBinding;
  /** Kept for the next write: libuv takes a request over only if it cannot write everything at once. */
  #request: WriteRequest;
  /** Writes that libuv has not finished. */
  #pending = 0;
  #ending = false;
  #closed = false;

  constructor(socket: Socket, handle: Handle, binding: StreamBinding, unixPath: string | undefined) {
    [this.peer, this.local] = nameEndpoints(socket, unixPath);
    this.#socket = socket;
    this.#handle = handle;
    this.#binding = binding;
    this.#request = this.#newRequest();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#closed) return true;
    const request = this.#request;
    const view = bytes.subarray(start, end);
    const error = this.#handle.writeBuffer(request, view);
    if (error !== 0) {
      this.#socket.destroy();
      return true;
    }
    if (this.#binding.streamBaseState[this.#binding.kLastWriteWasAsync] === 0) return true;
    // libuv reads the memory until it is done: the request keeps it alive.
    request.bytes = view;
    this.#request = this.#newRequest();
    this.#pending++;
    return false;
  }

  #newRequest(): WriteRequest {
    const request = new this.#binding.WriteWrap();
    request.handle = this.#handle;
    request.oncomplete = (status) => this.#written(status);
    return request;
  }

  #written(status: number): void {
    this.#pending--;
    if (this.#closed) return;
    if (status < 0) this.#socket.destroy();
    else if (this.#pending > 0) return;
    else if (this.#ending) this.#socket.destroySoon();
    else this.handler?.onDrain();
  }

  pause(): void {
    if (!this.#closed) this.#handle.readStop();
  }

  resume(): void {
    if (!this.#closed) this.#handle.readStart();
  }

  end(): void {
    this.#ending = true;
    // end() alone would wait for the client to close its side as well.
    if (this.#pending === 0) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The handle is gone; nothing may touch it any more. */
  closed(): void {
    this.#closed = true;
    this.handler?.onClose();
  }
}

/** Attaches a connection, or returns false if its handle is not as expected. */
function attach(
  socket: Socket,
  binding: StreamBinding,
  readView: Uint8Array,
  options: ListenOptions,
  path?: string,
): boolean {
  const handle = handleOf(socket);
  if (handle === undefined) return false;
  const { bytes, start } = options.readBuffer;
  socket.setNoDelay(true);
  const transportSocket = new HandleSocket(socket, handle, binding, path);
  // A reset or a broken pipe ends a connection like any other close, which follows.
  socket.on('error', () => {});
  socket.on('close', () => transportSocket.closed());
  const handler = options.accept(transportSocket);
  transportSocket.handler = handler;
  handle.useUserBuffer(readView);
  handle.onread = () => {
    const count = binding.streamBaseState[binding.kReadBytesOrError];
    if (count > 0) handler.onData(bytes, start, start + count);
    else if (count < 0) socket.destroy();
  };
  handle.readStart();
  return true;
}

/** The transport, or undefined where Node does not offer what it needs. */
export function nodeHandleTransport(): Transport | undefined {
  const binding = loadBinding();
  if (binding === undefined) return undefined;
  return {
    async listen(options: ListenOptions): Promise<Listener> {
      const { address } = options;
      const { bytes, start, length } = options.readBuffer;
      const readView = new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
      const unixPath = 'path' in address ? address.path : undefined;
      const server = createServer({ pauseOnConnect: true }, (socket) => {
        if (!attach(socket, binding, readView, options, unixPath)) socket.destroy();
      });
      if (unixPath !== undefined) removeOldSocket(unixPath);
      await bind(server, address, options.backlog);
      if ('path' in address) chmodSync(address.path, address.mode);
      return new NodeListener(server);
    },
  };
}
