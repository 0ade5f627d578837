/**
 * The meta commands over the engine: what a parsed request does to items, and its answer, flag by flag in the order they
 * were asked for. Semantics are memcached 1.6.38's (proto_text.c, protocol.txt "Meta Commands"); the connection brings
 * the lines, the data blocks and the room to answer.
 */
import { CR, LF, SPACE, writeBytes, writeDecimal, writeLatin } from '../base/bytes.ts';
import { writeBase64 } from '../protocol/text/meta-base64.ts';
import { hasLongOpaque } from '../protocol/text/meta-parser.ts';
import * as meta from '../protocol/text/meta-replies.ts';
import { Letter, MetaCommand, OPAQUE_BYTES_MAX, type MetaRequest } from '../protocol/text/meta-request.ts';
import * as replies from '../protocol/text/replies.ts';
import type { SecondHand } from './clock.ts';
import { Mode, Outcome, type Engine } from './engine.ts';
import { META_HEAD_BYTES_MAX } from './limits.ts';
import type { Output } from './output.ts';
import { ItemCursor } from './storage/items.ts';
import * as layout from './storage/layout.ts';
import { NONE, type ChunkRef } from './storage/layout.ts';

const LETTER_H = 0x48;
const LETTER_V = 0x56;
const LETTER_W = 0x57;
const LETTER_X = 0x58;
const LETTER_Z = 0x5a;
const LETTER_A = 0x41;
const PLUS = 0x2b;
const MINUS = 0x2d;

/** Two letters that begin an answer, as one number. */
const HD = (LETTER_H << 8) | 0x44;
const VA = (LETTER_V << 8) | LETTER_A;
const EN = 0x454e;
const EX = 0x4558;
const NF = 0x4e46;
const NS = 0x4e53;

/** Decimal digits of the largest 64-bit number. */
const NUMBER_BYTES_MAX = 20;

export class MetaCommands {
  readonly #engine: Engine;
  readonly #output: Output;
  readonly #time: SecondHand;
  readonly #cursor = new ItemCursor();
  readonly #scratch = new Uint8Array(NUMBER_BYTES_MAX);

  constructor(engine: Engine, output: Output, time: SecondHand) {
    this.#engine = engine;
    this.#output = output;
    this.#time = time;
  }

  /** Carries out md, ma, mn or me and answers. */
  execute(request: MetaRequest): void {
    switch (request.command) {
      case MetaCommand.DELETE:
        return this.#delete(request);
      case MetaCommand.ARITHMETIC:
        return this.#arithmetic(request);
      case MetaCommand.DEBUG:
        return this.#debug(request);
      default:
        return this.#output.reply(meta.NOOP);
    }
  }

  // ---- mg ----

  /** The item that a request is about, or NONE; counts nothing. */
  find(request: MetaRequest): ChunkRef {
    return this.#engine.find(request.key, request.keyStart, request.keyEnd);
  }

  /** Bytes that the answer to an mg which finds `ref` needs at most. */
  getRoom(request: MetaRequest, ref: ChunkRef): number {
    if (ref === NONE || !request.has(Letter.v)) return META_HEAD_BYTES_MAX;
    return META_HEAD_BYTES_MAX + this.#engine.store.items.valueBytes(ref);
  }

  /**
   * Answers an mg.
   *
   * @param found what {@link find} gave
   * @param to where the answer goes, from `position` on; it has {@link getRoom}
   * @returns the position behind the answer
   */
  get(request: MetaRequest, found: ChunkRef, to: Uint8Array, position: number): number {
    const created = found === NONE && request.has(Letter.N);
    const ref = created ? this.#vivify(request) : found;
    if (ref === NONE) return this.#missed(request, to, position);
    const { items } = this.#engine.store;
    const withValue = request.has(Letter.v);
    let at = writePair(to, position, withValue ? VA : HD);
    if (withValue) at = writeNumber(to, at, items.valueBytes(ref));
    at = this.#getFlags(request, ref, created, to, at);
    if (at < 0) {
      if (!isLookedAtFirst(request)) this.#engine.store.touchAccess(ref);
      return writeBytes(to, position, meta.OPAQUE_TOO_LONG);
    }
    to[at++] = CR;
    to[at++] = LF;
    if (withValue) {
      const start = items.valueStart(ref);
      const end = items.runBytes(ref);
      items.copyRun(ref, start, end, to, at);
      at += end - start;
    }
    this.#countGet(request, ref);
    return at;
  }

  /** Writes what the flags ask for and does what they say, one after another; -1 if an opaque is too long. */
  #getFlags(request: MetaRequest, ref: ChunkRef, created: boolean, to: Uint8Array, position: number): number {
    const { memory, items } = this.#engine.store;
    const { bytes, wordStart, wordCount } = request;
    let at = position;
    let won = false;
    for (let i = request.firstFlag; i < wordCount; i++) {
      switch (bytes[wordStart[i]]) {
        case Letter.T:
          memory.setWord(ref, layout.EXPTIME, this.#time.deadline(request.exptime));
          break;
        case Letter.N:
          if (!created) break;
          memory.setWord(ref, layout.EXPTIME, this.#time.deadline(request.vivifyExptime));
          won = true;
          break;
        case Letter.R:
          if (!created && this.#isTimeToRecache(ref, request.recacheExptime)) won = true;
          break;
        case Letter.s:
          at = writeNumberFlag(to, at, Letter.s, items.valueBytes(ref));
          break;
        case Letter.t:
          at = this.#writeTtl(memory.word(ref, layout.EXPTIME), to, at);
          break;
        case Letter.c:
          at = this.#writeCas(ref, to, at);
          break;
        case Letter.f:
          at = writeNumberFlag(to, at, Letter.f, items.clientFlags(ref));
          break;
        case Letter.l:
          at = writeNumberFlag(to, at, Letter.l, this.#time.now - memory.word(ref, layout.TIME));
          break;
        case Letter.h:
          at = writeNumberFlag(to, at, Letter.h, (memory.word(ref, layout.STATE) & layout.FETCHED) === 0 ? 0 : 1);
          break;
        case Letter.O:
          at = writeWord(to, at, request, i);
          if (at < 0) return at;
          break;
        case Letter.k:
          at = this.#writeItemKey(ref, to, at);
          break;
        default:
          break;
      }
    }
    return this.#writeStale(ref, won, to, at);
  }

  /** R: whether the item has less time left, and nobody was told yet. */
  #isTimeToRecache(ref: ChunkRef, recacheExptime: number): boolean {
    const { memory } = this.#engine.store;
    const exptime = memory.word(ref, layout.EXPTIME);
    if (exptime === 0 || (memory.word(ref, layout.STATE) & layout.WIN_SENT) !== 0) return false;
    return exptime < this.#time.deadline(recacheExptime);
  }

  /** Z: somebody else was told to recache; X: the item is stale; W: the client that reads this is the one to recache. */
  #writeStale(ref: ChunkRef, wonAlready: boolean, to: Uint8Array, position: number): number {
    const { memory } = this.#engine.store;
    const state = memory.word(ref, layout.STATE);
    if (!wonAlready && (state & (layout.WIN_SENT | layout.STALE)) === 0) return position;
    let at = position;
    let won = wonAlready;
    if ((state & layout.WIN_SENT) !== 0) at = writeLetter(to, at, LETTER_Z);
    if ((state & layout.STALE) !== 0) {
      at = writeLetter(to, at, LETTER_X);
      if ((state & layout.WIN_SENT) === 0) won = true;
    }
    if (won) {
      at = writeLetter(to, at, LETTER_W);
      memory.setWord(ref, layout.STATE, state | layout.WIN_SENT);
    }
    return at;
  }

  /** An mg with T counts as a touch, any other as a get; u leaves no trace in the LRU. */
  #countGet(request: MetaRequest, ref: ChunkRef): void {
    const { counters, store } = this.#engine;
    const sizeClass = layout.classOf(store.memory.word(ref, layout.SHAPE));
    if (request.has(Letter.T)) {
      counters.touchCommands++;
      counters.classes.touchHits[sizeClass]++;
    } else if (!request.has(Letter.u)) {
      return this.#engine.countHit(ref);
    } else {
      const list = (store.memory.word(ref, layout.STATE) & layout.LIST_MASK) >>> layout.LIST_SHIFT;
      counters.getCommands++;
      counters.classes.lruHits[sizeClass * 4 + list]++;
    }
    if (!request.has(Letter.u)) store.touchAccess(ref);
  }

  #missed(request: MetaRequest, to: Uint8Array, position: number): number {
    this.#engine.countMiss();
    if (request.lower === 0 && request.upper === 0) return writeBytes(to, position, meta.MISS);
    const end = this.#writeEchoes(request, to, writePair(to, position, EN));
    if (end < 0) return writeBytes(to, position, meta.OPAQUE_TOO_LONG);
    if (request.has(Letter.q)) return position;
    to[end] = CR;
    to[end + 1] = LF;
    return end + 2;
  }

  /** N: an empty item, so that the next client finds that somebody is at it. */
  #vivify(request: MetaRequest): ChunkRef {
    const { store } = this.#engine;
    const { key, keyStart, keyEnd } = request;
    const hash = store.index.hash(key, keyStart, keyEnd - keyStart);
    const ref = store.allocate(key, keyStart, keyEnd - keyStart, 0, 0, 0, hash);
    if (ref === NONE) return NONE;
    store.items.openValue(ref, this.#cursor);
    store.items.closeValue(this.#cursor);
    store.link(ref, hash, NONE);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    return ref;
  }

  // ---- ms ----

  /** Room for the item of an ms; NONE if there is none, and then the old item is gone, whatever the mode. */
  begin(request: MetaRequest): ChunkRef {
    const { mode, key, keyStart, keyEnd } = request;
    const extends_ = mode === LETTER_A || mode === Letter.P;
    const exptime = extends_ && request.has(Letter.N) ? request.vivifyExptime : request.exptime;
    return this.#engine.begin(Mode.SET, key, keyStart, keyEnd, request.clientFlags, exptime, request.valueBytes);
  }

  /** Why {@link begin} gave NONE, as an answer. */
  get failure(): Uint8Array {
    return this.#engine.failure === Outcome.TOO_LARGE ? replies.TOO_LARGE : replies.OUT_OF_MEMORY;
  }

  /** Stores the item of an ms, whose data block has arrived, and answers. */
  store(request: MetaRequest, item: ChunkRef): void {
    const { store } = this.#engine;
    if (!store.items.endsLine(item)) {
      this.#engine.reject(item);
      return this.#output.reply(replies.BAD_DATA_CHUNK);
    }
    if (request.keyBinary) {
      const state = store.memory.word(item, layout.STATE);
      store.memory.setWord(item, layout.STATE, state | layout.KEY_BINARY);
    }
    const outcome = this.#commit(request, item);
    let stored: ChunkRef = NONE;
    if (outcome === Outcome.STORED) {
      const inPlace = request.mode !== LETTER_A && request.mode !== Letter.P;
      stored = inPlace ? item : this.find(request);
      if (request.has(Letter.E) && (request.newCasLow | request.newCasHigh) !== 0 && stored !== NONE) {
        store.setCas(stored, request.newCasLow, request.newCasHigh);
      }
      if (request.has(Letter.q)) return;
    }
    this.#answerSet(request, outcome, stored);
  }

  #commit(request: MetaRequest, item: ChunkRef): Outcome {
    const engine = this.#engine;
    const compares = request.has(Letter.C);
    const { casLow, casHigh } = request;
    switch (request.mode) {
      case Letter.E:
        return engine.commit(Mode.ADD, item, 0, 0);
      case LETTER_A:
        return this.#extend(request, Mode.APPEND, item);
      case Letter.P:
        return this.#extend(request, Mode.PREPEND, item);
      default:
        if (compares) {
          if (request.has(Letter.I) && this.#isOlder(request)) return this.#commitStale(request, item);
          return engine.commit(Mode.CAS, item, casLow, casHigh);
        }
        return engine.commit(request.mode === Letter.R ? Mode.REPLACE : Mode.SET, item, 0, 0);
    }
  }

  /** append and prepend: C compares if it is not 0, N makes what is not there. */
  #extend(request: MetaRequest, mode: Mode, item: ChunkRef): Outcome {
    const { casLow, casHigh } = request;
    const compares = request.has(Letter.C) && (casLow | casHigh) !== 0;
    if (!compares && !request.has(Letter.N)) return this.#engine.commit(mode, item, 0, 0);
    const old = this.find(request);
    if (old === NONE) return this.#engine.commit(request.has(Letter.N) ? Mode.ADD : mode, item, 0, 0);
    if (compares && !this.#hasCas(old, casLow, casHigh)) {
      this.#engine.reject(item);
      return Outcome.EXISTS;
    }
    return this.#engine.commit(mode, item, 0, 0);
  }

  #hasCas(ref: ChunkRef, low: number, high: number): boolean {
    const { memory } = this.#engine.store;
    return memory.word(ref, layout.CAS_LOW) === low && memory.word(ref, layout.CAS_HIGH) === high;
  }

  /** Whether the CAS that an ms compares with is older than the item's: then I stores its value as a stale one. */
  #isOlder(request: MetaRequest): boolean {
    const { casLow, casHigh } = request;
    if ((casLow | casHigh) === 0) return false;
    const old = this.find(request);
    if (old === NONE) return false;
    const { memory } = this.#engine.store;
    const oldHigh = memory.word(old, layout.CAS_HIGH) >>> 0;
    if (oldHigh !== casHigh >>> 0) return casHigh >>> 0 < oldHigh;
    return casLow >>> 0 < memory.word(old, layout.CAS_LOW) >>> 0;
  }

  /** Replaces the value, but keeps the time to live and who was told to recache, and marks it stale (items.c). */
  #commitStale(request: MetaRequest, item: ChunkRef): Outcome {
    const { store, counters } = this.#engine;
    const { memory } = store;
    const old = this.find(request);
    const exptime = memory.word(old, layout.EXPTIME);
    const winSent = memory.word(old, layout.STATE) & layout.WIN_SENT;
    counters.classes.casHits[layout.classOf(memory.word(item, layout.SHAPE))]++;
    const outcome = this.#engine.commit(Mode.SET, item, 0, 0);
    memory.setWord(item, layout.EXPTIME, exptime);
    memory.setWord(item, layout.STATE, memory.word(item, layout.STATE) | layout.STALE | winSent);
    return outcome;
  }

  #answerSet(request: MetaRequest, outcome: Outcome, stored: ChunkRef): void {
    const { items } = this.#engine.store;
    const { bytes, wordStart, wordCount } = request;
    const to = this.#output.bytes;
    let at = writePair(to, this.#output.position, setStatus(outcome));
    for (let i = request.firstFlag; i < wordCount; i++) {
      switch (bytes[wordStart[i]]) {
        case Letter.O:
          at = writeWord(to, at, request, i);
          break;
        case Letter.k:
          at = writeKey(to, at, request);
          break;
        case Letter.c:
          at = stored === NONE ? writeNumberFlag(to, at, Letter.c, 0) : this.#writeCas(stored, to, at);
          break;
        case Letter.s:
          at = writeNumberFlag(to, at, Letter.s, stored === NONE ? request.valueBytes : items.valueBytes(stored));
          break;
        default:
          break;
      }
    }
    this.#endLine(at);
  }

  // ---- md ----

  #delete(request: MetaRequest): void {
    if (hasLongOpaque(request)) return this.#output.reply(meta.OPAQUE_TOO_LONG);
    const status = this.#remove(request);
    if (status === 0) return this.#output.reply(meta.NO_MEMORY);
    if (status === HD && request.has(Letter.q)) return;
    const to = this.#output.bytes;
    this.#endLine(this.#writeEchoes(request, to, writePair(to, this.#output.position, status)));
  }

  /** Deletes the item, empties it (x) or marks it stale (I); returns the status, 0 if there is no memory for it. */
  #remove(request: MetaRequest): number {
    const { counters, store } = this.#engine;
    let ref = this.find(request);
    if (ref === NONE) {
      counters.deleteMisses++;
      return NF;
    }
    if (request.has(Letter.C) && !this.#hasCas(ref, request.casLow, request.casHigh)) {
      counters.deleteMisses++;
      return EX;
    }
    if (request.has(Letter.x)) {
      ref = this.#emptied(request, ref);
      if (ref === NONE) return 0;
    }
    if (request.has(Letter.I)) {
      this.#markStale(request, ref);
    } else {
      counters.classes.deleteHits[layout.classOf(store.memory.word(ref, layout.SHAPE))]++;
      if (!request.has(Letter.x)) store.unlink(ref, this.#hash(request));
    }
    return HD;
  }

  #hash(request: MetaRequest): number {
    return this.#engine.store.index.hash(request.key, request.keyStart, request.keyEnd - request.keyStart);
  }

  /** x: an item without a value, with the flags and exptime of the request and the old CAS, in place of the old one. */
  #emptied(request: MetaRequest, old: ChunkRef): ChunkRef {
    const { store } = this.#engine;
    const { key, keyStart, keyEnd } = request;
    const casLow = store.memory.word(old, layout.CAS_LOW);
    const casHigh = store.memory.word(old, layout.CAS_HIGH);
    const hash = this.#hash(request);
    const exptime = this.#time.deadline(request.exptime);
    const ref = store.allocate(key, keyStart, keyEnd - keyStart, request.clientFlags, exptime, 0, hash);
    if (ref === NONE) return NONE;
    store.items.openValue(ref, this.#cursor);
    store.items.closeValue(this.#cursor);
    // Making room may have evicted or moved the old item.
    store.link(ref, hash, this.find(request));
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    else store.setCas(ref, casLow, casHigh);
    return ref;
  }

  #markStale(request: MetaRequest, ref: ChunkRef): void {
    const { store } = this.#engine;
    const { memory } = store;
    if (request.has(Letter.T)) memory.setWord(ref, layout.EXPTIME, this.#time.deadline(request.exptime));
    // WIN_SENT goes, so that the next client can win.
    memory.setWord(ref, layout.STATE, (memory.word(ref, layout.STATE) | layout.STALE) & ~layout.WIN_SENT);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    else store.renewCas(ref);
  }

  // ---- ma ----

  #arithmetic(request: MetaRequest): void {
    const increase = isIncrease(request.mode);
    if (increase === undefined) return this.#output.reply(meta.BAD_ARITHMETIC_MODE);
    const engine = this.#engine;
    const compared = this.#comparedForArithmetic(request);
    if (compared !== Outcome.DONE) {
      if (compared === Outcome.NOT_A_NUMBER) return this.#output.reply(replies.NOT_A_NUMBER);
      return this.#answerWithoutItem(request, EX);
    }
    // Looked for first, since a miss that makes an item is not counted as one.
    if (request.has(Letter.N) && this.find(request) === NONE) return this.#vivifyNumber(request);
    const { key, keyStart, keyEnd } = request;
    const before = needsItem(request) ? this.find(request) : NONE;
    const digitsBefore = before === NONE ? 0 : engine.store.items.valueBytes(before);
    const outcome = engine.arithmetic(increase, key, keyStart, keyEnd, request.delta);
    switch (outcome) {
      case Outcome.DONE: {
        const ref = before === NONE ? NONE : this.find(request);
        // A number that has grown is a new item, and T and E reach only the old one (proto_text.c, do_add_delta).
        const grown = engine.arithmeticResult.length > digitsBefore;
        if (ref !== NONE && request.has(Letter.E) && !grown) {
          engine.store.setCas(ref, request.newCasLow, request.newCasHigh);
        }
        return this.#answerArithmetic(request, ref, engine.arithmeticResult, false, grown);
      }
      case Outcome.NOT_FOUND:
        return this.#answerWithoutItem(request, NF);
      case Outcome.NOT_A_NUMBER:
        return this.#output.reply(replies.NOT_A_NUMBER);
      default:
        return this.#output.reply(meta.NO_MEMORY);
    }
  }

  /** C of an ma: EXISTS if the item has another CAS. An empty item is no number, whatever its CAS. */
  #comparedForArithmetic(request: MetaRequest): Outcome {
    const { casLow, casHigh } = request;
    if (!request.has(Letter.C) || (casLow | casHigh) === 0) return Outcome.DONE;
    const ref = this.find(request);
    if (ref === NONE || this.#hasCas(ref, casLow, casHigh)) return Outcome.DONE;
    return this.#engine.store.items.valueBytes(ref) === 0 ? Outcome.NOT_A_NUMBER : Outcome.EXISTS;
  }

  /** N: an item with the number of J. */
  #vivifyNumber(request: MetaRequest): void {
    const { store } = this.#engine;
    const { key, keyStart, keyEnd } = request;
    const text = String(request.initial);
    const hash = this.#hash(request);
    const ref = store.allocate(key, keyStart, keyEnd - keyStart, 0, 0, text.length, hash);
    if (ref === NONE) return this.#output.reply(meta.NO_MEMORY_FOR_NEW);
    store.items.openValue(ref, this.#cursor);
    store.items.append(this.#cursor, this.#scratch, 0, writeLatin(this.#scratch, 0, text));
    store.items.closeValue(this.#cursor);
    store.link(ref, hash, NONE);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    this.#answerArithmetic(request, ref, text, true, false);
  }

  /**
   * @param ref the item; NONE if no flag is about it
   * @param created the item was made by N
   * @param grown what T and E say is only answered and not done
   */
  #answerArithmetic(request: MetaRequest, ref: ChunkRef, number: string, created: boolean, grown: boolean): void {
    const { memory } = this.#engine.store;
    const { bytes, wordStart, wordCount } = request;
    let exptime = ref === NONE ? 0 : memory.word(ref, layout.EXPTIME);
    const to = this.#output.bytes;
    const withValue = request.has(Letter.v);
    let at = writePair(to, this.#output.position, withValue ? VA : HD);
    if (withValue) at = writeNumber(to, at, number.length);
    for (let i = request.firstFlag; i < wordCount; i++) {
      const letter = bytes[wordStart[i]];
      if (letter === Letter.O) at = writeWord(to, at, request, i);
      else if (letter === Letter.k) at = writeKey(to, at, request);
      else if (ref === NONE) continue;
      else if (letter === Letter.c) at = this.#writeArithmeticCas(request, ref, grown, to, at);
      else if (letter === Letter.t) at = this.#writeTtl(exptime, to, at);
      else if (letter === Letter.T) exptime = this.#time.deadline(request.exptime);
      else if (letter === Letter.N && created) exptime = this.#time.deadline(request.vivifyExptime);
      if (at < 0) break;
    }
    if (ref !== NONE && !grown) memory.setWord(ref, layout.EXPTIME, exptime);
    if (at < 0) return this.#output.reply(meta.OPAQUE_TOO_LONG);
    // What q leaves unsaid is that an item was there and was changed; a new one is told of (proto_text.c).
    if (request.has(Letter.q) && !created) return;
    if (withValue) {
      to[at++] = CR;
      to[at++] = LF;
      at = writeLatin(to, at, number);
    }
    this.#endLine(at);
  }

  #writeArithmeticCas(request: MetaRequest, ref: ChunkRef, grown: boolean, to: Uint8Array, position: number): number {
    if (!grown || !request.has(Letter.E)) return this.#writeCas(ref, to, position);
    const cas = (BigInt(request.newCasHigh >>> 0) << 32n) | BigInt(request.newCasLow >>> 0);
    return writeLatin(to, writeLetter(to, position, Letter.c), String(cas));
  }

  #answerWithoutItem(request: MetaRequest, status: number): void {
    const to = this.#output.bytes;
    const end = this.#writeEchoes(request, to, writePair(to, this.#output.position, status));
    if (end < 0) this.#output.reply(meta.OPAQUE_TOO_LONG);
    else this.#endLine(end);
  }

  // ---- me ----

  /** What there is to know of an item, for people. */
  #debug(request: MetaRequest): void {
    this.#engine.counters.metaCommands++;
    const ref = this.find(request);
    if (ref === NONE) return this.#output.reply(meta.MISS);
    const { memory, items } = this.#engine.store;
    const state = memory.word(ref, layout.STATE);
    const exptime = memory.word(ref, layout.EXPTIME);
    const to = this.#output.bytes;
    let at = writeLatin(to, this.#output.position, 'ME ');
    at =
      (state & layout.KEY_BINARY) === 0
        ? this.#writeBareKey(ref, to, at)
        : writeBase64(to, at, request.key, request.keyStart, request.keyEnd);
    const ttl = exptime === 0 ? -1 : exptime - this.#time.now;
    at = writeLatin(to, at, ` exp=${ttl} la=${this.#time.now - memory.word(ref, layout.TIME)} cas=`);
    at = this.#output.writeCas(ref, to, at);
    at = writeLatin(
      to,
      at,
      ` fetch=${(state & layout.FETCHED) === 0 ? 'no' : 'yes'}` +
        ` cls=${layout.classOf(memory.word(ref, layout.SHAPE))} size=${layout.HEADER_BYTES + items.runBytes(ref)}\r\n`,
    );
    this.#output.position = at;
  }

  // ---- pieces of an answer ----

  #endLine(position: number): void {
    this.#output.bytes[position] = CR;
    this.#output.bytes[position + 1] = LF;
    this.#output.position = position + 2;
  }

  /** Writes what is given back of any request, opaque and key; -1 if an opaque is too long. */
  #writeEchoes(request: MetaRequest, to: Uint8Array, position: number): number {
    if (!request.has(Letter.O) && !request.has(Letter.k)) return position;
    const { bytes, wordStart, wordCount } = request;
    let at = position;
    for (let i = request.firstFlag; i < wordCount && at >= 0; i++) {
      const letter = bytes[wordStart[i]];
      if (letter === Letter.O) at = writeWord(to, at, request, i);
      else if (letter === Letter.k) at = writeKey(to, at, request);
    }
    return at;
  }

  #writeTtl(exptime: number, to: Uint8Array, position: number): number {
    if (exptime === 0) return writeLatin(to, position, ' t-1');
    // An exptime that has passed shows as memcached's unsigned subtraction.
    return writeNumberFlag(to, position, Letter.t, (exptime - this.#time.now) >>> 0);
  }

  #writeCas(ref: ChunkRef, to: Uint8Array, position: number): number {
    return this.#output.writeCas(ref, to, writeLetter(to, position, Letter.c));
  }

  #writeBareKey(ref: ChunkRef, to: Uint8Array, position: number): number {
    const { items } = this.#engine.store;
    const length = items.keyBytes(ref);
    items.copyRun(ref, 0, length, to, position);
    return position + length;
  }

  /** An item's key as it was stored: in base64 if it came so. */
  #writeItemKey(ref: ChunkRef, to: Uint8Array, position: number): number {
    const { memory } = this.#engine.store;
    const at = writeLetter(to, position, Letter.k);
    const end = this.#writeBareKey(ref, to, at);
    if ((memory.word(ref, layout.STATE) & layout.KEY_BINARY) === 0) return end;
    const key = to.slice(at, end);
    return writeLetter(to, writeBase64(to, at, key, 0, key.length), Letter.b);
  }
}

/** Whether an mg marks its item as read only after the answer, or never: what it answers or changes depends on it. */
function isLookedAtFirst(request: MetaRequest): boolean {
  const { T, N, R, l, h, u } = Letter;
  return [T, N, R, l, h, u].some((letter) => request.has(letter));
}

/** The pair of letters that begins the answer to an ms. */
function setStatus(outcome: Outcome): number {
  switch (outcome) {
    case Outcome.STORED:
      return HD;
    case Outcome.EXISTS:
      return EX;
    case Outcome.NOT_FOUND:
      return NF;
    default:
      return NS;
  }
}

/** Whether an ma goes up or down; undefined for a mode that it does not have. */
function isIncrease(mode: number): boolean | undefined {
  switch (mode) {
    case 0:
    case Letter.I:
    case PLUS:
      return true;
    case Letter.D:
    case MINUS:
      return false;
    default:
      return undefined;
  }
}

/** Whether the flags of an ma are about the item and not only its number. */
function needsItem(request: MetaRequest): boolean {
  return request.has(Letter.c) || request.has(Letter.t) || request.has(Letter.T) || request.has(Letter.E);
}

function writePair(to: Uint8Array, position: number, pair: number): number {
  to[position] = pair >>> 8;
  to[position + 1] = pair;
  return position + 2;
}

function writeLetter(to: Uint8Array, position: number, letter: number): number {
  to[position] = SPACE;
  to[position + 1] = letter;
  return position + 2;
}

function writeNumber(to: Uint8Array, position: number, value: number): number {
  to[position] = SPACE;
  return writeDecimal(to, position + 1, value);
}

function writeNumberFlag(to: Uint8Array, position: number, letter: number, value: number): number {
  return writeDecimal(to, writeLetter(to, position, letter), value);
}

/** Writes a word of the request, the opaque; -1 if it is too long. */
function writeWord(to: Uint8Array, position: number, request: MetaRequest, word: number): number {
  const start = request.wordStart[word];
  const end = request.wordEnd[word];
  if (end - start > OPAQUE_BYTES_MAX) return -1;
  let at = position;
  to[at++] = SPACE;
  for (let i = start; i < end; i++) to[at++] = request.bytes[i];
  return at;
}

/** Writes the request's key, as it was given. */
function writeKey(to: Uint8Array, position: number, request: MetaRequest): number {
  let at = writeLetter(to, position, Letter.k);
  if (request.keyBinary) {
    return writeLetter(to, writeBase64(to, at, request.key, request.keyStart, request.keyEnd), Letter.b);
  }
  for (let i = request.keyStart; i < request.keyEnd; i++) to[at++] = request.key[i];
  return at;
}
