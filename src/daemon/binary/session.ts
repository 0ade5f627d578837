/**
 * The binary protocol of one connection: cuts bytes into packets, has the engine carry them out, and collects the
 * answers. Owns where in a packet the connection is, and the item whose value is arriving. What is answered, in which
 * order things are checked and which mistakes close the connection is memcached 1.6.45's (proto_bin.c).
 *
 *              ┌────────── header, extras and key complete ───────────┐
 *     HEAD ────┼─► storage ─► VALUE ──► HEAD                           │
 *              ├─► refused, unknown ─► SWALLOW ─► HEAD                 │
 *              ├─► login ─► CREDENTIALS ─► HEAD                        │
 *              └─► answered ─► HEAD ───────────────────────────────────┘
 */
import { KEY_BYTES_MAX, MEMCACHED_VERSION } from '../../base/memcached.ts';
import { hasRightLengths } from '../../protocol/binary/lengths.ts';
import { Magic, Opcode, Status, isQuiet, loudOf } from '../../protocol/binary/opcodes.ts';
import { BAD_MAGIC, NEED_MORE, PacketHead, parsePacketHead, readInt32 } from '../../protocol/binary/packet.ts';
import { BinaryAnswers, configPacket, exptimeAt, hasOtherCas, statsPackets } from './answers.ts';
import { BinaryArithmetic } from './arithmetic.ts';
import { BinaryLogin } from './login.ts';
import { binaryStats } from './stats.ts';
import { CLUSTER, LEGACY_CONFIG_KEY, isReservedKey } from '../cluster-config.ts';
import { ArrivingValue } from '../arriving-value.ts';
import type { ConnectionContext, Conversation, Session } from '../connection.ts';
import { Mode, Outcome } from '../engine.ts';
import { BODY_BYTES_MAX, CREDENTIALS_BYTES_MAX } from '../limits.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';
import { byteOffset } from '../storage/memory.ts';

const State = { HEAD: 0, VALUE: 1, SWALLOW: 2, CREDENTIALS: 3 } as const;
type State = (typeof State)[keyof typeof State];

/** Longest name of a SASL mechanism (memcached.h, MAX_SASL_MECH_LEN). */
const MECHANISM_BYTES_MAX = 32;

const OUT_OF_MEMORY = 'Out of memory allocating item';

/** The packet that is being worked on; only valid within one step. */
const request = new PacketHead();

export class BinarySession implements Session {
  readonly #connection: Conversation;
  readonly #context: ConnectionContext;
  readonly #answers: BinaryAnswers;
  readonly arriving: ArrivingValue;
  #state: State = State.HEAD;
  /** Of what is skipped, or of credentials. */
  #bytesLeft = 0;
  /** The packet whose value is arriving. */
  readonly #pending = new PacketHead();
  #mode: Mode = Mode.SET;
  readonly #arithmetic: BinaryArithmetic;
  /** Only where logging in is asked for. */
  readonly #login: BinaryLogin | undefined;
  #mechanism = '';

  constructor(connection: Conversation, context: ConnectionContext) {
    this.#connection = connection;
    this.#context = context;
    this.arriving = new ArrivingValue(context.engine, connection, (item) => this.#valueComplete(item));
    this.#answers = new BinaryAnswers(context.output, context.engine.store);
    this.#arithmetic = new BinaryArithmetic(context.engine, this.#answers);
    const { saslPasswords } = context;
    if (saslPasswords !== undefined) {
      this.#login = new BinaryLogin(connection, context, saslPasswords, this.#answers);
    }
  }

  get stateName(): string {
    if (this.#state === State.VALUE || this.#state === State.CREDENTIALS) return 'conn_nread';
    return this.#state === State.SWALLOW ? 'conn_swallow' : 'conn_read';
  }

  get mayHoldLogin(): boolean {
    return this.#login?.isDone === false;
  }

  abandon(): void {
    this.arriving.abandon();
  }

  step(bytes: Uint8Array, start: number, end: number): number {
    if (this.#state === State.VALUE) return this.arriving.take(bytes, start, end);
    if (this.#state === State.SWALLOW) return this.#swallow(end - start);
    if (this.#state === State.CREDENTIALS) return this.#credentials(bytes, start, end);
    const used = parsePacketHead(bytes, start, end, Magic.REQUEST, request);
    if (used === NEED_MORE) return 0;
    if (used === BAD_MAGIC) {
      this.#close();
      return end - start;
    }
    this.#connection.lastCommandAt = this.#context.time.now;
    return this.#execute(bytes, end, used);
  }

  /** Carries out the packet in `request`; returns the bytes used, `used` of which are all but its value. */
  #execute(bytes: Uint8Array, end: number, used: number): number {
    const { keyBytes, extrasBytes, bodyBytes } = request;
    if (keyBytes + extrasBytes > bodyBytes) return this.#fail(Status.UNKNOWN_COMMAND, used);
    if (bodyBytes > BODY_BYTES_MAX) return this.#fail(Status.INVALID_ARGUMENTS, used);
    if (this.#login?.permits(request.opcode) === false) return this.#fail(Status.AUTH_ERROR, used);
    if (keyBytes > KEY_BYTES_MAX) return this.#fail(Status.INVALID_ARGUMENTS, used);
    const opcode = loudOf(request.opcode);
    if (!hasRightLengths(opcode, request)) return this.#fail(Status.INVALID_ARGUMENTS, used);
    switch (opcode) {
      case Opcode.GET:
      case Opcode.GETK:
      case Opcode.TOUCH:
      case Opcode.GAT:
      case Opcode.GATK:
        return this.#get(opcode, bytes, used);
      case Opcode.SET:
        return this.#store(Mode.SET, bytes, end, used);
      case Opcode.ADD:
        return this.#store(Mode.ADD, bytes, end, used);
      case Opcode.REPLACE:
        return this.#store(Mode.REPLACE, bytes, end, used);
      case Opcode.APPEND:
        return this.#store(Mode.APPEND, bytes, end, used);
      case Opcode.PREPEND:
        return this.#store(Mode.PREPEND, bytes, end, used);
      case Opcode.DELETE:
        this.#delete(bytes);
        return used;
      case Opcode.INCREMENT:
      case Opcode.DECREMENT:
        this.#arithmetic.execute(request, bytes);
        return used;
      default:
        return this.#administer(opcode, bytes, used);
    }
  }

  // ---- retrieval ----

  #get(opcode: number, bytes: Uint8Array, used: number): number {
    const { engine, output } = this.#context;
    const touches = opcode !== Opcode.GET && opcode !== Opcode.GETK;
    const withKey = opcode === Opcode.GETK || opcode === Opcode.GATK;
    const withValue = opcode !== Opcode.TOUCH;
    const ref = engine.find(bytes, request.keyStart, request.valueStart);
    if (ref === NONE) {
      this.#missed(opcode, bytes);
      return used;
    }
    const length = this.#answers.itemBytes(ref, withKey, withValue);
    const isLarge = this.#connection.makeRoom(length);
    // Nothing has happened yet: once the socket has drained, the packet is read again.
    if (this.#connection.isSuspended) return 0;
    if (touches) engine.touchFound(ref, exptimeAt(bytes, request.extrasStart));
    if (isLarge) {
      const { items } = engine.store;
      const valueStart = items.valueStart(ref);
      output.position = this.#answers.writeItemHead(request, ref, withKey, withValue, output.bytes, output.position);
      this.#connection.sendRun(ref, valueStart, valueStart + items.valueBytes(ref));
    } else {
      output.position = this.#answers.writeItem(request, ref, withKey, withValue, output.bytes, output.position);
    }
    if (!touches) engine.countHit(ref);
    return used;
  }

  #missed(opcode: number, bytes: Uint8Array): void {
    const { engine, clusterConfig } = this.#context;
    const touches = opcode !== Opcode.GET && opcode !== Opcode.GETK;
    const withKey = opcode === Opcode.GETK || opcode === Opcode.GATK;
    const isConfig = isReservedKey(bytes, request.keyStart, request.valueStart) && clusterConfig.payload !== '';
    // A touch asks for no value, and there is no item whose time it could change.
    if (isConfig && opcode !== Opcode.TOUCH) {
      this.#send(configPacket(request, withKey ? LEGACY_CONFIG_KEY : '', clusterConfig.payload));
      return;
    }
    if (touches) engine.countTouchMiss();
    else engine.countMiss();
    if (isQuiet(request.opcode)) return;
    if (withKey) this.#answers.keyNotFound(request, Status.KEY_NOT_FOUND, bytes, request.keyStart);
    else this.#answers.error(request, Status.KEY_NOT_FOUND);
  }

  // ---- storage ----

  #store(mode: Mode, bytes: Uint8Array, end: number, used: number): number {
    const { engine } = this.#context;
    const { keyStart, valueStart, extrasStart, valueBytes } = request;
    const extending = mode === Mode.APPEND || mode === Mode.PREPEND;
    const flags = extending ? 0 : readInt32(bytes, extrasStart) >>> 0;
    const exptime = extending ? 0 : exptimeAt(bytes, extrasStart + 4);
    const here = end - valueStart;
    if (!this.arriving.expect(mode, bytes, keyStart, valueStart, flags, exptime, valueBytes, valueBytes, here)) {
      if (engine.failure === Outcome.RESERVED) return this.#refuseConfig(used);
      if (engine.failure === Outcome.TOO_LARGE) this.#answers.error(request, Status.TOO_LARGE);
      else this.#answers.error(request, Status.OUT_OF_MEMORY, OUT_OF_MEMORY);
      return this.#skip(valueBytes, used);
    }
    this.#pending.opcode = request.opcode;
    this.#pending.opaque = request.opaque;
    this.#pending.casHigh = request.casHigh;
    this.#pending.casLow = request.casLow;
    this.#mode = mode;
    this.#state = State.VALUE;
    return used + this.arriving.take(bytes, valueStart, end);
  }

  #valueComplete(item: ChunkRef): void {
    const { engine } = this.#context;
    const head = this.#pending;
    this.#state = State.HEAD;
    if (item === NONE) return this.#answers.error(head, Status.OUT_OF_MEMORY, OUT_OF_MEMORY);
    this.arriving.close();
    const outcome = this.#commit(item);
    switch (outcome) {
      case Outcome.STORED:
        if (!isQuiet(head.opcode)) this.#answers.done(head, engine.store.lastCas);
        return;
      case Outcome.EXISTS:
        return this.#answers.error(head, Status.KEY_EXISTS);
      case Outcome.NOT_FOUND:
        return this.#answers.error(head, Status.KEY_NOT_FOUND);
      default:
        return this.#answers.error(head, this.#notStored());
    }
  }

  /** Stores a complete item; any command with a CAS asks that the old item has it. */
  #commit(item: ChunkRef): Outcome {
    const { engine } = this.#context;
    const { casLow, casHigh } = this.#pending;
    // Without CAS memcached has no place to keep the one that was asked for, and compares nothing.
    if ((casLow | casHigh) === 0 || engine.store.casDisabled) return engine.commit(this.#mode, item, 0, 0);
    if (this.#mode !== Mode.APPEND && this.#mode !== Mode.PREPEND) {
      return engine.commit(Mode.CAS, item, casLow, casHigh);
    }
    const { memory, items } = engine.store;
    const keyStart = byteOffset(item) + layout.HEADER_BYTES;
    const old = engine.find(memory.blockOf(item).bytes, keyStart, keyStart + items.keyBytes(item));
    if (!hasOtherCas(this.#pending, engine.store, old)) return engine.commit(this.#mode, item, 0, 0);
    engine.reject(item);
    return Outcome.EXISTS;
  }

  /** What a storage command is told that its mode did not allow (proto_bin.c, complete_update_bin). */
  #notStored(): Status {
    if (this.#mode === Mode.ADD) return Status.KEY_EXISTS;
    return this.#mode === Mode.REPLACE ? Status.KEY_NOT_FOUND : Status.NOT_STORED;
  }

  // ---- delete, flush ----

  #delete(bytes: Uint8Array): void {
    const { engine } = this.#context;
    const { keyStart, valueStart } = request;
    if (
      (request.casHigh | request.casLow) !== 0 &&
      hasOtherCas(request, engine.store, engine.find(bytes, keyStart, valueStart))
    ) {
      this.#answers.error(request, Status.KEY_EXISTS);
    } else if (engine.delete(bytes, keyStart, valueStart, false) !== Outcome.DONE) {
      this.#answers.error(request, Status.KEY_NOT_FOUND);
    } else {
      this.#done();
    }
  }

  #flushAll(bytes: Uint8Array): void {
    const { engine, settings } = this.#context;
    if (!settings.flushEnabled) return this.#answers.error(request, Status.AUTH_ERROR);
    engine.flushAll(request.extrasBytes === 0 ? 0 : exptimeAt(bytes, request.extrasStart));
    this.#done();
  }

  // ---- the rest ----

  /** What is out of the hot path. */
  #administer(opcode: number, bytes: Uint8Array, used: number): number {
    switch (opcode) {
      case Opcode.NOOP:
        this.#answers.done(request, 0);
        return used;
      case Opcode.VERSION:
        this.#answers.text(request, MEMCACHED_VERSION);
        return used;
      case Opcode.FLUSH:
        this.#flushAll(bytes);
        return used;
      case Opcode.QUIT:
        this.#done();
        this.#close();
        return used;
      case Opcode.STAT:
        this.#stats(bytes);
        return used;
      case Opcode.CONFIG_GET:
      case Opcode.CONFIG_GETK:
        return this.#getConfig(opcode === Opcode.CONFIG_GETK, bytes, used);
      case Opcode.CONFIG_SET:
      case Opcode.CONFIG_DELETE:
        return this.#refuseConfig(used);
      case Opcode.SASL_LIST_MECHS:
      case Opcode.SASL_AUTH:
      case Opcode.SASL_STEP:
        return this.#startLogin(opcode, bytes, used);
      default:
        this.#answers.error(request, Status.UNKNOWN_COMMAND);
        // As memcached: as much as the whole body has, although extras and key are read already.
        return this.#skip(request.bodyBytes, used);
    }
  }

  // ---- logging in ----

  #startLogin(opcode: number, bytes: Uint8Array, used: number): number {
    if (this.#login === undefined) {
      this.#answers.error(request, Status.UNKNOWN_COMMAND);
      return this.#skip(request.valueBytes, used);
    }
    if (opcode === Opcode.SASL_LIST_MECHS) {
      this.#login.listMechanisms(request);
      return used;
    }
    if (request.keyBytes > MECHANISM_BYTES_MAX || request.valueBytes > CREDENTIALS_BYTES_MAX) {
      const isTooLong = request.keyBytes > MECHANISM_BYTES_MAX;
      this.#answers.error(request, isTooLong ? Status.INVALID_ARGUMENTS : Status.AUTH_ERROR);
      return this.#skip(request.valueBytes, used);
    }
    this.#pending.opcode = opcode;
    this.#pending.opaque = request.opaque;
    this.#mechanism = latin(bytes);
    this.#bytesLeft = request.valueBytes;
    this.#state = State.CREDENTIALS;
    if (request.valueBytes === 0) this.#proceed('');
    return used;
  }

  #credentials(bytes: Uint8Array, start: number, end: number): number {
    const length = this.#bytesLeft;
    if (end - start < length) return 0;
    this.#proceed(Buffer.from(bytes.subarray(start, start + length)).toString('latin1'));
    return length;
  }

  #proceed(message: string): void {
    this.#state = State.HEAD;
    this.#login?.proceed(this.#pending, this.#mechanism, message);
  }

  #stats(bytes: Uint8Array): void {
    const rows = binaryStats(latin(bytes), this.#context);
    if (rows === undefined) this.#answers.error(request, Status.KEY_NOT_FOUND);
    else this.#send(statsPackets(request, rows));
  }

  /** `config get cluster`, as clients with auto-discovery ask in this protocol. */
  #getConfig(withKey: boolean, bytes: Uint8Array, used: number): number {
    const { payload } = this.#context.clusterConfig;
    if (latin(bytes) === CLUSTER && payload !== '') this.#send(configPacket(request, withKey ? CLUSTER : '', payload));
    else if (!isQuiet(request.opcode)) this.#answers.error(request, Status.KEY_NOT_FOUND);
    return this.#skip(request.valueBytes, used);
  }

  /** There is no room for the fleet's token in these packets, so nobody may change the configuration by them. */
  #refuseConfig(used: number): number {
    this.#answers.error(request, Status.AUTH_ERROR);
    return this.#skip(request.valueBytes, used);
  }

  /** Sends an answer of any length behind those that were collected. */
  #send(answer: Uint8Array): void {
    const { output } = this.#context;
    if (answer.length > output.room && !output.isEmpty) this.#connection.flush();
    if (answer.length <= output.room && !this.#connection.isSuspended) output.reply(answer);
    else this.#connection.sendLarge(answer);
  }

  /** Answers that it is done, unless the request was a quiet one. */
  #done(): void {
    if (!isQuiet(request.opcode)) this.#answers.done(request, 0);
  }

  #skip(count: number, used: number): number {
    if (count > 0) {
      this.#state = State.SWALLOW;
      this.#bytesLeft = count;
    }
    return used;
  }

  #swallow(available: number): number {
    const count = Math.min(available, this.#bytesLeft);
    this.#bytesLeft -= count;
    if (this.#bytesLeft === 0) this.#state = State.HEAD;
    return count;
  }

  /** Answers with an error behind which nothing can be read, and closes. */
  #fail(status: Status, used: number): number {
    this.#answers.error(request, status);
    this.#close();
    return used;
  }

  #close(): void {
    if (!this.#context.output.isEmpty) this.#connection.flush();
    this.#connection.end();
  }
}

/** The request's key as text of one byte a character. */
function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(request.keyStart, request.valueStart)).toString('latin1');
}
