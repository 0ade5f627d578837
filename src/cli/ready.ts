/** Waits until a local fleet's coordinator has every node on the ring. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { isFleetError } from '../base/errors.ts';
import { activeNodes, type TopologyDocument } from '../topology/document.ts';
import { getJson } from './coordinator.ts';
import { READY_POLL_MS, READY_TIMEOUT_MS } from './limits.ts';
import type { LocalFleet } from './local-fleet.ts';

/**
 * Asks the coordinator every {@link READY_POLL_MS} until all nodes are active.
 * @param stop gives up when it aborts
 * @returns the names of the nodes that are not active: none unless {@link READY_TIMEOUT_MS} is over or `stop` aborted
 */
export async function untilReady(fleet: LocalFleet, stop: AbortSignal): Promise<string[]> {
  const endMs = systemClock.monotonicMs() + READY_TIMEOUT_MS;
  for (;;) {
    const active = await activeNames(fleet.coordinatorUrl);
    const missing = fleet.nodes.map((node) => node.name).filter((name) => !active.has(name));
    if (missing.length === 0 || stop.aborted || systemClock.monotonicMs() > endMs) return missing;
    await sleep(READY_POLL_MS);
  }
}

async function activeNames(coordinatorUrl: string): Promise<Set<string>> {
  try {
    const document = (await getJson(coordinatorUrl, '/v1/topology')) as TopologyDocument;
    return new Set(activeNodes(document).map((node) => node.name));
  } catch (error) {
    // Not listening yet, or nothing published yet: the next question is soon.
    if (!isFleetError(error)) throw error;
    return new Set();
  }
}
