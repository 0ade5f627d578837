/** The address space: several blocks, reserved when they are needed, and references up to the top of it. */
import { describe, expect, test } from 'vitest';
import * as layout from '../../src/daemon/storage/layout.ts';
import { BLOCK_BYTES, Memory, addressOf, byteOffset, refOf, wordOffset } from '../../src/daemon/storage/memory.ts';
import { PAGE_BYTES, SizeClasses } from '../../src/daemon/storage/size-classes.ts';
import { Slabs, type PageIndex } from '../../src/daemon/storage/slabs.ts';

const SCRATCH_BYTES = 2 * PAGE_BYTES;
const GIB = 1024 ** 3;

describe('memory of several blocks', () => {
  test('is reserved block by block, and the last one is only as large as it must be', () => {
    const memory = new Memory(2 * BLOCK_BYTES + PAGE_BYTES, SCRATCH_BYTES);
    expect(memory.blocks.length).toBe(1);
    memory.reserve(BLOCK_BYTES - 1);
    expect(memory.blocks.length).toBe(1);
    memory.reserve(2 * BLOCK_BYTES);
    expect(memory.blocks.map((block) => block.bytes.length)).toEqual([
      BLOCK_BYTES,
      BLOCK_BYTES,
      PAGE_BYTES + SCRATCH_BYTES,
    ]);
  });

  test('a reference finds its own words and bytes in every block', () => {
    const memory = new Memory(3 * BLOCK_BYTES, SCRATCH_BYTES);
    const addresses = [SCRATCH_BYTES, BLOCK_BYTES - 64, BLOCK_BYTES, BLOCK_BYTES + 8, 3 * BLOCK_BYTES - 8192];
    memory.reserve(3 * BLOCK_BYTES - 1);
    for (const [i, address] of addresses.entries()) memory.setWord(refOf(address), layout.TIME, 1000 + i);
    for (const [i, address] of addresses.entries()) {
      const ref = refOf(address);
      expect(addressOf(ref)).toBe(address);
      expect(memory.word(ref, layout.TIME)).toBe(1000 + i);
      expect(byteOffset(ref)).toBe(address % BLOCK_BYTES);
      expect(memory.blockOf(ref).words[wordOffset(ref) + layout.TIME]).toBe(1000 + i);
    }
  });

  test('references stay positive 32-bit numbers up to the largest -m', () => {
    const top = refOf(16 * GIB - 64 * 1024 * 1024 + SCRATCH_BYTES - 64);
    expect(Int32Array.of(top)[0]).toBe(top);
    expect(top).toBeGreaterThan(0);
    expect(wordOffset(top)).toBeGreaterThan(0);
    expect(byteOffset(top)).toBeLessThan(BLOCK_BYTES);
  });

  test('chunks of pages beyond the first block hold what is written, and no page crosses two blocks', () => {
    const pageLimit = (2 * GIB) / PAGE_BYTES;
    const memory = new Memory(2 * GIB, SCRATCH_BYTES);
    const classes = new SizeClasses();
    const slabs = new Slabs(memory, classes, pageLimit);
    // One chunk of the largest size from each page: a fresh page is only touched where it is used.
    const refs: layout.ChunkRef[] = [];
    for (let page = 0; page < pageLimit; page++) {
      for (let i = 0; i < classes.chunksPerPage[classes.largest]; i++) {
        const ref = slabs.allocate(classes.largest);
        expect(ref).not.toBe(layout.NONE);
        if (i === 0 && page % 512 === 0) refs.push(ref);
      }
    }
    expect(slabs.allocate(classes.largest)).toBe(layout.NONE);
    expect(memory.blocks.length).toBe(3);
    for (const [i, ref] of refs.entries()) memory.setWord(ref, layout.TIME, i + 1);
    for (const [i, ref] of refs.entries()) expect(memory.word(ref, layout.TIME)).toBe(i + 1);
    for (let page = 0 as PageIndex; page < pageLimit; page++) {
      const start = addressOf(slabs.firstChunk(page));
      if (Math.floor(start / BLOCK_BYTES) !== Math.floor((start + PAGE_BYTES - 1) / BLOCK_BYTES)) {
        throw new Error(`page ${page} lies in two blocks`);
      }
    }
  });
});

test('copies go between blocks and within one, long and short, overlapping or not', () => {
  for (const length of [0, 1, 31, 32, 33, 1000]) {
    const source = Uint8Array.from({ length: 3000 }, (_, i) => i % 251);
    const target = new Uint8Array(3000);
    Memory.copy(target, 5, source, 10, 10 + length);
    expect(target.subarray(5, 5 + length)).toEqual(source.subarray(10, 10 + length));
    const expected = source.slice(10, 10 + length);
    Memory.copy(source, 1500, source, 10, 10 + length);
    expect(source.subarray(1500, 1500 + length)).toEqual(expected);
  }
});
