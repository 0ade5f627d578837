/**
 * A socket that sends bytes cut wherever a test wants them cut and collects what comes back. It owns one connection
 * and knows nothing of any protocol but where the caller says that an answer ends.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** How long nothing may come before an answer is given up. Generous: only a hang runs into it. */
const SILENCE_MAX_MS = 20_000;
/** How much of the end a pattern is tried on. */
const TAIL_BYTES = 64;

/** The answers so far did not end as they had to. */
export class NoAnswerError extends Error {
  readonly received: Buffer;

  constructor(message: string, received: Buffer) {
    super(`${message}; received ${received.length} bytes: ${JSON.stringify(received.toString('latin1').slice(-300))}`);
    this.name = 'NoAnswerError';
    this.received = received;
  }
}

/** One raw connection. */
export class RawClient {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #closed = false;
  #changed: () => void = () => undefined;
  /** After so much silence a wait for answers fails. */
  silenceMaxMs = SILENCE_MAX_MS;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#changed();
    });
    // A server that closes while bytes are still on their way resets: for a test that is a close like any other.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#changed();
    });
  }

  /** @param place a port of `host`, or the path of a Unix socket */
  static async connect(place: number | string, host = '127.0.0.1'): Promise<RawClient> {
    return await new Promise((resolve, reject) => {
      const socket = connect(typeof place === 'string' ? { path: place } : { port: place, host });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends bytes in the given pieces, each in a write of its own on its own turn of the event loop, so that most of
   * them reach the server as reads of their own.
   */
  async send(pieces: readonly Buffer[]): Promise<void> {
    for (const [i, piece] of pieces.entries()) {
      if (this.#closed) {
        return;
      }
      if (!this.#socket.write(piece)) {
        await this.#drained();
      }
      // Single bytes by the million need not all wait for a turn: each is a write of its own anyway.
      if (pieces.length < 10_000 || i % 16 === 0) {
        await turn();
      }
    }
  }

  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
      if (this.#closed) {
        done();
      }
    });
  }

  /** Ends our side of the connection. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Takes what has been received until it ends with `terminator`. Rejects if the server closes before that. */
  async receiveUntil(terminator: Buffer): Promise<Buffer> {
    return await this.#receive(
      () => this.#endsWith(terminator),
      `waiting for ${JSON.stringify(terminator.toString('latin1'))}`,
    );
  }

  /** Takes what has been received until its last bytes match `pattern`, which has to begin and end with what no data holds. */
  async receiveUntilMatch(pattern: RegExp): Promise<Buffer> {
    return await this.#receive(
      () => pattern.test(this.#tail(TAIL_BYTES).toString('latin1')),
      `waiting for ${String(pattern)}`,
    );
  }

  /** Takes everything until the server closes. */
  async receiveUntilClosed(): Promise<Buffer> {
    return await this.#receive(() => this.#closed, 'waiting for the server to close');
  }

  #endsWith(terminator: Buffer): boolean {
    return (
      this.#length >= terminator.length && this.#tail(terminator.length).subarray(-terminator.length).equals(terminator)
    );
  }

  /** At least the last `length` bytes, if there are so many. */
  #tail(length: number): Buffer {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.length >= length) {
      return last;
    }
    const tail: Buffer[] = [];
    for (let i = this.#chunks.length - 1, have = 0; i >= 0 && have < length; i -= 1) {
      const chunk = this.#chunks[i] ?? Buffer.alloc(0);
      tail.unshift(chunk);
      have += chunk.length;
    }
    return Buffer.concat(tail);
  }

  #take(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return bytes;
  }

  async #receive(done: () => boolean, what: string): Promise<Buffer> {
    while (!done()) {
      if (this.#closed) {
        throw new NoAnswerError(`the server closed while ${what}`, this.#take());
      }
      if (!(await this.#change())) {
        throw new NoAnswerError(`nothing came for ${this.silenceMaxMs} ms while ${what}`, this.#take());
      }
    }
    return this.#take();
  }

  /** Waits for bytes or the end of the connection; false if there is neither in time. */
  async #change(): Promise<boolean> {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), this.silenceMaxMs);
      this.#changed = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}
