/** Ways to cut a request into writes, and the seeded chance behind them: pure, the same seed gives the same cuts. */

/** A small seeded generator (mulberry32): numbers in [0, 1). Good enough to choose cuts and commands, repeatable by seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Byte by byte only makes sense for what fits in a read or two: a megabyte in single bytes is a test of its own. */
const BYTEWISE_MAX = 4096;
const RANDOM_CUTS_MAX = 24;

/** How a request is cut: in one piece, in single bytes (large ones in random pieces instead), or at random places. */
export type Feed = 'whole' | 'bytewise' | 'random';

/** The pieces of `bytes`; joined, they are `bytes` again, and none is empty unless `bytes` is. */
export function cut(bytes: Buffer, feed: Feed, random: () => number): Buffer[] {
  if (feed === 'whole' || bytes.length < 2) {
    return [bytes];
  }
  if (feed === 'bytewise' && bytes.length <= BYTEWISE_MAX) {
    return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  }
  const cuts = new Set<number>();
  const count = 1 + Math.floor(random() * Math.min(RANDOM_CUTS_MAX, bytes.length - 1));
  for (let i = 0; i < count; i += 1) {
    cuts.add(1 + Math.floor(random() * (bytes.length - 1)));
  }
  const sorted = [0, ...[...cuts].toSorted((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}
