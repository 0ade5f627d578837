/** md: deletes an item, empties it, or marks it stale (protocol.txt "Meta Delete", proto_text.c). */
import { hasLongOpaque } from '../../protocol/text/meta-parser.ts';
import * as meta from '../../protocol/text/meta-replies.ts';
import { Letter, type MetaRequest } from '../../protocol/text/meta-request.ts';
import { Mode } from '../engine.ts';
import type { MetaShared } from './shared.ts';
import { Status, writeEchoes, writeStatus } from './writer.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';

export class MetaDelete {
  readonly #shared: MetaShared;

  constructor(shared: MetaShared) {
    this.#shared = shared;
  }

  /** Carries out an md and answers. */
  delete(request: MetaRequest): void {
    if (hasLongOpaque(request)) return this.#shared.output.reply(meta.OPAQUE_TOO_LONG);
    const status = this.#remove(request);
    if (status === undefined) return this.#shared.output.reply(meta.NO_MEMORY);
    if (status === Status.HD && request.has(Letter.q)) return;
    const to = this.#shared.output.bytes;
    this.#shared.endLine(writeEchoes(to, writeStatus(to, this.#shared.output.position, status), request));
  }

  /** Deletes the item, empties it (x) or marks it stale (I); undefined if there is no memory for that. */
  #remove(request: MetaRequest): Status | undefined {
    const { counters, store } = this.#shared.engine;
    let ref = this.#shared.find(request);
    if (ref === NONE) {
      counters.deleteMisses++;
      return Status.NF;
    }
    if (request.has(Letter.C) && !this.#shared.hasCas(ref, request.casLow, request.casHigh)) {
      counters.deleteMisses++;
      return Status.EX;
    }
    if (request.has(Letter.x)) {
      ref = this.#emptied(request, ref);
      if (ref === NONE) return undefined;
    }
    if (request.has(Letter.I)) {
      this.#markStale(request, ref);
    } else {
      counters.classes.deleteHits[layout.classOf(store.memory.word(ref, layout.SHAPE))]++;
      store.observer?.deleted(ref, 'md');
      if (!request.has(Letter.x)) store.unlink(ref, this.#shared.hash(request));
    }
    return Status.HD;
  }

  /** x: an item without a value, with the flags and exptime of the request and the old CAS, in place of the old one. */
  #emptied(request: MetaRequest, old: ChunkRef): ChunkRef {
    const { store, time } = this.#shared;
    const casLow = store.memory.word(old, layout.CAS_LOW);
    const casHigh = store.memory.word(old, layout.CAS_HIGH);
    const ref = this.#shared.make(request, request.clientFlags, time.deadline(request.exptime), '');
    if (ref === NONE) return NONE;
    // Making room may have evicted or moved the old item.
    store.link(ref, this.#shared.hash(request), this.#shared.find(request));
    this.#shared.engine.noteStored(Mode.SET, ref);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    else store.setCas(ref, casLow, casHigh);
    return ref;
  }

  #markStale(request: MetaRequest, ref: ChunkRef): void {
    const { store } = this.#shared.engine;
    const { memory } = store;
    if (request.has(Letter.T)) memory.setWord(ref, layout.EXPTIME, this.#shared.time.deadline(request.exptime));
    // WIN_SENT goes, so that the next client can win.
    memory.setWord(ref, layout.STATE, (memory.word(ref, layout.STATE) | layout.STALE) & ~layout.WIN_SENT);
    if (request.has(Letter.E)) store.setCas(ref, request.newCasLow, request.newCasHigh);
    else store.renewCas(ref);
  }
}
