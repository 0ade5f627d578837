/** ms: stores an item, in the ways of its mode (protocol.txt "Meta Set", proto_text.c, items.c do_store_item). */
import { Letter, type MetaRequest } from '../../protocol/text/meta-request.ts';
import * as replies from '../../protocol/text/replies.ts';
import type { ArrivingValue } from '../arriving-value.ts';
import { Mode, Outcome } from '../engine.ts';
import { storageRefusal } from '../refusals.ts';
import type { MetaShared } from './shared.ts';
import { Status, writeKey, writeNumberFlag, writeStatus, writeWord } from './writer.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';

export class MetaSet {
  readonly #shared: MetaShared;

  constructor(shared: MetaShared) {
    this.#shared = shared;
  }

  /**
   * Expects the value of an ms and its line end. If it is refused, the old item is gone, whatever the mode.
   *
   * @param here how many bytes have come
   */
  expect(request: MetaRequest, arriving: ArrivingValue, here: number): boolean {
    const { mode, key, keyStart, keyEnd, clientFlags, valueBytes } = request;
    const extends_ = mode === Letter.A || mode === Letter.P;
    const exptime = extends_ && request.has(Letter.N) ? request.vivifyExptime : request.exptime;
    const length = valueBytes + 2;
    return arriving.expect(Mode.SET, key, keyStart, keyEnd, clientFlags, exptime, valueBytes, length, here);
  }

  /** Why {@link expect} gave false, as an answer. */
  get failure(): Uint8Array {
    return storageRefusal(this.#shared.engine.failure);
  }

  /** Stores the item of an ms, whose data block has arrived, and answers; NONE if there was no room for it. */
  store(request: MetaRequest, item: ChunkRef): void {
    const { store } = this.#shared.engine;
    if (item === NONE) return this.#shared.output.reply(replies.OUT_OF_MEMORY);
    if (!store.items.endsLine(item)) {
      this.#shared.engine.reject(item);
      return this.#shared.output.reply(replies.BAD_DATA_CHUNK);
    }
    if (request.keyBinary) {
      const state = store.memory.word(item, layout.STATE);
      store.memory.setWord(item, layout.STATE, state | layout.KEY_BINARY);
    }
    const outcome = this.#commit(request, item);
    let stored: ChunkRef = NONE;
    if (outcome === Outcome.STORED) {
      const inPlace = request.mode !== Letter.A && request.mode !== Letter.P;
      stored = inPlace ? item : this.#shared.peek(request);
      if (request.has(Letter.E) && (request.newCasLow | request.newCasHigh) !== 0 && stored !== NONE) {
        store.setCas(stored, request.newCasLow, request.newCasHigh);
      }
      if (request.has(Letter.q)) return;
    }
    this.#answerSet(request, outcome, stored);
  }

  #commit(request: MetaRequest, item: ChunkRef): Outcome {
    const engine = this.#shared.engine;
    const compares = request.has(Letter.C);
    const { casLow, casHigh } = request;
    switch (request.mode) {
      case Letter.E:
        return engine.commit(Mode.ADD, item, 0, 0);
      case Letter.A:
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
    // Without CAS memcached has no place to keep the one that was asked for, and compares nothing.
    const compares = request.has(Letter.C) && (casLow | casHigh) !== 0 && !this.#shared.store.casDisabled;
    if (!compares && !request.has(Letter.N)) return this.#shared.engine.commit(mode, item, 0, 0);
    const old = this.#shared.find(request);
    if (old === NONE) return this.#shared.engine.commit(request.has(Letter.N) ? Mode.ADD : mode, item, 0, 0);
    if (compares && !this.#shared.hasCas(old, casLow, casHigh)) {
      this.#shared.engine.reject(item);
      return Outcome.EXISTS;
    }
    return this.#shared.engine.commit(mode, item, 0, 0);
  }

  /** Whether the CAS that an ms compares with is older than the item's: then I stores its value as a stale one. */
  #isOlder(request: MetaRequest): boolean {
    const { casLow, casHigh } = request;
    if ((casLow | casHigh) === 0) return false;
    const old = this.#shared.peek(request);
    if (old === NONE) return false;
    const { memory } = this.#shared.store;
    const oldHigh = memory.word(old, layout.CAS_HIGH) >>> 0;
    if (oldHigh !== casHigh >>> 0) return casHigh >>> 0 < oldHigh;
    return casLow >>> 0 < memory.word(old, layout.CAS_LOW) >>> 0;
  }

  /** Replaces the value, but keeps the time to live and who was told to recache, and marks it stale (items.c). */
  #commitStale(request: MetaRequest, item: ChunkRef): Outcome {
    const { store, counters } = this.#shared.engine;
    const { memory } = store;
    const old = this.#shared.peek(request);
    const exptime = memory.word(old, layout.EXPTIME);
    const winSent = memory.word(old, layout.STATE) & layout.WIN_SENT;
    counters.classes.casHits[layout.classOf(memory.word(item, layout.SHAPE))]++;
    const outcome = this.#shared.engine.commit(Mode.SET, item, 0, 0);
    memory.setWord(item, layout.EXPTIME, exptime);
    memory.setWord(item, layout.STATE, memory.word(item, layout.STATE) | layout.STALE | winSent);
    return outcome;
  }

  #answerSet(request: MetaRequest, outcome: Outcome, stored: ChunkRef): void {
    const { items } = this.#shared.store;
    const { bytes, wordStart, wordCount } = request;
    const to = this.#shared.output.bytes;
    let at = writeStatus(to, this.#shared.output.position, setStatus(outcome));
    for (let i = request.firstFlag; i < wordCount; i++) {
      switch (bytes[wordStart[i]]) {
        case Letter.O:
          at = writeWord(to, at, request, i);
          break;
        case Letter.k:
          at = writeKey(to, at, request);
          break;
        case Letter.c:
          at = stored === NONE ? writeNumberFlag(to, at, Letter.c, 0) : this.#shared.writeCas(stored, to, at);
          break;
        case Letter.s:
          at = writeNumberFlag(to, at, Letter.s, stored === NONE ? request.valueBytes : items.valueBytes(stored));
          break;
        default:
          break;
      }
    }
    this.#shared.endLine(at);
  }
}

/** The status that begins the answer to an ms. */
function setStatus(outcome: Outcome): Status {
  switch (outcome) {
    case Outcome.STORED:
      return Status.HD;
    case Outcome.EXISTS:
      return Status.EX;
    case Outcome.NOT_FOUND:
      return Status.NF;
    default:
      return Status.NS;
  }
}
