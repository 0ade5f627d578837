/**
 * The connections of the auto-discovery endpoint: lines in, answers out, and an end for those that do not go on. It owns
 * the sockets; what a line is answered with is the endpoint's.
 *
 * A connection is idle, in the middle of a line, has an answer that it does not take, or is about to end. While an answer
 * waits, no further line is read. When there are as many as may be, the one that has been idle, or in its line, for
 * longest makes room; only while all have answers to take is the new one told so, in memcached's words, and closed.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { ConnectionTable } from '../base/connection-table.ts';
import {
  DISCOVERY_ANSWER_MS,
  DISCOVERY_CONNECTIONS_MAX,
  DISCOVERY_IDLE_MS,
  DISCOVERY_LINE_MS,
  DISCOVERY_LINGER_MS,
  DISCOVERY_REFUSED_MAX,
  DISCOVERY_UNTAKEN_BYTES_MAX,
} from './limits.ts';
import { LineReader, type Answer } from './line-reader.ts';

type Phase = 'idle' | 'line' | 'answer' | 'closing';

/** See the head of this file. */
export class DiscoveryConnections {
  readonly #answer: Answer;
  readonly #max: number;
  readonly #table: ConnectionTable<Socket, Phase>;
  #total = 0;

  constructor(answer: Answer, clock: Clock, connectionsMax = DISCOVERY_CONNECTIONS_MAX) {
    this.#answer = answer;
    this.#max = connectionsMax;
    const limits: Record<Phase, number> = {
      idle: DISCOVERY_IDLE_MS,
      line: DISCOVERY_LINE_MS,
      answer: DISCOVERY_ANSWER_MS,
      closing: DISCOVERY_LINGER_MS,
    };
    this.#table = new ConnectionTable<Socket, Phase>(limits, clock, (socket) => this.#drop(socket));
  }

  /** Open connections. */
  get size(): number {
    return this.#table.size;
  }

  /** Connections that were served, in all. */
  get total(): number {
    return this.#total;
  }

  /** Ends them all. */
  close(): void {
    for (const socket of this.#table.connections()) socket.destroy();
  }

  /** Takes over a new connection. */
  add(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#table.leave(socket));
    if (this.#table.size >= this.#max) {
      const quiet = this.#table.longestIn(['idle', 'line']);
      if (quiet === undefined) return this.#refuse(socket);
      this.#drop(quiet);
    }
    this.#total += 1;
    this.#serve(socket);
  }

  /** Its place is free now; that it has closed is told later. */
  #drop(socket: Socket): void {
    socket.destroy();
    this.#table.leave(socket);
  }

  #refuse(socket: Socket): void {
    if (this.#table.size >= this.#max + DISCOVERY_REFUSED_MAX) socket.destroy();
    else this.#end(socket, 'ERROR Too many open connections\r\n');
  }

  #serve(socket: Socket): void {
    const reader = new LineReader(this.#answer, (answer) => {
      socket.write(answer, () => this.#onTaken(socket, reader));
      return socket.writableLength <= DISCOVERY_UNTAKEN_BYTES_MAX;
    });
    this.#table.enter(socket, 'idle');
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      // A client that asks is not idle, however fast it is answered.
      if (reader.take(chunk) && !socket.writableEnded) this.#table.enter(socket, 'idle');
      this.#goOn(socket, reader);
    });
  }

  /** Once all is taken, since a socket's own `drain` is for more bytes than are let wait here. */
  #onTaken(socket: Socket, reader: LineReader): void {
    if (socket.writableLength > 0 || socket.destroyed) return;
    if (reader.isWaiting) reader.goOn();
    this.#goOn(socket, reader);
  }

  #goOn(socket: Socket, reader: LineReader): void {
    if (!reader.isOpen) return this.#end(socket);
    if (reader.isWaiting) socket.pause();
    else socket.resume();
    this.#tellPhase(socket, reader);
  }

  #tellPhase(socket: Socket, reader: LineReader): void {
    if (socket.destroyed || socket.writableEnded) return;
    if (socket.writableLength > 0) this.#table.stay(socket, 'answer');
    else this.#table.stay(socket, reader.isInLine ? 'line' : 'idle');
  }

  /** Ends our side, and reads what still comes, so that the peer's end is seen; then the socket is cut off. */
  #end(socket: Socket, lastWords = ''): void {
    if (socket.writableEnded || socket.destroyed) return;
    this.#table.enter(socket, 'closing');
    socket.resume();
    socket.end(lastWords);
  }
}
