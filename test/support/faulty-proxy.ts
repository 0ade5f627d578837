/**
 * A TCP proxy that goes wrong on request, between a client under test and a server: replies in single bytes, held back,
 * or cut off in the middle, and a node that is gone or comes back. In process, on a port of its own that it keeps.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class FaultyProxy implements AsyncDisposable {
  /** What is done with replies: passed on, passed on in writes of one byte, or kept until {@link release}. */
  replies: 'pass' | 'bytewise' | 'hold' = 'pass';
  /** So many further bytes of replies are passed on, then the client's connection is cut. */
  cutAfterBytes: number | undefined;
  /** Connections that clients have made so far. */
  connectionCount = 0;
  /** Chunks that came from clients. */
  requestChunks: Buffer[] = [];

  readonly #upstreamPort: number;
  #server: Server | undefined;
  #port = 0;
  readonly #clients = new Set<Socket>();
  #held: { client: Socket; chunk: Buffer }[] = [];

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
  }

  static async start(upstreamPort: number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(upstreamPort);
    await proxy.restore();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Replies that are held back at the moment. */
  get heldCount(): number {
    return this.#held.length;
  }

  /** Passes on what was held, and whatever comes from now on. */
  release(): void {
    this.replies = 'pass';
    const held = this.#held;
    this.#held = [];
    for (const { client, chunk } of held) client.write(chunk);
  }

  /** The node is gone: connections break, and new ones are refused. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    this.cut();
    await closed;
  }

  /** The node is back, on the same port. */
  async restore(): Promise<void> {
    const server = createServer((client) => this.#join(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Breaks the connections there are. */
  cut(): void {
    for (const client of this.#clients) client.resetAndDestroy();
  }

  /** Sends clients something that nobody asked for. */
  inject(text: string): void {
    for (const client of this.#clients) client.write(text, 'latin1');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #join(client: Socket): void {
    this.connectionCount += 1;
    const upstream = connect({ host: '127.0.0.1', port: this.#upstreamPort, noDelay: true });
    client.setNoDelay(true);
    this.#clients.add(client);
    client.on('error', () => undefined);
    upstream.on('error', () => undefined);
    client.on('close', () => {
      this.#clients.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
    client.on('data', (chunk) => {
      this.requestChunks.push(chunk);
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => this.#reply(client, chunk));
  }

  #reply(client: Socket, chunk: Buffer): void {
    if (this.cutAfterBytes !== undefined) {
      const passed = chunk.subarray(0, this.cutAfterBytes);
      this.cutAfterBytes -= passed.length;
      client.write(passed, () => {
        if (this.cutAfterBytes !== 0) return;
        this.cutAfterBytes = undefined;
        client.end();
      });
    } else if (this.replies === 'hold') {
      this.#held.push({ client, chunk });
    } else if (this.replies === 'bytewise') {
      for (const byte of chunk) client.write(Buffer.of(byte));
    } else {
      client.write(chunk);
    }
  }
}
