/**
 * The hash table from keys to items: an array of buckets, each the head of a chain that runs through the items' CHAIN
 * words. It doubles in place, and splits a few buckets with every insert, so that no request waits for it (memcached's
 * assoc.c copies into a table twice as large in a thread of its own):
 *
 *     buckets  0 ── split ── half │ half ── half + split ──────── mask │ reserved
 *              split    to split  │ the other halves of those split    │ never touched
 *
 * The array is as long from the start as the memory can ever need. Only what is touched takes memory, and nothing is
 * allocated or given back while the daemon runs: either would call the collector, which stops everything for milliseconds.
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
/** Smallest reserve: 2^22 buckets, 16 MiB. Less is cleared by the engines, and so takes memory, before it is used. */
const RESERVED_POWER_MIN = 22;
/** Items per bucket at which the table doubles; memcached waits until 1.5, and looks at more items per search. */
const GROW_AT = 1;
/** Buckets split with each insert; more than 1 / GROW_AT, so a growth ends before the next begins. */
const SPLIT_PER_INSERT = 4;

export interface HashIndexOptions {
  /** Chance, so that clients cannot choose colliding keys; 32 bits. */
  readonly seed: number;
  /** Most items that the memory can hold. */
  readonly itemsMax: number;
  /** log2 of the first number of buckets; {@link START_POWER} unless given. */
  readonly power?: number | undefined;
  /** Whether the table grows; it does unless this is false. */
  readonly expand?: boolean | undefined;
}

export class HashIndex {
  /** Items in the table. */
  count = 0;
  readonly #memory: Memory;
  readonly #seed: number;
  readonly #expand: boolean;
  #buckets: Int32Array<ArrayBuffer>;
  /** log2 of the number of buckets in use. */
  #power: number;
  /** One less than the number of buckets in use; and the same of before the growth under way, if one is. */
  #mask: number;
  #halfMask: number;
  /** While the table grows, buckets below this are split. */
  #split = 0;

  constructor(memory: Memory, { seed, itemsMax, power = START_POWER, expand = true }: HashIndexOptions) {
    this.#memory = memory;
    this.#seed = seed;
    this.#expand = expand;
    this.#power = power;
    this.#mask = this.#halfMask = (1 << power) - 1;
    this.#buckets = new Int32Array(expand ? reservedFor(itemsMax, power) : 1 << power);
  }

  /** log2 of the number of buckets. */
  get power(): number {
    return this.#power;
  }

  /** Bytes the buckets take. */
  get byteLength(): number {
    return (this.#mask + 1) * this.#buckets.BYTES_PER_ELEMENT;
  }

  get growing(): boolean {
    return this.#mask !== this.#halfMask;
  }

  /** Lets it grow for a memory that became larger; copies the table if it must. */
  reserve(itemsMax: number): void {
    const length = reservedFor(itemsMax, this.#power);
    if (!this.#expand || length <= this.#buckets.length) return;
    const used = this.#buckets.subarray(0, this.#mask + 1);
    this.#buckets = new Int32Array(length);
    this.#buckets.set(used);
  }

  /** The hash of a key, which the other methods take. */
  hash(key: Uint8Array, start: number, length: number): number {
    return murmur3(key, start, length, this.#seed);
  }

  /** The item of a key, or NONE. */
  find(key: Uint8Array, start: number, length: number, hash: number): ChunkRef {
    const blocks = this.#memory.blocks;
    const tag = hash >>> TAG_SHIFT;
    let ref = this.#buckets[this.#slot(hash)] as ChunkRef;
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
    const slot = this.#slot(hash);
    this.#memory.setWord(ref, CHAIN, this.#buckets[slot]);
    this.#buckets[slot] = ref;
    this.count++;
    if (this.growing) this.#splitSome();
    else if (this.count > (this.#mask + 1) * GROW_AT && this.#mask + 1 < this.#buckets.length) this.#grow();
  }

  /** Takes an item out of its chain, or puts `replacement` into its place. The item must be in the table. */
  replace(ref: ChunkRef, hash: number, replacement: ChunkRef): void {
    const memory = this.#memory;
    const next = memory.link(ref, CHAIN);
    const substitute = replacement === NONE ? next : replacement;
    if (replacement !== NONE) memory.setWord(replacement, CHAIN, next);
    const table = this.#buckets;
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

  #slot(hash: number): number {
    const slot = hash & this.#halfMask;
    return slot < this.#split ? hash & this.#mask : slot;
  }

  #grow(): void {
    this.#power++;
    this.#mask = this.#mask * 2 + 1;
    this.#split = 0;
  }

  #splitSome(): void {
    const end = Math.min(this.#split + SPLIT_PER_INSERT, this.#halfMask + 1);
    for (; this.#split < end; this.#split++) this.#splitBucket(this.#split);
    if (end <= this.#halfMask) return;
    this.#halfMask = this.#mask;
    this.#split = 0;
  }

  /** Leaves a bucket the items whose next bit of the hash is 0, and gives the others to the one half the table away. */
  #splitBucket(slot: number): void {
    const memory = this.#memory;
    const half = this.#halfMask + 1;
    let low: ChunkRef = NONE;
    let high: ChunkRef = NONE;
    let ref = this.#buckets[slot] as ChunkRef;
    while (ref !== NONE) {
      const next = memory.link(ref, CHAIN);
      if ((this.hashOf(ref) & half) === 0) {
        memory.setWord(ref, CHAIN, low);
        low = ref;
      } else {
        memory.setWord(ref, CHAIN, high);
        high = ref;
      }
      ref = next;
    }
    this.#buckets[slot] = low;
    this.#buckets[slot + half] = high;
  }
}

/** How many buckets so many items may come to need. */
function reservedFor(itemsMax: number, power: number): number {
  const wanted = Math.max(RESERVED_POWER_MIN, power, Math.ceil(Math.log2(itemsMax / GROW_AT)));
  return 1 << Math.max(power, Math.min(POWER_MAX, wanted));
}
