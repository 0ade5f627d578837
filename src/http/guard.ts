/**
 * What stands before every HTTP server of ours: it lets connections in, ends those that do not go on, and bounds what
 * all of them together may have running and hold. Each connection's own bounds are
 * {@link file://./connection.ts HttpConnection}'s.
 *
 * When there are as many connections as may be, the one makes room that has waited longest: of those that are idle or have
 * not sent a whole request, or if there is none, of those that do not take their answers. So whoever sends a request soon
 * gets in, and who does nothing cannot shut others out. Only while all are being answered, or follow, is the new one
 * refused.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ConnectionTable } from '../base/connection-table.ts';
import type { Clock } from '../base/clock.ts';
import { HttpConnection, type ConnectionKeeper, type Phase } from './connection.ts';
import { ANSWER_MS, BODY_MS, FIRST_BYTE_MS, HEAD_MS, IDLE_MS, LINGER_MS } from './limits.ts';
import { refuse, refuseUnreadable } from './unreadable-request.ts';

/** What all connections of a server together may have. */
export interface GuardBounds {
  /** Connections at once. At the bound one that does nothing makes room, or the new one is closed. */
  readonly connectionsMax: number;
  /** Requests that run at once, followers not counted; further ones are answered 503. */
  readonly requestsMax: number;
  /**
   * Bytes that are held for connections: requests that are not whole, what was sent ahead, answers that are not taken;
   * what several of them are sent alike counts once. Above it, who has waited longest is cut off.
   */
  readonly heldBytesMax: number;
  /** Bytes of a request line and headers together; 431 beyond. */
  readonly headBytesMax: number;
}

const PHASES: Readonly<Record<Phase, number>> = {
  opening: FIRST_BYTE_MS,
  head: HEAD_MS,
  body: BODY_MS,
  working: Number.POSITIVE_INFINITY,
  answer: ANSWER_MS,
  idle: IDLE_MS,
  closing: LINGER_MS,
};

/** Who does nothing for us to do: makes room for a new connection. */
const QUIET: readonly Phase[] = ['opening', 'head', 'body', 'idle', 'closing'];

/** Who can hold bytes. */
const HOLDING: readonly Phase[] = ['answer', 'head', 'body', 'closing', 'working', 'idle'];

/** See the head of this file. */
export class HttpGuard implements ConnectionKeeper {
  readonly #bounds: GuardBounds;
  readonly #table: ConnectionTable<HttpConnection, Phase>;
  /** How many connections hold each of these. */
  readonly #holders = new Map<Buffer, number>();
  readonly #running = new Set<ServerResponse>();
  #heldBytes = 0;
  #cutOff = 0;

  constructor(bounds: GuardBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#table = new ConnectionTable<HttpConnection, Phase>(PHASES, clock, (connection, phase) =>
      this.#end(connection, phase),
    );
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#table.size;
  }

  /** Requests that run, followers not counted. */
  get requestCount(): number {
    return this.#running.size;
  }

  /** Bytes held for connections. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Connections that were cut off or refused, in all, because a bound was reached. */
  get cutOffCount(): number {
    return this.#cutOff;
  }

  /** A server of Node's that is guarded; may be called for each address that is listened on. */
  server(handler: RequestListener): Server {
    // Both are answered by us, or a request would be answered before it is counted.
    const options = { maxHeaderSize: this.#bounds.headBytesMax, requireHostHeader: false, keepAliveTimeout: IDLE_MS };
    // Node's own times are looked at twice a minute, and end only part of what has to end.
    const server = createServer({
      ...options,
      requestTimeout: 0,
      headersTimeout: 0,
      connectionsCheckingInterval: 2 ** 30,
    });
    const [serve] = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (this.#makesRoom()) serve?.call(server, new HttpConnection(socket, this));
      else socket.destroy();
    });
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      const run = (): void => this.#run(request, response, handler);
      connectionOf(request)?.begin(request, response, run);
    };
    server.on('request', onRequest);
    server.on('checkExpectation', onRequest);
    return server;
  }

  /** The request goes on for as long as it likes, and is no more counted as one that runs. */
  follow(request: IncomingMessage, response: ServerResponse): void {
    this.#running.delete(response);
    connectionOf(request)?.follow();
  }

  entered(connection: HttpConnection, phase: Phase, anew = false): void {
    if (anew) this.#table.enter(connection, phase);
    else this.#table.stay(connection, phase);
  }

  held(bytes: Buffer): void {
    const holders = this.#holders.get(bytes) ?? 0;
    this.#holders.set(bytes, holders + 1);
    if (holders === 0) this.grew(bytes.length);
  }

  freed(bytes: Buffer): void {
    const holders = this.#holders.get(bytes) ?? 0;
    if (holders > 1) {
      this.#holders.set(bytes, holders - 1);
    } else if (this.#holders.delete(bytes)) {
      this.#heldBytes -= bytes.length;
    }
  }

  grew(byteCount: number): void {
    this.#heldBytes += byteCount;
    while (this.#heldBytes > this.#bounds.heldBytesMax) {
      const holder = this.#table.longestIn(HOLDING, ({ holdsBytes }) => holdsBytes);
      if (holder === undefined) return;
      this.#cutOff += 1;
      holder.destroy();
    }
  }

  left(connection: HttpConnection): void {
    this.#table.leave(connection);
  }

  #makesRoom(): boolean {
    if (this.#table.size < this.#bounds.connectionsMax) return true;
    this.#cutOff += 1;
    const useless = this.#table.longestIn(QUIET) ?? this.#table.longestIn(['answer']);
    useless?.destroy();
    return useless !== undefined;
  }

  #end(connection: HttpConnection, phase: Phase): void {
    // Who has begun a request is told why it is not answered; who has not would take it for an answer to another.
    if ((phase === 'head' || phase === 'body') && connection.writable) {
      refuseUnreadable({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, connection);
      this.#table.enter(connection, 'closing');
    } else {
      connection.destroy();
    }
  }

  #run(request: IncomingMessage, response: ServerResponse, handler: RequestListener): void {
    if (this.#running.size >= this.#bounds.requestsMax) {
      return refuse(response, 503, 'too many requests at once', { 'retry-after': '1' });
    }
    if (request.httpVersion === '1.1' && request.headers.host === undefined) {
      return refuse(response, 400, 'HTTP/1.1 needs a Host header', { connection: 'close' });
    }
    const { expect } = request.headers;
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      return refuse(response, 417, 'no expectation but 100-continue is met');
    }
    this.#running.add(response);
    // When its answer is complete it holds bytes and no more time.
    const ran = (): void => void this.#running.delete(response);
    response.once('prefinish', ran).once('close', ran);
    handler(request, response);
  }
}

/** The connection that a request came by; undefined for one that was injected. */
function connectionOf({ socket }: IncomingMessage): HttpConnection | undefined {
  const connection: unknown = socket;
  return connection instanceof HttpConnection ? connection : undefined;
}
