/**
 * Which keys were evicted lately: for each, 16 bits of its hash and when it went, in one 32-bit slot. A key may lie in
 * any of the four slots of its bucket and takes the place of the one that went first, so the table never grows beyond
 * the size it is given; a wrong answer (one in 16,384) only places an item in the other queue.
 */

const SLOTS_MIN = 1 << 16;
/** 64 MiB; with more keys than this, the oldest of them are forgotten early. */
const SLOTS_MAX = 1 << 24;
const SLOTS_PER_BUCKET = 4;
/** The table grows when it has less than so many slots for each key: with fewer, full buckets forget keys too early. */
const SLOTS_PER_KEY = 2;
/** How much larger it then becomes. Keys that now belong into another bucket are forgotten: they are overwritten as they age. */
const GROWTH = 4;
/** Time is counted in periods; a period ends after this share of the remembered number of keys. */
const PERIODS = 64;
const PERIOD_MASK = 0xffff;
const TAG_SHIFT = 16;

export class GhostTable {
  /** As many as there will ever be: what is not used takes no memory, and growing allocates nothing (hash-index.ts). */
  readonly #slots = new Uint32Array(SLOTS_MAX);
  #slotsInUse = SLOTS_MIN;
  /** The current period, from 1 on, modulo 2^16. */
  #period = 1;
  #addedInPeriod = 0;

  /**
   * Remembers a key.
   *
   * @param memorySize how many keys are to be remembered; a key is forgotten when as many have come after it
   */
  add(hash: number, memorySize: number): void {
    if (memorySize * SLOTS_PER_KEY > this.#slotsInUse && this.#slotsInUse < SLOTS_MAX) this.#slotsInUse *= GROWTH;
    if (++this.#addedInPeriod > memorySize / PERIODS) {
      this.#addedInPeriod = 0;
      this.#period = (this.#period + 1) & PERIOD_MASK;
    }
    const slots = this.#slots;
    const bucket = this.#bucketOf(hash);
    let place = bucket;
    let oldest = -1;
    for (let at = bucket; at < bucket + SLOTS_PER_BUCKET; at++) {
      const slot = slots[at];
      const age = slot === 0 || slot >>> TAG_SHIFT === hash >>> TAG_SHIFT ? PERIOD_MASK + 1 : this.#ageOf(slot);
      if (age > oldest) [place, oldest] = [at, age];
    }
    slots[place] = ((hash >>> TAG_SHIFT) << TAG_SHIFT) | this.#period;
  }

  /** Whether a key was evicted no longer ago than `memorySize` evictions. */
  has(hash: number, memorySize: number): boolean {
    if (memorySize === 0) return false;
    const bucket = this.#bucketOf(hash);
    for (let at = bucket; at < bucket + SLOTS_PER_BUCKET; at++) {
      const slot = this.#slots[at];
      if (slot !== 0 && slot >>> TAG_SHIFT === hash >>> TAG_SHIFT) return this.#ageOf(slot) <= PERIODS;
    }
    return false;
  }

  #ageOf(slot: number): number {
    return (this.#period - (slot & PERIOD_MASK)) & PERIOD_MASK;
  }

  /** The first slot of a key's bucket. */
  #bucketOf(hash: number): number {
    // The tag is the upper half of the hash, so the bucket comes from a mix of both.
    return (Math.imul(hash, 0x9e3779b1) >>> 6) & (this.#slotsInUse - SLOTS_PER_BUCKET);
  }
}
