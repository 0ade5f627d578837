/**
 * Chance from a seed: the same seed gives the same keys, sizes and arrival times on every machine, so two servers (or
 * two runs) get the same work. Pure; nothing here asks the machine for anything.
 */

/** A source of numbers in [0, 1). */
export type Random = () => number;

/**
 * mulberry32: 32 bits of state, one multiplication per number; good enough for workloads, not for secrets.
 * @param seed any integer; taken modulo 2^32
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A 32-bit hash of an index and a seed, for properties that must stay with a key (its size, its place in the order). */
export function hashIndex(index: number, seed: number): number {
  let mixed = (index ^ Math.imul(seed | 1, 0x9e3779b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** log(1 + x) / x, continued at 0. */
function log1pOver(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2 + (x * x) / 3;
}

/** (exp(x) - 1) / x, continued at 0, which keeps Zipf's law exact at alpha = 1. */
function expm1Over(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2 + (x * x) / 6;
}

/**
 * Ranks 0 … count-1 by Zipf's law: rank r with a probability in proportion to 1 / (r + 1)^alpha.
 *
 * Rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions", ACM TOMACS 6(3), 1996): constant time and no table, for any alpha >= 0.
 */
export function zipf(count: number, alpha: number, random: Random): () => number {
  if (!(count >= 1) || !(alpha >= 0)) throw new RangeError(`zipf(${count}, ${alpha}): needs count >= 1, alpha >= 0`);
  if (alpha === 0) return () => Math.floor(random() * count);
  const integral = (x: number): number => expm1Over((1 - alpha) * Math.log(x)) * Math.log(x);
  const inverse = (x: number): number => {
    const t = Math.max(-1, x * (1 - alpha));
    return Math.exp(log1pOver(t) * x);
  };
  const density = (x: number): number => Math.exp(-alpha * Math.log(x));
  const first = integral(1.5) - 1;
  const last = integral(count + 0.5);
  const squeeze = 2 - inverse(integral(2.5) - density(2));
  return () => {
    for (;;) {
      const u = last + random() * (first - last);
      const x = inverse(u);
      const k = Math.min(count, Math.max(1, Math.round(x)));
      if (k - x <= squeeze || u >= integral(k + 0.5) - density(k)) return k - 1;
    }
  };
}

/** Picks an index with a probability in proportion to its weight. */
export function weighted(weights: readonly number[], random: Random): () => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) throw new RangeError('weighted(): the weights must sum to more than 0');
  let sum = 0;
  const bounds = weights.map((weight) => (sum += weight) / total);
  return () => {
    const u = random();
    const index = bounds.findIndex((bound) => u < bound);
    return index === -1 ? weights.length - 1 : index;
  };
}

/** How the sizes of values are distributed, in bytes. */
export type SizeSpec =
  | { readonly kind: 'fixed'; readonly bytes: number }
  /** Log-normal about a mean, cut off at both ends; `sigma` is that of the logarithm. */
  | {
      readonly kind: 'lognormal';
      readonly meanBytes: number;
      readonly sigma: number;
      readonly minBytes: number;
      readonly maxBytes: number;
    }
  /** Sizes that somebody else knows by the key's index, at most `maxBytes`. Cannot be sent to another process. */
  | { readonly kind: 'by-key'; readonly bytesOf: (index: number) => number; readonly maxBytes: number }
  /** Some sizes, each with its weight. */
  | { readonly kind: 'mix'; readonly sizes: readonly (readonly [bytes: number, weight: number])[] };

/** The size of the value of the key with this index: always the same one for the same spec and seed. */
export function sizeOf(spec: SizeSpec, index: number, seed: number): number {
  if (spec.kind === 'fixed') return spec.bytes;
  if (spec.kind === 'by-key') return spec.bytesOf(index);
  const u1 = (hashIndex(index, seed) + 0.5) / 4_294_967_296;
  if (spec.kind === 'mix') {
    const total = spec.sizes.reduce((sum, [, weight]) => sum + weight, 0);
    let left = u1 * total;
    for (const [bytes, weight] of spec.sizes) if ((left -= weight) < 0) return bytes;
    return spec.sizes.at(-1)?.[0] ?? 0;
  }
  // Box-Muller; the median that gives the wanted mean is mean / exp(sigma² / 2).
  const u2 = (hashIndex(index, seed + 1) + 0.5) / 4_294_967_296;
  const normal = Math.sqrt(-2 * Math.log(u1)) * Math.cos(2 * Math.PI * u2);
  const bytes = spec.meanBytes * Math.exp(spec.sigma * normal - (spec.sigma * spec.sigma) / 2);
  return Math.round(Math.min(spec.maxBytes, Math.max(spec.minBytes, bytes)));
}
