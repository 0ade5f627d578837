/**
 * The budget for what connections hold beyond the items: unfinished lines, bodies and values that are still arriving,
 * answers that nobody takes, what waits for watchers. Owns the sum and who holds how much of it; knows nothing of sockets.
 *
 *     0 ──────────────── half ──────────── three quarters ─────────── limit
 *         all are read    │ who was paused   │ who holds most is paused  │ who holds most is cut off,
 *                         │ is read again    │                           │ until there is room again
 *
 * Who keeps memory that grows with what its peer does charges it here, before or right after it is allocated, and
 * releases it when it is given back; a connection does so for its session. Only what is really held is charged, so that a
 * request which is answered at once costs nothing. The sum is above the limit by one charge at most, and only within
 * {@link HeldMemory.charge}.
 */
import * as limits from './limits.ts';

/** Shares of the limit. */
const PAUSE_SHARE = 3 / 4;
const RESUME_SHARE = 1 / 2;
/** The smallest that together hold this share are read in any case. */
const UNPAUSED_SHARE = 1 / 4;
/** What is cut off leaves this share free, so that not every further charge has to look for somebody. */
const RELIEF_SHARE = 1 / 16;
/** Growth between two looks at who is to be paused. */
const LOOK_SHARE = 1 / 32;
/** After this share of garbage it is collected, where the runtime would not. */
const LITTER_SHARE = 1 / 4;
/** Above this share answers are collected in smaller pieces. */
const TIGHT_SHARE = 1 / 4;

/** Somebody who holds memory: a connection, for one. */
export interface Holder {
  /** Bytes that are charged to it; only {@link HeldMemory} writes this. Begins with 0. */
  heldBytes: number;
  /** Reads nothing more until {@link resumeReading}. */
  pauseReading(): void;
  resumeReading(): void;
  /** Ends at once and drops what it holds; its charges have been released. */
  cutOff(): void;
}

/**
 * The limit unless `-o conn_memory_limit` says otherwise: as much as the items may have, within bounds, and always enough
 * for two of the largest values.
 */
export function defaultConnMemory(maxBytes: number, itemSizeMax: number): number {
  const share = Math.max(limits.CONN_MEMORY_MIN, Math.min(maxBytes, limits.CONN_MEMORY_MAX));
  return Math.max(share, 2 * itemSizeMax);
}

export class HeldMemory {
  readonly limitBytes: number;
  /** Bytes that all together hold. */
  heldBytes = 0;
  /** Holders that were cut off to make room, since the start. */
  cutOffs = 0;
  /** Times that somebody was paused to keep room, since the start. */
  pauses = 0;
  readonly #collect: (() => void) | undefined;
  /** Bytes that are garbage by now, or will be. */
  #litterBytes = 0;
  readonly #holders = new Set<Holder>();
  readonly #paused = new Set<Holder>();
  /** Above this sum, and where somebody is paused below that one, the holders are looked at. */
  #lookAbove: number;
  #lookBelow = 0;

  /**
   * @param collect collects garbage. Bun lets it grow to as much as is in use, and the memory of the items counts for that;
   * V8 counts typed arrays apart and needs no telling
   */
  constructor(limitBytes: number, collect?: () => void) {
    this.limitBytes = limitBytes;
    this.#collect = collect;
    this.#lookAbove = limitBytes * PAUSE_SHARE;
  }

  /** Holders that are not read now, to keep room. */
  get pausedCount(): number {
    return this.#paused.size;
  }

  /** Whether so much is held that who makes answers should make them small. */
  get isTight(): boolean {
    return this.heldBytes > this.limitBytes * TIGHT_SHARE;
  }

  /**
   * Notes that a holder holds `bytes` more. May pause or cut off others, and the holder itself.
   *
   * @returns false if the holder was cut off: it must stop what it is doing, and holds nothing any more
   */
  charge(holder: Holder, bytes: number): boolean {
    if (bytes === 0) return true;
    if (holder.heldBytes === 0) this.#holders.add(holder);
    holder.heldBytes += bytes;
    this.heldBytes += bytes;
    this.litter(bytes);
    if (this.heldBytes <= this.#lookAbove) return true;
    this.#look();
    return holder.heldBytes > 0;
  }

  /** Notes that a holder holds `bytes` less; of one that was cut off meanwhile, nothing. */
  release(holder: Holder, bytes: number): void {
    const count = Math.min(bytes, holder.heldBytes);
    if (count === 0) return;
    holder.heldBytes -= count;
    this.heldBytes -= count;
    if (holder.heldBytes === 0) {
      this.#holders.delete(holder);
      this.#resume(holder);
    }
    if (this.heldBytes < this.#lookBelow) this.#look();
  }

  /** Notes that so many bytes were allocated and are garbage by now, or will be; what is charged need not be noted. */
  litter(bytes: number): void {
    if (this.#collect === undefined) return;
    this.#litterBytes += bytes;
    if (this.#litterBytes < this.limitBytes * LITTER_SHARE) return;
    this.#litterBytes = 0;
    this.#collect();
  }

  /** A holder is gone, and with it all that it held. */
  forget(holder: Holder): void {
    this.#paused.delete(holder);
    this.release(holder, holder.heldBytes);
  }

  /** Cuts off, pauses and resumes, as the sum says, and settles when to look again. */
  #look(): void {
    // Who is cut off releases what it holds, which must not come back here.
    this.#lookBelow = 0;
    const byBytes = [...this.#holders].toSorted((a, b) => b.heldBytes - a.heldBytes);
    const goal = this.limitBytes * (1 - RELIEF_SHARE);
    let kept = 0;
    if (this.heldBytes > this.limitBytes) {
      while (this.heldBytes > goal && kept < byBytes.length) this.#cutOff(byBytes[kept++]);
    }
    this.#sift(byBytes.slice(kept).toReversed());
    const step = this.limitBytes * LOOK_SHARE;
    this.#lookAbove = Math.max(this.limitBytes * PAUSE_SHARE, Math.min(this.limitBytes, this.heldBytes + step));
    this.#lookBelow = this.#paused.size > 0 ? this.heldBytes - step : 0;
  }

  #cutOff(holder: Holder): void {
    this.cutOffs++;
    this.forget(holder);
    holder.cutOff();
  }

  /** Settles who is read: always the smallest, so that what was begun comes to its end. */
  #sift(smallestFirst: readonly Holder[]): void {
    const total = this.heldBytes;
    let sum = 0;
    for (const holder of smallestFirst) {
      sum += holder.heldBytes;
      if (sum <= this.limitBytes * UNPAUSED_SHARE || total <= this.limitBytes * RESUME_SHARE) this.#resume(holder);
      else if (total > this.limitBytes * PAUSE_SHARE) this.#pause(holder);
    }
  }

  #pause(holder: Holder): void {
    if (this.#paused.has(holder)) return;
    this.#paused.add(holder);
    this.pauses++;
    holder.pauseReading();
  }

  #resume(holder: Holder): void {
    if (this.#paused.delete(holder)) holder.resumeReading();
  }
}
