/**
 * Which keys were evicted lately: for each, 16 bits of its hash and when it went, in one 32-bit slot. A newer key takes
 * an older one's slot, so the table never grows beyond the size it is given; a wrong answer (one in 65,536) only places
 * an item in the other queue.
 */

const SLOTS_MIN = 1 << 16;
const SLOTS_MAX = 1 << 24;
/** Time is counted in periods; a period ends after this share of the remembered number of keys. */
const PERIODS = 64;
const TAG_SHIFT = 16;

export class GhostTable {
  #slots = new Uint32Array(SLOTS_MIN);
  /** The current period, from 1 on, modulo 2^16. */
  #period = 1;
  #addedInPeriod = 0;

  /**
   * Remembers a key.
   *
   * @param memorySize how many keys are to be remembered; a key is forgotten when as many have come after it
   */
  add(hash: number, memorySize: number): void {
    if (memorySize > this.#slots.length && this.#slots.length < SLOTS_MAX) this.#grow();
    if (++this.#addedInPeriod > memorySize / PERIODS) {
      this.#addedInPeriod = 0;
      this.#period = (this.#period + 1) & 0xffff;
    }
    this.#slots[this.#slotOf(hash)] = ((hash >>> TAG_SHIFT) << TAG_SHIFT) | this.#period;
  }

  /** Whether a key was evicted no longer ago than `memorySize` evictions. */
  has(hash: number, memorySize: number): boolean {
    const slot = this.#slots[this.#slotOf(hash)];
    if (slot === 0 || slot >>> TAG_SHIFT !== hash >>> TAG_SHIFT) return false;
    const age = (this.#period - (slot & 0xffff)) & 0xffff;
    return memorySize > 0 && age <= PERIODS;
  }

  #slotOf(hash: number): number {
    // The tag is the upper half of the hash, so the slot comes from a mix of both.
    return (Math.imul(hash, 0x9e3779b1) >>> 8) & (this.#slots.length - 1);
  }

  /** A larger table starts empty: keys are remembered again as they are evicted. */
  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 4);
  }
}
