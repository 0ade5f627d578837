/**
 * The daemon's memory off the JavaScript heap: an address space cut into blocks of 1 GiB, reserved when first used and
 * backed by the operating system as pages are touched.
 *
 * Block 0 begins with the scratch area (read buffer and output regions), so that most copies between a socket's buffer
 * and an item happen inside one typed array, where `copyWithin` needs no new view.
 * Indexes stay below 2^31: beyond, both engines fall off their fast path (docs/performance.md).
 */
import type { ChunkRef } from './layout.ts';

/** Bytes a block holds at most. */
export const BLOCK_BYTES = 1 << 30;
const BLOCK_REF_SHIFT = 27;
const BLOCK_REF_MASK = (1 << BLOCK_REF_SHIFT) - 1;

/** One contiguous piece of memory, seen as bytes and as 32-bit words. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

function makeBlock(byteLength: number): Block {
  const buffer = new ArrayBuffer(byteLength);
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}

export class Memory {
  /** The blocks reserved so far. */
  readonly blocks: Block[] = [];
  /** Bytes at the start of block 0 that hold no items. */
  readonly scratchBytes: number;
  #totalBytes: number;

  /**
   * @param itemBytes how many bytes are for items
   * @param scratchBytes how many bytes at the start of block 0 are for buffers
   */
  constructor(itemBytes: number, scratchBytes: number) {
    this.scratchBytes = scratchBytes;
    this.#totalBytes = itemBytes + scratchBytes;
    this.reserve(0);
  }

  /** The bytes of block 0, in which the scratch area lies. */
  get scratch(): Uint8Array {
    return this.blocks[0].bytes;
  }

  /** Makes sure that the block of a byte address exists. Blocks are reserved in order. */
  reserve(address: number): void {
    const wanted = Math.floor(address / BLOCK_BYTES);
    while (this.blocks.length <= wanted) {
      // Behind what was asked for at the start whole blocks follow, of which only what is used takes memory.
      const rest = this.#totalBytes - this.blocks.length * BLOCK_BYTES;
      this.blocks.push(makeBlock(rest > 0 ? Math.min(BLOCK_BYTES, rest) : BLOCK_BYTES));
    }
  }

  /** Bytes between the end of what was asked for at the start and the next block: addresses without memory. */
  get gapBytes(): number {
    return (BLOCK_BYTES - (this.#totalBytes % BLOCK_BYTES)) % BLOCK_BYTES;
  }

  /** The block a chunk lies in. */
  blockOf(ref: ChunkRef): Block {
    return this.blocks[ref >>> BLOCK_REF_SHIFT];
  }

  /** One word of a chunk's header. */
  word(ref: ChunkRef, field: number): number {
    return this.blocks[ref >>> BLOCK_REF_SHIFT].words[wordOffset(ref) + field];
  }

  /** Sets one word of a chunk's header. */
  setWord(ref: ChunkRef, field: number, value: number): void {
    this.blocks[ref >>> BLOCK_REF_SHIFT].words[wordOffset(ref) + field] = value;
  }

  /** A header word that holds a reference. */
  link(ref: ChunkRef, field: number): ChunkRef {
    return this.word(ref, field) as ChunkRef;
  }

  /**
   * Copies bytes between two blocks or inside one.
   *
   * @param to the block written to, from byte `toStart`
   * @param from where the bytes are, from `fromStart` up to and without `fromEnd`
   */
  static copy(to: Uint8Array, toStart: number, from: Uint8Array, fromStart: number, fromEnd: number): void {
    const length = fromEnd - fromStart;
    if (length <= SHORT_COPY_BYTES) {
      for (let i = 0; i < length; i++) to[toStart + i] = from[fromStart + i];
    } else if (to === from) {
      to.copyWithin(toStart, fromStart, fromEnd);
    } else {
      to.set(from.subarray(fromStart, fromEnd), toStart);
    }
  }
}

/** Up to this many bytes a loop is quicker than a call into the runtime (bench/micro/copy.ts). */
const SHORT_COPY_BYTES = 32;

/** A chunk's first word, as an index into its block's words. */
export function wordOffset(ref: ChunkRef): number {
  return (ref & BLOCK_REF_MASK) << 1;
}

/** A chunk's first byte, as an index into its block's bytes. */
export function byteOffset(ref: ChunkRef): number {
  return (ref & BLOCK_REF_MASK) << 3;
}

/** The reference of a byte address, which is a multiple of 8. */
export function refOf(address: number): ChunkRef {
  return (address / 8) as ChunkRef;
}

/** The byte address of a reference in the whole address space. */
export function addressOf(ref: ChunkRef): number {
  return ref * 8;
}
