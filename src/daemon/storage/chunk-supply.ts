/**
 * Where chunks come from: those of a class that are free, then unused pages, then another class's page, then the chunk of
 * the item that its policy would have go. Owns the order of these, and who moves pages.
 */
import * as layout from './layout.ts';
import { NONE, type ChunkRef } from './layout.ts';
import { PageMover } from './page-mover.ts';
import type { Store } from './store.ts';

/** Tries of one allocation to make room, each of which frees at least a chunk; then it fails. */
const ROOM_TRIES_MAX = 64;

export class ChunkSupply {
  readonly #store: Store;
  readonly #evictionDisabled: boolean;
  readonly #mover: PageMover;

  constructor(store: Store, evictionDisabled: boolean) {
    this.#store = store;
    this.#evictionDisabled = evictionDisabled;
    this.#mover = new PageMover(store, store.policy);
  }

  /**
   * A chunk of a class, or of a larger one, as its header says. Evicts if it must.
   *
   * @param grower the item that it is for, if that has chunks already
   * @returns NONE if there is no room
   */
  allocate(wantedClass: number, grower: ChunkRef = NONE): ChunkRef {
    const { slabs, memory } = this.#store;
    let sizeClass = wantedClass;
    let ref = slabs.allocate(sizeClass);
    if (ref === NONE && slabs.pageCount[sizeClass] === 0) {
      sizeClass = this.#mover.standIn(sizeClass);
      ref = slabs.allocate(sizeClass);
    }
    for (let tries = 0; ref === NONE && tries < ROOM_TRIES_MAX; tries++) {
      if (!this.#makeRoom(sizeClass, grower)) break;
      ref = slabs.allocate(sizeClass);
    }
    if (ref === NONE) return this.refuse(sizeClass);
    memory.setWord(ref, layout.SHAPE, layout.shapeOf(0, 0, sizeClass));
    return ref;
  }

  /** Notes that a class could not be given a chunk; returns NONE. */
  refuse(sizeClass: number): ChunkRef {
    this.#store.stats.byClass('outofmemory')[sizeClass]++;
    return NONE;
  }

  /** Gives a page of one class to another; false if the giver has none to spare. */
  movePage(fromClass: number, toClass: number): boolean {
    return this.#mover.reassign(fromClass, toClass);
  }

  /** Frees a chunk of a class or brings it a page; false if neither can be done. */
  #makeRoom(sizeClass: number, grower: ChunkRef): boolean {
    const store = this.#store;
    const victim = store.policy.victim(sizeClass);
    const mayGo = victim !== NONE && (!this.#evictionDisabled || store.isDead(victim));
    if (!mayGo) return this.#mover.takePage(sizeClass, this.#evictionDisabled);
    if (store.balancesPages && !this.#evictionDisabled) {
      // Values that come side by side must not evict each other as they are completed while others have older ones.
      const isLater = grower !== NONE && this.#isLater(victim, grower);
      if (isLater && this.#mover.takeOlder(sizeClass, store.memory.word(victim, layout.TIME))) return true;
      if (this.#mover.balance(sizeClass, store.bytesOf(victim))) return true;
    }
    store.remove(victim);
    return true;
  }

  /** Whether an item was stored after one that is in flight was begun. */
  #isLater(stored: ChunkRef, inFlight: ChunkRef): boolean {
    const { memory } = this.#store;
    return ((memory.word(stored, layout.CAS_LOW) - memory.word(inFlight, layout.CAS_HIGH)) | 0) > 0;
  }
}
