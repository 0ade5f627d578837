/**
 * One node's life as a pure state machine: facts go in one at a time, the state follows from them.
 *
 * ```
 *                 answers, flushed
 *   (new) ► joining ────────────────► active ──┐
 *              ▲  │ silent too long     │  │   │ told to stop, or drained
 *   answers    │  ▼                     │  └──►draining ──┐
 *   again      └─ down ◄────────────────┘        │ silent │ resumed, or stays after all
 *                  ▲   silent, paused, stopped   │        ▼
 *                  └─────────────────────────────┘     joining
 * ```
 * Two rules hold whatever comes: a node enters the ring only after it was flushed since it was last out of it (its
 * values may be stale), and silence alone takes it out only if another node was heard meanwhile: if all are silent,
 * it is more likely that the coordinator's own network is cut.
 */
import type { NodeState } from '../../topology/document.ts';
import type { NodeHint } from '../discovery/adapter.ts';

/** How nodes are judged. The defaults take a silent node out in 2 seconds: one interval, three time-outs, two retries. */
export interface HealthSettings {
  /** Between probes of a node that gives no trouble; each wait is 20 % shorter to 20 % longer. Default 500. */
  readonly intervalMs: number;
  /** Between probes of a node whose state is about to change. Default 100. */
  readonly retryMs: number;
  /** A probe that takes longer has failed. Default 400, about a thousand times what a probe takes on a local network. */
  readonly timeoutMs: number;
  /** Failed probes in a row that take a node out. Default 3: one lost packet or one pause of the process must not. */
  readonly fallCount: number;
  /** Answers in a row that bring a silent node back. Default 2. */
  readonly riseCount: number;
  /** How long a new or restarted node may be silent and still count as joining. Default 10,000. */
  readonly startGraceMs: number;
  /** How long a node that fell twice must answer before it is back; doubled with each further fall. Default 1,000. */
  readonly holdMinMs: number;
  /** Upper bound of that. Default 30,000. */
  readonly holdMaxMs: number;
  /** How long a fall is remembered. Default 120,000. */
  readonly fallMemoryMs: number;
}

/** What {@link HealthSettings} says. */
export const DEFAULT_HEALTH: HealthSettings = {
  intervalMs: 500,
  retryMs: 100,
  timeoutMs: 400,
  fallCount: 3,
  riseCount: 2,
  startGraceMs: 10_000,
  holdMinMs: 1_000,
  holdMaxMs: 30_000,
  fallMemoryMs: 120_000,
};

/** Falls remembered for one node; the wait has reached its bound long before. */
const FALLS_MAX = 8;

/** All that is known of a node's health. Never changed, only replaced. Moments are of a clock that nobody sets. */
export interface NodeHealth {
  readonly state: NodeState;
  /** When `state` began. */
  readonly sinceMs: number;
  readonly hint: NodeHint;
  /** Taken out by an operator until resumed. */
  readonly drained: boolean;
  /** Says itself, through its sidecar, that it is about to stop. */
  readonly leaving: boolean;
  /** Was flushed since it was last in the ring. */
  readonly clean: boolean;
  /** Probes answered in a row, up to now. */
  readonly successes: number;
  /** Probes failed in a row, up to now. */
  readonly failures: number;
  /** When the present row of answers or failures began. */
  readonly rowSinceMs: number;
  /** When it left the ring without being asked, oldest first. */
  readonly falls: readonly number[];
}

/** What can happen to a node. */
export type HealthEvent =
  | { readonly type: 'hint'; readonly hint: NodeHint }
  | { readonly type: 'answered' }
  /** `witnessed`: another node has answered since this one's present row of failures began. */
  | { readonly type: 'failed'; readonly witnessed: boolean }
  | { readonly type: 'flushed' }
  /** What its sidecar says of it. */
  | { readonly type: 'said'; readonly leaving: boolean }
  /** Another process, or the same at another address, has this name now. */
  | { readonly type: 'replaced'; readonly hint: NodeHint }
  | { readonly type: 'drain' }
  | { readonly type: 'resume' };

/**
 * A node that is seen for the first time since the coordinator started.
 * @param previous its state in the saved document, if it was there. An active node stays active until a probe says
 *   otherwise: a restart of the coordinator is no reason to move keys.
 */
export function firstHealth(
  previous: NodeState | undefined,
  hint: NodeHint,
  drained: boolean,
  nowMs: number,
): NodeHealth {
  const state = previous ?? 'joining';
  const fresh = { state, sinceMs: nowMs, hint, drained, leaving: false, clean: false, successes: 0, failures: 0 };
  return settle({ ...fresh, rowSinceMs: nowMs, falls: [] }, false, nowMs, DEFAULT_HEALTH);
}

/** The health after `event`. */
export function nextHealth(
  health: NodeHealth,
  event: HealthEvent,
  nowMs: number,
  settings: HealthSettings,
): NodeHealth {
  const witnessed = event.type === 'failed' && event.witnessed;
  return settle(withFact(health, event, nowMs), witnessed, nowMs, settings);
}

/** The facts with one more. */
function withFact(health: NodeHealth, event: HealthEvent, nowMs: number): NodeHealth {
  switch (event.type) {
    case 'answered': {
      const rowSinceMs = health.successes === 0 ? nowMs : health.rowSinceMs;
      return { ...health, successes: health.successes + 1, failures: 0, rowSinceMs };
    }
    case 'failed': {
      const rowSinceMs = health.failures === 0 ? nowMs : health.rowSinceMs;
      return { ...health, failures: health.failures + 1, successes: 0, rowSinceMs };
    }
    case 'flushed':
      return { ...health, clean: health.state !== 'active' };
    case 'replaced': {
      const left = enter(health, 'joining', nowMs);
      return { ...left, ...SILENT, rowSinceMs: nowMs, sinceMs: nowMs, hint: event.hint };
    }
    case 'said':
      return { ...health, leaving: event.leaving };
    case 'drain':
      return { ...health, drained: true };
    case 'resume':
      return { ...health, drained: false };
    default:
      return hinted(health, event.hint, nowMs);
  }
}

/** What is to be asked of the node next: nothing while it cannot answer. */
export function wantedCheck(health: NodeHealth, nowMs: number, settings: HealthSettings): 'probe' | 'flush' | 'none' {
  if (!canAnswer(health.hint)) return 'none';
  return health.state === 'joining' && !health.clean && isReady(health, nowMs, settings) ? 'flush' : 'probe';
}

/** How long to wait before the next check. `chance` is from 0 to 1, 1 excluded. */
export function checkDelayMs(health: NodeHealth, chance: number, settings: HealthSettings): number {
  const { state, failures, successes } = health;
  const changing =
    state === 'joining' ||
    (state === 'active' && failures > 0 && failures < 2 * settings.fallCount) ||
    (state === 'down' && successes > 0);
  return changing ? settings.retryMs : settings.intervalMs * (0.8 + 0.4 * chance);
}

const SILENT = { successes: 0, failures: 0, clean: false, leaving: false } as const;

/** False while the source says that no process runs that could answer. */
export function canAnswer(hint: NodeHint): boolean {
  return hint !== 'paused' && hint !== 'stopped';
}

/** A process that runs again starts with a clean row: what it failed while it was stopped says nothing. */
function hinted(health: NodeHealth, hint: NodeHint, nowMs: number): NodeHealth {
  const revived = !canAnswer(health.hint) && canAnswer(hint);
  const next = { ...health, hint };
  return revived ? { ...enter(next, 'joining', nowMs), ...SILENT, rowSinceMs: nowMs } : next;
}

/** The state that follows from the facts. */
function settle(health: NodeHealth, witnessed: boolean, nowMs: number, settings: HealthSettings): NodeHealth {
  if (!canAnswer(health.hint)) return enter(health, 'down', nowMs);
  const silent = health.failures >= (health.hint === 'unhealthy' ? 1 : settings.fallCount);
  if (health.drained || health.leaving || health.hint === 'leaving') {
    if (health.state === 'down' && health.successes === 0) return health;
    return enter(health, silent && (witnessed || health.state !== 'active') ? 'down' : 'draining', nowMs);
  }
  switch (health.state) {
    case 'active':
      return silent && witnessed ? enter(health, 'down', nowMs) : health;
    case 'draining':
      return enter(health, 'joining', nowMs);
    case 'joining':
      if (isReady(health, nowMs, settings)) return health.clean ? enter(health, 'active', nowMs) : health;
      return silent && nowMs - health.sinceMs >= settings.startGraceMs ? enter(health, 'down', nowMs) : health;
    default:
      return isReady(health, nowMs, settings) ? enter({ ...health, clean: false }, 'joining', nowMs) : health;
  }
}

/** Answers, often enough and, after repeated falls, for long enough. */
function isReady(health: NodeHealth, nowMs: number, settings: HealthSettings): boolean {
  const enough = health.state === 'down' ? settings.riseCount : 1;
  return health.successes >= enough && nowMs - health.rowSinceMs >= holdMs(health, nowMs, settings);
}

/** How long a node that falls again and again must answer before it is trusted: 0, 1, 2, 4 … times `holdMinMs`. */
function holdMs(health: NodeHealth, nowMs: number, settings: HealthSettings): number {
  const recent = health.falls.filter((atMs) => nowMs - atMs < settings.fallMemoryMs).length;
  return recent < 2 ? 0 : Math.min(settings.holdMinMs * 2 ** (recent - 2), settings.holdMaxMs);
}

function enter(health: NodeHealth, state: NodeState, nowMs: number): NodeHealth {
  if (health.state === state) return health;
  const fell = health.state === 'active' && state !== 'draining';
  const falls = fell ? [...health.falls, nowMs].slice(-FALLS_MAX) : health.falls;
  // What is written to the others while this one is out makes what it holds stale.
  const clean = state === 'active' || (health.state !== 'active' && health.clean);
  return { ...health, state, sinceMs: nowMs, clean, falls };
}
