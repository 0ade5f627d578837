/**
 * One HTTP connection as Node's server sees it: a socket that gives away its bytes a request at a time.
 *
 * Node parses whatever a read has brought and runs all of it, answers taken or not. So the server gets this stream
 * instead of the socket, and it hands on the next request only once the answer to the one before was taken:
 *
 *     socket ──► held ──► cut behind each empty line ──► Node's parser ──► one request that runs
 *       ▲                 waits while an answer is due                         │
 *       └──────────────────── counted until the kernel has it ◄────────────────┘ answer
 *
 * At most one request runs; one more can have been parsed, where its head came together with the end of a body. The
 * connection owns its socket, and tells the {@link ConnectionKeeper} what phase it is in and what bytes it holds.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { HeadCutter } from './head-cutter.ts';
import { AHEAD_BYTES_MAX, UNTAKEN_BYTES_MAX } from './limits.ts';

/**
 * What a connection waits for: its first byte, the rest of a head, the rest of a body, an answer from us, that its
 * answer is taken, another request, the peer's end.
 */
export type Phase = 'opening' | 'head' | 'body' | 'working' | 'answer' | 'idle' | 'closing';

/** Who looks after the connections of a server. */
export interface ConnectionKeeper {
  /** The connection waits for something else than before; with `anew`, also where it is the same. */
  entered(connection: HttpConnection, phase: Phase, anew?: boolean): void;
  /** These bytes are held for a connection, until {@link ConnectionKeeper.freed}. Others may hold the same. */
  held(bytes: Buffer): void;
  freed(bytes: Buffer): void;
  /** So many bytes more, or fewer, are held in a way that cannot be shared. */
  grew(byteCount: number): void;
  left(connection: HttpConnection): void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly run: () => void;
}

type Taken = (error?: Error | null) => void;

const NOTHING: Buffer = Buffer.alloc(0);

/** See the head of this file. */
export class HttpConnection extends Duplex {
  readonly #socket: Socket;
  readonly #keeper: ConnectionKeeper;
  readonly #cutter = new HeadCutter();
  /** What was read and not handed on, and where it begins in it; counted whole, since it is kept whole. */
  #ahead: Buffer = NOTHING;
  #aheadStart = 0;
  #current: Exchange | undefined;
  #next: Exchange | undefined;
  /** What the socket was given and has not passed on. */
  readonly #sending = new Set<Buffer>();
  /** Bytes that the parser was given of a request that is not whole. */
  #partBytes = 0;
  /** A request that was answered before it was whole: its rest is read and dropped. */
  #unread: IncomingMessage | undefined;
  #headBegun = false;
  #answered = false;
  #following = false;
  #peerEnded = false;
  #isPumping = false;
  /** Others have their turn. */
  #isResting = false;

  constructor(socket: Socket, keeper: ConnectionKeeper) {
    super({ allowHalfOpen: true, emitClose: true });
    this.#socket = socket;
    this.#keeper = keeper;
    keeper.entered(this, 'opening');
    socket.on('data', (bytes) => this.#onData(bytes));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Of the peer; undefined once it is gone. What Node and Fastify ask a socket for. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /** True while bytes are held for it, in either direction. */
  get holdsBytes(): boolean {
    return this.#ahead.length > 0 || this.#partBytes > 0 || this.#sending.size > 0;
  }

  /** A request was parsed. It is run now, or once the one before was answered. */
  begin(request: IncomingMessage, response: ServerResponse, run: () => void): void {
    const exchange = { request, response, run };
    this.#headBegun = false;
    if (this.#current === undefined) this.#start(exchange);
    else this.#next = exchange;
  }

  /** The request that runs waits for what may never come: the connection's peer must be seen to leave. */
  follow(): void {
    this.#following = true;
    this.#readOrWait();
  }

  override _read(): void {
    this.#pump();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([bytes], (taken) => void this.#socket.write(bytes, taken), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const all = chunks.map(({ chunk }) => chunk);
    this.#send(
      all,
      (taken) => {
        this.#socket.cork();
        all.forEach((bytes, at) => void this.#socket.write(bytes, at === all.length - 1 ? taken : undefined));
        this.#socket.uncork();
      },
      done,
    );
  }

  override _final(done: () => void): void {
    this.#keeper.entered(this, 'closing');
    this.#dropAhead();
    this.#countPart(0);
    // What still comes is not wanted, and has to be read for the peer's end to be seen.
    this.#socket.resume();
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#dropAhead();
    this.#countPart(0);
    for (const bytes of this.#sending) this.#keeper.freed(bytes);
    this.#sending.clear();
    this.#next = undefined;
    this.#socket.destroy();
    this.#keeper.left(this);
    done(error);
  }

  #onData(bytes: Buffer): void {
    if (this.writableEnded || this.destroyed) return;
    const rest = this.#ahead.subarray(this.#aheadStart);
    this.#dropAhead();
    this.#ahead = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    this.#keeper.held(this.#ahead);
    this.#pump();
  }

  #onEnd(): void {
    this.#peerEnded = true;
    // Who follows and has ended is gone, whatever it had sent ahead.
    if (this.#following) this.destroy();
    else this.#pump();
  }

  /** Hands on what may be handed on. */
  #pump(): void {
    if (this.#isPumping || this.destroyed) return;
    this.#isPumping = true;
    while (this.#mayGoOn() && this.#aheadStart < this.#ahead.length) {
      const start = this.#aheadStart;
      this.#aheadStart = this.#cutter.cut(this.#ahead, start);
      // Before the parser may find the request in it.
      if (this.#current === undefined && this.#unread === undefined) this.#headBegun = true;
      this.#countPart(this.#partBytes + this.#aheadStart - start);
      this.push(this.#ahead.subarray(start, this.#aheadStart));
      if (this.#unread?.complete === true) this.#unread = undefined;
      if (this.#isWhole()) this.#countPart(0);
    }
    this.#isPumping = false;
    if (this.destroyed) return;
    if (this.#aheadStart === this.#ahead.length) {
      this.#dropAhead();
      if (this.#peerEnded) this.push(null);
    }
    this.#readOrWait();
    this.#tellPhase();
  }

  /** Nothing is parsed while an answer is due; the body of the request that it is due for is. */
  #mayGoOn(): boolean {
    if (this.readableLength > 0 || this.#next !== undefined || this.writableEnded || this.destroyed) return false;
    return !this.#isResting && this.#current?.request.complete !== true;
  }

  /** True while the parser holds no part of a request. */
  #isWhole(): boolean {
    if (this.#headBegun || this.#unread !== undefined) return false;
    return this.#current === undefined || this.#current.request.complete;
  }

  #countPart(byteCount: number): void {
    if (byteCount !== this.#partBytes) this.#keeper.grew(byteCount - this.#partBytes);
    this.#partBytes = byteCount;
  }

  #readOrWait(): void {
    const aheadBytes = this.#ahead.length - this.#aheadStart;
    if (aheadBytes <= AHEAD_BYTES_MAX) this.#socket.resume();
    else if (this.#following) this.destroy();
    else this.#socket.pause();
  }

  #tellPhase(): void {
    if (this.writableEnded || this.destroyed) return;
    if (this.#sending.size > 0) return this.#keeper.entered(this, 'answer');
    if (this.#current !== undefined) {
      return this.#keeper.entered(this, this.#current.request.complete ? 'working' : 'body');
    }
    if (this.#unread !== undefined) return this.#keeper.entered(this, 'body');
    if (this.#headBegun) return this.#keeper.entered(this, 'head');
    this.#keeper.entered(this, this.#answered ? 'idle' : 'opening');
  }

  #start(exchange: Exchange): void {
    this.#current = exchange;
    exchange.response.once('close', () => this.#onAnswered());
    exchange.run();
  }

  #onAnswered(): void {
    if (this.#current?.request.complete === false) this.#unread = this.#current.request;
    this.#current = undefined;
    this.#following = false;
    this.#answered = true;
    if (this.destroyed) return;
    this.#tellPhase();
    // Not at once: as long as the peer takes its answers, a connection would go on for ever and no other be looked at.
    if (this.#next !== undefined || this.#aheadStart < this.#ahead.length || this.#peerEnded) {
      this.#isResting = true;
      setImmediate(() => this.#goOn());
    }
  }

  #goOn(): void {
    this.#isResting = false;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined && !this.destroyed) this.#start(next);
    this.#pump();
  }

  /** Counts `all` until the socket has passed it on. */
  #send(all: readonly Buffer[], write: (taken: Taken) => void, done: (error?: Error | null) => void): void {
    const held = all.filter((bytes) => !this.#sending.has(bytes));
    for (const bytes of held) {
      this.#sending.add(bytes);
      this.#keeper.held(bytes);
    }
    write((error) => {
      for (const bytes of held) if (this.#sending.delete(bytes)) this.#keeper.freed(bytes);
      this.#tellPhase();
      done(error);
    });
    if (this.destroyed) return;
    if (this.#socket.writableLength > UNTAKEN_BYTES_MAX) this.destroy();
    else if (this.#sending.size > 0) this.#keeper.entered(this, 'answer', true);
  }

  #dropAhead(): void {
    if (this.#ahead.length > 0) this.#keeper.freed(this.#ahead);
    this.#ahead = NOTHING;
    this.#aheadStart = 0;
  }
}
