/**
 * The sending half of one connection: gives its socket what was collected, large answers and lists that are made piece by
 * piece, in order, and keeps what its reader has not taken. Owns that, and what is charged for it.
 *
 *     collected ──► socket ──► taken
 *                     └─ not all ──► kept: a region or bytes, and values that stay in their items ──► drained() ──► socket
 */
import * as limits from './limits.ts';
import { Outgoing } from './outgoing.ts';
import { NO_REGION, type Output, type Region, type Sender } from './output.ts';
import type { Counters } from './counters.ts';
import type { HeldMemory, Holder } from './held-memory.ts';
import type { ChunkRef } from './storage/layout.ts';
import type { Borrower } from './storage/lent-values.ts';
import type { Store } from './storage/store.ts';
import type { Trace } from './trace/trace.ts';
import { Runs } from './transport/runs.ts';
import type { TransportSocket } from './transport/transport.ts';

/** What some connection sends next; only valid until it is sent. */
const outbound = new Runs();
/** Parts of what waits for a reader that one write names. */
const PARTS_PER_WRITE = 64;

/** The connection: who answers for what is held, and stops answering while its reader takes nothing. */
export interface SendingConnection extends Holder {
  readonly socket: TransportSocket;
  /** With `-vv`. */
  readonly trace: Trace | undefined;
  /** Its socket says when it has taken what it was given, by {@link Outbox.drained}; until then nothing is answered. */
  suspend(): void;
  /** As {@link suspend}, but only until the others have had their turn. */
  continueLater(): void;
}

/** What all connections share. */
export interface SendingContext {
  readonly store: Store;
  readonly output: Output;
  readonly counters: Counters;
  readonly held: HeldMemory;
}

export class Outbox implements Sender, Borrower {
  readonly socket: TransportSocket;
  readonly #connection: SendingConnection;
  readonly #context: SendingContext;
  /** The output region that the socket still reads. */
  #region: Region = NO_REGION;
  /** Bytes that the transport holds. */
  #writtenBytes = 0;
  /** What the socket was not given yet. */
  #outgoing: Outgoing | undefined;
  /** Makes the next piece of a list. */
  #nextPiece: (() => Uint8Array | undefined) | undefined;
  #chargedBytes = 0;
  #closed = false;

  constructor(connection: SendingConnection, context: SendingContext) {
    this.socket = connection.socket;
    this.#connection = connection;
    this.#context = context;
  }

  /** Whether the socket was given everything. */
  get isEmpty(): boolean {
    return this.#outgoing === undefined && this.#nextPiece === undefined;
  }

  /** Whether bytes are sent from where they lie. -vv looks at what is collected. */
  get gathers(): boolean {
    return this.socket.sendRuns !== undefined && this.#connection.trace === undefined;
  }

  /** Sends the collected answers; false if the socket did not take them all, and the connection is suspended. */
  flush(): boolean {
    const { output, counters } = this.#context;
    this.#connection.trace?.collected();
    counters.bytesWritten += output.length;
    if (output.flush(this)) return true;
    this.#suspend();
    return false;
  }

  /**
   * Makes room for an answer of so many bytes, by sending what was collected, which may suspend the connection.
   *
   * @returns whether there is none, since it is large: then the item's bytes are to be sent by {@link sendRun}
   */
  makeRoom(byteLength: number): boolean {
    const { output } = this.#context;
    if (byteLength > limits.IN_PLACE_BYTES_MIN && this.gathers) {
      if (output.length + byteLength > output.capacity && !output.isEmpty) this.flush();
      return true;
    }
    if (byteLength <= output.room) return false;
    if (!output.isEmpty) this.flush();
    return byteLength > output.room;
  }

  /** Sends part of an item's run from where it lies, as its reader takes it; may suspend the connection. */
  sendRun(ref: ChunkRef, start: number, end: number): void {
    const { output } = this.#context;
    const { gathers } = this;
    if (gathers && end - start <= limits.IN_PLACE_BYTES_MAX) return output.runInPlace(ref, start, end);
    const sent = !gathers || this.flush();
    this.keepRun(ref, start, end);
    if (sent) this.#sendKept();
  }

  /**
   * Sends an answer from memory of its own, since it does not fit among the collected ones; they were flushed before,
   * and if the socket has not taken them yet this one goes behind them.
   *
   * @param isShared whether the memory is there in any case
   */
  sendLarge(answer: Uint8Array, isShared: boolean): void {
    this.#connection.trace?.sent(answer);
    this.#context.counters.bytesWritten += answer.length;
    if (this.#outgoing !== undefined) this.keepBytes(answer);
    else if (this.socket.write(answer, 0, answer.length)) return;
    else if (!isShared || this.socket.copies === true) this.keepWritten(answer.length);
    this.#suspend();
  }

  /**
   * Sends an answer that is made piece by piece. Nothing else of this connection is read or answered before its end; the
   * other connections have their turns between two pieces.
   *
   * @param isSuspended whether the socket has not taken what was sent before
   */
  stream(next: () => Uint8Array | undefined, isSuspended: boolean): void {
    this.#nextPiece = next;
    if (!isSuspended) this.#connection.continueLater();
  }

  /** The socket has taken what it was given: gives it more. True if there is no more, and answering may go on. */
  drained(): boolean {
    this.#context.output.release(this.#region);
    this.#region = NO_REGION;
    this.#writtenBytes = 0;
    const sent =
      (this.#outgoing === undefined || this.#sendKept()) && (this.#nextPiece === undefined || this.#sendPiece());
    this.#settleCharges();
    return sent;
  }

  /** The connection is gone. */
  close(): void {
    const { output, held } = this.#context;
    this.#closed = true;
    output.release(this.#region);
    this.#region = NO_REGION;
    this.#outgoing?.clear();
    this.#outgoing = this.#nextPiece = undefined;
    held.forget(this.#connection);
    output.fit(held.isTight);
  }

  /**
   * Sends a line of the log; false if the socket did not take it at once.
   *
   * @param laterBytes what may come to wait behind it, which is charged with it
   */
  sendLog(bytes: Uint8Array, laterBytes: number): boolean {
    this.#context.counters.bytesWritten += bytes.length;
    if (this.socket.write(bytes, 0, bytes.length)) return true;
    this.keepWritten(bytes.length + laterBytes);
    this.#settleCharges();
    return false;
  }

  // ---- Sender, Borrower ----

  keepRegion(region: Region): void {
    this.#region = region;
  }

  keepWritten(byteLength: number): void {
    this.#writtenBytes += byteLength;
  }

  keepBytes(bytes: Uint8Array): void {
    if (!this.#closed) (this.#outgoing ??= new Outgoing()).addBytes(bytes);
  }

  keepRun(ref: ChunkRef, start: number, end: number): void {
    if (this.#closed) return;
    const run = this.#context.store.lent.lend(ref, start, end, this);
    (this.#outgoing ??= new Outgoing()).addRun(run);
  }

  answerFor(byteLength: number): void {
    this.#context.held.charge(this.#connection, byteLength);
  }

  acquit(byteLength: number): void {
    this.#context.held.release(this.#connection, byteLength);
  }

  // ---- what was kept ----

  #suspend(): void {
    this.#connection.suspend();
    this.#settleCharges();
  }

  /**
   * Sends what was kept as far as the socket takes it; false if it did not take it all, and the connection is suspended.
   * Where bytes have to be collected, the last ones are left to be sent with what is answered behind them.
   */
  #sendKept(): boolean {
    const outgoing = this.#outgoing;
    if (outgoing === undefined) return true;
    const sent = this.gathers ? this.#sendInPlace(outgoing) : this.#sendByPieces(outgoing);
    if (outgoing.isEmpty && this.#outgoing === outgoing) this.#outgoing = undefined;
    return sent;
  }

  #sendInPlace(outgoing: Outgoing): boolean {
    outgoing.name(outbound, limits.IN_PLACE_BYTES_MAX, PARTS_PER_WRITE);
    const named = outbound.byteLength;
    const sent = this.socket.sendRuns!(outbound);
    outbound.forget();
    outgoing.skip(sent);
    if (outgoing.isEmpty) return true;
    if (sent === named) this.#connection.continueLater();
    else this.#suspend();
    return false;
  }

  #sendByPieces(outgoing: Outgoing): boolean {
    const { output } = this.#context;
    const { trace } = this.#connection;
    for (let left = limits.SENT_PER_TURN_BYTES; left > 0;) {
      const count = outgoing.moveTo(output.bytes, output.position, output.room);
      output.position += count;
      left -= count;
      if (outgoing.isEmpty && output.room >= limits.REPLY_BYTES_MAX && trace === undefined) return true;
      if (!this.flush()) return false;
      if (outgoing.isEmpty) return true;
      trace?.passOver(Math.min(output.room, outgoing.bytesLeft));
    }
    this.#connection.continueLater();
    return false;
  }

  /** Makes and sends the next piece of a list; true if there was none. */
  #sendPiece(): boolean {
    const { output, counters, held } = this.#context;
    // What was left to be sent with what follows stands in front of it.
    if (!output.isEmpty && !this.flush()) return false;
    const piece = this.#nextPiece?.();
    if (piece === undefined) {
      this.#nextPiece = undefined;
      return true;
    }
    counters.bytesWritten += piece.length;
    held.litter(piece.length * limits.TEXT_LITTER);
    if (piece.length === 0 || this.socket.write(piece, 0, piece.length)) {
      this.#connection.continueLater();
    } else {
      this.keepWritten(piece.length);
      this.#suspend();
    }
    return false;
  }

  /** Charges what is held of answers now, instead of what was. */
  #settleCharges(): void {
    const { held, output } = this.#context;
    const before = this.#chargedBytes;
    const bytes = this.#writtenBytes + (this.#outgoing?.copiedBytes ?? 0);
    this.#chargedBytes = bytes;
    if (bytes > before) held.charge(this.#connection, bytes - before);
    else held.release(this.#connection, before - bytes);
    output.fit(held.isTight);
  }
}
