/** mg: reads an item's value and whatever else its flags ask for (protocol.txt "Meta Get", proto_text.c). */
import { writeBytes } from '../../base/bytes.ts';
import * as meta from '../../protocol/text/meta-replies.ts';
import { Letter, type MetaRequest } from '../../protocol/text/meta-request.ts';
import { META_HEAD_BYTES_MAX } from '../limits.ts';
import type { MetaShared } from './shared.ts';
import {
  Status,
  writeEchoes,
  writeLetter,
  writeLineEnd,
  writeNumber,
  writeNumberFlag,
  writeStatus,
  writeTtl,
  writeWord,
} from './writer.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';

/** What an answer says of an item that is being recached. */
const Mark = { W: 0x57, X: 0x58, Z: 0x5a } as const;

export class MetaGet {
  /** Whether the value belongs behind what {@link answer} wrote last, and was left out. */
  valueFollows = false;
  readonly #shared: MetaShared;

  constructor(shared: MetaShared) {
    this.#shared = shared;
  }

  /** Bytes that the answer to an mg which finds `ref` needs at most. */
  room(request: MetaRequest, ref: ChunkRef): number {
    if (ref === NONE || !this.#wantsValue(request, ref)) return META_HEAD_BYTES_MAX;
    return META_HEAD_BYTES_MAX + this.#shared.store.items.valueBytes(ref);
  }

  /**
   * Answers an mg.
   *
   * @param found the item of its key, or NONE
   * @param to where the answer goes, from `position` on; it has {@link room}
   * @param inPlace the value is left out: its caller sends it from where it lies if {@link valueFollows}
   * @returns the position behind the answer
   */
  answer(request: MetaRequest, found: ChunkRef, to: Uint8Array, position: number, inPlace = false): number {
    this.valueFollows = false;
    const created = found === NONE && request.has(Letter.N);
    const ref = created ? this.#vivify(request) : found;
    if (ref === NONE) return this.#missed(request, to, position);
    const { items } = this.#shared.store;
    const withValue = this.#wantsValue(request, ref);
    let at = writeStatus(to, position, withValue ? Status.VA : Status.HD);
    if (withValue) at = writeNumber(to, at, items.valueBytes(ref));
    at = this.#flags(request, ref, created, to, at);
    if (at < 0) {
      if (!isLookedAtFirst(request)) this.#shared.store.touchAccess(ref);
      return writeBytes(to, position, meta.OPAQUE_TOO_LONG);
    }
    at = writeLineEnd(to, at);
    this.valueFollows = withValue && inPlace;
    if (withValue && !inPlace) {
      const start = items.valueStart(ref);
      const end = items.runBytes(ref);
      items.copyRun(ref, start, end, to, at);
      at += end - start;
    }
    this.#countGet(request, ref);
    return at;
  }

  /** Whether the value is asked for: not where the client has it, as the CAS that it gives by C tells. */
  #wantsValue(request: MetaRequest, ref: ChunkRef): boolean {
    if (!request.has(Letter.v)) return false;
    return !request.has(Letter.C) || !this.#shared.hasCas(ref, request.casLow, request.casHigh);
  }

  /** Writes what the flags ask for and does what they say, one after another; -1 if an opaque is too long. */
  #flags(request: MetaRequest, ref: ChunkRef, created: boolean, to: Uint8Array, position: number): number {
    const { memory, items } = this.#shared.store;
    const { bytes, wordStart, wordCount } = request;
    let at = position;
    let won = false;
    for (let i = request.firstFlag; i < wordCount; i++) {
      switch (bytes[wordStart[i]]) {
        case Letter.T:
          memory.setWord(ref, layout.EXPTIME, this.#shared.time.deadline(request.exptime));
          break;
        case Letter.N:
          if (!created) break;
          memory.setWord(ref, layout.EXPTIME, this.#shared.time.deadline(request.vivifyExptime));
          won = true;
          break;
        case Letter.R:
          if (!created && this.#isTimeToRecache(ref, request.recacheExptime)) won = true;
          break;
        case Letter.s:
          at = writeNumberFlag(to, at, Letter.s, items.valueBytes(ref));
          break;
        case Letter.t:
          at = writeTtl(to, at, memory.word(ref, layout.EXPTIME), this.#shared.time.now);
          break;
        case Letter.c:
          at = this.#shared.writeCas(ref, to, at);
          break;
        case Letter.f:
          at = writeNumberFlag(to, at, Letter.f, items.clientFlags(ref));
          break;
        case Letter.l:
          at = writeNumberFlag(to, at, Letter.l, this.#shared.time.now - memory.word(ref, layout.TIME));
          break;
        case Letter.h:
          at = writeNumberFlag(to, at, Letter.h, (memory.word(ref, layout.STATE) & layout.FETCHED) === 0 ? 0 : 1);
          break;
        case Letter.O:
          at = writeWord(to, at, request, i);
          if (at < 0) return at;
          break;
        case Letter.k:
          at = this.#shared.writeKeyOf(ref, to, at);
          break;
        default:
          break;
      }
    }
    return this.#writeStale(ref, won, to, at);
  }

  /** R: whether the item has less time left, and nobody was told yet. */
  #isTimeToRecache(ref: ChunkRef, recacheExptime: number): boolean {
    const { memory } = this.#shared.store;
    const exptime = memory.word(ref, layout.EXPTIME);
    if (exptime === 0 || (memory.word(ref, layout.STATE) & layout.WIN_SENT) !== 0) return false;
    return exptime < this.#shared.time.deadline(recacheExptime);
  }

  /** Z: somebody else was told to recache; X: the item is stale; W: the client that reads this is the one to recache. */
  #writeStale(ref: ChunkRef, wonAlready: boolean, to: Uint8Array, position: number): number {
    const { memory } = this.#shared.store;
    const state = memory.word(ref, layout.STATE);
    if (!wonAlready && (state & (layout.WIN_SENT | layout.STALE)) === 0) return position;
    let at = position;
    let won = wonAlready;
    if ((state & layout.WIN_SENT) !== 0) at = writeLetter(to, at, Mark.Z);
    if ((state & layout.STALE) !== 0) {
      at = writeLetter(to, at, Mark.X);
      if ((state & layout.WIN_SENT) === 0) won = true;
    }
    if (won) {
      at = writeLetter(to, at, Mark.W);
      memory.setWord(ref, layout.STATE, state | layout.WIN_SENT);
    }
    return at;
  }

  /** An mg with T counts as a touch, any other as a get; u leaves no trace in the LRU. */
  #countGet(request: MetaRequest, ref: ChunkRef): void {
    const { counters, store } = this.#shared.engine;
    const sizeClass = layout.classOf(store.memory.word(ref, layout.SHAPE));
    if (request.has(Letter.T)) {
      counters.touchCommands++;
      counters.classes.touchHits[sizeClass]++;
    } else if (!request.has(Letter.u)) {
      return this.#shared.engine.countHit(ref);
    } else {
      this.#shared.engine.countLook(ref);
    }
    if (!request.has(Letter.u)) store.touchAccess(ref);
  }

  #missed(request: MetaRequest, to: Uint8Array, position: number): number {
    this.#shared.engine.countMiss();
    if (request.lower === 0 && request.upper === 0) return writeBytes(to, position, meta.MISS);
    const end = writeEchoes(to, writeStatus(to, position, Status.EN), request);
    if (end < 0) return writeBytes(to, position, meta.OPAQUE_TOO_LONG);
    if (request.has(Letter.q)) return position;
    return writeLineEnd(to, end);
  }

  /** N: an empty item, so that the next client finds that somebody is at it. */
  #vivify(request: MetaRequest): ChunkRef {
    const { store } = this.#shared;
    const ref = this.#shared.make(request, 0, 0, '');
    if (ref === NONE) return NONE;
    store.link(ref, this.#shared.hash(request), NONE);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    return ref;
  }
}

/** Whether an mg marks its item as read only after the answer, or never: what it answers or changes depends on it. */
function isLookedAtFirst(request: MetaRequest): boolean {
  const { T, N, R, l, h, u } = Letter;
  return [T, N, R, l, h, u].some((letter) => request.has(letter));
}
