/** How much of the items' memory values have taken that arrive in pieces, all connections together, and how much they may. */
import { ARRIVING_SHARE_MAX } from './limits.ts';
import { PAGE_BYTES } from './storage/size-classes.ts';
import type { Slabs } from './storage/slabs.ts';

export class ArrivingMemory {
  /** Bytes that are taken. */
  bytes = 0;
  /** Values that were refused because the others had so much, since the start. */
  refused = 0;
  readonly #slabs: Slabs;

  constructor(slabs: Slabs) {
    this.#slabs = slabs;
  }

  /** Bytes that may be taken: ARRIVING_SHARE_MAX of `-m`, which can change. */
  get limitBytes(): number {
    return Math.floor(this.#slabs.pageLimit * PAGE_BYTES * ARRIVING_SHARE_MAX);
  }

  /**
   * Notes that a value takes `more` bytes.
   *
   * @param own what it has taken before; one that arrives alone may have all there is
   * @returns false if it may not
   */
  occupy(own: number, more: number): boolean {
    if (this.bytes > own && this.bytes + more > this.limitBytes) {
      this.refused++;
      return false;
    }
    this.bytes += more;
    return true;
  }

  /** Notes that a value is complete, or was dropped: what it had taken is no longer of those that arrive. */
  vacate(own: number): void {
    this.bytes -= own;
  }
}
