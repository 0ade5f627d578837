/**
 * The store's invariants, checked from outside by going over its whole memory: what each chunk is, that every list and
 * chain agrees with it, and that the counts are the sums.
 */
import { expect } from 'vitest';
import { HEADER_BYTES } from '../../../src/daemon/storage/layout.ts';
import * as layout from '../../../src/daemon/storage/layout.ts';
import { NONE, type ChunkRef } from '../../../src/daemon/storage/layout.ts';
import { byteOffset } from '../../../src/daemon/storage/memory.ts';
import type { PageIndex } from '../../../src/daemon/storage/slabs.ts';
import type { Store } from '../../../src/daemon/storage/store.ts';

const LISTS = [0, 1, 2];

/** Plain throws: `expect` for each of 100,000 chunks takes longer than everything else. */
function assert(condition: boolean, what: () => string): void {
  if (!condition) throw new Error(`invariant: ${what()}`);
}

interface Census {
  linked: Map<ChunkRef, number>;
  inFlight: ChunkRef[];
  continuations: Map<ChunkRef, ChunkRef>;
  free: Map<number, ChunkRef[]>;
}

function takeCensus(store: Store): Census {
  const { slabs, memory } = store;
  const census: Census = { linked: new Map(), inFlight: [], continuations: new Map(), free: new Map() };
  const pagesOf = new Int32Array(slabs.classes.largest + 1);
  for (let page = 0 as PageIndex; page < slabs.pagesInUse; page++) {
    const sizeClass = slabs.classOfPage(page);
    assert(sizeClass >= 1 && sizeClass <= slabs.classes.largest, () => `page ${page} has class ${sizeClass}`);
    pagesOf[sizeClass]++;
    const free = census.free.get(sizeClass) ?? [];
    census.free.set(sizeClass, free);
    const step = slabs.classes.chunkBytes[sizeClass] / 8;
    const cut = slabs.chunksCut(page);
    for (let i = 0; i < cut; i++) {
      const ref = (slabs.firstChunk(page) + i * step) as ChunkRef;
      assert(slabs.pageOf(ref) === page, () => `chunk ${ref} is not in its page`);
      const state = memory.word(ref, layout.STATE);
      if (state === 0) free.push(ref);
      else if (state & layout.LINKED) census.linked.set(ref, sizeClass);
      else if (state & layout.IN_FLIGHT) census.inFlight.push(ref);
      else if (state & layout.CONTINUATION) census.continuations.set(ref, memory.link(ref, layout.CHAIN));
      else throw new Error(`invariant: chunk ${ref} has state ${state}`);
      if (state !== 0) {
        assert(layout.classOf(memory.word(ref, layout.SHAPE)) === sizeClass, () => `chunk ${ref} has another class`);
      }
    }
  }
  expect([...pagesOf], 'pages by class').toEqual([...slabs.pageCount]);
  assert(slabs.pagesInUse <= slabs.pageLimit, () => `${slabs.pagesInUse} pages of ${slabs.pageLimit}`);
  return census;
}

/** Free chunks hang in one doubly linked list for each class: one head, one tail, every link answered. */
function checkFreeLists(store: Store, census: Census): void {
  const { slabs, memory } = store;
  for (let sizeClass = 1; sizeClass <= slabs.classes.largest; sizeClass++) {
    const free = census.free.get(sizeClass) ?? [];
    assert(free.length === slabs.freeCount[sizeClass], () => {
      return `class ${sizeClass} has ${free.length} free chunks and counts ${slabs.freeCount[sizeClass]}`;
    });
    const members = new Set(free);
    const heads = free.filter((ref) => memory.link(ref, layout.NEWER) === NONE);
    assert(heads.length === (free.length === 0 ? 0 : 1), () => `class ${sizeClass}: ${heads.length} free lists`);
    let walked = 0;
    for (let ref = heads[0] ?? NONE; ref !== NONE; ref = memory.link(ref, layout.OLDER)) {
      assert(members.has(ref) && walked++ < free.length, () => `class ${sizeClass}: ${ref} in the free list`);
      const older = memory.link(ref, layout.OLDER);
      assert(older === NONE || memory.link(older, layout.NEWER) === ref, () => `free chunk ${ref} is not linked back`);
    }
    assert(walked === free.length, () => `class ${sizeClass}: ${walked} of ${free.length} free chunks in the list`);
  }
}

/** Every linked item is in exactly one list of its class, the one that its state names. */
function checkLists(store: Store, census: Census): void {
  const { memory, slabs } = store;
  const { lists } = store.policy;
  let walked = 0;
  for (let sizeClass = 1; sizeClass <= slabs.classes.largest; sizeClass++) {
    for (const list of LISTS) {
      let length = 0;
      let older = NONE;
      for (let ref = lists.oldest(sizeClass, list); ref !== NONE; ref = memory.link(ref, layout.NEWER)) {
        assert(census.linked.get(ref) === sizeClass, () => `${ref} in list ${list} of class ${sizeClass}`);
        const state = memory.word(ref, layout.STATE);
        assert((state & layout.LIST_MASK) >>> layout.LIST_SHIFT === list, () => `${ref} is not marked for ${list}`);
        assert(memory.link(ref, layout.OLDER) === older, () => `${ref} is not linked back`);
        older = ref;
        assert(++length <= census.linked.size, () => `list ${list} of class ${sizeClass} has a circle`);
      }
      assert(length === lists.length(sizeClass, list), () => `list ${list} of ${sizeClass} has ${length} items`);
      walked += length;
    }
  }
  assert(walked === census.linked.size, () => `${walked} items in lists, ${census.linked.size} linked`);
}

/** Further chunks: each hangs in exactly one item, which has as many as its length needs. */
function checkContinuations(store: Store, census: Census): void {
  const { memory, items } = store;
  const seen = new Set<ChunkRef>();
  for (const first of [...census.linked.keys(), ...census.inFlight]) {
    if ((memory.word(first, layout.STATE) & layout.CHUNKED) === 0) continue;
    for (let chunk = items.nextChunk(first); chunk !== NONE; chunk = items.nextChunk(chunk)) {
      assert(census.continuations.get(chunk) === first, () => `chunk ${chunk} is not a part of ${first}`);
      assert(!seen.has(chunk), () => `chunk ${chunk} twice`);
      seen.add(chunk);
    }
  }
  assert(seen.size === census.continuations.size, () => `${census.continuations.size - seen.size} lost continuations`);
}

/** Every linked item is found by its key, and the counts are the sums. */
function checkItems(store: Store, census: Census): void {
  const { memory, index, items, stats, slabs } = store;
  let bytes = 0;
  const perClass = new Float64Array(slabs.classes.largest + 1);
  const requested = new Float64Array(slabs.classes.largest + 1);
  for (const [ref, sizeClass] of census.linked) {
    const keyStart = byteOffset(ref) + HEADER_BYTES;
    const found = index.find(memory.blockOf(ref).bytes, keyStart, items.keyBytes(ref), index.hashOf(ref));
    assert(found === ref, () => `item ${ref} is not found by its key`);
    const size = HEADER_BYTES + items.runBytes(ref);
    bytes += size;
    perClass[sizeClass]++;
    requested[sizeClass] += size;
  }
  expect(index.count, 'items in the index').toBe(census.linked.size);
  expect(stats.currentItems, 'curr_items').toBe(census.linked.size);
  expect(stats.bytes, 'bytes').toBe(bytes);
  expect([...stats.items], 'items by class').toEqual([...perClass]);
  expect([...stats.requestedBytes], 'requested bytes by class').toEqual([...requested]);
}

/** Throws at the first invariant that does not hold; returns how many items are in flight. */
export function checkStore(store: Store): number {
  const census = takeCensus(store);
  checkFreeLists(store, census);
  checkLists(store, census);
  checkContinuations(store, census);
  checkItems(store, census);
  return census.inFlight.length;
}
