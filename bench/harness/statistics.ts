/** Medians, spreads and ratios of repeated measurements. Pure. */

/** The middle of some measurements and how far they lie apart. NaN throughout if there are none. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

export function spread(values: readonly number[]): Spread {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN };
  return { median: median(known), low: Math.min(...known), high: Math.max(...known) };
}

/**
 * The ratio of two alternating series, round by round: what slows the machine for some seconds slows both, so the
 * ratios of neighbours scatter less than the ratio of the medians would.
 */
export function pairedRatio(values: readonly number[], base: readonly number[]): Spread {
  const rounds = Math.min(values.length, base.length);
  return spread(Array.from({ length: rounds }, (_, i) => (values[i] ?? Number.NaN) / (base[i] ?? Number.NaN)));
}

/**
 * The order in which the servers are measured in a round: A B C, then C B A, and so on, so that no server is always
 * the one that comes after a certain other.
 */
export function roundOrder<T>(subjects: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...subjects] : [...subjects].reverse();
}
