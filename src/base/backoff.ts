/** How long to wait before trying again. Pure. */

/**
 * Exponential back-off with "equal jitter": half of the time is certain, half is chance, so that the clients of a node
 * that comes back do not all arrive at once, and none arrives at once again.
 *
 * @param failures how many attempts failed in a row, from 1
 * @param firstMs the wait after the first failure, before jitter
 * @param limitMs never longer than this
 * @param random 0 ≤ x < 1
 */
export function backoffMs(failures: number, firstMs: number, limitMs: number, random: () => number): number {
  const fullMs = Math.min(limitMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return fullMs / 2 + (fullMs / 2) * random();
}
