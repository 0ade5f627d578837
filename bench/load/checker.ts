/**
 * Checks what a server sends against what a script says must come back, byte by byte where it matters.
 *
 * Answers arrive cut anywhere. An answer that lies whole within what was read is checked in place: its length, its
 * header, its first and last bytes always, all of its value on every n-th one. An answer that is cut is compared in
 * full, piece by piece as it comes:
 *
 *     pieces of `gets`:  literal "VALUE key 0 100 " | digits up to CR LF | literal value CR LF
 *
 * One checker per connection; it owns no socket and knows no time.
 */
import { EXPECT, type KeySpaces, type Script } from './script.ts';
import { writeText, type KeySpace } from './keys.ts';

/** Batches that a connection may have under way; the open loop stops with an error beyond this. */
export const BATCHES_UNDER_WAY_MAX = 8192;

/** How many values are compared in full: one in this many. 1 compares all. */
export const FULL_CHECK_EVERY = 32;

/** How much of a wrong answer is shown. */
const SHOWN_BYTES = 60;

const LF = 10;
const CR = 13;
const SPACE = 32;
const ZERO = 48;
const NINE = 57;
const LETTER_E = 69;
const LETTER_N = 78;
const LETTER_V = 86;
const END_TEXT = 'END\r\n';
/** Longest number that a counter or a cas unique may have: 2^64 - 1. */
const NUMBER_DIGITS_MAX = 20;

/** What a checker has seen. */
export interface CheckCounts {
  hits: number;
  misses: number;
  /** Values whose every byte was compared. */
  comparedInFull: number;
  /** Decimal numbers: answers to `incr` and cas uniques. */
  numbers: number;
}

type Piece = 'literal' | 'number' | 'skip';

export class AnswerChecker {
  readonly counts: CheckCounts = { hits: 0, misses: 0, comparedInFull: 0, numbers: 0 };
  /** Told of each key that was asked for and not there. */
  onMiss: (key: number) => void = () => {};
  readonly #space: KeySpace;
  readonly #fullCheckEvery: number;
  #untilFullCheck: number;
  #script: Script;
  /** Ring of the batches under way. */
  readonly #queue = new Int32Array(BATCHES_UNDER_WAY_MAX);
  #queueHead = 0;
  #queueCount = 0;
  /** Next expectation of the first batch under way. */
  #cursor = 0;
  #cursorEnd = 0;
  /** The literal being compared with an answer that was cut, and how far. */
  #literal = new Uint8Array(4096);
  #literalEnd = 0;
  #literalAt = 0;
  /** Pieces of the answer under way still to come, the current one first; empty between answers. */
  #pieces: Piece[] = [];
  #digits = 0;
  #skipLeft = 0;

  /**
   * @param spaces the keys and values that the scripts use
   * @param fullCheckEvery compare one in this many values in full
   */
  constructor(spaces: KeySpaces, script: Script, fullCheckEvery: number = FULL_CHECK_EVERY) {
    this.#space = spaces.present;
    this.#script = script;
    this.#fullCheckEvery = fullCheckEvery;
    this.#untilFullCheck = fullCheckEvery;
  }

  /** Batches whose answers are not complete. */
  get underWay(): number {
    return this.#queueCount;
  }

  /** Goes on with another script. @throws Error if answers are still missing */
  use(script: Script): void {
    if (this.#queueCount > 0) throw new Error(`${this.#queueCount} batches are still unanswered`);
    this.#script = script;
  }

  /** A batch was sent. @throws Error if too many are under way */
  expect(batch: number): void {
    if (this.#queueCount === BATCHES_UNDER_WAY_MAX) {
      throw new Error(`the server is ${BATCHES_UNDER_WAY_MAX} batches behind on one connection`);
    }
    this.#queue[(this.#queueHead + this.#queueCount) % BATCHES_UNDER_WAY_MAX] = batch;
    if (this.#queueCount++ === 0) this.#open(batch);
  }

  /**
   * Takes what was read. Calls `onBatch` with each batch whose last byte it sees.
   * @throws Error at the first byte that is not what it must be
   */
  consume(chunk: Uint8Array, end: number, onBatch: (batch: number) => void): void {
    let at = 0;
    while (at < end) {
      if (this.#queueCount === 0) this.#fail('bytes that nobody asked for', chunk, at, end);
      at = this.#pieces.length > 0 ? this.#goOn(chunk, at, end) : this.#begin(chunk, at, end);
      if (this.#pieces.length > 0) continue;
      if (this.#cursor === this.#cursorEnd) {
        const batch = this.#queue[this.#queueHead] ?? 0;
        this.#queueHead = (this.#queueHead + 1) % BATCHES_UNDER_WAY_MAX;
        this.#queueCount--;
        if (this.#queueCount > 0) this.#open(this.#queue[this.#queueHead] ?? 0);
        onBatch(batch);
      }
    }
  }

  #open(batch: number): void {
    this.#cursor = this.#script.first[batch] ?? 0;
    this.#cursorEnd = this.#script.first[batch + 1] ?? 0;
  }

  /** At the first byte of an answer; returns how far it got. Leaves `#pieces` filled if the answer is cut. */
  #begin(chunk: Uint8Array, at: number, end: number): number {
    const kind = this.#script.kinds[this.#cursor];
    const key = this.#script.keys[this.#cursor] ?? 0;
    switch (kind) {
      case EXPECT.valueOrMiss:
        if (chunk[at] === LETTER_E) return this.#miss(at);
        return this.#value(chunk, at, end, key);
      case EXPECT.value:
        return this.#value(chunk, at, end, key);
      case EXPECT.valueWithCas:
        if (chunk[at] === LETTER_E) return this.#miss(at);
        this.counts.hits++;
        this.#literalEnd = this.#valueHeader(this.#literal, key, 'VALUE', ' ');
        return this.#startPieces(chunk, at, end, ['literal', 'number', 'literal']);
      case EXPECT.end:
        return this.#word(chunk, at, end, END_TEXT);
      case EXPECT.storedOrNot:
        return this.#word(chunk, at, end, chunk[at] === LETTER_N ? 'NOT_STORED\r\n' : 'STORED\r\n');
      case EXPECT.number:
        return this.#startPieces(chunk, at, end, ['number']);
      case EXPECT.metaStored:
        return this.#word(chunk, at, end, 'HD\r\n');
      case EXPECT.metaValue:
        return this.#metaValue(chunk, at, end, key);
      case EXPECT.binaryValue:
        return this.#binary(chunk, at, end, 0, this.#space.valueBytes(key) + 4);
      case EXPECT.binaryStored:
        return this.#binary(chunk, at, end, 1, 0);
      default:
        return this.#word(chunk, at, end, 'STORED\r\n');
    }
  }

  /** A key was not there: what follows must be the `END` that is expected next. */
  #miss(at: number): number {
    this.counts.misses++;
    this.onMiss(this.#script.keys[this.#cursor] ?? 0);
    this.#cursor++;
    return at;
  }

  /** A short answer of fixed text. */
  #word(chunk: Uint8Array, at: number, end: number, word: string): number {
    if (end - at >= word.length) {
      for (let i = 0; i < word.length; i++) {
        if (chunk[at + i] !== word.charCodeAt(i)) this.#fail(JSON.stringify(word), chunk, at, end);
      }
      this.#cursor++;
      return at + word.length;
    }
    this.#literalEnd = writeText(this.#literal, 0, word);
    return this.#startPieces(chunk, at, end, ['literal']);
  }

  #value(chunk: Uint8Array, at: number, end: number, key: number): number {
    const space = this.#space;
    this.counts.hits++;
    const valueBytes = space.valueBytes(key);
    const headerBytes = 6 + space.keyBytes + 3 + digitsOf(valueBytes) + 2;
    const total = headerBytes + valueBytes + 2;
    if (end - at < total || --this.#untilFullCheck <= 0) {
      this.#wholeValue(key, 'VALUE', '\r\n');
      return this.#startPieces(chunk, at, end, ['literal']);
    }
    const valueAt = at + headerBytes;
    const valueEnd = valueAt + valueBytes;
    const start = space.valueStart(key);
    const keyEnd = at + 6 + space.keyBytes;
    const right =
      chunk[at] === LETTER_V &&
      chunk[keyEnd - 1] === ZERO + (key % 10) &&
      chunk[keyEnd - 2] === ZERO + (Math.floor(key / 10) % 10) &&
      chunk[keyEnd] === SPACE &&
      chunk[valueAt - 3] === ZERO + (valueBytes % 10) &&
      chunk[valueAt - 1] === LF &&
      chunk[valueAt] === space.block[start] &&
      chunk[valueEnd - 1] === space.block[start + valueBytes - 1] &&
      chunk[valueEnd] === CR &&
      chunk[valueEnd + 1] === LF;
    if (!right) this.#fail(`the value of ${space.keyText(key)}, ${valueBytes} bytes`, chunk, at, end);
    this.#cursor++;
    return at + total;
  }

  #metaValue(chunk: Uint8Array, at: number, end: number, key: number): number {
    this.counts.hits++;
    const bytes = this.#space.valueBytes(key);
    this.#room(bytes + 32);
    const valueAt = writeText(this.#literal, 0, `VA ${bytes}\r\n`);
    this.#literalEnd = this.#space.writeValue(this.#literal, valueAt, key);
    this.counts.comparedInFull++;
    return this.#startPieces(chunk, at, end, ['literal']);
  }

  /** A binary answer: header without its cas unique, the cas unique (any), flags and value. */
  #binary(chunk: Uint8Array, at: number, end: number, opcode: number, bodyBytes: number): number {
    this.#room(32);
    this.#literal.fill(0, 0, 16);
    const view = new DataView(this.#literal.buffer);
    view.setUint8(0, 0x81);
    view.setUint8(1, opcode);
    view.setUint8(4, bodyBytes > 0 ? 4 : 0);
    view.setUint32(8, bodyBytes);
    this.#literalEnd = 16;
    if (bodyBytes > 0) this.counts.hits++;
    return this.#startPieces(chunk, at, end, bodyBytes > 0 ? ['literal', 'skip', 'literal'] : ['literal', 'skip']);
  }

  #valueHeader(target: Uint8Array, key: number, word: string, ending: string): number {
    let at = writeText(target, 0, `${word} `);
    at = this.#space.writeKey(target, at, key);
    return writeText(target, at, ` 0 ${this.#space.valueBytes(key)}${ending}`);
  }

  /** Prepares the full comparison of a value. */
  #wholeValue(key: number, word: string, ending: string): void {
    this.#untilFullCheck = this.#fullCheckEvery;
    this.counts.comparedInFull++;
    this.#room(this.#space.keyBytes + this.#space.valueBytes(key) + 64);
    const valueAt = this.#valueHeader(this.#literal, key, word, ending);
    this.#literalEnd = this.#space.writeValue(this.#literal, valueAt, key);
  }

  #room(bytes: number): void {
    if (this.#literal.length < bytes) this.#literal = new Uint8Array(bytes * 2);
  }

  #startPieces(chunk: Uint8Array, at: number, end: number, pieces: Piece[]): number {
    this.#pieces = pieces;
    this.#literalAt = 0;
    this.#digits = 0;
    this.#skipLeft = 8;
    return this.#goOn(chunk, at, end);
  }

  /** Within an answer; returns how far it got. */
  #goOn(chunk: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end && this.#pieces.length > 0) {
      const piece = this.#pieces[0];
      if (piece === 'literal') at = this.#goOnLiteral(chunk, at, end);
      else if (piece === 'number') at = this.#goOnNumber(chunk, at, end);
      else {
        const step = Math.min(this.#skipLeft, end - at);
        this.#skipLeft -= step;
        at += step;
        if (this.#skipLeft === 0) this.#endPiece();
      }
    }
    return at;
  }

  #goOnLiteral(chunk: Uint8Array, at: number, end: number): number {
    const step = Math.min(this.#literalEnd - this.#literalAt, end - at);
    const wanted = this.#literal.subarray(this.#literalAt, this.#literalAt + step);
    if (Buffer.compare(wanted, chunk.subarray(at, at + step)) !== 0) {
      const differs = wanted.findIndex((byte, i) => byte !== chunk[at + i]);
      const shown = Buffer.from(wanted.subarray(differs, differs + SHOWN_BYTES)).toString('latin1');
      const where = `at byte ${this.#literalAt + differs} of ${this.#literalEnd}`;
      this.#fail(`${JSON.stringify(shown)} ${where}`, chunk, at + differs, end);
    }
    this.#literalAt += step;
    if (this.#literalAt === this.#literalEnd) this.#endPiece();
    return at + step;
  }

  #goOnNumber(chunk: Uint8Array, from: number, end: number): number {
    let at = from;
    for (; at < end; at++) {
      const byte = chunk[at] ?? 0;
      if (byte >= ZERO && byte <= NINE && this.#digits < NUMBER_DIGITS_MAX) this.#digits++;
      else if (byte === CR && this.#digits > 0) this.#digits = NUMBER_DIGITS_MAX + 1;
      else if (byte === LF && this.#digits === NUMBER_DIGITS_MAX + 1) {
        this.counts.numbers++;
        this.#endPiece();
        return at + 1;
      } else this.#fail('a decimal number', chunk, at, end);
    }
    return at;
  }

  /** One piece is complete: prepares the next, or ends the answer. */
  #endPiece(): void {
    this.#pieces.shift();
    if (this.#pieces.length === 0) {
      this.#cursor++;
      return;
    }
    if (this.#pieces[0] !== 'literal') return;
    // The value, after the cas unique of a `gets` or of a binary header.
    const key = this.#script.keys[this.#cursor] ?? 0;
    const bytes = this.#space.valueBytes(key);
    this.#room(bytes + 8);
    this.#literalAt = 0;
    this.counts.comparedInFull++;
    if (this.#script.kinds[this.#cursor] === EXPECT.binaryValue) {
      this.#literal.fill(0, 0, 4);
      this.#literalEnd = this.#space.writeValue(this.#literal, 4, key) - 2;
    } else {
      this.#literalEnd = this.#space.writeValue(this.#literal, 0, key);
    }
  }

  #fail(wanted: string, chunk: Uint8Array, at: number, end: number): never {
    const got = JSON.stringify(Buffer.from(chunk.subarray(at, Math.min(end, at + SHOWN_BYTES))).toString('latin1'));
    throw new Error(`wrong answer: expected ${wanted}, got ${got}`);
  }
}

function digitsOf(number: number): number {
  let digits = 1;
  for (let left = number; left >= 10; left = Math.floor(left / 10)) digits++;
  return digits;
}
