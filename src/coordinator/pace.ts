/**
 * How long a change waits for others before it is published. Pure.
 *
 * One change alone is published after COALESCE_MS. While versions follow each other, each wait is twice the one
 * before, up to COALESCE_MAX_MS, so that twenty containers that start within seconds give a handful of versions;
 * when no version was needed for STORM_OVER_MS more than the wait, the storm is over. A node that leaves never waits
 * longer than the first; what leaves the ring as it is waits longest, because most of it is on the way to another
 * state: a new container joins and is active, a container that ends drains, is down and gone.
 */
import { COALESCE_MAX_MS, COALESCE_MS, STORM_OVER_MS } from './limits.ts';
import type { Urgency } from './plan.ts';

/** What the next wait depends on. */
export interface Pace {
  readonly waitMs: number;
  readonly publishedAtMs: number;
}

/** Nothing was published yet. */
export const CALM: Pace = { waitMs: COALESCE_MS, publishedAtMs: Number.NEGATIVE_INFINITY };

/** The pace after a version was published at `nowMs`. */
export function afterPublish(pace: Pace, nowMs: number): Pace {
  const storm = nowMs - pace.publishedAtMs < stormOverMs(pace);
  return { waitMs: storm ? Math.min(pace.waitMs * 2, COALESCE_MAX_MS) : COALESCE_MS, publishedAtMs: nowMs };
}

/** How long a change that is seen at `nowMs` waits. */
export function changeDelayMs(pace: Pace, urgency: Urgency, nowMs: number): number {
  if (urgency === 'later') return COALESCE_MAX_MS;
  return urgency === 'now' || nowMs - pace.publishedAtMs >= stormOverMs(pace) ? COALESCE_MS : pace.waitMs;
}

/** The wait itself is no calm: a version that was held back for it would otherwise end the storm. */
function stormOverMs({ waitMs }: Pace): number {
  return STORM_OVER_MS + waitMs;
}
