/**
 * An item whose value is arriving, in one read or in many. Each protocol's session has one: bytes that came with others are
 * copied into the item, and the transport may put what is still to come where it belongs.
 */
import type { Engine } from './engine.ts';
import { ItemCursor, type Items, type RunList } from './storage/items.ts';
import { NONE, type ChunkRef } from './storage/layout.ts';

export class ArrivingValue {
  /** The item; NONE while none is arriving. */
  item: ChunkRef = NONE;
  /** Bytes of it that are still to come. */
  bytesLeft = 0;
  readonly #engine: Engine;
  readonly #items: Items;
  readonly #complete: (item: ChunkRef) => void;
  readonly #cursor = new ItemCursor();

  /** @param complete called with the item when its last byte has come */
  constructor(engine: Engine, complete: (item: ChunkRef) => void) {
    this.#engine = engine;
    this.#items = engine.store.items;
    this.#complete = complete;
  }

  /** Expects `byteLength` bytes, the first of which is the item's value's first. */
  begin(item: ChunkRef, byteLength: number): void {
    this.item = item;
    this.bytesLeft = byteLength;
    this.#items.openValue(item, this.#cursor);
  }

  /** Copies from the bytes `start` up to and without `end`; returns how many belonged to the value. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.bytesLeft);
    this.#items.append(this.#cursor, bytes, start, start + count);
    this.#came(count);
    return count;
  }

  /** Names where the next bytes belong, at most `byteLength` of them. */
  namePlaces(runs: RunList, byteLength: number): void {
    this.#items.nameRoom(this.#cursor, Math.min(byteLength, this.bytesLeft), runs);
  }

  /** So many bytes have been put where {@link namePlaces} said. */
  placed(count: number): void {
    this.#items.skip(this.#cursor, count);
    this.#came(count);
  }

  /** Writes a line end behind a complete value that came without one. */
  close(): void {
    this.#items.closeValue(this.#cursor);
  }

  /** Gives back an item that is unfinished. */
  abandon(): void {
    if (this.item !== NONE) this.#engine.abandon(this.item);
    this.item = NONE;
    this.bytesLeft = 0;
  }

  #came(count: number): void {
    this.bytesLeft -= count;
    if (this.bytesLeft > 0) return;
    const { item } = this;
    this.item = NONE;
    this.#complete(item);
  }
}
