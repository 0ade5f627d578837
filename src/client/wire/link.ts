/**
 * A link: one pipelined socket to one node, with the queue of requests whose replies are due on it. It owns the
 * socket's life (connect, give up, connect again) and the timeouts; it knows nothing of keys, values or rings.
 *
 *            request                 connected            connected after silence
 *   idle ────────────▶ connecting ────────────▶ up ◀──────────────── probing
 *                        ▲    │ failed           │ lost                 ▲
 *              backoff   │    ▼                  ▼                      │
 *                        └─ waiting ◀────────────┴──────────────────────┘
 *
 * - Requests made in one turn of the event loop leave in one write.
 * - Replies come in the order of the requests. A request that timed out keeps its place in the queue, so its late
 *   reply is dropped and never given to another request.
 * - While there is no connection and the last attempt failed, requests fail immediately. A connection that worked and
 *   was lost is made again immediately, and requests wait for that attempt.
 * - A peer that is silent for too long, or never ends a reply, counts as dead. It must reply to `version` before it
 *   gets requests again: the kernel of a stopped process still accepts connections.
 */
import { connect, type Socket } from 'node:net';
import { backoffMs } from '../../base/backoff.ts';
import { FleetError } from '../../base/errors.ts';
import type { Reply } from '../../protocol/text/reply-parser.ts';
import { RequestWriter } from '../../protocol/text/request-writer.ts';
import { BACKOFF_FIRST_MS, QUEUE_BYTES_MAX } from '../limits.ts';
import type { ConnectionSettings } from './options.ts';
import { PendingQueue, UNEXPECTED, type Collect } from './pending-queue.ts';
import { ReceiveBuffer } from './receive-buffer.ts';

/** What a link needs of a connection's settings. */
export type LinkOptions = Omit<ConnectionSettings, 'answerBytesMax'>;

const KEEP_ALIVE_DELAY_MS = 10_000;

/** memcached's words to one connection more than `-c`, behind ERROR (memcached.c, conn_new's callers). */
const TOO_MANY_CONNECTIONS = 'Too many open connections';

type State = 'idle' | 'connecting' | 'probing' | 'up' | 'waiting' | 'closed';

/** See the head of the file. */
export class Link {
  readonly #options: LinkOptions;
  #state: State = 'idle';
  #socket: Socket | undefined;
  #writer = new RequestWriter();
  #received: ReceiveBuffer;
  readonly #pending = new PendingQueue();
  #flushDue = false;
  #cancelTimer: (() => void) | undefined;
  #cancelCheck: (() => void) | undefined;
  /** Attempts that failed in a row. */
  #failures = 0;
  #lastError: FleetError | undefined;
  /** The peer was given up for its silence, and has not spoken since. */
  #suspect = false;
  #announcedDown = false;
  #upSinceMs = 0;
  #heardMs = 0;
  /** The peer has replied on this socket. */
  #answered = false;
  #closing: { promise: Promise<void>; resolve: () => void } | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#received = this.#emptyBuffer();
  }

  /** False while a request would fail immediately because the node does not reply. */
  get available(): boolean {
    if (this.#closing !== undefined) return false;
    return this.#state === 'up' || this.#state === 'idle' || (this.#state === 'connecting' && this.#failures === 0);
  }

  /**
   * Sends one request.
   *
   * @param compose writes exactly one request
   * @param collect is given the replies until it returns a result
   * @throws (rejects) FleetError CONNECT_FAILED, TIMEOUT, PROTOCOL, SERVER, QUEUE_FULL or CLOSED
   */
  request<T>(compose: (writer: RequestWriter) => void, collect: Collect<T>): Promise<T> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    compose(this.#writer);
    if (this.#state === 'idle') this.#connect();
    this.#flushSoon();
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({
        collect,
        resolve: resolve as (result: unknown) => void,
        reject,
        writtenMs: 0,
        expired: false,
      });
    });
  }

  /**
   * Takes no more requests, waits for the replies that are due (each has its timeout), then closes. Safe to call
   * twice.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      this.#closeIfDrained();
    }
    return this.#closing.promise;
  }

  #refusal(): FleetError | undefined {
    const { host, port, queueMax } = this.#options;
    if (this.#closing !== undefined) return new FleetError('CLOSED', `the connection to ${host}:${port} was closed`);
    if (!this.available) return this.#lastError ?? this.#connectFailed('is not connected');
    if (this.#pending.size >= queueMax) {
      return new FleetError(
        'QUEUE_FULL',
        `${this.#pending.size} requests wait for ${host}:${port}, at most ${queueMax}`,
      );
    }
    const bytes = this.#writer.size + (this.#socket?.writableLength ?? 0);
    if (bytes > QUEUE_BYTES_MAX) {
      return new FleetError('QUEUE_FULL', `${bytes} bytes wait for ${host}:${port}, at most ${QUEUE_BYTES_MAX}`);
    }
    return undefined;
  }

  #connectFailed(what: string, cause?: unknown): FleetError {
    return new FleetError('CONNECT_FAILED', `${this.#options.host}:${this.#options.port} ${what}`, cause);
  }

  #emptyBuffer(): ReceiveBuffer {
    return new ReceiveBuffer(this.#options.valueBytesMax, () => this.#pending.firstIsWanted);
  }

  #connect(): void {
    const { host, port, path, connectTimeoutMs, clock } = this.#options;
    this.#state = 'connecting';
    this.#received = this.#emptyBuffer();
    this.#answered = false;
    const socket = connect(
      path === undefined
        ? { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS }
        : { path },
    );
    this.#socket = socket;
    let cause: Error | undefined;
    socket.on('error', (error) => (cause = error));
    socket.on('close', () => {
      if (this.#socket === socket) this.#lose(this.#connectFailed(cause?.message ?? 'closed the connection', cause));
    });
    socket.on('connect', () => this.#connected());
    socket.on('data', (chunk) => {
      if (this.#socket === socket) this.#receive(chunk);
    });
    this.#cancelTimer = clock.setTimer(connectTimeoutMs, () => {
      this.#lose(this.#connectFailed(`could not be reached within ${connectTimeoutMs} ms`));
    });
  }

  #connected(): void {
    this.#cancelTimer?.();
    this.#upSinceMs = this.#options.clock.monotonicMs();
    this.#heardMs = this.#upSinceMs;
    if (!this.#suspect) return this.#goUp();
    this.#state = 'probing';
    this.#writer.line('version');
    this.#pending.push({ collect: collectVersion, resolve: ignore, reject: ignore, writtenMs: 0, expired: false });
    this.#flush();
  }

  #goUp(): void {
    this.#state = 'up';
    this.#suspect = false;
    this.#lastError = undefined;
    if (this.#announcedDown) {
      this.#announcedDown = false;
      this.#options.onUp();
    }
    this.#flush();
  }

  #flushSoon(): void {
    if (this.#flushDue || this.#state !== 'up') return;
    this.#flushDue = true;
    // After the caller and the promises that are ready now, so that all their requests leave together.
    process.nextTick(() => {
      this.#flushDue = false;
      if (this.#state === 'up') this.#flush();
    });
  }

  #flush(): void {
    if (this.#writer.size === 0) return this.#closeIfDrained();
    this.#pending.markWritten(this.#options.clock.monotonicMs());
    this.#socket?.write(this.#writer.take());
    this.#checkLater();
  }

  #receive(chunk: Buffer): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    const problem = this.#received.push(chunk, (reply) => this.#settle(reply));
    if (problem !== undefined) this.#lose(this.#protocolError(problem));
    this.#closeIfDrained();
  }

  /** Gives one reply to the request that it belongs to; false if nothing after it may be read. */
  #settle(reply: Reply): boolean {
    if (reply.kind === 'error' && reply.message === TOO_MANY_CONNECTIONS) {
      // Said unasked, so it answers no request; the server closes after it.
      const { host, port } = this.#options;
      this.#lose(new FleetError('NODE_FULL', `${host}:${port} has all the connections that it may have`));
      return false;
    }
    if (this.#pending.size === 0) {
      const text = reply.kind === 'error' ? `${reply.error} ${reply.message}` : reply.kind;
      this.#lose(this.#protocolError(`a reply without a request: ${text}`));
      return false;
    }
    const problem = this.#pending.settleFirst(reply);
    if (problem !== undefined) {
      this.#lose(this.#protocolError(problem));
      return false;
    }
    this.#answered = true;
    this.#failures = 0;
    if (this.#state === 'probing') this.#goUp();
    return true;
  }

  #protocolError(problem: string): FleetError {
    return new FleetError('PROTOCOL', `${this.#options.host}:${this.#options.port}: ${problem}`);
  }

  /** Gives the socket up: fails the requests that wait on it, and schedules the next attempt. */
  #lose(error: FleetError): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#cancelTimer?.();
    socket?.destroy();
    const { clock, random, backoffMaxMs } = this.#options;
    const wasUp = this.#state === 'up';
    const worked = wasUp && !this.#suspect && (this.#answered || clock.monotonicMs() - this.#upSinceMs > backoffMaxMs);
    this.#lastError = error;
    this.#writer = new RequestWriter();
    this.#pending.failAll(error);
    if (this.#closing !== undefined) return this.#closed();
    this.#state = 'waiting';
    if (worked) {
      this.#failures = 0;
      this.#connect();
    } else {
      this.#failures += 1;
      const delayMs = backoffMs(this.#failures, BACKOFF_FIRST_MS, backoffMaxMs, random);
      this.#cancelTimer = clock.setTimer(delayMs, () => this.#connect());
    }
    if (!this.#announcedDown) {
      this.#announcedDown = true;
      this.#options.onDown(error);
    }
  }

  /** One timer for all requests: their deadlines come in their order. */
  #checkLater(): void {
    if (this.#cancelCheck !== undefined || this.#state === 'closed') return;
    const dueMs = this.#pending.nextDueMs(this.#options, this.#heardMs);
    if (dueMs === undefined) return;
    const delayMs = Math.max(1, Math.ceil(dueMs - this.#options.clock.monotonicMs()));
    this.#cancelCheck = this.#options.clock.setTimer(delayMs, () => {
      this.#cancelCheck = undefined;
      this.#check();
    });
  }

  #check(): void {
    const { host, port, clock, commandTimeoutMs, silenceTimeoutMs, lateTimeoutMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const timeout = new FleetError('TIMEOUT', `no answer from ${host}:${port} within ${commandTimeoutMs} ms`);
    this.#pending.expire(nowMs - commandTimeoutMs, timeout);
    const silentSinceMs = this.#pending.silentSinceMs(this.#heardMs);
    if (silentSinceMs !== undefined && nowMs - silentSinceMs >= silenceTimeoutMs) {
      return this.#giveUp(`${host}:${port} has been silent for ${silenceTimeoutMs} ms`);
    }
    if (nowMs - (this.#pending.firstWrittenMs ?? nowMs) >= lateTimeoutMs) {
      return this.#giveUp(`${host}:${port} has not ended an answer within ${lateTimeoutMs} ms`);
    }
    this.#closeIfDrained();
    this.#checkLater();
  }

  #giveUp(why: string): void {
    this.#suspect = true;
    this.#lose(new FleetError('TIMEOUT', why));
  }

  #closeIfDrained(): void {
    if (this.#closing === undefined || this.#state === 'closed') return;
    if (this.#pending.liveCount === 0) this.#closed();
  }

  #closed(): void {
    this.#state = 'closed';
    this.#cancelTimer?.();
    this.#cancelCheck?.();
    const socket = this.#socket;
    this.#socket = undefined;
    // Every request has its reply, so nothing is lost by not waiting for the peer's FIN.
    socket?.destroy();
    this.#closing?.resolve();
  }
}

const collectVersion: Collect<true> = (reply) => (reply.kind === 'version' ? true : UNEXPECTED);

/** The probe's result has no reader: it shows in the link's state. */
function ignore(): void {}
