/**
 * Keys and values by index. A key is a letter and a zero-padded number of fixed width; its value is a slice of one
 * shared block, at a place that follows from the index, so the right answer to every get is known without being stored.
 */
import { hashIndex, seededRandom, sizeOf, type SizeSpec } from './random.ts';

/** The longest value a workload may have: memcached's default item limit, less room for the key and the header. */
export const VALUE_BYTES_MAX = 1_000_000;

/** Values start somewhere in this many bytes of the block, so that two neighbours differ. */
const START_RANGE = 65_536;
/** Up to this many bytes a loop is no slower than a view, and makes no garbage while requests are timed. */
const SHORT_VALUE_BYTES = 128;
const CR = 13;
const LF = 10;
const ZERO = 48;

/** A block of printable bytes that all values are cut from. Contains no CR, LF or space. */
function valueBlock(bytes: number): Uint8Array {
  const random = seededRandom(0x5eed);
  const block = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) block[i] = 33 + Math.floor(random() * 94);
  return block;
}

/** What the keys of a workload look like. */
export interface KeySpaceOptions {
  /** How many different keys. */
  readonly items: number;
  /** Length of each key in bytes, 8 … 250. */
  readonly keyBytes: number;
  readonly sizes: SizeSpec;
  readonly seed: number;
  /** First letter of the keys; tells apart the kinds of keys within a workload. */
  readonly letter: string;
}

/** All keys of one kind with their values. */
export class KeySpace {
  readonly items: number;
  readonly keyBytes: number;
  /** The block that all values are slices of. */
  readonly block: Uint8Array;
  readonly #options: KeySpaceOptions;
  readonly #letter: number;

  constructor(options: KeySpaceOptions) {
    this.#options = options;
    this.items = options.items;
    this.keyBytes = options.keyBytes;
    this.#letter = options.letter.charCodeAt(0);
    const { sizes } = options;
    const most =
      sizes.kind === 'fixed'
        ? sizes.bytes
        : sizes.kind === 'mix'
          ? Math.max(...sizes.sizes.map(([bytes]) => bytes))
          : sizes.maxBytes;
    if (most > VALUE_BYTES_MAX) throw new RangeError(`values of ${most} bytes: at most ${VALUE_BYTES_MAX}`);
    this.block = valueBlock(START_RANGE + most);
  }

  /** Length of the value of key `index`, in bytes. */
  valueBytes(index: number): number {
    return sizeOf(this.#options.sizes, index, this.#options.seed);
  }

  /** Where the value of key `index` starts in the block. */
  valueStart(index: number): number {
    return hashIndex(index, 7) % START_RANGE;
  }

  /** Writes key `index` at `at`; returns where it ends. */
  writeKey(target: Uint8Array, at: number, index: number): number {
    const end = at + this.keyBytes;
    let left = index;
    for (let i = end - 1; i > at; i--) {
      target[i] = ZERO + (left % 10);
      left = Math.floor(left / 10);
    }
    target[at] = this.#letter;
    return end;
  }

  /** Writes the value of key `index` and CR LF at `at`; returns where they end. */
  writeValue(target: Uint8Array, at: number, index: number): number {
    const start = this.valueStart(index);
    const bytes = this.valueBytes(index);
    if (bytes <= SHORT_VALUE_BYTES) for (let i = 0; i < bytes; i++) target[at + i] = this.block[start + i] ?? 0;
    else target.set(this.block.subarray(start, start + bytes), at);
    target[at + bytes] = CR;
    target[at + bytes + 1] = LF;
    return at + bytes + 2;
  }

  keyText(index: number): string {
    const scratch = new Uint8Array(this.keyBytes);
    this.writeKey(scratch, 0, index);
    return Buffer.from(scratch).toString('latin1');
  }
}

/** Writes ASCII at `at`; returns where it ends. For short words only. */
export function writeText(target: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
  return at + text.length;
}
