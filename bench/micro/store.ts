/** The store and its index without protocol or sockets: finding, replacing, evicting. */
import { systemClock } from '../../src/base/clock.ts';
import { SecondHand } from '../../src/daemon/clock.ts';
import { ItemCursor } from '../../src/daemon/storage/items.ts';
import { NONE } from '../../src/daemon/storage/layout.ts';
import { Store } from '../../src/daemon/storage/store.ts';
import { KeySpace } from '../load/keys.ts';
import { seededRandom } from '../load/random.ts';
import { OPERATIONS, type MicroTask } from './task.ts';

const KEY_BYTES = 20;
const VALUE_BYTES = 100;
/** Enough that most finds leave the processor's caches, as in production. */
const ITEMS = 500_000;
const MEBIBYTE = 1 << 20;

interface Filled {
  readonly store: Store;
  readonly keys: Uint8Array;
}

/** Keys one after the other: key i begins at `i * KEY_BYTES`. */
function keysOf(letter: string, count: number): Uint8Array {
  const space = new KeySpace({
    items: count,
    keyBytes: KEY_BYTES,
    sizes: { kind: 'fixed', bytes: 1 },
    seed: 1,
    letter,
  });
  const keys = new Uint8Array(count * KEY_BYTES);
  for (let i = 0; i < count; i++) space.writeKey(keys, i * KEY_BYTES, i);
  return keys;
}

const cursor = new ItemCursor();

function set(store: Store, keys: Uint8Array, index: number, value: Uint8Array): void {
  const start = index * KEY_BYTES;
  const hash = store.index.hash(keys, start, KEY_BYTES);
  const item = store.allocate(keys, start, KEY_BYTES, 0, 0, VALUE_BYTES, hash);
  if (item === NONE) throw new Error('no room');
  store.items.openValue(item, cursor);
  store.items.append(cursor, value, 0, VALUE_BYTES);
  store.items.closeValue(cursor);
  store.link(item, hash, store.find(keys, start, KEY_BYTES, hash));
}

function filled(memoryMegabytes: number, items: number): Filled {
  const options = {
    memoryLimitBytes: memoryMegabytes * MEBIBYTE,
    scratchBytes: MEBIBYTE,
    evictionDisabled: false,
    eviction: 'lru' as const,
  };
  const store = new Store({ ...options, hashSeed: 42 }, new SecondHand(systemClock));
  const keys = keysOf('k', items);
  const value = new Uint8Array(VALUE_BYTES).fill(120);
  for (let i = 0; i < items; i++) set(store, keys, i, value);
  return { store, keys };
}

function task(name: string, one: () => void): MicroTask {
  return {
    name,
    operations: OPERATIONS,
    run() {
      for (let i = 0; i < OPERATIONS; i++) one();
    },
  };
}

export function storeTasks(): MicroTask[] {
  const { store, keys } = filled(256, ITEMS);
  const absent = keysOf('a', ITEMS);
  const full = filled(16, ITEMS);
  const value = new Uint8Array(VALUE_BYTES).fill(121);
  const random = seededRandom(3);
  const next = (): number => Math.floor(random() * ITEMS);
  let inOrder = 0;
  const find = (bytes: Uint8Array): number => {
    const start = next() * KEY_BYTES;
    return store.find(bytes, start, KEY_BYTES, store.index.hash(bytes, start, KEY_BYTES));
  };
  return [
    task('hash a key of 20 bytes', () => store.index.hash(keys, next() * KEY_BYTES, KEY_BYTES)),
    task('index: find a key', () => {
      const start = next() * KEY_BYTES;
      store.index.find(keys, start, KEY_BYTES, store.index.hash(keys, start, KEY_BYTES));
    }),
    task('store: find an item', () => {
      if (find(keys) === NONE) throw new Error('an item was lost');
    }),
    task('store: miss', () => {
      if (find(absent) !== NONE) throw new Error('an item came from nowhere');
    }),
    task('store: replace an item of 100 B', () => set(store, keys, next(), value)),
    task('store: set when full, evicting', () => set(full.store, full.keys, inOrder++ % ITEMS, value)),
  ];
}
