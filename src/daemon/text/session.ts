/**
 * The classic text protocol of one connection: cuts bytes into requests, has the engine carry them out, and collects
 * the answers. Owns where in a request the connection is, and the item whose value is arriving.
 *
 *              ┌──────── line complete ────────┐
 *     LINE ────┼─► storage ─► VALUE ──► LINE    │
 *              ├─► refused ─► SWALLOW ─► LINE   │
 *              └─► get ─► RETRIEVE ─► LINE ─────┘
 */
import { CR, SPACE } from '../../base/bytes.ts';
import { KEY_BYTES_MAX } from '../../base/memcached.ts';
import { isMetaLine } from '../../protocol/text/meta-parser.ts';
import * as replies from '../../protocol/text/replies.ts';
import { parseRequest } from '../../protocol/text/request-parser.ts';
import { Command, LENGTH_UNREADABLE, Parse, TextRequest } from '../../protocol/text/request.ts';
import { adminCommand } from '../admin/commands.ts';
import type { ExpectedBody } from '../admin/context.ts';
import { isReservedKey } from '../cluster-config.ts';
import { ArrivingValue } from '../arriving-value.ts';
import type { ConnectionContext, Conversation, Session } from '../connection.ts';
import { Mode, Outcome } from '../engine.ts';
import * as limits from '../limits.ts';
import { MetaSession } from '../meta/session.ts';
import { storageRefusal } from '../refusals.ts';
import type { Streamed } from '../stats/rows.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';
import { findNewline, isHttp, lineEnd, longestWord } from './lines.ts';

const State = { LINE: 0, VALUE: 1, SWALLOW: 2, RETRIEVE: 3, BODY: 4, META: 5, WATCH: 6 } as const;
type State = (typeof State)[keyof typeof State];

const EMPTY = new Uint8Array(0);

/** The line that is being worked on; only valid within one step. */
const request = new TextRequest();

const GET_WORD = [0x67, 0x65, 0x74];
/** A shorter line, with its line end, is no command (proto_parser.c, process_request). */
const LINE_BYTES_MIN = 4;
/** Spaces that may stand before a long retrieval line (memcached.c, try_read_command_ascii). */
const LEADING_SPACES_MAX = 100;

export class TextSession implements Session {
  readonly #connection: Conversation;
  readonly #context: ConnectionContext;
  #state: State = State.LINE;
  // VALUE and SWALLOW
  #mode: Mode = Mode.SET;
  readonly arriving: ArrivingValue;
  #bytesLeft = 0;
  #casLow = 0;
  #casHigh = 0;
  #noreply = false;
  // RETRIEVE
  #command: Command = Command.GET;
  #exptime = 0;
  // BODY
  #body: Uint8Array = EMPTY;
  #onBody: ExpectedBody['onBody'] = () => EMPTY;
  // META
  #meta: MetaSession | undefined;

  constructor(connection: Conversation, context: ConnectionContext) {
    this.#connection = connection;
    this.#context = context;
    this.arriving = new ArrivingValue(context.engine, connection, (item) => this.#valueComplete(item));
  }

  get stateName(): string {
    if (this.#state === State.VALUE || this.#state === State.BODY || this.#state === State.META) return 'conn_nread';
    if (this.#state === State.WATCH) return 'conn_watch';
    return this.#state === State.SWALLOW ? 'conn_swallow' : 'conn_read';
  }

  get awaitsLine(): boolean {
    return this.#state === State.LINE;
  }

  abandon(): void {
    this.arriving.abandon();
  }

  step(bytes: Uint8Array, start: number, end: number): number {
    switch (this.#state) {
      case State.LINE:
        return this.#line(bytes, start, end);
      case State.VALUE:
        return this.arriving.take(bytes, start, end);
      case State.SWALLOW:
        return this.#swallow(end - start);
      case State.RETRIEVE: {
        const newline = findNewline(bytes, start, end);
        const stop = newline > start && bytes[newline - 1] === CR ? newline - 1 : newline;
        const used = this.#retrieve(bytes, start, stop);
        return used < 0 ? newline + 1 - start : used;
      }
      case State.WATCH:
        return end - start;
      case State.META:
        return this.#metaValue(bytes, start, end);
      default:
        return this.#collectBody(bytes, start, end);
    }
  }

  // ---- lines ----

  #line(bytes: Uint8Array, start: number, end: number): number {
    const newline = findNewline(bytes, start, end);
    if (newline === end) {
      if (end - start > limits.LINE_BYTES_MAX) this.#judgeLongLine(bytes, start, end);
      return 0;
    }
    const stop = lineEnd(bytes, start, newline);
    const used = newline + 1 - start;
    this.#connection.lastCommandAt = this.#context.time.now;
    if (used < LINE_BYTES_MIN) {
      this.#context.output.reply(replies.BAD_FORMAT);
      return used;
    }
    if (isMetaLine(bytes, start, stop)) return this.#metaLine(bytes, start, stop, end, used);
    const verdict = parseRequest(bytes, start, stop, request);
    if (verdict !== Parse.OK) {
      if (verdict === Parse.ERROR && isHttp(request, bytes)) {
        if (!this.#context.output.isEmpty) this.#connection.flush();
        this.#connection.destroy();
      } else {
        this.#refuse(verdict);
      }
      return used;
    }
    return this.#execute(bytes, start, end, used);
  }

  /** A line of the meta protocol; its data block, if it did not come with it, makes the state META. */
  #metaLine(bytes: Uint8Array, start: number, stop: number, end: number, used: number): number {
    const meta = (this.#meta ??= new MetaSession(this.#connection, this.#context, this.arriving));
    this.#state = State.META;
    const all = meta.line(bytes, start, stop, start + used, end);
    if (!meta.awaitsData) this.#state = State.LINE;
    return all;
  }

  #metaValue(bytes: Uint8Array, start: number, end: number): number {
    const used = this.#meta!.data(bytes, start, end);
    if (!this.#meta!.awaitsData) this.#state = State.LINE;
    return used;
  }

  #judgeLongLine(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && bytes[at] === SPACE) at++;
    const isGet =
      at - start <= LEADING_SPACES_MAX &&
      GET_WORD.every((letter, i) => bytes[at + i] === letter) &&
      (bytes[at + 3] === SPACE || (bytes[at + 3] === 0x73 && bytes[at + 4] === SPACE));
    if (!isGet || end - start > limits.RETRIEVAL_LINE_BYTES_MAX) {
      this.#connection.destroy();
    }
  }

  /**
   * Answers a line that is wrong. What belongs to a storage command is never run as commands: the value is skipped, and
   * where its length cannot be read the connection is closed, since nobody knows where the next command begins.
   */
  #refuse(verdict: Parse): void {
    this.#reply(this.#refusal(verdict));
    if (request.valueBytes >= 0) this.#skipValue();
    else if (request.valueBytes === LENGTH_UNREADABLE) this.#quit();
  }

  #refusal(verdict: Parse): Uint8Array {
    switch (verdict) {
      case Parse.BAD_FORMAT:
        return replies.BAD_FORMAT;
      case Parse.BAD_EXPTIME:
        return request.command === Command.FLUSH_ALL ? this.#refusedFlush() : replies.BAD_EXPTIME;
      case Parse.BAD_DELTA:
        return replies.BAD_DELTA;
      default:
        return replies.ERROR;
    }
  }

  /** Answers, unless the client asked not to. */
  #reply(constant: Uint8Array): void {
    if (!request.noreply) this.#context.output.reply(constant);
  }

  /** Carries out the parsed request; returns the bytes used, `used` of which are its line. */
  #execute(bytes: Uint8Array, start: number, end: number, used: number): number {
    const { engine } = this.#context;
    switch (request.command) {
      case Command.GET:
      case Command.GETS:
      case Command.GAT:
      case Command.GATS:
        return this.#startRetrieval(bytes, start, used);
      case Command.SET:
        return this.#store(Mode.SET, bytes, start, end, used);
      case Command.ADD:
        return this.#store(Mode.ADD, bytes, start, end, used);
      case Command.REPLACE:
        return this.#store(Mode.REPLACE, bytes, start, end, used);
      case Command.APPEND:
        return this.#store(Mode.APPEND, bytes, start, end, used);
      case Command.PREPEND:
        return this.#store(Mode.PREPEND, bytes, start, end, used);
      case Command.CAS:
        return this.#store(Mode.CAS, bytes, start, end, used);
      case Command.INCR:
      case Command.DECR:
        this.#arithmetic(bytes);
        return used;
      case Command.TOUCH: {
        const outcome = engine.touch(bytes, request.keyStart, request.keyEnd, request.exptime);
        this.#reply(outcome === Outcome.DONE ? replies.TOUCHED : replies.NOT_FOUND);
        return used;
      }
      case Command.DELETE: {
        const { prefixes } = this.#context;
        if (prefixes.enabled) prefixes.countDelete(bytes, request.keyStart, request.keyEnd);
        const outcome = engine.delete(bytes, request.keyStart, request.keyEnd);
        this.#reply(outcome === Outcome.DONE ? replies.DELETED : replies.NOT_FOUND);
        return used;
      }
      case Command.FLUSH_ALL:
        this.#flushAll();
        return used;
      case Command.QUIT:
        this.#quit();
        return used;
      default:
        this.#administer(bytes);
        return used;
    }
  }

  #flushAll(): void {
    const { engine, settings } = this.#context;
    if (!settings.flushEnabled) return this.#reply(this.#refusedFlush());
    engine.flushAll(request.exptime);
    this.#reply(replies.OK);
  }

  /** It counts as a flush; whether it is allowed at all is looked at before its delay (process_flush_all_command). */
  #refusedFlush(): Uint8Array {
    const { engine, settings } = this.#context;
    engine.counters.flushCommands++;
    return settings.flushEnabled ? replies.BAD_EXPTIME : replies.FLUSH_DISABLED;
  }

  #quit(): void {
    if (!this.#context.output.isEmpty) this.#connection.flush();
    this.#connection.end();
  }

  #arithmetic(bytes: Uint8Array): void {
    const { engine, output } = this.#context;
    const delta = request.numberExact
      ? request.number
      : (BigInt(request.high >>> 0) << 32n) | BigInt(request.low >>> 0);
    const increase = request.command === Command.INCR;
    const outcome = engine.arithmetic(increase, bytes, request.keyStart, request.keyEnd, delta);
    if (outcome === Outcome.DONE) {
      if (!request.noreply) output.number(engine.arithmeticResult);
    } else if (outcome === Outcome.NOT_FOUND) {
      this.#reply(replies.NOT_FOUND);
    } else {
      this.#reply(outcome === Outcome.NO_MEMORY ? replies.INCR_OUT_OF_MEMORY : replies.NOT_A_NUMBER);
    }
  }

  /** version, verbosity, stats, config, shutdown: commands that make text, out of the hot path. */
  #administer(bytes: Uint8Array): void {
    const answer = adminCommand(request, bytes, this.#context, {
      hasUnsent: !this.#context.output.isEmpty,
      isDatagram: this.#connection.isDatagram,
    });
    if (typeof answer === 'object' && 'refusal' in answer) {
      const { output } = this.#context;
      const { refusal } = answer;
      this.#bytesLeft = answer.bodyBytes;
      this.#state = State.SWALLOW;
      if (answer.wrongToken) return this.#connection.refuse('config set', () => output.reply(refusal));
      return output.reply(refusal);
    }
    if (typeof answer === 'object' && 'next' in answer) return this.#stream(answer);
    if (typeof answer === 'object' && 'mask' in answer) {
      this.#state = State.WATCH;
      return this.#connection.watch(answer.mask);
    }
    if (typeof answer === 'object' && 'bodyBytes' in answer) {
      this.#body = new Uint8Array(answer.bodyBytes);
      this.#bytesLeft = answer.bodyBytes;
      this.#onBody = answer.onBody;
      this.#state = State.BODY;
      return;
    }
    if (request.noreply || answer.length === 0) return;
    const isShared = typeof answer !== 'string';
    this.#send(isShared ? answer : Buffer.from(answer, 'latin1'), isShared);
  }

  /** Sends an answer of any length behind those that were collected. */
  #send(answer: Uint8Array, isShared: boolean): void {
    const { output, held } = this.#context;
    if (!isShared) held.litter(answer.length * limits.TEXT_LITTER);
    if (answer.length + limits.REPLY_BYTES_MAX <= output.room) return output.reply(answer);
    if (!output.isEmpty) this.#connection.flush();
    // Not collected even if it fits now: after a flush that was not taken the output belongs to other connections.
    this.#connection.sendLarge(answer, isShared);
  }

  /** Sends an answer that is made in pieces; one of a single piece as any other. */
  #stream(list: Streamed): void {
    let first = list.next();
    if (first !== undefined && list.ended) return this.#send(first, false);
    if (!this.#context.output.isEmpty) this.#connection.flush();
    this.#connection.stream(() => {
      const piece = first ?? list.next();
      first = undefined;
      return piece;
    });
  }

  // ---- retrieval ----

  #startRetrieval(bytes: Uint8Array, start: number, used: number): number {
    this.#command = request.command;
    this.#exptime = request.exptime;
    if (longestWord(bytes, request.keyStart, request.lineEnd) > KEY_BYTES_MAX) {
      this.#readUpToLongKey(bytes, request.keyStart, request.lineEnd);
      this.#context.output.reply(replies.BAD_FORMAT);
      return used;
    }
    const keysStart = request.keyStart;
    const partly = this.#retrieve(bytes, keysStart, request.lineEnd);
    if (partly < 0) return used;
    this.#state = State.RETRIEVE;
    return keysStart - start + partly;
  }

  /** The keys before one that is too long count as read and are touched, though the answer is only an error. */
  #readUpToLongKey(bytes: Uint8Array, start: number, end: number): void {
    const { engine } = this.#context;
    const touches = this.#command === Command.GAT || this.#command === Command.GATS;
    for (let at = start, keyStart = start; ; keyStart = ++at) {
      while (at < end && bytes[at] !== SPACE) at++;
      if (at - keyStart > KEY_BYTES_MAX) return;
      if (at === keyStart) continue;
      const ref = engine.find(bytes, keyStart, at);
      if (ref === NONE) {
        if (touches) engine.countTouchMiss();
        else engine.countMiss();
        continue;
      }
      if (touches) engine.touchFound(ref, this.#exptime);
      else engine.countHit(ref);
    }
  }

  /**
   * Answers the keys from `start` on.
   *
   * @returns -1 if all were answered, and END with them; else the connection was suspended, and this is how far it got
   */
  #retrieve(bytes: Uint8Array, start: number, end: number): number {
    const { engine, output, prefixes } = this.#context;
    const withCas = this.#command === Command.GETS || this.#command === Command.GATS;
    const touches = this.#command === Command.GAT || this.#command === Command.GATS;
    let at = start;
    for (;;) {
      while (at < end && bytes[at] === SPACE) at++;
      const keyStart = at;
      while (at < end && bytes[at] !== SPACE) at++;
      if (at === keyStart) break;
      const ref = engine.find(bytes, keyStart, at);
      if (prefixes.enabled) prefixes.countGet(bytes, keyStart, at, ref !== NONE);
      if (ref === NONE) {
        if (isReservedKey(bytes, keyStart, at)) {
          this.#send(this.#context.clusterConfig.legacyValue, true);
          if (this.#connection.isSuspended) return at - start;
          continue;
        }
        if (touches) engine.countTouchMiss();
        else engine.countMiss();
        continue;
      }
      const isLarge = this.#connection.makeRoom(output.valueRoom(ref));
      if (this.#connection.isSuspended) return keyStart - start;
      if (touches) engine.touchFound(ref, this.#exptime);
      if (isLarge) this.#connection.sendRun(ref, output.valueHead(ref, withCas), engine.store.items.runBytes(ref));
      else if (withCas) output.valueWithCas(ref);
      else output.value(ref);
      if (!touches) engine.countHit(ref);
      if (this.#connection.isSuspended) return at - start;
    }
    if (output.room < limits.REPLY_BYTES_MAX && !this.#connection.flush()) return at - start;
    output.reply(replies.END);
    this.#state = State.LINE;
    return -1;
  }

  // ---- storage ----

  #store(mode: Mode, bytes: Uint8Array, start: number, end: number, used: number): number {
    const { engine } = this.#context;
    const { valueBytes, keyStart, keyEnd, flags, exptime } = request;
    if (this.#context.prefixes.enabled) this.#context.prefixes.countSet(bytes, keyStart, keyEnd);
    const length = valueBytes + 2;
    const here = end - start - used;
    if (!this.arriving.expect(mode, bytes, keyStart, keyEnd, flags, exptime, valueBytes, length, here)) {
      return this.#refuseValue(storageRefusal(engine.failure), used);
    }
    this.#mode = mode;
    this.#noreply = request.noreply;
    this.#casLow = request.low;
    this.#casHigh = request.high;
    this.#state = State.VALUE;
    return used + this.arriving.take(bytes, start + used, end);
  }

  /** Answers a storage command whose value is not wanted, and skips the value. */
  #refuseValue(why: Uint8Array, used: number): number {
    this.#reply(why);
    this.#skipValue();
    return used;
  }

  #skipValue(): void {
    this.#state = State.SWALLOW;
    this.#bytesLeft = request.valueBytes + 2;
  }

  #valueComplete(item: ChunkRef): void {
    const { engine, output } = this.#context;
    const isMeta = this.#state === State.META;
    this.#state = State.LINE;
    if (isMeta) return this.#meta!.complete(item);
    let answer = replies.BAD_DATA_CHUNK;
    if (item === NONE) {
      answer = replies.OUT_OF_MEMORY;
    } else if (engine.store.items.endsLine(item)) {
      answer = storageReply(engine.commit(this.#mode, item, this.#casLow, this.#casHigh));
    } else {
      engine.reject(item);
    }
    if (!this.#noreply) output.reply(answer);
  }

  #swallow(available: number): number {
    const count = Math.min(available, this.#bytesLeft);
    this.#bytesLeft -= count;
    if (this.#bytesLeft === 0) this.#state = State.LINE;
    return count;
  }

  #collectBody(bytes: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.#bytesLeft);
    this.#body.set(bytes.subarray(start, start + count), this.#body.length - this.#bytesLeft);
    this.#bytesLeft -= count;
    if (this.#bytesLeft > 0) return count;
    this.#state = State.LINE;
    this.#context.output.reply(this.#onBody(this.#body));
    this.#body = EMPTY;
    return count;
  }
}

function storageReply(outcome: Outcome): Uint8Array {
  switch (outcome) {
    case Outcome.STORED:
      return replies.STORED;
    case Outcome.NOT_STORED:
      return replies.NOT_STORED;
    case Outcome.EXISTS:
      return replies.EXISTS;
    case Outcome.NOT_FOUND:
      return replies.NOT_FOUND;
    default:
      return replies.OUT_OF_MEMORY;
  }
}
