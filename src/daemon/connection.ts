/**
 * One connection: gives what arrives to a session, which knows the protocol, and sends its answers, one write per read.
 * Owns the unfinished rest of a read (`carry`) and whatever its reader has not taken yet.
 *
 *                                  answers not taken
 *     reading ─────────────────────────────────────────────────► suspended: reading stops
 *        ▲────────────── onDrain goes on where it stopped ───────────┘
 *
 * Everything runs on one event loop; nothing here waits.
 */
import { LF } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { nextTurn } from '../base/turns.ts';
import { Magic } from '../protocol/binary/opcodes.ts';
import type { AdminContext } from './admin/context.ts';
import { loginDelayMs, type LoginFailures, type Proof } from './auth/login-failures.ts';
import type { PasswordFile } from './auth/passwords.ts';
import { AuthTextSession } from './auth/text-session.ts';
import { BinarySession } from './binary/session.ts';
import type { ArrivingValue } from './arriving-value.ts';
import type { Engine } from './engine.ts';
import * as limits from './limits.ts';
import type { MetaCommands } from './meta/commands.ts';
import { Outbox, type SendingConnection } from './outbox.ts';
import type { Output } from './output.ts';
import type { ChunkRef } from './storage/layout.ts';
import { TextSession } from './text/session.ts';
import { showExcept } from './trace/shown.ts';
import { Trace } from './trace/trace.ts';
import { Runs } from './transport/runs.ts';
import type { Door, SocketHandler, TransportSocket } from './transport/transport.ts';
import { Watcher } from './watch/watcher.ts';

/** What all connections of a daemon share. */
export interface ConnectionContext extends AdminContext {
  readonly engine: Engine;
  readonly output: Output;
  readonly meta: MetaCommands;
  /** Who may log in by SASL; undefined = nobody needs to. */
  readonly saslPasswords: PasswordFile | undefined;
  /** Who may log in by the text protocol; undefined = nobody needs to. */
  readonly textPasswords: PasswordFile | undefined;
  readonly loginFailures: LoginFailures;
  readonly clock: Clock;
  /** Prints a line on standard error, for `-vv`. */
  say(line: string): void;
  /** The connection has ended. */
  forget(connection: Connection): void;
}

/** What a session needs of whoever it speaks with. */
export interface Conversation {
  /** It is one datagram of UDP: who sent it may have forged the sender, and there is nothing to wait with. */
  readonly isDatagram: boolean;
  /** Second of the last command. */
  lastCommandAt: number;
  /** Whether answers are waiting to be taken, so that no more may be made. */
  readonly isSuspended: boolean;
  /**
   * Makes room for an answer of so many bytes; it may be suspended then. True if there is none, since it is large: then its
   * head is collected, and its value is for {@link sendRun}.
   */
  makeRoom(byteLength: number): boolean;
  /** Sends part of an item's run behind what was collected. */
  sendRun(ref: ChunkRef, start: number, end: number): void;
  /** Sends the collected answers; false if no more may be made for now. */
  flush(): boolean;
  /** Sends an answer that does not fit among the collected ones. @param isShared whether its memory is there in any case */
  sendLarge(answer: Uint8Array, isShared?: boolean): void;
  /** Sends an answer that is made piece by piece. */
  stream(next: () => Uint8Array | undefined): void;
  /** From now on tells of events. */
  watch(mask: number): void;
  /** Tells of a failed proof, in its time; the session is done with the request. @param answer adds it to the output */
  refuse(proof: Proof, answer: () => void): void;
  /** Notes that so many bytes more are kept of what it has sent, or fewer. */
  keep(bytes: number): void;
  /** Ends it after what was answered has been sent. */
  end(): void;
  /** Ends it at once. */
  destroy(): void;
}

/** A connection's protocol, with what it has to remember between two reads. */
export interface Session {
  /**
   * Works on the bytes from `start` up to and without `end`, of one request or a part of it. There is room for
   * REPLY_BYTES_MAX in the output; more it makes itself.
   *
   * @returns how many bytes it used, 0 if it needs more of them
   */
  step(bytes: Uint8Array, start: number, end: number): number;
  /** The connection is gone: gives back what was unfinished. */
  abandon(): void;
  /** What it is doing, in memcached's words. */
  readonly stateName: string;
  /** The value that is arriving, if one is: its bytes need not go through {@link step}. */
  readonly arriving?: ArrivingValue | undefined;
  /** Whether it can do nothing before a line feed comes. */
  readonly awaitsLine?: boolean;
  /** Whether what comes next may be a name and a password, well formed or not: nobody may print it. */
  readonly mayHoldLogin?: boolean;
}

const EMPTY = new Uint8Array(0);

/** Where the next bytes of some connection belong; only valid until they are read. */
const places = new Runs();

export class Connection implements SocketHandler, SendingConnection, Conversation {
  readonly isDatagram = false;
  /** Number of the connection, for `stats conns` and -vv. */
  readonly id: number;
  readonly socket: TransportSocket;
  /** Second of the last command. */
  lastCommandAt: number;
  /** Second since which answers have not been taken; 0 = they are. */
  stalledSince = 0;
  /** Second since which a line, or another beginning of a request, is unfinished; 0 = none is. */
  unfinishedSince = 0;
  /** Second since which it is not read, since all connections together hold too much; 0 = it is read. */
  starvedSince = 0;
  /** Second of the last bytes. */
  lastDataAt: number;
  /** Bytes have come since this was last set to false. */
  sawData = true;
  heldBytes = 0;
  /** Why it ends, for who watches: memcached's `normal`, `error`, `idle_timeout` or `shutdown`, or one of ours (docs/compatibility.md). */
  closeReason = 'normal';
  readonly #context: ConnectionContext;
  readonly #door: Door;
  #watcher: Watcher | undefined;
  #session: Session | undefined;
  readonly #outbox: Outbox;
  /** With `-vv`. */
  trace: Trace | undefined;
  #open = true;
  #closed = false;
  /** It ends when what was answered has been sent. */
  #ending = false;
  /** No more answers may be written and nothing more read until the socket drains. */
  #suspended = false;
  /** It is suspended, but only until the others have had their turn, or until its time has come. */
  #yielding = false;
  /** Logins and the like that failed. */
  #failures = 0;
  /** Adds the answer that is held back, and gives the wait up. */
  #heldBack: { answer: () => void; cancel: () => void } | undefined;
  /** What is charged for what was read and not worked on. */
  #chargedForCarry = 0;
  #carry: Uint8Array = EMPTY;
  /** While a long line is collected: the memory that `#carry` is the beginning of. */
  #line: Uint8Array = EMPTY;

  constructor(id: number, socket: TransportSocket, context: ConnectionContext, door: Door = {}) {
    this.id = id;
    this.#door = door;
    this.socket = socket;
    this.#context = context;
    this.#outbox = new Outbox(this, context);
    this.lastCommandAt = this.lastDataAt = context.time.now;
  }

  /** Of the node's own sidecar. */
  get isPrivate(): boolean {
    return this.#door.isPrivate === true;
  }

  /** What it is doing, in memcached's words. */
  get stateName(): string {
    if (this.#suspended) return 'conn_mwrite';
    return this.#session?.stateName ?? 'conn_new_cmd';
  }

  get isSuspended(): boolean {
    return this.#suspended;
  }

  /** Whether there is something that a daemon which stops should wait for. */
  get isBusy(): boolean {
    return this.sawData || (this.#suspended && this.#heldBack === undefined);
  }

  keep(bytes: number): void {
    const { held } = this.#context;
    if (bytes > 0) held.charge(this, bytes);
    else held.release(this, -bytes);
  }

  /** Bytes of the value it is sending that have come; 0 if it sends none. */
  get valueBytesHere(): number {
    return this.#session?.arriving?.bytesHere ?? 0;
  }

  /** False once the daemon is done with it, though its last answers may still be on their way. */
  get isOpen(): boolean {
    return this.#open;
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#open) return;
    this.#noteData(end - start);
    const carry = this.#carry;
    if (carry.length === 0 && !this.#suspended) {
      this.#run(bytes, start, end);
    } else if (carry.length > limits.LINE_BYTES_MAX && !this.#suspended && this.#session?.awaitsLine === true) {
      this.#collectLine(bytes, start, end);
    } else if (this.#suspended || carry.length > limits.CARRY_BYTES) {
      this.#carry = Buffer.concat([carry, bytes.subarray(start, end)]);
      if (this.#suspended) this.#chargeForCarry(this.#carry.length);
      else this.#run(this.#carry, 0, this.#carry.length);
    } else {
      // The read buffer has room in front of it for what was left of the read before.
      bytes.set(carry, start - carry.length);
      this.#carry = EMPTY;
      this.#run(bytes, start - carry.length, end);
    }
  }

  #noteData(byteLength: number): void {
    this.sawData = true;
    this.lastDataAt = this.#context.time.now;
    this.#context.engine.counters.bytesRead += byteLength;
  }

  places(): Runs | undefined {
    const value = this.#session?.arriving;
    if (value === undefined || value.bytesLeft < limits.PLACED_BYTES_MIN) return undefined;
    // -vv looks at what comes.
    if (!this.#open || this.#suspended || this.trace !== undefined) return undefined;
    const here = Math.min(this.socket.available?.() ?? 0, value.bytesLeft, limits.PLACED_BYTES_MAX);
    places.clear();
    return here > 0 && value.namePlaces(places, here) ? places : undefined;
  }

  onPlaced(count: number): void {
    this.#noteData(count);
    this.#context.watch.connectionId = this.id;
    this.#session?.arriving?.placed(count);
    if (!this.#context.output.isEmpty) this.flush();
  }

  /**
   * Keeps a part of a long line until its end comes. A line that comes byte by byte must not be copied and gone over with
   * each of them: a megabyte of it would take hours.
   */
  #collectLine(bytes: Uint8Array, start: number, end: number): void {
    const carried = this.#carry.length;
    const length = carried + end - start;
    if (length > this.#line.length) {
      const line = new Uint8Array(Math.min(2 * length, limits.RETRIEVAL_LINE_BYTES_MAX + limits.READ_BYTES));
      line.set(this.#carry);
      this.#line = line;
      this.#chargeForCarry(line.length);
    }
    this.#line.set(bytes.subarray(start, end), carried);
    this.#carry = this.#line.subarray(0, length);
    if (length <= limits.RETRIEVAL_LINE_BYTES_MAX && !this.#line.subarray(carried, length).includes(LF)) return;
    const whole = this.#carry;
    this.#carry = this.#line = EMPTY;
    this.#run(whole, 0, whole.length);
  }

  onDrain(): void {
    if (this.#watcher !== undefined) {
      this.#outbox.drained();
      return this.#watcher.drained();
    }
    this.stalledSince = 0;
    if (this.#suspended && !this.#yielding) this.#goOn();
  }

  /** The socket has taken what it was given. */
  #goOn(): void {
    this.#suspended = false;
    this.stalledSince = 0;
    if (!this.#outbox.drained()) return;
    if (!this.#ending) this.#heldBack?.answer();
    this.#heldBack = undefined;
    if (this.#ending) return this.#finish();
    const rest = this.#carry;
    this.#carry = EMPTY;
    this.#run(rest, 0, rest.length);
    if (!this.#suspended && this.starvedSince === 0 && this.#open) this.socket.resume();
  }

  onClose(): void {
    this.#open = false;
    this.#closed = true;
    this.#heldBack?.cancel();
    this.#carry = this.#line = EMPTY;
    this.#session?.abandon();
    if (this.#watcher !== undefined) this.#context.watch.remove(this.#watcher);
    this.#outbox.close();
    this.#context.forget(this);
  }

  /** Ends the connection after what was answered has been sent. */
  end(): void {
    this.#open = false;
    this.#ending = true;
    if (this.#outbox.isEmpty) this.socket.end();
  }

  #finish(): void {
    if (!this.#context.output.isEmpty) this.flush();
    if (this.#outbox.isEmpty) this.socket.end();
  }

  /**
   * Ends the connection at once.
   *
   * @param reason for who watches
   */
  destroy(reason = 'error'): void {
    this.#open = false;
    this.closeReason = reason;
    this.socket.destroy();
  }

  // ---- what it holds (Holder) ----

  pauseReading(): void {
    this.starvedSince = this.#context.time.now;
    this.socket.pause();
  }

  resumeReading(): void {
    this.starvedSince = 0;
    if (!this.#suspended && this.#open) this.socket.resume();
  }

  cutOff(): void {
    if (this.#context.settings.verbosity > 1) this.#context.say(`<${this.id} cut off: it held too much memory`);
    this.destroy('memory_limit');
  }

  // ---- one read ----

  #run(bytes: Uint8Array, start: number, end: number): void {
    const { output } = this.#context;
    const session = (this.#session ??= this.#greet(bytes[start]));
    this.#context.watch.connectionId = this.id;
    const trace = this.#context.settings.verbosity > 1 ? (this.trace ??= this.#startTrace(session)) : undefined;
    let at = start;
    let turns = this.#context.settings.reqsPerEvent;
    while (at < end && this.#open) {
      if (output.room < limits.REPLY_BYTES_MAX && !this.flush()) break;
      const used = trace === undefined ? session.step(bytes, at, end) : trace.step(session, bytes, at, end);
      at += used;
      if (output.holdsItems && !this.flush()) break;
      if (used === 0 || this.#suspended || --turns === 0) break;
    }
    if (!this.#suspended && !output.isEmpty) this.flush();
    if (at < end && this.#open) {
      // The scratch area belongs to all; what is carried already is our own, and worth keeping while it is mostly that.
      const isOwn = bytes !== output.bytes && 2 * (end - at) > bytes.length;
      this.#carry = isOwn ? bytes.subarray(at, end) : bytes.slice(at, end);
      if (at > start || this.unfinishedSince === 0) this.unfinishedSince = this.#context.time.now;
      if (turns === 0 && !this.#suspended) this.#yield();
    } else {
      this.#carry = EMPTY;
      this.unfinishedSince = 0;
    }
    if (this.#carry.length !== this.#chargedForCarry) this.#chargeForCarry(this.#carry.length);
  }

  #chargeForCarry(byteLength: number): void {
    const more = byteLength - this.#chargedForCarry;
    this.#chargedForCarry = byteLength;
    if (more > 0) this.#context.held.charge(this, more);
    else this.#context.held.release(this, -more);
  }

  #startTrace(session: Session): Trace {
    const { output, settings } = this.#context;
    const show = showExcept(settings.configToken);
    return new Trace(this.id, session instanceof BinarySession, output, show, (line) => this.#context.say(line));
  }

  /** Lets the other connections have their turn before the rest of what this one has sent is answered (`-R`). */
  #yield(): void {
    this.#context.engine.counters.connectionYields++;
    this.continueLater();
  }

  #resumeAfterYield(): void {
    this.#yielding = false;
    if (!this.#closed && this.stalledSince === 0) this.#goOn();
  }

  /**
   * Tells of a failed login the later the more there were. Until then nothing more of this connection is read or answered;
   * the others are.
   */
  refuse(proof: Proof, answer: () => void): void {
    const { clock, loginFailures, output } = this.#context;
    loginFailures.note(this.socket.peer, proof);
    // If these are not taken at once, it goes on when they are and the time has come.
    if (!output.isEmpty) this.flush();
    this.#suspended = this.#yielding = true;
    this.socket.pause();
    const cancel = clock.setTimer(loginDelayMs(++this.#failures), () => this.#resumeAfterYield());
    this.#heldBack = { answer, cancel };
  }

  /** The session for a connection that begins with this byte. */
  #greet(first: number | undefined): Session {
    const { settings, textPasswords } = this.#context;
    const { protocol = settings.protocol, isPrivate } = this.#door;
    const isBinary = protocol === 'binary' || (protocol === 'auto' && first === Magic.REQUEST);
    if (protocol === 'auto' && settings.verbosity > 1) {
      this.#context.say(`${this.id}: Client using the ${isBinary ? 'binary' : 'ascii'} protocol`);
    }
    if (isBinary) return new BinarySession(this, this.#context);
    const session = new TextSession(this, this.#context);
    if (textPasswords === undefined || isPrivate === true) return session;
    return new AuthTextSession(this, this.#context, textPasswords, session);
  }

  // ---- what it answers ----

  flush(): boolean {
    return this.#outbox.flush();
  }

  makeRoom(byteLength: number): boolean {
    return this.#outbox.makeRoom(byteLength);
  }

  sendRun(ref: ChunkRef, start: number, end: number): void {
    this.#outbox.sendRun(ref, start, end);
  }

  sendLarge(answer: Uint8Array, isShared = false): void {
    this.#outbox.sendLarge(answer, isShared);
  }

  stream(next: () => Uint8Array | undefined): void {
    this.#outbox.stream(next, this.#suspended);
  }

  suspend(): void {
    this.#suspended = true;
    this.stalledSince = this.#context.time.now;
    this.socket.pause();
  }

  continueLater(): void {
    this.#suspended = this.#yielding = true;
    this.socket.pause();
    nextTurn(() => this.#resumeAfterYield());
  }

  /** Makes this connection a watcher; what it sends from now on is not looked at. */
  watch(mask: number): void {
    const { watch, settings } = this.#context;
    const { watcherLogbufSize } = settings.extended;
    this.#watcher = new Watcher(mask, watcherLogbufSize, (bytes) =>
      this.#open ? this.#outbox.sendLog(bytes, watcherLogbufSize) : false,
    );
    watch.add(this.#watcher);
    this.#watcher.log('OK\r\n');
  }
}
