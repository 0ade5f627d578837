/** How long adapters wait before they look again. Pure; chance keeps coordinators from asking in step. */
import { backoffMs } from '../../base/backoff.ts';
import { INTERVAL_JITTER, RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '../limits.ts';

/** Between two looks at a source that has to be polled. */
export function pollWaitMs(intervalMs: number, random: () => number): number {
  return intervalMs * (1 + INTERVAL_JITTER * (2 * random() - 1));
}

/**
 * Before a source is connected to again.
 * @param failures how often in a row it could not be seen; 0 if the connection has only ended
 */
export function reconnectWaitMs(failures: number, random: () => number): number {
  return backoffMs(failures + 1, RECONNECT_MIN_MS, RECONNECT_MAX_MS, random);
}
