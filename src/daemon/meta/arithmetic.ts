/** ma: counts a number up or down (protocol.txt "Meta Arithmetic", proto_text.c). */
import { unsignedLength, writeLatin, writeUnsigned } from '../../base/bytes.ts';
import * as meta from '../../protocol/text/meta-replies.ts';
import { Letter, type MetaRequest } from '../../protocol/text/meta-request.ts';
import * as replies from '../../protocol/text/replies.ts';
import { Outcome } from '../engine.ts';
import type { MetaShared } from './shared.ts';
import {
  Status,
  writeEchoes,
  writeKey,
  writeLetter,
  writeLineEnd,
  writeNumber,
  writeStatus,
  writeTtl,
  writeWord,
} from './writer.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';

const PLUS = 0x2b;
const MINUS = 0x2d;

export class MetaArithmetic {
  readonly #shared: MetaShared;

  constructor(shared: MetaShared) {
    this.#shared = shared;
  }

  /** Carries out an ma and answers. */
  arithmetic(request: MetaRequest): void {
    const increase = isIncrease(request.mode);
    if (increase === undefined) return this.#shared.output.reply(meta.BAD_ARITHMETIC_MODE);
    const engine = this.#shared.engine;
    const compared = this.#comparedForArithmetic(request);
    if (compared !== Outcome.DONE) {
      if (compared === Outcome.NOT_A_NUMBER) return this.#shared.output.reply(replies.NOT_A_NUMBER);
      // Nothing else looks for the key.
      this.#shared.find(request);
      return this.#answerWithoutItem(request, Status.EX);
    }
    // Looked for first, since a miss that makes an item is not counted as one.
    if (request.has(Letter.N) && this.#shared.peek(request) === NONE) return this.#vivifyNumber(request);
    const { key, keyStart, keyEnd } = request;
    const before = needsItem(request) ? this.#shared.peek(request) : NONE;
    const digitsBefore = before === NONE ? 0 : engine.store.items.valueBytes(before);
    const outcome = engine.arithmetic(increase, key, keyStart, keyEnd, request.delta);
    switch (outcome) {
      case Outcome.DONE: {
        const ref = before === NONE ? NONE : this.#shared.peek(request);
        // A number that has grown is a new item, and T and E reach only the old one (proto_text.c, do_add_delta).
        const grown = unsignedLength(engine.arithmeticResult) > digitsBefore;
        if (ref !== NONE && request.has(Letter.E) && !grown) {
          engine.store.setCas(ref, request.newCasLow, request.newCasHigh);
        }
        return this.#answerArithmetic(request, ref, engine.arithmeticResult, false, grown);
      }
      case Outcome.NOT_FOUND:
        return this.#answerWithoutItem(request, Status.NF);
      case Outcome.NOT_A_NUMBER:
        return this.#shared.output.reply(replies.NOT_A_NUMBER);
      default:
        return this.#shared.output.reply(meta.NO_MEMORY);
    }
  }

  /** C of an ma: EXISTS if the item has another CAS. An empty item is no number, whatever its CAS. */
  #comparedForArithmetic(request: MetaRequest): Outcome {
    const { casLow, casHigh } = request;
    if (!request.has(Letter.C) || (casLow | casHigh) === 0) return Outcome.DONE;
    const ref = this.#shared.peek(request);
    if (ref === NONE || this.#shared.hasCas(ref, casLow, casHigh)) return Outcome.DONE;
    return this.#shared.store.items.valueBytes(ref) === 0 ? Outcome.NOT_A_NUMBER : Outcome.EXISTS;
  }

  /** N: an item with the number of J. */
  #vivifyNumber(request: MetaRequest): void {
    const { store } = this.#shared;
    const ref = this.#shared.make(request, 0, 0, request.initial);
    if (ref === NONE) {
      const isReserved = this.#shared.engine.failure === Outcome.RESERVED;
      return this.#shared.output.reply(isReserved ? replies.CONFIG_REFUSED : meta.NO_MEMORY_FOR_NEW);
    }
    store.link(ref, this.#shared.hash(request), NONE);
    this.#shared.engine.noteVivified(ref);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    this.#answerArithmetic(request, ref, request.initial, true, false);
  }

  /**
   * @param ref the item; NONE if no flag is about it
   * @param created the item was made by N
   * @param grown what T and E say is only answered and not done
   */
  #answerArithmetic(
    request: MetaRequest,
    ref: ChunkRef,
    number: number | bigint,
    created: boolean,
    grown: boolean,
  ): void {
    const { memory } = this.#shared.store;
    const { bytes, wordStart, wordCount } = request;
    let exptime = ref === NONE ? 0 : memory.word(ref, layout.EXPTIME);
    const to = this.#shared.output.bytes;
    const withValue = request.has(Letter.v);
    let at = writeStatus(to, this.#shared.output.position, withValue ? Status.VA : Status.HD);
    if (withValue) at = writeNumber(to, at, unsignedLength(number));
    for (let i = request.firstFlag; i < wordCount; i++) {
      const letter = bytes[wordStart[i]];
      if (letter === Letter.O) at = writeWord(to, at, request, i);
      else if (letter === Letter.k) at = writeKey(to, at, request);
      else if (ref === NONE) continue;
      else if (letter === Letter.c) at = this.#writeArithmeticCas(request, ref, grown, to, at);
      else if (letter === Letter.t) at = writeTtl(to, at, exptime, this.#shared.time.now);
      else if (letter === Letter.T) exptime = this.#shared.time.deadline(request.exptime);
      else if (letter === Letter.N && created) exptime = this.#shared.time.deadline(request.vivifyExptime);
      if (at < 0) break;
    }
    if (ref !== NONE && !grown) memory.setWord(ref, layout.EXPTIME, exptime);
    if (at < 0) return this.#shared.output.reply(meta.OPAQUE_TOO_LONG);
    if (request.has(Letter.q)) return;
    if (withValue) {
      at = writeLineEnd(to, at);
      at = writeUnsigned(to, at, number);
    }
    this.#shared.endLine(at);
  }

  #writeArithmeticCas(request: MetaRequest, ref: ChunkRef, grown: boolean, to: Uint8Array, position: number): number {
    if (!grown || !request.has(Letter.E)) return this.#shared.writeCas(ref, to, position);
    const cas = (BigInt(request.newCasHigh >>> 0) << 32n) | BigInt(request.newCasLow >>> 0);
    return writeLatin(to, writeLetter(to, position, Letter.c), String(cas));
  }

  #answerWithoutItem(request: MetaRequest, status: Status): void {
    const to = this.#shared.output.bytes;
    const end = writeEchoes(to, writeStatus(to, this.#shared.output.position, status), request);
    if (end < 0) this.#shared.output.reply(meta.OPAQUE_TOO_LONG);
    else this.#shared.endLine(end);
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
