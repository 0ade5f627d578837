/**
 * Doubly linked lists of items through their NEWER and OLDER words, up to four for each size class: what eviction
 * policies are made of. Which list an item is in stands in its STATE.
 */
import { LIST_MASK, LIST_SHIFT, NEWER, NONE, OLDER, STATE, type ChunkRef } from './layout.ts';
import type { Memory } from './memory.ts';

/** Lists a class can have; an item's state has two bits for it. */
export const LISTS_PER_CLASS = 4;

export class ItemLists {
  /** Items by class × LISTS_PER_CLASS + list. */
  readonly count: Int32Array;
  readonly #memory: Memory;
  readonly #newest: Int32Array;
  readonly #oldest: Int32Array;

  constructor(memory: Memory, largestClass: number) {
    this.#memory = memory;
    const slots = (largestClass + 1) * LISTS_PER_CLASS;
    this.count = new Int32Array(slots);
    this.#newest = new Int32Array(slots);
    this.#oldest = new Int32Array(slots);
  }

  /** The item that was pushed first, or NONE. */
  oldest(sizeClass: number, list: number): ChunkRef {
    return this.#oldest[sizeClass * LISTS_PER_CLASS + list] as ChunkRef;
  }

  /** A class's items, list by list, the newest first; they must stay where they are meanwhile. */
  *walk(sizeClass: number): Generator<ChunkRef> {
    for (let list = 0; list < LISTS_PER_CLASS; list++) {
      let ref = this.#newest[sizeClass * LISTS_PER_CLASS + list] as ChunkRef;
      for (; ref !== NONE; ref = this.#memory.link(ref, OLDER)) yield ref;
    }
  }

  /** Items of a list. */
  length(sizeClass: number, list: number): number {
    return this.count[sizeClass * LISTS_PER_CLASS + list];
  }

  /** Puts an item that is in no list at the new end of one. */
  push(ref: ChunkRef, sizeClass: number, list: number): void {
    const memory = this.#memory;
    const slot = sizeClass * LISTS_PER_CLASS + list;
    const newest = this.#newest[slot] as ChunkRef;
    memory.setWord(ref, STATE, (memory.word(ref, STATE) & ~LIST_MASK) | (list << LIST_SHIFT));
    memory.setWord(ref, NEWER, NONE);
    memory.setWord(ref, OLDER, newest);
    if (newest === NONE) this.#oldest[slot] = ref;
    else memory.setWord(newest, NEWER, ref);
    this.#newest[slot] = ref;
    this.count[slot]++;
  }

  /** Takes an item out of the list it is in. */
  remove(ref: ChunkRef, sizeClass: number): void {
    const memory = this.#memory;
    const slot = sizeClass * LISTS_PER_CLASS + listOf(memory.word(ref, STATE));
    const newer = memory.link(ref, NEWER);
    const older = memory.link(ref, OLDER);
    if (newer === NONE) this.#newest[slot] = older;
    else memory.setWord(newer, OLDER, older);
    if (older === NONE) this.#oldest[slot] = newer;
    else memory.setWord(older, NEWER, newer);
    this.count[slot]--;
  }

  /** Takes an item out of its list and puts it at the new end of one of its class. */
  move(ref: ChunkRef, sizeClass: number, list: number): void {
    this.remove(ref, sizeClass);
    this.push(ref, sizeClass, list);
  }

  /** An item's chunk was copied, header and all, to `ref`: its neighbours are told. */
  moved(ref: ChunkRef, sizeClass: number): void {
    const memory = this.#memory;
    const slot = sizeClass * LISTS_PER_CLASS + listOf(memory.word(ref, STATE));
    const newer = memory.link(ref, NEWER);
    const older = memory.link(ref, OLDER);
    if (newer === NONE) this.#newest[slot] = ref;
    else memory.setWord(newer, OLDER, ref);
    if (older === NONE) this.#oldest[slot] = ref;
    else memory.setWord(older, NEWER, ref);
  }
}

/** The list an item is in, from its state. */
export function listOf(state: number): number {
  return (state & LIST_MASK) >>> LIST_SHIFT;
}
