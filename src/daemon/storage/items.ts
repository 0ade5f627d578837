/**
 * Reading and writing one item's bytes, whether they lie in one chunk or in several. To the rest of the daemon an item
 * is a header and a run of bytes `key flags length⏎ value⏎`; only this file knows where the run is cut.
 */
import { bytesOf, writeBytes, writeDecimal, SPACE } from '../../base/bytes.ts';
import {
  CHAIN,
  CHUNKED,
  HEADER_BYTES,
  NONE,
  OLDER,
  SHAPE,
  STATE,
  VALUE_BYTES,
  keyBytesOf,
  suffixBytesOf,
  type ChunkRef,
} from './layout.ts';
import { Memory, byteOffset } from './memory.ts';
import { CHUNK_BYTES_MAX } from './size-classes.ts';

/** Bytes of the reference at the end of a chunked item's first chunk. */
const NEXT_BYTES = 8;

/** Bytes of an item's run that its first chunk holds if there are more chunks. */
const FIRST_ROOM = CHUNK_BYTES_MAX - HEADER_BYTES - NEXT_BYTES;

/** Bytes of an item's run that a full further chunk holds. */
export const FURTHER_ROOM = CHUNK_BYTES_MAX - HEADER_BYTES;

/** Largest run of bytes that fits into one chunk. */
export const SINGLE_ROOM = CHUNK_BYTES_MAX - HEADER_BYTES;

/** Line end behind the suffix and behind the value. */
export const LINE_END = bytesOf('\r\n');

/** A place in an item's run: where the next byte goes while it is filled, or which one is sent next. */
export class ItemCursor {
  chunk: ChunkRef = NONE;
  /** Bytes of the chunk's room in front of it. */
  filled = 0;
  /** Bytes the chunk's room has. */
  room = 0;
}

/** Takes runs of bytes, one behind the other. */
export interface RunList {
  add(bytes: Uint8Array, start: number, end: number): void;
}

type TakePiece = (bytes: Uint8Array, from: number, until: number, at: number) => void;

export class Items {
  readonly #memory: Memory;
  readonly #ending = new Uint8Array(LINE_END.length);
  readonly #lookahead = new ItemCursor();

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Length of the run `key flags length⏎ value⏎`. */
  runBytes(ref: ChunkRef): number {
    const shape = this.#memory.word(ref, SHAPE);
    return keyBytesOf(shape) + suffixBytesOf(shape) + this.#memory.word(ref, VALUE_BYTES) + LINE_END.length;
  }

  /** Bytes of an item's run that its first chunk holds at most. */
  firstRoom(ref: ChunkRef): number {
    return this.#isChunked(ref) ? FIRST_ROOM : SINGLE_ROOM;
  }

  /** Where in the run the value begins. */
  valueStart(ref: ChunkRef): number {
    const shape = this.#memory.word(ref, SHAPE);
    return keyBytesOf(shape) + suffixBytesOf(shape);
  }

  valueBytes(ref: ChunkRef): number {
    return this.#memory.word(ref, VALUE_BYTES);
  }

  keyBytes(ref: ChunkRef): number {
    return keyBytesOf(this.#memory.word(ref, SHAPE));
  }

  /** The client flags, an unsigned 32-bit number, which the suffix holds as text. */
  clientFlags(ref: ChunkRef): number {
    const { bytes } = this.#memory.blockOf(ref);
    let at = byteOffset(ref) + HEADER_BYTES + keyBytesOf(this.#memory.word(ref, SHAPE)) + 1;
    let flags = 0;
    for (; bytes[at] !== SPACE; at++) flags = flags * 10 + (bytes[at] - 0x30);
    return flags;
  }

  /** Writes the key and the suffix ` flags length⏎` behind a header. */
  writeHead(ref: ChunkRef, key: Uint8Array, start: number, length: number, flags: number, valueBytes: number): void {
    const { bytes } = this.#memory.blockOf(ref);
    const at = byteOffset(ref) + HEADER_BYTES;
    Memory.copy(bytes, at, key, start, start + length);
    let end = at + length;
    bytes[end++] = SPACE;
    end = writeDecimal(bytes, end, flags);
    bytes[end++] = SPACE;
    end = writeDecimal(bytes, end, valueBytes);
    writeBytes(bytes, end, LINE_END);
  }

  /** Puts a cursor at the start of an item's value. */
  openValue(ref: ChunkRef, cursor: ItemCursor): void {
    cursor.chunk = ref;
    cursor.filled = this.valueStart(ref);
    cursor.room = this.firstRoom(ref);
  }

  /** Puts a cursor at any place of an item's run. */
  openRun(ref: ChunkRef, position: number, cursor: ItemCursor): void {
    cursor.chunk = ref;
    cursor.filled = 0;
    cursor.room = this.#isChunked(ref) ? FIRST_ROOM : SINGLE_ROOM;
    this.skip(cursor, position);
  }

  /** Copies the bytes at a cursor, `byteLength` of them; the cursor stays. */
  read(cursor: ItemCursor, byteLength: number, to: Uint8Array, position: number): void {
    let at = position;
    this.nameRoom(cursor, byteLength, {
      add: (bytes, start, end) => {
        Memory.copy(to, at, bytes, start, end);
        at += end - start;
      },
    });
  }

  /** Writes bytes at a cursor and moves it on. They must fit into the item. */
  append(cursor: ItemCursor, from: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end;) {
      const count = this.#enterPiece(cursor, end - at);
      const position = byteOffset(cursor.chunk) + HEADER_BYTES + cursor.filled;
      Memory.copy(this.#memory.blockOf(cursor.chunk).bytes, position, from, at, at + count);
      cursor.filled += count;
      at += count;
    }
  }

  /** Names where the next bytes at a cursor go or are, `byteLength` of them; the cursor stays. They must fit into the item. */
  nameRoom(cursor: ItemCursor, byteLength: number, runs: RunList): void {
    const ahead = this.#lookahead;
    ahead.chunk = cursor.chunk;
    ahead.filled = cursor.filled;
    ahead.room = cursor.room;
    for (let left = byteLength; left > 0;) {
      const count = this.#enterPiece(ahead, left);
      const position = byteOffset(ahead.chunk) + HEADER_BYTES + ahead.filled;
      runs.add(this.#memory.blockOf(ahead.chunk).bytes, position, position + count);
      ahead.filled += count;
      left -= count;
    }
  }

  /** Moves a cursor on over bytes that are there already. */
  skip(cursor: ItemCursor, byteLength: number): void {
    for (let left = byteLength; left > 0;) {
      const count = this.#enterPiece(cursor, left);
      cursor.filled += count;
      left -= count;
    }
  }

  /** Moves a cursor into the next chunk if its own is full; returns how many of `left` bytes the chunk takes. */
  #enterPiece(cursor: ItemCursor, left: number): number {
    if (cursor.filled === cursor.room) {
      cursor.chunk = this.nextChunk(cursor.chunk);
      cursor.filled = 0;
      cursor.room = FURTHER_ROOM;
    }
    return Math.min(left, cursor.room - cursor.filled);
  }

  /** Writes the line end behind a value that is complete. */
  closeValue(cursor: ItemCursor): void {
    this.append(cursor, LINE_END, 0, LINE_END.length);
  }

  /** Whether the two bytes behind the value are a line end. */
  endsLine(ref: ChunkRef): boolean {
    const end = this.runBytes(ref);
    this.copyRun(ref, end - LINE_END.length, end, this.#ending, 0);
    return this.#ending[0] === LINE_END[0] && this.#ending[1] === LINE_END[1];
  }

  /** Copies part of an item's run, bytes `start` up to and without `end` of it, to `to`. */
  copyRun(ref: ChunkRef, start: number, end: number, to: Uint8Array, position: number): void {
    if (!this.#isChunked(ref)) {
      const base = byteOffset(ref) + HEADER_BYTES;
      Memory.copy(to, position, this.#memory.blockOf(ref).bytes, base + start, base + end);
      return;
    }
    this.#eachPiece(ref, start, end, (bytes, from, until, at) => Memory.copy(to, position + at, bytes, from, until));
  }

  /** Names part of an item's run where it lies, bytes `start` up to and without `end` of it. */
  nameRun(ref: ChunkRef, start: number, end: number, runs: RunList): void {
    this.#eachPiece(ref, start, end, (bytes, from, until) => runs.add(bytes, from, until));
  }

  /** Goes through part of an item's run as it lies in its chunks; `at` counts from `start`. */
  #eachPiece(ref: ChunkRef, start: number, end: number, take: TakePiece): void {
    let chunk = ref;
    let chunkStart = 0;
    let room = this.firstRoom(ref);
    for (let at = start; at < end;) {
      while (at >= chunkStart + room) {
        chunk = this.nextChunk(chunk);
        chunkStart += room;
        room = FURTHER_ROOM;
      }
      const stop = Math.min(end, chunkStart + room);
      const base = byteOffset(chunk) + HEADER_BYTES - chunkStart;
      take(this.#memory.blockOf(chunk).bytes, base + at, base + stop, at - start);
      at = stop;
    }
  }

  /** Appends an item's whole value at a cursor of another. */
  appendValueOf(source: ChunkRef, cursor: ItemCursor): void {
    const valueStart = this.valueStart(source);
    let left = this.valueBytes(source);
    let chunk = source;
    let at = valueStart;
    let room = this.firstRoom(source);
    while (left > 0) {
      if (at >= room) {
        chunk = this.nextChunk(chunk);
        at -= room;
        room = FURTHER_ROOM;
      }
      const count = Math.min(left, room - at);
      const base = byteOffset(chunk) + HEADER_BYTES + at;
      this.append(cursor, this.#memory.blockOf(chunk).bytes, base, base + count);
      left -= count;
      at += count;
    }
  }

  /** The chunk after this one of a chunked item; NONE behind the last. */
  nextChunk(ref: ChunkRef): ChunkRef {
    if (this.#isChunked(ref)) {
      return this.#memory.link(ref, CHUNK_BYTES_MAX / 4 - 1);
    }
    return this.#memory.link(ref, OLDER);
  }

  /** Ties the chunk that follows `ref`, which is an item's first chunk or a further one. */
  setNextChunk(ref: ChunkRef, next: ChunkRef): void {
    this.#memory.setWord(ref, this.#isChunked(ref) ? CHUNK_BYTES_MAX / 4 - 1 : OLDER, next);
  }

  /** Tells an item's further chunks that the first one lies at `first` now. */
  moved(first: ChunkRef): void {
    if (!this.#isChunked(first)) return;
    for (let chunk = this.nextChunk(first); chunk !== NONE; chunk = this.nextChunk(chunk)) {
      this.#memory.setWord(chunk, CHAIN, first);
    }
  }

  /** Ties a further chunk of an item that was copied, header and all, from `from` to `to`. */
  relink(first: ChunkRef, from: ChunkRef, to: ChunkRef): void {
    let before = first;
    for (let next = this.nextChunk(before); next !== from; next = this.nextChunk(before)) before = next;
    this.setNextChunk(before, to);
  }

  #isChunked(ref: ChunkRef): boolean {
    return (this.#memory.word(ref, STATE) & CHUNKED) !== 0;
  }
}
