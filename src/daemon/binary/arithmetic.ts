/** incr and decr of the binary protocol, which may make the item they count in (proto_bin.c, complete_incr_bin). */
import { TWO_32, writeUnsigned } from '../../base/bytes.ts';
import { Opcode, Status, isQuiet } from '../../protocol/binary/opcodes.ts';
import { readInt32, type PacketHead } from '../../protocol/binary/packet.ts';
import { exptimeAt, hasOtherCas, type BinaryAnswers } from './answers.ts';
import { Mode, Outcome, type Engine } from '../engine.ts';
import { ItemCursor } from '../storage/items.ts';
import { NONE } from '../storage/layout.ts';

/** Where in the extras what stands. */
const DELTA = 0;
const INITIAL = 8;
const EXPTIME = 16;

/** The exptime of a request that must not make an item. */
const NO_INITIAL = 0xffff_ffff;
/** Decimal digits of the largest 64-bit number. */
const NUMBER_DIGITS_MAX = 20;

export class BinaryArithmetic {
  readonly #engine: Engine;
  readonly #answers: BinaryAnswers;
  readonly #cursor = new ItemCursor();
  readonly #digits = new Uint8Array(NUMBER_DIGITS_MAX);

  constructor(engine: Engine, answers: BinaryAnswers) {
    this.#engine = engine;
    this.#answers = answers;
  }

  /** Counts and answers. The request's extras and key lie in `bytes`. */
  execute(request: PacketHead, bytes: Uint8Array): void {
    const engine = this.#engine;
    const { keyStart, valueStart, extrasStart } = request;
    const creates = readInt32(bytes, extrasStart + EXPTIME) >>> 0 !== NO_INITIAL;
    const needsItem = creates || (request.casHigh | request.casLow) !== 0;
    const ref = needsItem ? engine.peek(bytes, keyStart, valueStart) : NONE;
    // Looked for first, since a miss that makes an item is not counted as one.
    if (creates && ref === NONE) return this.#create(request, bytes);
    // An empty item is no number, whatever its CAS (memcached.c, do_add_delta).
    if (hasOtherCas(request, engine.store, ref) && engine.store.items.valueBytes(ref) > 0) {
      return this.#answers.error(request, Status.KEY_EXISTS);
    }
    const increase = request.opcode === Opcode.INCREMENT || request.opcode === Opcode.INCREMENTQ;
    const delta = readNumber(bytes, extrasStart + DELTA);
    switch (engine.arithmetic(increase, bytes, keyStart, valueStart, delta)) {
      case Outcome.DONE:
        return this.#answer(request, engine.arithmeticResult);
      case Outcome.NOT_FOUND:
        return this.#answers.error(request, Status.KEY_NOT_FOUND);
      case Outcome.NOT_A_NUMBER:
        return this.#answers.error(request, Status.NOT_A_NUMBER);
      default:
        return this.#answers.error(request, Status.OUT_OF_MEMORY, 'Out of memory incrementing value');
    }
  }

  /** An item with the initial value, where there was none. */
  #create(request: PacketHead, bytes: Uint8Array): void {
    const { store } = this.#engine;
    const { keyStart, valueStart, extrasStart } = request;
    const initial = readNumber(bytes, extrasStart + INITIAL);
    const length = writeUnsigned(this.#digits, 0, initial);
    const exptime = exptimeAt(bytes, extrasStart + EXPTIME);
    const ref = this.#engine.begin(Mode.ADD, bytes, keyStart, valueStart, 0, exptime, length);
    if (ref === NONE) {
      if (this.#engine.failure === Outcome.RESERVED) return this.#answers.error(request, Status.AUTH_ERROR);
      return this.#answers.error(request, Status.OUT_OF_MEMORY, 'Out of memory allocating new item');
    }
    store.items.openValue(ref, this.#cursor);
    store.items.append(this.#cursor, this.#digits, 0, length);
    store.items.closeValue(this.#cursor);
    store.link(ref, store.hashInFlight(ref), NONE);
    this.#engine.noteVivified(ref);
    this.#answer(request, initial);
  }

  #answer(request: PacketHead, number: number | bigint): void {
    if (!isQuiet(request.opcode)) this.#answers.number(request, number, this.#engine.store.lastCas);
  }
}

/** 64 bits unsigned: a number where one holds them exactly, else a bigint. */
function readNumber(bytes: Uint8Array, position: number): number | bigint {
  const high = readInt32(bytes, position) >>> 0;
  const low = readInt32(bytes, position + 4) >>> 0;
  return high === 0 ? low : BigInt(high) * BigInt(TWO_32) + BigInt(low);
}
