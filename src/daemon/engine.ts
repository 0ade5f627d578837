/**
 * memcached's semantics over the store: what set, add, cas, incr, touch … do to items and counters. The one place where
 * the two meet; it knows nothing of lines, replies or sockets, so every protocol uses it.
 */
import { SPACE, TWO_32, unsignedLength, writeUnsigned } from '../base/bytes.ts';
import { parseUnsigned, parsed } from '../protocol/text/numbers.ts';
import { ArrivingMemory } from './arriving-memory.ts';
import { isReservedKey } from './cluster-config.ts';
import { Counters } from './counters.ts';
import type { SecondHand } from './clock.ts';
import { LISTS_PER_CLASS, listOf } from './storage/item-lists.ts';
import { ItemCursor } from './storage/items.ts';
import * as layout from './storage/layout.ts';
import { NONE, type ChunkRef } from './storage/layout.ts';
import { byteOffset } from './storage/memory.ts';
import type { StoredItem } from './storage/observer.ts';
import { ABSENT, type Store } from './storage/store.ts';

/** How a storage command decides. */
export const Mode = { SET: 1, ADD: 2, REPLACE: 3, APPEND: 4, PREPEND: 5, CAS: 6 } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

/** What became of a command. */
export const Outcome = {
  STORED: 1,
  NOT_STORED: 2,
  EXISTS: 3,
  NOT_FOUND: 4,
  TOO_LARGE: 5,
  NO_MEMORY: 6,
  NOT_A_NUMBER: 7,
  DONE: 8,
  /** The key is the one under which clients look for the fleet's configuration. */
  RESERVED: 9,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Size of memcached's item header with a CAS and its terminators; what `-I` is compared with (items.c item_size_ok). */
const MEMCACHED_HEADER_BYTES = 48 + 8 + 1 + 2;
const MEMCACHED_FLAGS_BYTES = 4;

const U64 = 2n ** 64n;

/** How log lines name a mode and an outcome (logger.c). */
const MODE_WORDS: Record<Mode, string> = {
  [Mode.SET]: 'set',
  [Mode.ADD]: 'add',
  [Mode.REPLACE]: 'replace',
  [Mode.APPEND]: 'append',
  [Mode.PREPEND]: 'prepend',
  [Mode.CAS]: 'cas',
};
const OUTCOME_WORDS: Partial<Record<Outcome, string>> = {
  [Outcome.STORED]: 'stored',
  [Outcome.NOT_STORED]: 'not_stored',
  [Outcome.EXISTS]: 'exists',
  [Outcome.NOT_FOUND]: 'not_found',
  [Outcome.TOO_LARGE]: 'too_large',
};

export class Engine {
  readonly store: Store;
  readonly counters: Counters;
  /** Why {@link begin} or {@link make} returned NONE: TOO_LARGE, NO_MEMORY or RESERVED. */
  failure: Outcome = Outcome.TOO_LARGE;
  /** The number that incr or decr arrived at; a bigint where a double does not hold it. */
  arithmeticResult: number | bigint = 0;
  /** What values that arrive in pieces hold. */
  readonly arriving: ArrivingMemory;
  readonly #time: SecondHand;
  readonly #itemSizeMax: number;
  readonly #cursor = new ItemCursor();
  readonly #scratch = new Uint8Array(32);

  /** @param itemSizeMax largest item in bytes by memcached's count (`-I`) */
  constructor(store: Store, time: SecondHand, itemSizeMax: number) {
    this.store = store;
    this.arriving = new ArrivingMemory(store.slabs);
    this.counters = new Counters(store.slabs.classes.largest);
    this.#time = time;
    this.#itemSizeMax = itemSizeMax;
  }

  // ---- retrieval ----

  /** The item of a key, or NONE; counts nothing. The reserved key has none: the configuration stands before any item. */
  find(key: Uint8Array, start: number, end: number): ChunkRef {
    const { store } = this;
    if (isReservedKey(key, start, end)) return NONE;
    return store.find(key, start, end - start, store.index.hash(key, start, end - start));
  }

  /** As {@link find}, for a second look at the same key: who watches does not hear of it. */
  peek(key: Uint8Array, start: number, end: number): ChunkRef {
    const { store } = this;
    if (isReservedKey(key, start, end)) return NONE;
    return store.peek(key, start, end - start, store.index.hash(key, start, end - start));
  }

  /** Notes that a retrieval found an item. */
  countHit(ref: ChunkRef): void {
    this.countLook(ref);
    this.store.touchAccess(ref);
  }

  /** As {@link countHit}, of a retrieval that leaves no trace in the LRU. */
  countLook(ref: ChunkRef): void {
    const { memory } = this.store;
    const list = listOf(memory.word(ref, layout.STATE));
    this.counters.getCommands++;
    this.counters.classes.lruHits[this.#classOf(ref) * LISTS_PER_CLASS + list]++;
  }

  /** Notes that a retrieval found nothing. */
  countMiss(): void {
    this.counters.getCommands++;
    this.counters.getMisses++;
  }

  /** Gives a found item a new exptime: touch and gat, which is no get to the statistics. */
  touchFound(ref: ChunkRef, exptime: number): void {
    this.counters.touchCommands++;
    this.counters.classes.touchHits[this.#classOf(ref)]++;
    this.store.memory.setWord(ref, layout.EXPTIME, this.#time.deadline(exptime));
    this.store.touchAccess(ref);
  }

  /** Notes that a gat found nothing. */
  countTouchMiss(): void {
    this.counters.touchCommands++;
    this.counters.touchMisses++;
  }

  // ---- storage ----

  /**
   * Room for the item of a storage command, to be filled by {@link Store.items} and then committed or abandoned.
   * If there is none, `failure` says why, and for a SET the old item is gone: it must not be found instead of the new.
   */
  begin(
    mode: Mode,
    key: Uint8Array,
    start: number,
    end: number,
    flags: number,
    exptime: number,
    valueBytes: number,
  ): ChunkRef {
    if (!this.admits(mode, key, start, end, flags, valueBytes)) return NONE;
    const { store } = this;
    const hash = store.index.hash(key, start, end - start);
    const deadline = this.#time.deadline(exptime);
    const ref = store.allocate(key, start, end - start, flags, deadline, valueBytes, hash);
    return ref === NONE ? this.refuse(Outcome.NO_MEMORY, mode, key, start, end) : ref;
  }

  /** Whether a value may come that is announced; if not, it is refused as {@link begin} would. */
  admits(mode: Mode, key: Uint8Array, start: number, end: number, flags: number, valueBytes: number): boolean {
    if (isReservedKey(key, start, end)) {
      this.failure = Outcome.RESERVED;
      return false;
    }
    if (itemSize(end - start, flags, valueBytes) <= this.#itemSizeMax) return true;
    this.refuse(Outcome.TOO_LARGE, mode, key, start, end);
    return false;
  }

  /** The second at which an item expires that is stored now, or 0. */
  deadline(exptime: number): number {
    return this.#time.deadline(exptime);
  }

  /**
   * As {@link begin}, for a value that was admitted and arrives in pieces: of an item that needs several chunks only the
   * first, to which others are added.
   *
   * @param deadline as {@link deadline} gave it when the value was announced
   */
  beginAdmitted(mode: Mode, key: Uint8Array, flags: number, deadline: number, valueBytes: number): ChunkRef {
    const { store } = this;
    const hash = store.index.hash(key, 0, key.length);
    const ref = store.allocateFirst(key, 0, key.length, flags, deadline, valueBytes, hash);
    return ref === NONE ? this.refuse(Outcome.NO_MEMORY, mode, key, 0, key.length) : ref;
  }

  /** Drops an item that arrives, for want of memory for the rest of it. */
  outgrown(mode: Mode, item: ChunkRef): void {
    const { store } = this;
    const start = byteOffset(item) + layout.HEADER_BYTES;
    const key = store.memory.blockOf(item).bytes;
    this.refuse(Outcome.NO_MEMORY, mode, key, start, start + store.items.keyBytes(item));
    store.discard(item);
  }

  /** Refuses a storage command, as {@link begin} says; returns NONE. */
  refuse(why: Outcome, mode: Mode, key: Uint8Array, start: number, end: number): ChunkRef {
    const { store, counters } = this;
    this.failure = why;
    if (why === Outcome.TOO_LARGE) counters.storeTooLarge++;
    else counters.storeNoMemory++;
    store.observer?.stored(key.slice(start, end), MODE_WORDS[mode], OUTCOME_WORDS[why] ?? 'no_memory', undefined);
    if (mode === Mode.SET) {
      const hash = store.index.hash(key, start, end - start);
      const old = store.find(key, start, end - start, hash);
      if (old !== NONE) store.unlink(old, hash);
    }
    return NONE;
  }

  /**
   * An item with a short value of its own, ready to be linked; NONE if there is none, and `failure` says why.
   *
   * @param deadline second at which it expires, or 0
   * @param value a number in decimal, or nothing
   */
  make(
    key: Uint8Array,
    start: number,
    end: number,
    flags: number,
    deadline: number,
    value: number | bigint | '',
  ): ChunkRef {
    const { store } = this;
    if (isReservedKey(key, start, end)) {
      this.failure = Outcome.RESERVED;
      return NONE;
    }
    const length = value === '' ? 0 : writeUnsigned(this.#scratch, 0, value);
    const hash = store.index.hash(key, start, end - start);
    const ref = store.allocate(key, start, end - start, flags, deadline, length, hash);
    if (ref === NONE) {
      this.failure = Outcome.NO_MEMORY;
      return NONE;
    }
    store.items.openValue(ref, this.#cursor);
    store.items.append(this.#cursor, this.#scratch, 0, length);
    store.items.closeValue(this.#cursor);
    return ref;
  }

  /** Drops an item that was begun. */
  abandon(ref: ChunkRef): void {
    this.store.discard(ref);
  }

  /** Drops an item whose data block did not end as it must; it counts as a storage command all the same. */
  reject(ref: ChunkRef): void {
    this.counters.classes.setCommands[this.#classOf(ref)]++;
    this.store.discard(ref);
  }

  /**
   * Stores an item that was begun and filled, if its mode allows; else drops it.
   *
   * @param casLow CAS unique that a CAS mode asks for, in signed halves
   */
  commit(mode: Mode, ref: ChunkRef, casLow: number, casHigh: number): Outcome {
    if (this.store.observer !== undefined) return this.#commitObserved(mode, ref, casLow, casHigh);
    return this.#commit(mode, ref, casLow, casHigh);
  }

  #commitObserved(mode: Mode, ref: ChunkRef, casLow: number, casHigh: number): Outcome {
    const { store } = this;
    const start = byteOffset(ref) + layout.HEADER_BYTES;
    const key = store.memory.blockOf(ref).bytes.slice(start, start + store.items.keyBytes(ref));
    const item = this.#observed(ref);
    const outcome = this.#commit(mode, ref, casLow, casHigh);
    const extended = outcome === Outcome.STORED && (mode === Mode.APPEND || mode === Mode.PREPEND);
    const joined = extended ? store.index.find(key, 0, key.length, store.index.hash(key, 0, key.length)) : NONE;
    const status = OUTCOME_WORDS[outcome] ?? 'no_memory';
    store.observer?.stored(key, MODE_WORDS[mode], status, joined === NONE ? item : this.#observed(joined));
    return outcome;
  }

  #observed(ref: ChunkRef): StoredItem {
    const { memory, items } = this.store;
    return {
      deadline: memory.word(ref, layout.EXPTIME),
      sizeClass: this.#classOf(ref),
      valueBytes: items.valueBytes(ref),
    };
  }

  /** Tells who watches of an item that a command made in a way of its own. */
  noteStored(mode: Mode, ref: ChunkRef): void {
    const { store } = this;
    if (store.observer === undefined) return;
    const start = byteOffset(ref) + layout.HEADER_BYTES;
    const key = store.memory.blockOf(ref).bytes.slice(start, start + store.items.keyBytes(ref));
    store.observer.stored(key, MODE_WORDS[mode], 'stored', this.#observed(ref));
  }

  /**
   * Tells who watches of an item that arithmetic made because there was none: memcached looks for the key to count in it,
   * and again to add it.
   */
  noteVivified(ref: ChunkRef): void {
    const { store } = this;
    if (store.observer === undefined) return;
    const start = byteOffset(ref) + layout.HEADER_BYTES;
    const keyBytes = store.items.keyBytes(ref);
    const { bytes } = store.memory.blockOf(ref);
    for (let looks = 2; looks > 0; looks--) store.observer.fetched(bytes, start, keyBytes, NONE, ABSENT);
    this.noteStored(Mode.ADD, ref);
  }

  #commit(mode: Mode, ref: ChunkRef, casLow: number, casHigh: number): Outcome {
    const { store, counters } = this;
    counters.classes.setCommands[this.#classOf(ref)]++;
    const hash = store.hashInFlight(ref);
    const key = store.memory.blockOf(ref).bytes;
    const old = store.find(key, byteOffset(ref) + layout.HEADER_BYTES, store.items.keyBytes(ref), hash);
    const verdict = this.#judge(mode, old, casLow, casHigh);
    if (verdict !== Outcome.STORED) {
      store.skipCas();
      store.discard(ref);
      return verdict;
    }
    if (mode === Mode.APPEND || mode === Mode.PREPEND) return this.#extend(mode, ref, old, hash);
    store.link(ref, hash, old);
    return Outcome.STORED;
  }

  #judge(mode: Mode, old: ChunkRef, casLow: number, casHigh: number): Outcome {
    const { counters } = this;
    switch (mode) {
      case Mode.SET:
        return Outcome.STORED;
      case Mode.ADD:
        if (old === NONE) return Outcome.STORED;
        // The item counts as used, but nobody has read it (memcached.c do_store_item, items.c do_item_update).
        this.store.memory.setWord(old, layout.TIME, this.#time.now);
        return Outcome.NOT_STORED;
      case Mode.CAS: {
        if (old === NONE) {
          counters.casMisses++;
          return Outcome.NOT_FOUND;
        }
        const { memory } = this.store;
        // 0 is no CAS: an item that was given it (meta protocol, E0) equals nothing.
        const given = (casLow | casHigh) !== 0;
        const equal =
          given && memory.word(old, layout.CAS_LOW) === casLow && memory.word(old, layout.CAS_HIGH) === casHigh;
        (equal ? counters.classes.casHits : counters.classes.casBadval)[this.#classOf(old)]++;
        return equal ? Outcome.STORED : Outcome.EXISTS;
      }
      default:
        return old === NONE ? Outcome.NOT_STORED : Outcome.STORED;
    }
  }

  /** append and prepend: a new item of both values, with the old flags and exptime. */
  #extend(mode: Mode, addition: ChunkRef, old: ChunkRef, hash: number): Outcome {
    const { store } = this;
    const { memory, items } = store;
    const valueBytes = items.valueBytes(old) + items.valueBytes(addition);
    // The key is taken from the addition: making room may evict or move the old item, but nothing that is in flight.
    const key = memory.blockOf(addition).bytes;
    const keyStart = byteOffset(addition) + layout.HEADER_BYTES;
    const exptime = memory.word(old, layout.EXPTIME);
    const keyBytes = items.keyBytes(old);
    const flags = items.clientFlags(old);
    const tooLarge = itemSize(keyBytes, flags, valueBytes) > this.#itemSizeMax;
    const joined = tooLarge ? NONE : store.allocate(key, keyStart, keyBytes, flags, exptime, valueBytes, hash);
    const current = joined === NONE ? NONE : this.#findKeyOf(addition, hash);
    if (joined === NONE || current === NONE) {
      // No room and too large are both NOT_STORED to memcached (memcached.c do_store_item).
      store.skipCas();
      if (joined !== NONE) store.discard(joined);
      store.discard(addition);
      return Outcome.NOT_STORED;
    }
    items.openValue(joined, this.#cursor);
    items.appendValueOf(mode === Mode.APPEND ? current : addition, this.#cursor);
    items.appendValueOf(mode === Mode.APPEND ? addition : current, this.#cursor);
    items.closeValue(this.#cursor);
    store.discard(addition);
    store.link(joined, hash, current);
    return Outcome.STORED;
  }

  #findKeyOf(ref: ChunkRef, hash: number): ChunkRef {
    const { store } = this;
    const { bytes } = store.memory.blockOf(ref);
    return store.peek(bytes, byteOffset(ref) + layout.HEADER_BYTES, store.items.keyBytes(ref), hash);
  }

  // ---- arithmetic ----

  /**
   * incr and decr: 64-bit unsigned, incr wraps, decr stops at 0. A result that is shorter than the text before is padded
   * with spaces (protocol.txt "Increment/Decrement").
   *
   * @param delta exact if a number, else the 64 bits as bigint
   * @returns DONE with `arithmeticResult` set, NOT_FOUND, NOT_A_NUMBER or NO_MEMORY
   */
  arithmetic(increase: boolean, key: Uint8Array, start: number, end: number, delta: number | bigint): Outcome {
    const { store, counters } = this;
    const ref = this.find(key, start, end);
    if (ref === NONE) {
      if (increase) counters.incrMisses++;
      else counters.decrMisses++;
      return Outcome.NOT_FOUND;
    }
    const { memory, items } = store;
    if ((memory.word(ref, layout.STATE) & layout.CHUNKED) !== 0) return Outcome.NOT_A_NUMBER;
    const { bytes } = memory.blockOf(ref);
    const valueStart = byteOffset(ref) + layout.HEADER_BYTES + items.valueStart(ref);
    if (!parseUnsigned(bytes, valueStart, valueStart + items.valueBytes(ref))) return Outcome.NOT_A_NUMBER;
    const result = increase ? added(delta) : subtracted(delta);
    this.arithmeticResult = result;
    (increase ? counters.classes.incrHits : counters.classes.decrHits)[this.#classOf(ref)]++;
    const valueEnd = valueStart + items.valueBytes(ref);
    if (unsignedLength(result) > valueEnd - valueStart) return this.#storeLonger(ref, key, start, end, result);
    for (let at = writeUnsigned(bytes, valueStart, result); at < valueEnd; at++) bytes[at] = SPACE;
    store.renewCas(ref);
    memory.setWord(ref, layout.TIME, this.#time.now);
    return Outcome.DONE;
  }

  #storeLonger(ref: ChunkRef, key: Uint8Array, start: number, end: number, result: number | bigint): Outcome {
    const { store } = this;
    const { memory, items } = store;
    const hash = store.index.hashOf(ref);
    const exptime = memory.word(ref, layout.EXPTIME);
    const textEnd = writeUnsigned(this.#scratch, 0, result);
    const grown = store.allocate(key, start, end - start, items.clientFlags(ref), exptime, textEnd, hash);
    if (grown === NONE) return Outcome.NO_MEMORY;
    items.openValue(grown, this.#cursor);
    items.append(this.#cursor, this.#scratch, 0, textEnd);
    items.closeValue(this.#cursor);
    store.link(grown, hash, this.#findKeyOf(grown, hash));
    return Outcome.DONE;
  }

  // ---- the rest ----

  /** touch: DONE or NOT_FOUND. */
  touch(key: Uint8Array, start: number, end: number, exptime: number): Outcome {
    const ref = this.find(key, start, end);
    if (ref === NONE) {
      this.countTouchMiss();
      return Outcome.NOT_FOUND;
    }
    this.touchFound(ref, exptime);
    return Outcome.DONE;
  }

  /**
   * delete: DONE or NOT_FOUND.
   *
   * @param told whether who watches hears of it; memcached does not tell of those of the binary protocol
   */
  delete(key: Uint8Array, start: number, end: number, told = true): Outcome {
    const { store, counters } = this;
    const hash = store.index.hash(key, start, end - start);
    const ref = isReservedKey(key, start, end) ? NONE : store.find(key, start, end - start, hash);
    if (ref === NONE) {
      counters.deleteMisses++;
      return Outcome.NOT_FOUND;
    }
    counters.classes.deleteHits[this.#classOf(ref)]++;
    if (told) store.observer?.deleted(ref, 'delete');
    store.unlink(ref, hash);
    return Outcome.DONE;
  }

  /** flush_all, at once for an exptime up to 0. */
  flushAll(exptime: number): void {
    this.counters.flushCommands++;
    this.store.flushAll(exptime > 0 ? this.#time.deadline(exptime) : 0);
  }

  #classOf(ref: ChunkRef): number {
    return layout.classOf(this.store.memory.word(ref, layout.SHAPE));
  }
}

/** How large memcached would make an item. */
function itemSize(keyBytes: number, flags: number, valueBytes: number): number {
  return MEMCACHED_HEADER_BYTES + (flags === 0 ? 0 : MEMCACHED_FLAGS_BYTES) + keyBytes + valueBytes;
}

/** The number parsed last, plus a delta, modulo 2^64. */
function added(delta: number | bigint): number | bigint {
  const result = typeof delta === 'number' && parsed.exact ? parsed.value + delta : NaN;
  return Number.isSafeInteger(result) ? result : (parsed64() + BigInt(delta)) % U64;
}

/** The number parsed last, minus a delta, not below 0. */
function subtracted(delta: number | bigint): number | bigint {
  if (typeof delta === 'number' && parsed.exact) return Math.max(0, parsed.value - delta);
  const result = parsed64() - BigInt(delta);
  return result < 0n ? 0 : result;
}

function parsed64(): bigint {
  return BigInt(parsed.high >>> 0) * BigInt(TWO_32) + BigInt(parsed.low >>> 0);
}
