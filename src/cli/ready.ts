/** Waits until a local fleet is up: the coordinator answers, every node is on the ring, every sidecar is ready. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { formatHostPort } from '../base/host-port.ts';
import { FleetError, isFleetError } from '../base/errors.ts';
import { activeNodes, type TopologyDocument } from '../topology/document.ts';
import { getJson } from './coordinator.ts';
import { READY_POLL_MS, READY_TIMEOUT_MS } from './limits.ts';
import type { LocalFleet } from './local-fleet.ts';

/**
 * Waits until the coordinator listens, whatever it says.
 * @param stop ends the waiting when it aborts
 * @throws FleetError TIMEOUT after {@link READY_TIMEOUT_MS}
 */
export function untilCoordinatorAnswers(fleet: LocalFleet, stop: AbortSignal): Promise<void> {
  return until(stop, async () => ((await answers(fleet.coordinatorUrl, '/healthz')) ? [] : ['the coordinator']));
}

/**
 * Waits until all nodes are active and all sidecars ready.
 * @param stop ends the waiting when it aborts
 * @throws FleetError TIMEOUT after {@link READY_TIMEOUT_MS}, naming what is missing
 */
export function untilReady(fleet: LocalFleet, stop: AbortSignal): Promise<void> {
  const waiting = new Set(fleet.nodes);
  return until(stop, async () => {
    const active = await activeNames(fleet.coordinatorUrl);
    for (const node of waiting) {
      const sidecar = `http://${formatHostPort(node.sidecar)}`;
      if (active.has(node.name) && (await answers(sidecar, '/readyz'))) waiting.delete(node);
    }
    return [...waiting].map((node) => node.name);
  });
}

async function until(stop: AbortSignal, missing: () => Promise<string[]>): Promise<void> {
  const endMs = systemClock.monotonicMs() + READY_TIMEOUT_MS;
  for (;;) {
    const names = await missing();
    if (names.length === 0 || stop.aborted) return;
    if (systemClock.monotonicMs() > endMs) {
      throw new FleetError('TIMEOUT', `not ready after ${READY_TIMEOUT_MS / 1000} s: ${names.join(', ')}`);
    }
    await sleep(READY_POLL_MS);
  }
}

async function activeNames(coordinatorUrl: string): Promise<Set<string>> {
  const document = (await ask(coordinatorUrl, '/v1/topology')) as TopologyDocument | undefined;
  return new Set(document === undefined ? [] : activeNodes(document).map((node) => node.name));
}

async function answers(url: string, path: string): Promise<boolean> {
  return (await ask(url, path)) !== undefined;
}

/** The answer, or undefined as long as there is none. */
async function ask(url: string, path: string): Promise<unknown> {
  try {
    return await getJson(url, path);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    return undefined;
  }
}
