/** From a time to live to memcached's exptime. Pure. */
import { FleetError } from '../../base/errors.ts';
import { EXPTIME_RELATIVE_MAX_SECONDS } from '../../base/memcached.ts';

/** Beyond this a moment in Unix time does not fit memcached's 32 bits. */
const EXPTIME_MAX = 2 ** 31 - 1;

/**
 * memcached's exptime for an item that is to live for `ttl` seconds. A part of a second counts as a whole one.
 *
 * memcached reads an exptime above 30 days as a Unix time, so a longer ttl is added to the present; one that
 * goes beyond 2038 means no expiry.
 *
 * @param ttl seconds from now; undefined and 0 mean no expiry
 * @throws FleetError BAD_VALUE if it is negative or not a number
 */
export function exptimeOf(ttl: number | undefined, nowMs: number): number {
  if (ttl === undefined || ttl === 0) return 0;
  if (!(ttl > 0)) throw new FleetError('BAD_VALUE', `ttl is ${ttl}, expected seconds, 0 or more`);
  const seconds = Math.ceil(ttl);
  if (seconds <= EXPTIME_RELATIVE_MAX_SECONDS) return seconds;
  const moment = Math.ceil(nowMs / 1000) + seconds;
  return moment > EXPTIME_MAX ? 0 : moment;
}
