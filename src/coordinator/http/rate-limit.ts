/**
 * How often one address may ask: a token bucket each. Small and without a dependency, because the memory it takes must
 * be bounded as well: when ADDRESSES_MAX are known, the one that was first seen is forgotten, and begins anew.
 */
import { ADDRESSES_MAX } from '../limits.ts';

/** What one address may do. */
export interface Rate {
  /** Requests that may come at once. */
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

/** Buckets by address. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #addressesMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, addressesMax = ADDRESSES_MAX) {
    this.#rate = rate;
    this.#addressesMax = addressesMax;
  }

  /** Takes one request; 0 if it may go on, else the seconds until one may. */
  take(address: string, nowMs: number): number {
    const { burst, perSecond } = this.#rate;
    const bucket = this.#buckets.get(address) ?? this.#add(address, nowMs);
    bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return Math.max(1, Math.ceil((1 - bucket.left) / perSecond));
    bucket.left -= 1;
    return 0;
  }

  #add(address: string, nowMs: number): Bucket {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size >= this.#addressesMax) this.#buckets.delete(oldest);
    const bucket = { left: this.#rate.burst, atMs: nowMs };
    this.#buckets.set(address, bucket);
    return bucket;
  }
}
