/**
 * The meta commands over the engine: what a parsed request does to items, and its answer, flag by flag in the order they
 * were asked for. Semantics are memcached 1.6.45's (proto_parser.c, protocol.txt "Meta Commands"); the session brings the
 * lines, the data blocks and the room to answer.
 */
import { writeLatin } from '../../base/bytes.ts';
import { writeBase64 } from '../../protocol/text/meta-base64.ts';
import * as meta from '../../protocol/text/meta-replies.ts';
import { MetaCommand, type MetaRequest } from '../../protocol/text/meta-request.ts';
import type { SecondHand } from '../clock.ts';
import type { Engine } from '../engine.ts';
import { MetaArithmetic } from './arithmetic.ts';
import { MetaDelete } from './delete.ts';
import { MetaGet } from './get.ts';
import { MetaSet } from './set.ts';
import { MetaShared } from './shared.ts';
import type { Output } from '../output.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';

export class MetaCommands {
  readonly get: MetaGet;
  readonly set: MetaSet;
  readonly #delete: MetaDelete;
  readonly #arithmetic: MetaArithmetic;
  readonly #shared: MetaShared;

  constructor(engine: Engine, output: Output, time: SecondHand) {
    this.#shared = new MetaShared(engine, output, time);
    this.get = new MetaGet(this.#shared);
    this.set = new MetaSet(this.#shared);
    this.#delete = new MetaDelete(this.#shared);
    this.#arithmetic = new MetaArithmetic(this.#shared);
  }

  /** The item that a request is about, or NONE; counts nothing. */
  find(request: MetaRequest): ChunkRef {
    return this.#shared.find(request);
  }

  /** Carries out md, ma, mn or me and answers. */
  execute(request: MetaRequest): void {
    switch (request.command) {
      case MetaCommand.DELETE:
        return this.#delete.delete(request);
      case MetaCommand.ARITHMETIC:
        return this.#arithmetic.arithmetic(request);
      case MetaCommand.DEBUG:
        return this.#debug(request);
      default:
        return this.#shared.output.reply(meta.NOOP);
    }
  }

  /** What there is to know of an item, for people. */
  #debug(request: MetaRequest): void {
    this.#shared.engine.counters.metaCommands++;
    const ref = this.#shared.find(request);
    if (ref === NONE) return this.#shared.output.reply(meta.MISS);
    const { memory, items } = this.#shared.store;
    const state = memory.word(ref, layout.STATE);
    const exptime = memory.word(ref, layout.EXPTIME);
    const to = this.#shared.output.bytes;
    let at = writeLatin(to, this.#shared.output.position, 'ME ');
    at =
      (state & layout.KEY_BINARY) === 0
        ? this.#shared.writeBareKey(ref, to, at)
        : writeBase64(to, at, request.key, request.keyStart, request.keyEnd);
    const ttl = exptime === 0 ? -1 : exptime - this.#shared.time.now;
    at = writeLatin(to, at, ` exp=${ttl} la=${this.#shared.time.now - memory.word(ref, layout.TIME)} cas=`);
    at = this.#shared.output.writeCas(ref, to, at);
    at = writeLatin(
      to,
      at,
      ` fetch=${(state & layout.FETCHED) === 0 ? 'no' : 'yes'}` +
        ` cls=${layout.classOf(memory.word(ref, layout.SHAPE))} size=${layout.HEADER_BYTES + items.runBytes(ref)}\r\n`,
    );
    this.#shared.output.position = at;
  }
}
