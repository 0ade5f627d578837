/**
 * The store against a naive model. Goal: in a large memory the engine is a Map with expiry, byte for byte; in a small
 * one it may forget but never lies, and its insides agree after every step. Method: random commands (fast-check, which
 * prints seed and path when it fails), a clock that only the test moves.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Mode, Outcome } from '../../src/daemon/engine.ts';
import { EVICTION_POLICIES, type EvictionPolicyName } from '../../src/daemon/storage/eviction.ts';
import { NONE, type ChunkRef } from '../../src/daemon/storage/layout.ts';
import { checkStore } from './support/check-store.ts';
import { EngineDriver, MEGABYTE, makeValue } from './support/engine-driver.ts';

const VALUE_BYTES_MAX = 200 * 1024;
const DAYS_30 = 60 * 60 * 24 * 30;

interface ModelItem {
  value: Buffer;
  flags: number;
  /** Second since the start at which it dies. */
  deadline: number;
  /** Second since the start at which it was stored. */
  storedAt: number;
  /** Steps up with every change, as the CAS must. */
  version: number;
}

/** What memcached's documentation says, over a Map. */
class Model {
  readonly items = new Map<string, ModelItem>();
  second = 0;
  /** Items stored up to this second die when it has come; the latest flush_all with a delay. */
  #flushSecond = -Infinity;
  #flushedUpTo = -Infinity;
  #version = 0;

  find(key: string): ModelItem | undefined {
    if (this.#flushSecond <= this.second) this.#flushedUpTo = Math.max(this.#flushedUpTo, this.#flushSecond);
    const item = this.items.get(key);
    if (item === undefined) return undefined;
    if (item.deadline > this.second && item.storedAt > this.#flushedUpTo) return item;
    this.items.delete(key);
    return undefined;
  }

  deadline(exptime: number): number {
    if (exptime === 0) return Infinity;
    if (exptime < 0) return -Infinity;
    return exptime <= DAYS_30 ? this.second + exptime : exptime - START_SECOND;
  }

  put(key: string, value: Buffer, flags: number, deadline: number): void {
    this.items.set(key, { value, flags, deadline, storedAt: this.second, version: ++this.#version });
  }

  flushAll(delay: number): void {
    for (const key of ['', ...this.items.keys()]) this.find(key);
    if (delay <= 0 || this.#flushedUpTo === this.second) {
      this.items.clear();
      this.#flushedUpTo = -Infinity;
    }
    this.#flushSecond = delay <= 0 ? -Infinity : this.second + delay - 1;
  }
}

const START_SECOND = Date.UTC(2026, 0, 1) / 1000;

interface Real {
  driver: EngineDriver;
  /** The CAS that was seen at a version of an item. */
  casOf: Map<number, number>;
}

type Command = fc.Command<Model, Real>;

function command(text: string, run: (model: Model, real: Real) => void): Command {
  return { check: () => true, run, toString: () => text };
}

function get(key: string): Command {
  return command(`get ${key}`, (model, { driver, casOf }) => {
    const expected = model.find(key);
    const found = driver.get(key);
    expect(found?.flags).toBe(expected?.flags);
    if (expected === undefined || found === undefined) return;
    expect(found.value.equals(expected.value), 'value').toBe(true);
    const seen = casOf.get(expected.version);
    if (seen !== undefined) expect(found.cas, 'cas of an unchanged item').toBe(seen);
    else expect([...casOf.values()], 'cas of a changed item').not.toContain(found.cas);
    casOf.set(expected.version, found.cas);
  });
}

interface Write {
  key: string;
  length: number;
  salt: number;
  flags: number;
  exptime: number;
}

function store(mode: Mode, name: string, { key, length, salt, flags, exptime }: Write): Command {
  return command(`${name} ${key} ${flags} ${exptime} ${length} (salt ${salt})`, (model, { driver }) => {
    const value = makeValue(length, salt);
    const old = model.find(key);
    const stored = mode === Mode.SET || (mode === Mode.ADD ? old === undefined : old !== undefined);
    expect(driver.write(mode, key, value, flags, exptime)).toBe(stored ? Outcome.STORED : Outcome.NOT_STORED);
    if (!stored) return;
    if (mode === Mode.APPEND) model.put(key, Buffer.concat([old!.value, value]), old!.flags, old!.deadline);
    else if (mode === Mode.PREPEND) model.put(key, Buffer.concat([value, old!.value]), old!.flags, old!.deadline);
    else model.put(key, value, flags, model.deadline(exptime));
  });
}

function cas(write: Write, stale: boolean): Command {
  const { key, length, salt, flags, exptime } = write;
  return command(`cas ${key} ${stale ? 'stale' : 'fresh'} ${length}`, (model, { driver }) => {
    const value = makeValue(length, salt);
    const old = model.find(key);
    const unique = (driver.get(key)?.cas ?? 1) + (stale ? 1 : 0);
    const expected = old === undefined ? Outcome.NOT_FOUND : stale ? Outcome.EXISTS : Outcome.STORED;
    expect(driver.write(Mode.CAS, key, value, flags, exptime, unique)).toBe(expected);
    if (expected === Outcome.STORED) model.put(key, value, flags, model.deadline(exptime));
  });
}

/** What strtoull takes for a number, white space and a sign in front of it, and white space or a NUL behind. */
const NUMBER = /^[\t-\r ]*(?:\+?(\d+)|-(0+))(?=[\t-\r \0]|$)/;

function arithmetic(increase: boolean, key: string, delta: bigint): Command {
  return command(`${increase ? 'incr' : 'decr'} ${key} ${delta}`, (model, { driver }) => {
    const old = model.find(key);
    const exact = delta <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(delta) : delta;
    const outcome = driver.arithmetic(increase, key, exact);
    if (old === undefined) return expect(outcome).toBe(Outcome.NOT_FOUND);
    const match = NUMBER.exec(old.value.toString('latin1'));
    const number = match?.[1] ?? match?.[2];
    if (number === undefined || BigInt(number) >= 2n ** 64n) return expect(outcome).toBe(Outcome.NOT_A_NUMBER);
    const before = BigInt(number);
    const after = increase ? (before + delta) % 2n ** 64n : before > delta ? before - delta : 0n;
    expect(outcome).toBe(Outcome.DONE);
    expect(String(driver.engine.arithmeticResult)).toBe(String(after));
    model.put(key, Buffer.from(String(after).padEnd(old.value.length)), old.flags, old.deadline);
  });
}

function setNumber(key: string, number: bigint): Command {
  return command(`set ${key} to ${number}`, (model, { driver }) => {
    const value = Buffer.from(String(number));
    expect(driver.set(key, value)).toBe(Outcome.STORED);
    model.put(key, value, 0, Infinity);
  });
}

function remove(key: string): Command {
  return command(`delete ${key}`, (model, { driver }) => {
    const old = model.find(key);
    expect(driver.delete(key)).toBe(old === undefined ? Outcome.NOT_FOUND : Outcome.DONE);
    model.items.delete(key);
  });
}

function touch(key: string, exptime: number): Command {
  return command(`touch ${key} ${exptime}`, (model, { driver }) => {
    const old = model.find(key);
    expect(driver.touch(key, exptime)).toBe(old === undefined ? Outcome.NOT_FOUND : Outcome.DONE);
    if (old !== undefined) old.deadline = model.deadline(exptime);
  });
}

function flushAll(delay: number): Command {
  return command(`flush_all ${delay}`, (model, { driver }) => {
    driver.engine.flushAll(delay);
    model.flushAll(delay);
  });
}

function advance(seconds: number): Command {
  return command(`${seconds} s pass`, (model, { driver }) => {
    model.second += seconds;
    driver.advance(seconds);
  });
}

const keys = fc.constantFrom('a', 'b', 'key', 'k'.repeat(250), 'é\xff', 'list', '12', 'x');
const exptimes = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 6 }) },
  fc.constantFrom(-1, DAYS_30, START_SECOND - 10, START_SECOND + 5, START_SECOND + 1000),
);
/** Lengths around the edges of one chunk and of several as well as everything else. */
const lengths = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 20_000 }),
  fc.integer({ min: 0, max: VALUE_BYTES_MAX }),
  fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: -120, max: 20 }))
    .map(([chunks, offset]) => chunks * (16 * 1024 - 40) + offset),
);
const writes = fc.record({
  key: keys,
  length: lengths,
  salt: fc.integer({ min: 0, max: 1000 }),
  flags: fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff })),
  exptime: exptimes,
});
const numbers = fc.oneof(fc.bigInt({ min: 0n, max: 200n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

const commands = fc.commands(
  [
    keys.map(get),
    writes.map((write) => store(Mode.SET, 'set', write)),
    writes.map((write) => store(Mode.ADD, 'add', write)),
    writes.map((write) => store(Mode.REPLACE, 'replace', write)),
    writes.map((write) => store(Mode.APPEND, 'append', write)),
    writes.map((write) => store(Mode.PREPEND, 'prepend', write)),
    fc.tuple(writes, fc.boolean()).map(([write, stale]) => cas(write, stale)),
    fc.tuple(fc.boolean(), keys, numbers).map(([increase, key, delta]) => arithmetic(increase, key, delta)),
    fc.tuple(keys, numbers).map(([key, number]) => setNumber(key, number)),
    keys.map(remove),
    fc.tuple(keys, exptimes).map(([key, exptime]) => touch(key, exptime)),
    fc.constantFrom(0, -1, 1, 2, 5).map(flushAll),
    fc.integer({ min: 1, max: 4 }).map(advance),
  ],
  { maxCommands: 60, size: 'max' },
);

describe('a store with room for everything', () => {
  test('is a Map with expiry, byte for byte', () => {
    fc.assert(
      fc.property(commands, (list) => {
        const driver = new EngineDriver({ memoryBytes: 64 * MEGABYTE, itemSizeMax: 64 * MEGABYTE });
        const model = new Model();
        fc.modelRun(() => ({ model, real: { driver, casOf: new Map() } }), list);
        for (const key of model.items.keys()) get(key).run(model, { driver, casOf: new Map() });
        checkStore(driver.store);
        expect(driver.store.stats.total('evicted')).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  test('holds every one of 150,000 keys while its hash table grows', () => {
    const driver = new EngineDriver({ memoryBytes: 64 * MEGABYTE });
    const powerBefore = driver.store.index.power;
    const count = 150_000;
    let grewWhileReading = false;
    for (let i = 0; i < count; i++) {
      expect(driver.set(`key-${i}`, Buffer.from(String(i)))).toBe(Outcome.STORED);
      if (driver.store.index.growing && i % 50 === 0) {
        grewWhileReading = true;
        const past = Math.floor((i * 7919) % (i + 1));
        expect(driver.get(`key-${past}`)?.value.toString()).toBe(String(past));
        if (i % 100 === 0) driver.delete(`key-${past}`);
        if (i % 100 === 0) driver.set(`key-${past}`, Buffer.from(String(past)));
      }
    }
    expect(driver.store.index.power).toBeGreaterThan(powerBefore);
    expect(grewWhileReading).toBe(true);
    for (let i = 0; i < count; i++) {
      if (driver.get(`key-${i}`)?.value.toString() !== String(i)) throw new Error(`key-${i} is lost`);
    }
    expect(driver.store.stats.currentItems).toBe(count);
  });

  test('keeps its items when the memory becomes so large that the hash table must be able to grow further', () => {
    const driver = new EngineDriver({ memoryBytes: 2 * MEGABYTE });
    const keys = Array.from({ length: 5000 }, (_, i) => `key-${i}`);
    for (const key of keys) driver.set(key, Buffer.from(key));
    expect(driver.store.limitMemory(1024 * MEGABYTE)).toBe(true);
    expect(keys.filter((key) => driver.get(key)?.value.toString() !== key)).toEqual([]);
    checkStore(driver.store);
  });
});

type Step =
  | { kind: 'set' | 'add' | 'append' | 'prepend'; key: number; length: number; salt: number }
  | { kind: 'get' | 'delete'; key: number }
  | { kind: 'announce' | 'complete' | 'give up'; slot: number; key: number; length: number; salt: number }
  | { kind: 'advance'; seconds: number }
  | { kind: 'move a page'; from: number; to: number };

/** Lengths of one of three workloads, so that pages have to move. */
const smallLengths = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 3000, max: 16_500 }),
  fc.integer({ min: 30_000, max: 300_000 }),
);
const slotKeys = fc.integer({ min: 0, max: 60 });
const salts = fc.integer({ min: 0, max: 100_000 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'set' as const,
        'set' as const,
        'set' as const,
        'add' as const,
        'append' as const,
        'prepend' as const,
      ),
      key: slotKeys,
      length: smallLengths,
      salt: salts,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('get' as const, 'delete' as const), key: slotKeys }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('announce' as const, 'complete' as const, 'give up' as const),
      slot: fc.integer({ min: 0, max: 3 }),
      key: slotKeys,
      length: smallLengths,
      salt: salts,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), seconds: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('move a page' as const), from: salts, to: salts }),
  },
);

/** Runs steps on a small store; the last value stored under each key is what a hit must give. */
class SmallStore {
  readonly driver: EngineDriver;
  readonly #last = new Map<string, Buffer>();
  readonly #slots = new Map<number, { ref: ChunkRef; key: string; value: Buffer }>();

  constructor(memoryBytes: number, eviction: EvictionPolicyName) {
    this.driver = new EngineDriver({ memoryBytes, eviction });
  }

  run(step: Step): void {
    const { driver } = this;
    if (step.kind === 'advance') return driver.advance(step.seconds);
    if (step.kind === 'move a page') return this.#movePage(step.from, step.to);
    const key = `key-${step.key}`;
    switch (step.kind) {
      case 'get':
        this.check(key);
        break;
      case 'delete':
        driver.delete(key);
        this.#last.delete(key);
        break;
      case 'announce':
        this.#announce(step.slot, key, makeValue(step.length, step.salt));
        break;
      case 'complete':
      case 'give up':
        this.#end(step.slot, step.kind === 'complete');
        break;
      default:
        this.#write(step.kind, key, makeValue(step.length, step.salt));
    }
  }

  check(key: string): void {
    const found = this.driver.get(key);
    if (found === undefined) return;
    const last = this.#last.get(key);
    if (last === undefined || !found.value.equals(last)) throw new Error(`${key} has a value that is not its last`);
  }

  checkAll(): void {
    for (let i = 0; i <= 60; i++) this.check(`key-${i}`);
  }

  giveUpAll(): void {
    for (const slot of this.#slots.keys()) this.#end(slot, false);
  }

  #write(kind: 'set' | 'add' | 'append' | 'prepend', key: string, value: Buffer): void {
    const modes = { set: Mode.SET, add: Mode.ADD, append: Mode.APPEND, prepend: Mode.PREPEND };
    const outcome = this.driver.write(modes[kind], key, value);
    const old = this.#last.get(key) ?? Buffer.alloc(0);
    if (outcome !== Outcome.STORED) return;
    this.#last.set(
      key,
      kind === 'append' ? Buffer.concat([old, value]) : kind === 'prepend' ? Buffer.concat([value, old]) : value,
    );
  }

  /** Moves a page from one of the classes that can give one to any class. */
  #movePage(from: number, to: number): void {
    const { store } = this.driver;
    const givers = [...store.slabs.pageCount.keys()].filter((sizeClass) => store.slabs.pageCount[sizeClass] >= 2);
    const taker = 1 + (to % store.slabs.classes.largest);
    const giver = givers[from % givers.length];
    if (giver !== undefined && giver !== taker) store.movePage(giver, taker);
  }

  #announce(slot: number, key: string, value: Buffer): void {
    this.#end(slot, false);
    const ref = this.driver.begin(Mode.SET, key, value.length);
    if (ref !== NONE) this.#slots.set(slot, { ref, key, value });
  }

  #end(slot: number, complete: boolean): void {
    const waiting = this.#slots.get(slot);
    this.#slots.delete(slot);
    if (waiting === undefined) return;
    if (!complete) return this.driver.engine.abandon(waiting.ref);
    expect(this.driver.finish(Mode.SET, waiting.ref, waiting.value)).toBe(Outcome.STORED);
    this.#last.set(waiting.key, waiting.value);
  }
}

describe.each(EVICTION_POLICIES)('a store that is too small, with %s', (eviction) => {
  test.each([1, 2, 4])('of %i MiB forgets but never lies, and its insides agree after every step', (megabytes) => {
    let evictions = 0;
    let pagesMoved = 0;
    fc.assert(
      fc.property(fc.array(steps, { minLength: 30, maxLength: 120, size: 'max' }), (list) => {
        const small = new SmallStore(megabytes * MEGABYTE, eviction);
        for (const step of list) {
          small.run(step);
          checkStore(small.driver.store);
        }
        small.checkAll();
        small.giveUpAll();
        expect(checkStore(small.driver.store)).toBe(0);
        evictions += small.driver.store.stats.total('evicted');
        pagesMoved += small.driver.store.stats.pagesMoved;
      }),
      { numRuns: 30 },
    );
    // The test is about what happens when memory runs out; it must have run out.
    expect(evictions).toBeGreaterThan(30);
    expect(pagesMoved).toBeGreaterThan(20);
  });
});
