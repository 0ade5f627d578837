/**
 * The store: from a key's bytes to an item and back. Ties index, slabs, eviction policy and expiry together, and knows
 * nothing of protocols or sockets.
 *
 * The life of an item: allocate (IN_FLIGHT, only its maker knows it) → its value is appended, and chunks may be added for
 * it → link (found by its key, in the policy's lists) → unlink (its chunks are free again). A reference is good until the
 * next allocate or unlink.
 */
import type { SecondHand } from '../clock.ts';
import { decimalLength } from '../../base/bytes.ts';
import type { EvictionPolicy, EvictionPolicyName } from './eviction.ts';
import { ChunkSupply } from './chunk-supply.ts';
import { HashIndex } from './hash-index.ts';
import { FURTHER_ROOM, Items, LINE_END, SINGLE_ROOM } from './items.ts';
import * as layout from './layout.ts';
import { LentValues } from './lent-values.ts';
import { NONE, type ChunkRef } from './layout.ts';
import { SegmentedLru } from './lru.ts';
import { Memory } from './memory.ts';
import type { StoreObserver } from './observer.ts';
import { S3Fifo } from './s3fifo.ts';
import { PAGE_BYTES, SizeClasses, defaultGrowthFactor } from './size-classes.ts';
import { Slabs } from './slabs.ts';
import { StoreStats } from './store-stats.ts';

export interface StoreOptions {
  /** Bytes for items (`-m`); at least one page, at most 16 GiB. */
  memoryLimitBytes: number;
  /** Bytes in front of the items for buffers, a multiple of 8. */
  scratchBytes: number;
  /** Refuse instead of evicting (`-M`). */
  evictionDisabled: boolean;
  /** Which items go when room is needed (`--eviction`). */
  eviction: EvictionPolicyName;
  /** Count items by size (`-o track_sizes`). */
  trackSizes?: boolean;
  /** Ratio between neighbouring size classes (`-f`); follows from the memory unless given. */
  growthFactor?: number;
  /** Size of the smallest chunk with its header (`-n`). */
  smallestBytes?: number;
  /** log2 of the first number of hash buckets (`-o hashpower`). */
  hashPower?: number;
  /** Whether the hash table grows (`-o no_hashexpand` forbids it); it does unless this is false. */
  hashExpand?: boolean;
  /** Every CAS value is 0 (`-C`). */
  casDisabled?: boolean;
  /** Chance for the hash, 32 bits. */
  hashSeed: number;
}

/** Bytes between two rows of `stats sizes` (items.c, do_item_stats_sizes). */
const SIZE_STEP = 32;

/** Why {@link Store.find} came back with nothing. */
export const ABSENT = 0;
export const EXPIRED = 1;
export const FLUSHED = 2;

/** Items with a CAS of their client's choice that may outlive a flush of the same second; more are flushed with the rest. */
const CHOSEN_SINCE_FLUSH_MAX = 10_000;

export class Store {
  readonly memory: Memory;
  readonly slabs: Slabs;
  readonly items: Items;
  readonly index: HashIndex;
  /** Values that are being sent from where they lie. */
  readonly lent: LentValues;
  /** Which items go when room is needed. */
  readonly policy: EvictionPolicy;
  readonly stats: StoreStats;
  /** Who hears of what happens to items; undefined = nobody, which costs a comparison. */
  observer: StoreObserver | undefined;
  /** Whether pages go from class to class as ages say (`slabs automove`); a class without any still gets one. */
  balancesPages = true;
  /** Items by their size in steps of SIZE_STEP bytes, if they are counted (`-o track_sizes`). */
  readonly sizes: Map<number, number> | undefined;
  /** Why the last find found nothing: ABSENT, EXPIRED or FLUSHED. */
  missReason = ABSENT;
  readonly #supply: ChunkSupply;
  readonly #time: SecondHand;
  /** Every CAS value is 0. */
  readonly casDisabled: boolean;
  /** Last CAS value given out; a double holds every integer up to 2^53. memcached's first item has a 2. */
  #lastCas = 1;
  /** Up to which second the last flush takes what was stored, as memcached counts it (`oldest_live`); 0 = no flush yet. */
  oldestLive = 0;
  /** Items with a time up to this second are flushed; 0 = none. */
  #flushedSecond = 0;
  /** Items with a CAS value below this are flushed; 0 = none. */
  #flushedCas = 0;
  /** The second of the last immediate flush; 0 = none. */
  #flushedAt = 0;
  /** Items with a CAS of their client's choice, stored since the last flush and within its second. */
  readonly #chosenSinceFlush = new Set<ChunkRef>();
  /** A flush that is still to come: in this second it takes what has a time up to it. */
  #pendingFlush = Infinity;

  constructor(options: StoreOptions, time: SecondHand) {
    this.#time = time;
    this.casDisabled = options.casDisabled ?? false;
    this.sizes = options.trackSizes === true ? new Map() : undefined;
    const pages = Math.max(1, Math.floor(options.memoryLimitBytes / PAGE_BYTES));
    this.memory = new Memory(pages * PAGE_BYTES, options.scratchBytes);
    const classes = new SizeClasses(options.growthFactor ?? defaultGrowthFactor(pages), options.smallestBytes);
    this.slabs = new Slabs(this.memory, classes, pages);
    this.items = new Items(this.memory);
    this.lent = new LentValues(this.memory, this.items);
    this.index = new HashIndex(this.memory, {
      seed: options.hashSeed,
      itemsMax: this.#itemsMax(pages),
      power: options.hashPower,
      expand: options.hashExpand,
    });
    const Policy = options.eviction === 's3fifo' ? S3Fifo : SegmentedLru;
    this.policy = new Policy(this.memory, classes.largest);
    this.stats = new StoreStats(classes.largest);
    this.#supply = new ChunkSupply(this, options.evictionDisabled);
  }

  /** The current second, as items count them. */
  get now(): number {
    return this.#time.now;
  }

  /** The live item of a key, or NONE, with {@link missReason} set. An expired or flushed one is unlinked. */
  find(key: Uint8Array, start: number, length: number, hash: number): ChunkRef {
    const ref = this.peek(key, start, length, hash);
    if (this.observer !== undefined) this.observer.fetched(key, start, length, ref, this.missReason);
    return ref;
  }

  /** As {@link find}, for a second look at the same key: who watches does not hear of it. */
  peek(key: Uint8Array, start: number, length: number, hash: number): ChunkRef {
    const ref = this.index.find(key, start, length, hash);
    this.missReason = ABSENT;
    if (ref === NONE) return NONE;
    const reason = this.deathOf(ref);
    if (reason === ABSENT) return ref;
    this.missReason = reason;
    if (reason === EXPIRED) this.stats.foundExpired++;
    else this.stats.foundFlushed++;
    this.unlink(ref, hash);
    return NONE;
  }

  /** Notes that an item was read, for the eviction policy. */
  touchAccess(ref: ChunkRef): void {
    this.memory.setWord(ref, layout.TIME, this.#time.now);
    this.policy.hit(ref);
  }

  /** Whether an item has expired or was flushed. */
  isDead(ref: ChunkRef): boolean {
    return this.deathOf(ref) !== ABSENT;
  }

  /** Whether an item is EXPIRED or FLUSHED, else ABSENT. */
  deathOf(ref: ChunkRef): number {
    const exptime = this.memory.word(ref, layout.EXPTIME);
    if (exptime !== 0 && exptime <= this.#time.now) return EXPIRED;
    if (this.#pendingFlush <= this.#time.now) this.#settleFlush();
    if (this.#flushedSecond === 0 && this.#flushedCas === 0) return ABSENT;
    if (this.memory.word(ref, layout.TIME) <= this.#flushedSecond) return FLUSHED;
    if ((this.memory.word(ref, layout.STATE) & layout.CAS_CHOSEN) !== 0) return this.#deathOfChosen(ref);
    return this.casOf(ref) < this.#flushedCas ? FLUSHED : ABSENT;
  }

  /**
   * Room for an item, with its key and suffix written and its value to be appended. Evicts if it must.
   *
   * @param flags client flags, unsigned 32 bits
   * @param exptime the second at which it expires, or 0
   * @param hash the key's hash, which {@link hashInFlight} gives back
   * @returns NONE if there is no room, which is so when nothing may be evicted or the item is larger than the memory
   */
  allocate(
    key: Uint8Array,
    start: number,
    length: number,
    flags: number,
    exptime: number,
    valueBytes: number,
    hash: number,
  ): ChunkRef {
    const ref = this.allocateFirst(key, start, length, flags, exptime, valueBytes, hash);
    if (ref === NONE || (this.memory.word(ref, layout.STATE) & layout.CHUNKED) === 0) return ref;
    let last = ref;
    for (let left = this.items.runBytes(ref) - this.items.firstRoom(ref); left > 0; left -= FURTHER_ROOM) {
      last = this.addChunk(ref, last, left);
      if (last !== NONE) continue;
      this.discard(ref);
      return NONE;
    }
    return ref;
  }

  /** As {@link allocate}, but of an item that needs several chunks only the first: others come by {@link addChunk}. */
  allocateFirst(
    key: Uint8Array,
    start: number,
    length: number,
    flags: number,
    exptime: number,
    valueBytes: number,
    hash: number,
  ): ChunkRef {
    const { classes } = this.slabs;
    const suffixBytes = 2 + decimalLength(flags) + decimalLength(valueBytes) + LINE_END.length;
    const runBytes = length + suffixBytes + valueBytes + LINE_END.length;
    const isChunked = runBytes > SINGLE_ROOM;
    if (isChunked && !this.couldHold(runBytes)) return this.#supply.refuse(classes.largest);
    const ref = this.#supply.allocate(isChunked ? classes.largest : classes.classFor(layout.HEADER_BYTES + runBytes));
    if (ref === NONE) return NONE;
    const sizeClass = layout.classOf(this.memory.word(ref, layout.SHAPE));
    this.memory.setWord(ref, layout.STATE, isChunked ? layout.IN_FLIGHT | layout.CHUNKED : layout.IN_FLIGHT);
    if (isChunked) this.items.setNextChunk(ref, NONE);
    this.memory.setWord(ref, layout.SHAPE, layout.shapeOf(length, suffixBytes, sizeClass));
    this.memory.setWord(ref, layout.EXPTIME, exptime);
    this.memory.setWord(ref, layout.VALUE_BYTES, valueBytes);
    // The CAS comes with the link; until then its words keep the hash, and which CAS was given out last.
    this.memory.setWord(ref, layout.CAS_LOW, hash);
    if (isChunked) this.memory.setWord(ref, layout.CAS_HIGH, this.#lastCas | 0);
    this.items.writeHead(ref, key, start, length, flags, valueBytes);
    return ref;
  }

  /**
   * Gives an item in flight a chunk more, behind its last one. Evicts if it must.
   *
   * @param restBytes bytes of its run that have no room yet
   * @returns the chunk, with room for FURTHER_ROOM of them or for all; NONE if there is none
   */
  addChunk(first: ChunkRef, last: ChunkRef, restBytes: number): ChunkRef {
    const { memory } = this;
    const { classes } = this.slabs;
    const isFull = restBytes >= FURTHER_ROOM;
    const sizeClass = isFull ? classes.largest : classes.classFor(layout.HEADER_BYTES + restBytes);
    let chunk = this.#supply.allocate(sizeClass, first);
    // The chunks before may lie in every page that their class could be given.
    if (chunk === NONE && !isFull) chunk = this.#supply.allocate(classes.largest, first);
    if (chunk === NONE) return NONE;
    memory.setWord(chunk, layout.STATE, layout.CONTINUATION);
    memory.setWord(chunk, layout.CHAIN, first);
    this.items.setNextChunk(chunk, NONE);
    this.items.setNextChunk(last, chunk);
    return chunk;
  }

  /** Whether a run of so many bytes is smaller than the memory. */
  couldHold(runBytes: number): boolean {
    return runBytes <= this.slabs.pageLimit * PAGE_BYTES;
  }

  /** The hash of the key of an item that is not linked yet. */
  hashInFlight(ref: ChunkRef): number {
    return this.memory.word(ref, layout.CAS_LOW);
  }

  /** Makes an allocated item the one that its key finds, in place of `old` (NONE if there is none), with a new CAS. */
  link(ref: ChunkRef, hash: number, old: ChunkRef): void {
    const { memory, stats } = this;
    const state = memory.word(ref, layout.STATE);
    const tag = hash & ~0xffff;
    memory.setWord(ref, layout.STATE, (state & 0xffff & ~layout.IN_FLIGHT) | layout.LINKED | tag);
    memory.setWord(ref, layout.TIME, this.#time.now);
    this.renewCas(ref);
    if (old === NONE) {
      this.index.insert(ref, hash);
    } else {
      this.index.replace(old, hash, ref);
      this.#leave(old);
    }
    const sizeClass = layout.classOf(memory.word(ref, layout.SHAPE));
    const bytes = this.bytesOf(ref);
    stats.currentItems++;
    stats.totalItems++;
    stats.bytes += bytes;
    stats.items[sizeClass]++;
    stats.requestedBytes[sizeClass] += bytes;
    if (this.sizes !== undefined) this.#countSize(bytes, 1);
    this.policy.linked(ref, sizeClass, hash);
  }

  /** Takes an item out of the index and the lists, and frees its chunks. */
  unlink(ref: ChunkRef, hash: number): void {
    this.index.remove(ref, hash);
    this.#leave(ref);
  }

  /** Gives back an item that was allocated and never linked. */
  discard(ref: ChunkRef): void {
    this.#freeChunks(ref);
  }

  /** An item's CAS value, exact up to 2^53; {@link casLow} and the high word hold all 64 bits. */
  casOf(ref: ChunkRef): number {
    const high = this.memory.word(ref, layout.CAS_HIGH) >>> 0;
    return high * 0x1_0000_0000 + (this.memory.word(ref, layout.CAS_LOW) >>> 0);
  }

  /** The CAS value that was given out last: of the item that the last change made. */
  get lastCas(): number {
    return this.casDisabled ? 0 : this.#lastCas;
  }

  /** An item's CAS value in decimal. */
  casText(ref: ChunkRef): string {
    const high = BigInt(this.memory.word(ref, layout.CAS_HIGH) >>> 0);
    return String((high << 32n) | BigInt(this.memory.word(ref, layout.CAS_LOW) >>> 0));
  }

  /** Gives an item the next CAS value, as every change of it must. */
  renewCas(ref: ChunkRef): void {
    if (this.casDisabled) return this.setCas(ref, 0, 0);
    this.#lastCas++;
    this.memory.setWord(ref, layout.CAS_LOW, this.#lastCas | 0);
    this.memory.setWord(ref, layout.CAS_HIGH, (this.#lastCas / 0x1_0000_0000) | 0);
  }

  /** Gives the next CAS value to nobody, as memcached does when an item that has come whole may not be stored. */
  skipCas(): void {
    this.#lastCas++;
  }

  /**
   * Gives a linked item a CAS value that its client chose (meta protocol, E). Such a value does not tell whether the item
   * is older than a flush, so its time does, and in the second of the flush a list of those that came behind it.
   */
  setCas(ref: ChunkRef, low: number, high: number): void {
    const { memory } = this;
    memory.setWord(ref, layout.CAS_LOW, this.casDisabled ? 0 : low);
    memory.setWord(ref, layout.CAS_HIGH, this.casDisabled ? 0 : high);
    memory.setWord(ref, layout.STATE, memory.word(ref, layout.STATE) | layout.CAS_CHOSEN);
    if (this.#flushedAt === this.#time.now && this.#chosenSinceFlush.size < CHOSEN_SINCE_FLUSH_MAX) {
      this.#chosenSinceFlush.add(ref);
    }
  }

  #deathOfChosen(ref: ChunkRef): number {
    const time = this.memory.word(ref, layout.TIME);
    if (time !== this.#flushedAt) return time < this.#flushedAt ? FLUSHED : ABSENT;
    return this.#chosenSinceFlush.has(ref) ? ABSENT : FLUSHED;
  }

  /**
   * Makes every item that is there now invisible, at once or from a later second on; it takes the place of a flush that
   * is still to come. Takes no time: items are found to be flushed when they are met.
   *
   * memcached's process_flush_all_command with one difference: what was flushed stays flushed, while a later flush_all
   * with a delay makes memcached's items come back.
   *
   * @param second when it takes effect, as an item's deadline; 0 = now; one that has passed flushes nothing
   */
  flushAll(second: number): void {
    if (this.#pendingFlush <= this.#time.now) this.#settleFlush();
    // As memcached: a later flush comes in the second before, and takes what is stored within that second as well.
    this.#pendingFlush = second > this.#time.now ? second - 1 : Infinity;
    if (second === 0 || this.#flushedSecond === this.#time.now) {
      this.#flushedCas = this.#lastCas + 1;
      this.#flushedAt = this.#time.now;
      this.#chosenSinceFlush.clear();
      this.#flushedSecond = 0;
    }
    this.oldestLive = (second === 0 ? this.#time.now : second) - (this.casDisabled ? 1 : 2);
  }

  #settleFlush(): void {
    this.#flushedSecond = Math.max(this.#flushedSecond, this.#pendingFlush);
    this.#pendingFlush = Infinity;
  }

  /** Gives a page of one class to another; false if the giver has none to spare. */
  movePage(fromClass: number, toClass: number): boolean {
    return this.#supply.movePage(fromClass, toClass);
  }

  /**
   * Changes how much memory items may take. What is in use above a lower limit stays in use.
   *
   * @returns false if so much cannot be reached
   */
  limitMemory(bytes: number): boolean {
    const pages = Math.max(1, Math.floor(bytes / PAGE_BYTES));
    if (!this.slabs.limit(pages)) return false;
    this.index.reserve(this.#itemsMax(pages));
    return true;
  }

  #itemsMax(pages: number): number {
    return pages * this.slabs.classes.chunksPerPage[1];
  }

  /** Removes an item to make room: reclaims a dead one, evicts a live one. */
  remove(ref: ChunkRef): void {
    const hash = this.index.hashOf(ref);
    if (this.deathOf(ref) === ABSENT) {
      this.#countEviction(ref);
      this.policy.evicted(ref, hash);
    } else {
      this.#countReclaim(ref, 'reclaimed');
    }
    this.unlink(ref, hash);
  }

  /** Removes an item that the crawler met dead. */
  removeCrawled(ref: ChunkRef): void {
    this.#countReclaim(ref, 'crawler_reclaimed');
    this.unlink(ref, this.index.hashOf(ref));
  }

  #countReclaim(ref: ChunkRef, counter: 'reclaimed' | 'crawler_reclaimed'): void {
    const sizeClass = layout.classOf(this.memory.word(ref, layout.SHAPE));
    this.stats.byClass(counter)[sizeClass]++;
    if ((this.memory.word(ref, layout.STATE) & layout.FETCHED) === 0) {
      this.stats.byClass('expired_unfetched')[sizeClass]++;
    }
  }

  #countEviction(ref: ChunkRef): void {
    const { memory, stats } = this;
    this.observer?.evicted(ref);
    const sizeClass = layout.classOf(memory.word(ref, layout.SHAPE));
    stats.byClass('evicted')[sizeClass]++;
    stats.byClass('evicted_time')[sizeClass] = this.now - memory.word(ref, layout.TIME);
    if (memory.word(ref, layout.EXPTIME) !== 0) stats.byClass('evicted_nonzero')[sizeClass]++;
    const state = memory.word(ref, layout.STATE);
    if ((state & layout.FETCHED) === 0) stats.byClass('evicted_unfetched')[sizeClass]++;
    if ((state & layout.ACTIVE) !== 0) stats.byClass('evicted_active')[sizeClass]++;
  }

  // ---- leaving ----

  #leave(ref: ChunkRef): void {
    const { stats } = this;
    const sizeClass = layout.classOf(this.memory.word(ref, layout.SHAPE));
    const bytes = this.bytesOf(ref);
    this.policy.unlinked(ref, sizeClass);
    stats.currentItems--;
    stats.bytes -= bytes;
    stats.items[sizeClass]--;
    stats.requestedBytes[sizeClass] -= bytes;
    if (this.sizes !== undefined) this.#countSize(bytes, -1);
    this.#freeChunks(ref);
  }

  #countSize(bytes: number, change: number): void {
    const size = Math.ceil(bytes / SIZE_STEP) * SIZE_STEP;
    this.sizes!.set(size, (this.sizes!.get(size) ?? 0) + change);
  }

  /** Bytes that an item takes, its header included. */
  bytesOf(ref: ChunkRef): number {
    return layout.HEADER_BYTES + this.items.runBytes(ref);
  }

  #freeChunks(first: ChunkRef): void {
    const state = this.memory.word(first, layout.STATE);
    if ((state & layout.LENT) !== 0) this.lent.leave(first);
    const chunked = (state & layout.CHUNKED) !== 0;
    let next = chunked ? this.items.nextChunk(first) : NONE;
    this.slabs.free(first, layout.classOf(this.memory.word(first, layout.SHAPE)));
    while (next !== NONE) {
      const after = this.items.nextChunk(next);
      this.slabs.free(next, layout.classOf(this.memory.word(next, layout.SHAPE)));
      next = after;
    }
  }
}
