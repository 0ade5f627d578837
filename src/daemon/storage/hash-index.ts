/**
 * The hash table from keys to items: an array of buckets, each the head of a chain that runs through the items' CHAIN
 * words. It grows by doubling, and moves a few buckets with every insert, so that no request waits for it
 * (memcached's assoc.c does the same in a thread of its own).
 *
 * Owns the buckets; the chain words belong to items that are LINKED.
 */
import { equalBytes, murmur3 } from '../../base/bytes.ts';
import { CHAIN, HEADER_BYTES, NONE, SHAPE, STATE, TAG_SHIFT, keyBytesOf, type ChunkRef } from './layout.ts';
import { byteOffset, wordOffset, type Memory } from './memory.ts';

/** Buckets at the start: 2^16, as memcached's hashpower default. */
const START_POWER = 16;
/** Largest table: 2^28 buckets, 1 GiB. A fuller one only has longer chains. */
const POWER_MAX = 28;
/** Items per bucket at which the table doubles; memcached waits until 1.5, and looks at more items per search. */
const GROW_AT = 1;
/** Old buckets moved with each insert; more than 2 / GROW_AT, so a growth ends before the next begins. */
const MOVED_PER_INSERT = 4;

export class HashIndex {
  /** Items in the table. */
  count = 0;
  readonly #memory: Memory;
  readonly #seed: number;
  #power: number;
  readonly #powerMax: number;
  #buckets: Int32Array<ArrayBuffer>;
  /** The table before, while it is being emptied. */
  #old: Int32Array<ArrayBuffer> | undefined;
  /** Buckets of the old table below this are empty. */
  #moved = 0;

  /**
   * @param seed chance, so that clients cannot choose colliding keys
   * @param power log2 of the first number of buckets
   * @param expand false if it keeps that number
   */
  constructor(memory: Memory, seed: number, power: number = START_POWER, expand: boolean = true) {
    this.#memory = memory;
    this.#seed = seed;
    this.#power = power;
    this.#powerMax = expand ? POWER_MAX : power;
    this.#buckets = new Int32Array(1 << power);
  }

  /** log2 of the number of buckets. */
  get power(): number {
    return this.#power;
  }

  /** Bytes the buckets take. */
  get byteLength(): number {
    return this.#buckets.byteLength + (this.#old?.byteLength ?? 0);
  }

  get growing(): boolean {
    return this.#old !== undefined;
  }

  /** The hash of a key, which the other methods take. */
  hash(key: Uint8Array, start: number, length: number): number {
    return murmur3(key, start, length, this.#seed);
  }

  /** The item of a key, or NONE. */
  find(key: Uint8Array, start: number, length: number, hash: number): ChunkRef {
    const blocks = this.#memory.blocks;
    const tag = hash >>> TAG_SHIFT;
    let ref = this.#table(hash)[this.#slot(hash)] as ChunkRef;
    while (ref !== NONE) {
      const block = blocks[ref >>> 27];
      const base = wordOffset(ref);
      if (
        block.words[base + STATE] >>> TAG_SHIFT === tag &&
        keyBytesOf(block.words[base + SHAPE]) === length &&
        equalBytes(block.bytes, (base << 2) + HEADER_BYTES, key, start, length)
      ) {
        return ref;
      }
      ref = block.words[base + CHAIN] as ChunkRef;
    }
    return NONE;
  }

  /** Adds an item whose key is not in the table. */
  insert(ref: ChunkRef, hash: number): void {
    const table = this.#table(hash);
    const slot = this.#slot(hash);
    this.#memory.setWord(ref, CHAIN, table[slot]);
    table[slot] = ref;
    this.count++;
    if (this.#old !== undefined) this.#move(this.#old);
    else if (this.count > this.#buckets.length * GROW_AT && this.#power < this.#powerMax) this.#grow();
  }

  /** Takes an item out of its chain, or puts `replacement` into its place. The item must be in the table. */
  replace(ref: ChunkRef, hash: number, replacement: ChunkRef): void {
    const memory = this.#memory;
    const next = memory.link(ref, CHAIN);
    const substitute = replacement === NONE ? next : replacement;
    if (replacement !== NONE) memory.setWord(replacement, CHAIN, next);
    const table = this.#table(hash);
    const slot = this.#slot(hash);
    if (table[slot] === ref) {
      table[slot] = substitute;
      return;
    }
    let before = table[slot] as ChunkRef;
    while (memory.link(before, CHAIN) !== ref) before = memory.link(before, CHAIN);
    memory.setWord(before, CHAIN, substitute);
  }

  /** Takes an item out of the table. */
  remove(ref: ChunkRef, hash: number): void {
    this.replace(ref, hash, NONE);
    this.count--;
  }

  /** The hash of an item's own key. */
  hashOf(ref: ChunkRef): number {
    const shape = this.#memory.word(ref, SHAPE);
    return this.hash(this.#memory.blockOf(ref).bytes, byteOffset(ref) + HEADER_BYTES, keyBytesOf(shape));
  }

  #inOld(hash: number): boolean {
    return this.#old !== undefined && (hash & (this.#old.length - 1)) >= this.#moved;
  }

  #table(hash: number): Int32Array {
    return this.#inOld(hash) ? this.#old! : this.#buckets;
  }

  #slot(hash: number): number {
    return this.#inOld(hash) ? hash & (this.#old!.length - 1) : hash & (this.#buckets.length - 1);
  }

  #grow(): void {
    this.#old = this.#buckets;
    this.#power++;
    this.#buckets = new Int32Array(1 << this.#power);
    this.#moved = 0;
  }

  #move(old: Int32Array<ArrayBuffer>): void {
    const memory = this.#memory;
    const end = Math.min(this.#moved + MOVED_PER_INSERT, old.length);
    for (; this.#moved < end; this.#moved++) {
      let ref = old[this.#moved] as ChunkRef;
      while (ref !== NONE) {
        const next = memory.link(ref, CHAIN);
        const slot = this.hashOf(ref) & (this.#buckets.length - 1);
        memory.setWord(ref, CHAIN, this.#buckets[slot]);
        this.#buckets[slot] = ref;
        ref = next;
      }
    }
    if (this.#moved < old.length) return;
    this.#old = undefined;
    // Given back now: with nothing else to collect, the collector would leave it for long.
    old.buffer.transfer(0);
  }
}
