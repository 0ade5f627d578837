/**
 * A socket that sends bytes cut wherever a test wants them cut and collects what comes back. It owns one connection
 * and knows nothing of any protocol but where the caller says that an answer ends.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** How long answers may take to come. Generous: only a hang runs into it. */
const ANSWER_TIMEOUT_MS = 30_000;

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

  static async connect(port: number): Promise<RawClient> {
    return await new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
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
    for (const piece of pieces) {
      if (this.#closed) {
        return;
      }
      if (!this.#socket.write(piece)) {
        await this.#drained();
      }
      if (pieces.length > 1) {
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

  /** Takes `length` bytes or more, whatever has come by then. */
  async receiveLength(length: number): Promise<Buffer> {
    return await this.#receive(() => this.#length >= length, `waiting for ${length} bytes`);
  }

  /** Takes everything until the server closes. */
  async receiveUntilClosed(): Promise<Buffer> {
    return await this.#receive(() => this.#closed, 'waiting for the server to close');
  }

  #endsWith(terminator: Buffer): boolean {
    if (this.#length < terminator.length) {
      return false;
    }
    let tail = this.#chunks.at(-1) ?? Buffer.alloc(0);
    if (tail.length < terminator.length) {
      tail = Buffer.concat(this.#chunks);
      this.#chunks = [tail];
    }
    return tail.subarray(tail.length - terminator.length).equals(terminator);
  }

  #take(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return bytes;
  }

  async #receive(done: () => boolean, what: string): Promise<Buffer> {
    const deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    while (!done()) {
      if (this.#closed) {
        throw new NoAnswerError(`the server closed while ${what}`, this.#take());
      }
      if (deadline.aborted) {
        throw new NoAnswerError(`no answer in ${ANSWER_TIMEOUT_MS} ms while ${what}`, this.#take());
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.#take();
  }
}
