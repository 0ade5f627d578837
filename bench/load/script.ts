/**
 * Scripts: requests encoded once, before anything is measured, with what must come back for each.
 *
 * A batch is what a connection sends at once. Sending one is a single write of prepared bytes, and checking its answers
 * walks two parallel arrays:
 *
 *     batch b:  bytes[b]  = "get k0…1\r\nset k0…2 …\r\n…"        operations[b] requests
 *               expectations first[b] … first[b + 1] - 1:  kinds[i], keys[i]
 */
import { KeySpace, writeText } from './keys.ts';
import { seededRandom, weighted, zipf } from './random.ts';
import type { OperationName, Workload } from './workload.ts';

/** What one part of an answer must be. */
export const EXPECT = {
  /** `VALUE key 0 bytes`, the value. */
  value: 0,
  /** The same, or nothing at all. */
  valueOrMiss: 1,
  /** `VALUE key 0 bytes cas`, the value; or nothing at all. */
  valueWithCas: 2,
  end: 3,
  stored: 4,
  storedOrNot: 5,
  /** A line with a decimal number. */
  number: 6,
  /** `VA bytes`, the value. */
  metaValue: 7,
  metaStored: 8,
  binaryValue: 9,
  binaryStored: 10,
} as const;

/** One of {@link EXPECT}. */
export type Expectation = (typeof EXPECT)[keyof typeof EXPECT];

/** Encoded requests with what must come back. */
export interface Script {
  readonly batches: number;
  readonly bytes: readonly Uint8Array[];
  /** Operations that each batch counts for. */
  readonly operations: Int32Array;
  /** First expectation of each batch; one entry more than batches. */
  readonly first: Int32Array;
  readonly kinds: Uint8Array;
  readonly keys: Int32Array;
  /** Gives a batch another key; to be called before it is sent. `turn` counts what a target was sent, 0, 1, 2 … */
  readonly renew?: (batch: number, turn: number) => void;
}

/** The kinds of keys of a workload. */
export interface KeySpaces {
  /** Keys that are set before the run. */
  readonly present: KeySpace;
  /** Keys that are never set. */
  readonly missing: KeySpace;
  /** Counters; set to 0 before the run. */
  readonly counters: KeySpace;
}

/** How many counters an `incr` workload spreads over. */
export const COUNTERS = 1000;

/** Bytes of one script; larger workloads repeat themselves sooner. */
const SCRIPT_BYTES_MAX = 96 << 20;
/** Batches of one script. */
const BATCHES_MAX = 65_536;
/** Most bytes of a request besides its key and value. */
const FRAME_BYTES_MAX = 64;

export function keySpaces(workload: Workload): KeySpaces {
  const { items, keyBytes, sizes } = workload;
  const seed = workload.seed ?? 1;
  return {
    present: new KeySpace({ items, keyBytes, sizes, seed, letter: 'k' }),
    missing: new KeySpace({ items, keyBytes, sizes: { kind: 'fixed', bytes: 1 }, seed, letter: 'm' }),
    counters: new KeySpace({
      items: COUNTERS,
      keyBytes,
      sizes: { kind: 'fixed', bytes: 1 },
      seed,
      letter: 'c',
    }),
  };
}

/** Gathers requests into batches. Grows its block as needed; a batch's bytes are cut from it when it is finished. */
export class ScriptWriter {
  readonly #spaces: KeySpaces;
  readonly #complete: boolean;
  #block: Uint8Array;
  #at = 0;
  readonly #bounds: number[] = [0];
  readonly #operations: number[] = [];
  readonly #first: number[] = [0];
  readonly #kinds: number[] = [];
  readonly #keys: number[] = [];
  #batchOperations = 0;

  /**
   * @param spaces the keys and values to use
   * @param complete whether every key must be there, so that a miss is a wrong answer
   * @param roomBytes bytes to begin with
   */
  constructor(spaces: KeySpaces, complete: boolean, roomBytes = 1 << 20) {
    this.#spaces = spaces;
    this.#complete = complete;
    this.#block = new Uint8Array(roomBytes);
  }

  get bytes(): number {
    return this.#at;
  }

  get batches(): number {
    return this.#operations.length;
  }

  /** Ends the batch under way. */
  endBatch(): void {
    this.#bounds.push(this.#at);
    this.#operations.push(this.#batchOperations);
    this.#first.push(this.#kinds.length);
    this.#batchOperations = 0;
  }

  finish(): Script {
    if (this.#batchOperations > 0) this.endBatch();
    return {
      batches: this.#operations.length,
      bytes: this.#operations.map((_, i) => this.#block.subarray(this.#bounds[i], this.#bounds[i + 1])),
      operations: Int32Array.from(this.#operations),
      first: Int32Array.from(this.#first),
      kinds: Uint8Array.from(this.#kinds),
      keys: Int32Array.from(this.#keys),
    };
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#block.length) return;
    const larger = new Uint8Array(Math.max(this.#block.length * 2, this.#at + bytes));
    larger.set(this.#block.subarray(0, this.#at));
    this.#block = larger;
  }

  #text(text: string): void {
    this.#at = writeText(this.#block, this.#at, text);
  }

  #expect(kind: Expectation, key: number): void {
    this.#kinds.push(kind);
    this.#keys.push(key);
  }

  /** `get` of one or more keys, `gets` of one. */
  get(verb: 'get' | 'gets', keys: readonly number[]): void {
    const { present } = this.#spaces;
    this.#reserve(keys.length * (present.keyBytes + 1) + FRAME_BYTES_MAX);
    this.#text(verb);
    for (const key of keys) {
      this.#text(' ');
      this.#at = present.writeKey(this.#block, this.#at, key);
      this.#expect(verb === 'gets' ? EXPECT.valueWithCas : this.#complete ? EXPECT.value : EXPECT.valueOrMiss, key);
    }
    this.#text('\r\n');
    this.#expect(EXPECT.end, 0);
    this.#batchOperations += keys.length;
  }

  getMissing(key: number): void {
    const { missing } = this.#spaces;
    this.#reserve(missing.keyBytes + FRAME_BYTES_MAX);
    this.#text('get ');
    this.#at = missing.writeKey(this.#block, this.#at, key);
    this.#text('\r\n');
    this.#expect(EXPECT.end, 0);
    this.#batchOperations++;
  }

  store(verb: 'set' | 'add', key: number, ttlSeconds: number): void {
    const { present } = this.#spaces;
    const valueBytes = present.valueBytes(key);
    this.#reserve(present.keyBytes + valueBytes + FRAME_BYTES_MAX);
    this.#text(`${verb} `);
    this.#at = present.writeKey(this.#block, this.#at, key);
    this.#text(` 0 ${ttlSeconds} ${valueBytes}\r\n`);
    this.#at = present.writeValue(this.#block, this.#at, key);
    this.#expect(verb === 'set' ? EXPECT.stored : EXPECT.storedOrNot, key);
    this.#batchOperations++;
  }

  /** Sets a counter to 0. */
  resetCounter(key: number): void {
    const { counters } = this.#spaces;
    this.#reserve(counters.keyBytes + FRAME_BYTES_MAX);
    this.#text('set ');
    this.#at = counters.writeKey(this.#block, this.#at, key);
    this.#text(' 0 0 1\r\n0\r\n');
    this.#expect(EXPECT.stored, key);
    this.#batchOperations++;
  }

  increment(key: number, by: number): void {
    const { counters } = this.#spaces;
    this.#reserve(counters.keyBytes + FRAME_BYTES_MAX);
    this.#text('incr ');
    this.#at = counters.writeKey(this.#block, this.#at, key);
    this.#text(` ${by}\r\n`);
    this.#expect(EXPECT.number, key);
    this.#batchOperations++;
  }

  /** `mg key v` or `ms key bytes`. */
  meta(verb: 'mg' | 'ms', key: number, ttlSeconds: number): void {
    const { present } = this.#spaces;
    const valueBytes = present.valueBytes(key);
    this.#reserve(present.keyBytes + valueBytes + FRAME_BYTES_MAX);
    this.#text(`${verb} `);
    this.#at = present.writeKey(this.#block, this.#at, key);
    if (verb === 'mg') {
      this.#text(' v\r\n');
    } else {
      this.#text(` ${valueBytes} T${ttlSeconds}\r\n`);
      this.#at = present.writeValue(this.#block, this.#at, key);
    }
    this.#expect(verb === 'mg' ? EXPECT.metaValue : EXPECT.metaStored, key);
    this.#batchOperations++;
  }

  /** A binary GET (opcode 0) or SET (opcode 1): 24 bytes of header, for SET 8 bytes of extras, key, value. */
  binary(verb: 'get' | 'set', key: number, ttlSeconds: number): void {
    const { present } = this.#spaces;
    const valueBytes = verb === 'set' ? present.valueBytes(key) : 0;
    const extrasBytes = verb === 'set' ? 8 : 0;
    this.#reserve(present.keyBytes + valueBytes + FRAME_BYTES_MAX);
    const view = new DataView(this.#block.buffer, this.#at, 24 + extrasBytes);
    view.setUint8(0, 0x80);
    view.setUint8(1, verb === 'set' ? 1 : 0);
    view.setUint16(2, present.keyBytes);
    view.setUint8(4, extrasBytes);
    view.setUint32(8, extrasBytes + present.keyBytes + valueBytes);
    if (verb === 'set') view.setUint32(28, ttlSeconds);
    this.#at = present.writeKey(this.#block, this.#at + 24 + extrasBytes, key);
    // The text form ends in CR LF, which the next request overwrites.
    if (verb === 'set') this.#at = present.writeValue(this.#block, this.#at, key) - 2;
    this.#expect(verb === 'get' ? EXPECT.binaryValue : EXPECT.binaryStored, key);
    this.#batchOperations++;
  }
}

/** What a workload sends while it is measured, as one script that connections go through again and again. */
export function workloadScript(workload: Workload, spaces: KeySpaces, batchesMax = BATCHES_MAX): Script {
  const random = seededRandom((workload.seed ?? 1) ^ 0x10ad);
  const writer = new ScriptWriter(spaces, workload.complete !== false);
  const rank = zipf(workload.items, workload.zipfAlpha ?? 0, random);
  const nextOperation = weighted(
    workload.operations.map(([, weight]) => weight),
    random,
  );
  const ttls = workload.ttlSeconds ?? [[0, 1]];
  const nextTtl = weighted(
    ttls.map(([, weight]) => weight),
    random,
  );
  const ttlSeconds = (): number => ttls[nextTtl()]?.[0] ?? 0;
  while (writer.batches < batchesMax && writer.bytes < SCRIPT_BYTES_MAX) {
    for (let i = 0; i < workload.pipeline; i++) {
      const operation = workload.operations[nextOperation()]?.[0] ?? 'get';
      addOperation(writer, operation, rank, ttlSeconds, workload.multigetKeys ?? 50);
    }
    writer.endBatch();
  }
  return writer.finish();
}

function addOperation(
  writer: ScriptWriter,
  operation: OperationName,
  rank: () => number,
  ttlSeconds: () => number,
  multigetKeys: number,
): void {
  switch (operation) {
    case 'get':
    case 'gets':
      return writer.get(operation, [rank()]);
    case 'multiget':
      return writer.get(
        'get',
        Array.from({ length: multigetKeys }, () => rank()),
      );
    case 'get-missing':
      return writer.getMissing(rank());
    case 'set':
    case 'add':
      return writer.store(operation, rank(), ttlSeconds());
    case 'incr':
      return writer.increment(rank() % COUNTERS, 1);
    case 'mg':
    case 'ms':
      return writer.meta(operation, rank(), ttlSeconds());
    case 'binary-get':
      return writer.binary('get', rank(), ttlSeconds());
    case 'binary-set':
      return writer.binary('set', rank(), ttlSeconds());
  }
}

/** Bytes of one part of a preload, so that filling gigabytes does not take gigabytes here. */
const PRELOAD_PART_BYTES = 8 << 20;
/** Bytes of one batch of a preload. */
const PRELOAD_BATCH_BYTES = 128 << 10;

/** Scripts that set the keys from `from` to `to` once, in order, in parts of some megabytes. */
export function* preloadScripts(spaces: KeySpaces, from: number, to: number, ttlSeconds = 0): Generator<Script> {
  let key = from;
  while (key < to) {
    const writer = new ScriptWriter(spaces, true);
    while (key < to && writer.bytes < PRELOAD_PART_BYTES) {
      const start = writer.bytes;
      while (key < to && writer.bytes - start < PRELOAD_BATCH_BYTES) writer.store('set', key++, ttlSeconds);
      writer.endBatch();
    }
    yield writer.finish();
  }
}

/** Sets every counter to 0. */
export function counterScript(spaces: KeySpaces): Script {
  const writer = new ScriptWriter(spaces, true);
  for (let key = 0; key < COUNTERS; key++) writer.resetCounter(key);
  return writer.finish();
}

/** Gets keys that may be missing, in batches of `perBatch` single gets; for counting what a cache still holds. */
export function probeScript(spaces: KeySpaces, keys: readonly number[], perBatch = 32): Script {
  const writer = new ScriptWriter(spaces, false);
  for (const [i, key] of keys.entries()) {
    writer.get('get', [key]);
    if (i % perBatch === perBatch - 1) writer.endBatch();
  }
  return writer.finish();
}
