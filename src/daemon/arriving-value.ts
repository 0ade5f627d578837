/**
 * A value that is arriving, in one read or in many. Each protocol's session has one.
 *
 *     announced ─┬─ with all its bytes, or small ────────► its item is filled
 *                └─ staged: its first bytes are kept here ─► its item grows as bytes come ─► complete
 *                                    └───── no room ─────────► skipped ────────────────────► complete, without an item
 *
 * What only was announced takes no item's memory. The first bytes of a value that did not come whole are kept here, until
 * they are half of it or STAGED_BYTES_MAX. Then it has an item, which is given chunks for the bytes that are there and no
 * others. So whoever wants stored items evicted must send as many bytes.
 */
import { Mode, Outcome, type Engine } from './engine.ts';
import type { Conversation } from './connection.ts';
import { ANNOUNCED_BYTES_MAX, STAGED_BYTES_MAX } from './limits.ts';
import { FURTHER_ROOM, ItemCursor, LINE_END, type Items, type RunList } from './storage/items.ts';
import { NONE, type ChunkRef } from './storage/layout.ts';

/** What an item is made of, while its value's first bytes wait for it. */
interface Staged {
  readonly key: Uint8Array;
  readonly flags: number;
  /** The second at which it expires, or 0. */
  readonly deadline: number;
  readonly valueBytes: number;
  /** The value's first bytes; there is room for as many as may wait. */
  bytes: Uint8Array;
  count: number;
}

const EMPTY = new Uint8Array(0);

export class ArrivingValue {
  /** Bytes of it that are still to come. */
  bytesLeft = 0;
  /** Bytes of it that have come. */
  bytesHere = 0;
  readonly #engine: Engine;
  readonly #items: Items;
  readonly #conversation: Pick<Conversation, 'keep'>;
  readonly #complete: (item: ChunkRef) => void;
  readonly #cursor = new ItemCursor();
  /** NONE while it is staged, and when it is skipped. */
  #item: ChunkRef = NONE;
  #mode: Mode = Mode.SET;
  /** Bytes of the item's run that have no room yet; the last of its chunks, and the room there while there are any. */
  #rest = 0;
  #last: ChunkRef = NONE;
  #room = 0;
  /** Bytes of the items' memory that it counts as having taken. */
  #occupied = 0;
  #staged: Staged | undefined;

  /**
   * @param conversation on whose account what is staged is kept
   * @param complete called when the last byte has come, with the item, or with NONE if there was no room for it
   */
  constructor(engine: Engine, conversation: Pick<Conversation, 'keep'>, complete: (item: ChunkRef) => void) {
    this.#engine = engine;
    this.#conversation = conversation;
    this.#items = engine.store.items;
    this.#complete = complete;
  }

  /** Whether bytes of a value are to come next. */
  get isExpected(): boolean {
    return this.bytesLeft > 0;
  }

  /**
   * Expects the value of a storage command; its bytes are for {@link take}.
   *
   * @param byteLength bytes to come: the value, and its line end where it has one
   * @param here how many bytes have come, though more may be of what follows
   * @returns false if it is refused, for the reason in {@link Engine.failure}
   */
  expect(
    mode: Mode,
    key: Uint8Array,
    start: number,
    end: number,
    flags: number,
    exptime: number,
    valueBytes: number,
    byteLength: number,
    here: number,
  ): boolean {
    const engine = this.#engine;
    if (here >= byteLength || valueBytes <= ANNOUNCED_BYTES_MAX) {
      const item = engine.begin(mode, key, start, end, flags, exptime, valueBytes);
      if (item === NONE) return false;
      this.#item = item;
      this.#rest = 0;
      this.#items.openValue(item, this.#cursor);
    } else {
      if (!engine.admits(mode, key, start, end, flags, valueBytes)) return false;
      const deadline = engine.deadline(exptime);
      this.#staged = { key: key.slice(start, end), flags, deadline, valueBytes, bytes: EMPTY, count: 0 };
    }
    this.#mode = mode;
    this.bytesLeft = byteLength;
    this.bytesHere = 0;
    return true;
  }

  /** Takes from the bytes `start` up to and without `end`; returns how many belonged to the value. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.bytesLeft);
    if (this.#hasRoom(count) || this.#makesRoom(bytes, start, count)) {
      this.#items.append(this.#cursor, bytes, start, start + count);
      this.#room -= count;
    }
    this.#came(count);
    return count;
  }

  /**
   * Names where the next bytes belong.
   *
   * @param count how many have come
   * @returns false if they are for {@link take}
   */
  namePlaces(runs: RunList, count: number): boolean {
    if (this.#item === NONE || !(this.#hasRoom(count) || this.#grow(count))) return false;
    this.#items.nameRoom(this.#cursor, count, runs);
    return true;
  }

  /** So many bytes have been put where {@link namePlaces} said. */
  placed(count: number): void {
    this.#items.skip(this.#cursor, count);
    this.#room -= count;
    this.#came(count);
  }

  /** Writes a line end behind a complete value that came without one. */
  close(): void {
    this.#items.closeValue(this.#cursor);
  }

  /** Gives back what is unfinished. */
  abandon(): void {
    this.#forgetStaged();
    if (this.#item !== NONE) {
      this.#vacate();
      this.#engine.abandon(this.#item);
    }
    this.#item = NONE;
    this.bytesLeft = 0;
  }

  #came(count: number): void {
    this.bytesLeft -= count;
    this.bytesHere += count;
    if (this.bytesLeft > 0) return;
    const item = this.#item;
    if (this.#occupied > 0) this.#vacate();
    this.#item = NONE;
    this.#complete(item);
  }

  // ---- a value that comes in pieces ----

  /** Whether the item has room for bytes that have come, and for the line end behind the value, if they are its last. */
  #hasRoom(count: number): boolean {
    return this.#item !== NONE && (this.#rest === 0 || count + LINE_END.length <= this.#room);
  }

  /** Whether there is room for bytes that have come; if not, they are staged or skipped. */
  #makesRoom(bytes: Uint8Array, start: number, count: number): boolean {
    if (this.#staged !== undefined && !this.#unstage(this.#staged, bytes, start, count)) return false;
    return this.#item !== NONE && (this.#hasRoom(count) || this.#grow(count));
  }

  /** Whether the value has an item now, with what was staged in it; if not, the bytes that have come are staged. */
  #unstage(staged: Staged, bytes: Uint8Array, start: number, count: number): boolean {
    const stageMax = Math.min(STAGED_BYTES_MAX, Math.ceil(staged.valueBytes / 2));
    if (staged.count + count < stageMax) {
      if (count === 0) return false;
      if (staged.bytes === EMPTY) {
        staged.bytes = new Uint8Array(stageMax);
        this.#conversation.keep(stageMax);
      }
      staged.bytes.set(bytes.subarray(start, start + count), staged.count);
      staged.count += count;
      return false;
    }
    this.#forgetStaged();
    const item = this.#beginItem(staged);
    if (item === NONE) return false;
    this.#item = this.#last = item;
    this.#rest = Math.max(0, this.#items.runBytes(item) - this.#items.firstRoom(item));
    this.#room = this.#items.runBytes(item) - this.#items.valueStart(item) - this.#rest;
    this.#items.openValue(item, this.#cursor);
    this.#items.append(this.#cursor, staged.bytes, 0, staged.count);
    this.#room -= staged.count;
    return true;
  }

  #beginItem({ key, flags, deadline, valueBytes }: Staged): ChunkRef {
    const engine = this.#engine;
    if (this.#occupy(Math.min(valueBytes, FURTHER_ROOM))) {
      const item = engine.beginAdmitted(this.#mode, key, flags, deadline, valueBytes);
      if (item === NONE) this.#vacate();
      return item;
    }
    return engine.refuse(Outcome.NO_MEMORY, this.#mode, key, 0, key.length);
  }

  #forgetStaged(): void {
    if (this.#staged !== undefined) this.#conversation.keep(-this.#staged.bytes.length);
    this.#staged = undefined;
  }

  /** Gives the item chunks for bytes that have come; if there are none left, the value is skipped. */
  #grow(count: number): boolean {
    const { store } = this.#engine;
    while (!this.#hasRoom(count)) {
      const added = Math.min(this.#rest, FURTHER_ROOM);
      const chunk = this.#occupy(added) ? store.addChunk(this.#item, this.#last, this.#rest) : NONE;
      if (chunk === NONE) {
        this.#vacate();
        this.#engine.outgrown(this.#mode, this.#item);
        this.#item = NONE;
        return false;
      }
      this.#last = chunk;
      this.#rest -= added;
      this.#room += added;
    }
    return true;
  }

  /** Whether the item may take so many bytes more of the items' memory. */
  #occupy(bytes: number): boolean {
    const may = this.#engine.arriving.occupy(this.#occupied, bytes);
    if (may) this.#occupied += bytes;
    return may;
  }

  /** The item is no longer among those that arrive. */
  #vacate(): void {
    this.#engine.arriving.vacate(this.#occupied);
    this.#occupied = 0;
  }
}
