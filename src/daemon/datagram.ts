/**
 * The requests of one datagram: each is worked on as a connection's are, and its whole answer, which UDP's frames have to
 * know the length of, is put together in one buffer with a bound, used again for the next. Nothing lives longer than a
 * datagram: what it leaves unfinished is dropped.
 */
import { bytesOf } from '../base/bytes.ts';
import { Magic, Status } from '../protocol/binary/opcodes.ts';
import { PacketHead, parsePacketHead } from '../protocol/binary/packet.ts';
import * as replies from '../protocol/text/replies.ts';
import { BinaryAnswers } from './binary/answers.ts';
import { BinarySession } from './binary/session.ts';
import type { ConnectionContext, Conversation, Session } from './connection.ts';
import * as limits from './limits.ts';
import type { ChunkRef } from './storage/layout.ts';
import { TextSession } from './text/session.ts';

const TOO_LARGE = bytesOf('SERVER_ERROR response too large for UDP\r\n');

export class DatagramRequests implements Conversation {
  readonly isDatagram = true;
  lastCommandAt = 0;
  readonly #context: ConnectionContext;
  readonly #answer = new Uint8Array(limits.UDP_ANSWER_BYTES_MAX);
  #length = 0;
  /** The answer is larger than may be. */
  #overflown = false;
  #ended = false;

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  /**
   * Works on what lies from `start` up to and without `end`.
   *
   * @param send takes each answer as soon as it is whole; false = there are to be no more
   */
  run(bytes: Uint8Array, start: number, end: number, send: (answer: Uint8Array) => boolean): void {
    const { output, settings, watch } = this.#context;
    const isBinary = bytes[start] === Magic.REQUEST;
    if (settings.protocol !== 'auto' && isBinary !== (settings.protocol === 'binary')) return;
    watch.connectionId = 0;
    this.#ended = false;
    const session: Session = isBinary ? new BinarySession(this, this.#context) : new TextSession(this, this.#context);
    for (let at = start, used = 1; at < end && used > 0 && !this.#ended; at += used) {
      if (output.room < limits.REPLY_BYTES_MAX) this.flush();
      used = session.step(bytes, at, end);
      this.flush();
      if (this.#overflown) {
        send(this.#tooLarge(isBinary, bytes, at, end));
        break;
      }
      const answer = this.#answer.subarray(0, this.#length);
      this.#length = 0;
      if (answer.length > 0 && !send(answer)) break;
    }
    this.#length = 0;
    this.#overflown = false;
    session.abandon();
  }

  /** What is answered in place of an answer that is too large. */
  #tooLarge(isBinary: boolean, bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (!isBinary) return TOO_LARGE;
    const { engine, output } = this.#context;
    const head = new PacketHead();
    parsePacketHead(bytes, start, end, Magic.REQUEST, head);
    new BinaryAnswers(output, engine.store).error(head, Status.TOO_LARGE);
    return output.take();
  }

  // ---- what the session says (Conversation) ----

  get isSuspended(): boolean {
    return this.#overflown;
  }

  /** What would be too much is seen here, before anything of it is copied. */
  makeRoom(byteLength: number): boolean {
    const { output } = this.#context;
    if (this.#length + output.length + byteLength > this.#answer.length) this.#overflown = true;
    if (byteLength > output.room) this.flush();
    return byteLength > output.room;
  }

  sendRun(ref: ChunkRef, start: number, end: number): void {
    this.flush();
    if (this.#length + end - start > this.#answer.length) this.#overflown = true;
    if (this.#overflown) return;
    this.#context.store.items.copyRun(ref, start, end, this.#answer, this.#length);
    this.#length += end - start;
  }

  flush(): boolean {
    this.#add(this.#context.output.take());
    return !this.#overflown;
  }

  sendLarge(answer: Uint8Array): void {
    this.#add(answer);
  }

  #add(part: Uint8Array): void {
    if (this.#length + part.length > this.#answer.length) this.#overflown = true;
    if (this.#overflown) return;
    this.#answer.set(part, this.#length);
    this.#length += part.length;
  }

  stream(next: () => Uint8Array | undefined): void {
    this.flush();
    for (let piece = next(); piece !== undefined && !this.#overflown; piece = next()) this.#add(piece);
  }

  watch(): void {
    this.refuse();
  }

  refuse(): void {
    this.#context.output.reply(replies.NOT_OVER_UDP);
  }

  /** What is kept of a datagram is gone with it. */
  keep(): void {}

  end(): void {
    this.#ended = true;
  }

  destroy(): void {
    this.#ended = true;
  }
}
