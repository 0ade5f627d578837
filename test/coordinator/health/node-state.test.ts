/**
 * The life of a node. Method: each transition by name; then every sequence of events up to a length, exhaustively,
 * against the two rules that hold whatever comes.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeHint } from '../../../src/coordinator/discovery/adapter.ts';
import {
  checkDelayMs,
  DEFAULT_HEALTH,
  firstHealth,
  nextHealth,
  wantedCheck,
} from '../../../src/coordinator/health/node-state.ts';
import type { HealthEvent, NodeHealth } from '../../../src/coordinator/health/node-state.ts';
import type { NodeState } from '../../../src/topology/document.ts';

const S = DEFAULT_HEALTH;
const ANSWERED: HealthEvent = { type: 'answered' };
const FLUSHED: HealthEvent = { type: 'flushed' };
const FAILED: HealthEvent = { type: 'failed', witnessed: true };
const UNSEEN_FAILURE: HealthEvent = { type: 'failed', witnessed: false };
const hint = (value: NodeHint): HealthEvent => ({ type: 'hint', hint: value });
const replaced = (value: NodeHint): HealthEvent => ({ type: 'replaced', hint: value });

/** A health and the time, moved by events 100 ms apart. */
class Life {
  nowMs = 1_000_000;
  health: NodeHealth;

  constructor(previous?: NodeState, first: NodeHint = 'running', drained = false) {
    this.health = firstHealth(previous, first, drained, this.nowMs);
  }

  after(...events: HealthEvent[]): this {
    for (const event of events) {
      this.nowMs += 100;
      this.health = nextHealth(this.health, event, this.nowMs, S);
    }
    return this;
  }

  later(byMs: number): this {
    this.nowMs += byMs;
    return this;
  }

  get state(): NodeState {
    return this.health.state;
  }

  get wants(): string {
    return wantedCheck(this.health, this.nowMs, S);
  }
}

const active = (): Life => new Life().after(ANSWERED, FLUSHED);

describe('a node that is new', () => {
  test('is joining and wants to be probed', () => {
    const life = new Life();
    expect([life.state, life.wants]).toEqual(['joining', 'probe']);
  });

  test('wants to be flushed once it has answered, and is active then', () => {
    const life = new Life().after(ANSWERED);
    expect([life.state, life.wants]).toEqual(['joining', 'flush']);
    expect(life.after(FLUSHED).state).toBe('active');
  });

  test('is probed again when the flush fails', () => {
    const life = new Life().after(ANSWERED, FAILED);
    expect([life.state, life.wants]).toEqual(['joining', 'probe']);
  });

  test('may be silent for the grace of its start, then it is down', () => {
    const life = new Life().after(FAILED, FAILED, FAILED, FAILED);
    expect(life.state).toBe('joining');
    expect(life.later(S.startGraceMs).after(FAILED).state).toBe('down');
  });

  test('is down at once while it does not run, and is not asked anything', () => {
    for (const gone of ['paused', 'stopped'] as const) {
      const life = new Life(undefined, gone);
      expect([life.state, life.wants]).toEqual(['down', 'none']);
    }
  });

  test('is draining if it was told to stop, or drained, before it was seen', () => {
    expect(new Life(undefined, 'leaving').state).toBe('draining');
    expect(new Life(undefined, 'running', true).state).toBe('draining');
  });
});

describe('a coordinator that starts again', () => {
  test('takes an active node for active, without a flush', () => {
    const life = new Life('active');
    expect(life.state).toBe('active');
    expect(life.after(ANSWERED).wants).toBe('probe');
  });

  test('lets a node that was down answer twice and be flushed', () => {
    const life = new Life('down').after(ANSWERED);
    expect(life.state).toBe('down');
    expect(life.after(ANSWERED).wants).toBe('flush');
    expect(life.after(FLUSHED).state).toBe('active');
  });

  test('lets a node that was draining and stays after all join again', () => {
    expect(new Life('draining').state).toBe('joining');
    expect(new Life('draining', 'leaving').state).toBe('draining');
  });
});

describe('an active node', () => {
  test('stays for fewer failures than it takes, and its row begins anew with an answer', () => {
    const life = active().after(FAILED, FAILED, ANSWERED, FAILED, FAILED);
    expect(life.state).toBe('active');
  });

  test('is down after three failures in a row that another node has witnessed', () => {
    expect(active().after(FAILED, FAILED, FAILED).state).toBe('down');
  });

  test('stays while no other node is heard: the coordinator may be the one that is cut off', () => {
    const life = active().after(...Array.from({ length: 50 }, () => UNSEEN_FAILURE));
    expect(life.state).toBe('active');
    expect(life.after(FAILED).state).toBe('down');
  });

  test('is down after one failure if its own health check fails too', () => {
    const life = active().after(hint('unhealthy'));
    expect(life.state).toBe('active');
    expect(life.after(FAILED).state).toBe('down');
  });

  test('is down at once when it is paused or stopped', () => {
    expect(active().after(hint('paused')).state).toBe('down');
    expect(active().after(hint('stopped')).state).toBe('down');
  });

  test('is draining at once when it is told to stop or drained', () => {
    expect(active().after(hint('leaving')).state).toBe('draining');
    expect(active().after({ type: 'drain' }).state).toBe('draining');
  });

  test('joins anew, to be flushed, when another process has its name', () => {
    const life = active().after(replaced('running'));
    expect([life.state, life.wants]).toEqual(['joining', 'probe']);
    expect(life.after(ANSWERED).wants).toBe('flush');
  });
});

describe('a draining node', () => {
  test('is down when it falls silent, and not called draining again when it answers no more', () => {
    const life = active().after(hint('leaving'), FAILED, FAILED, FAILED);
    expect(life.state).toBe('down');
    expect(life.after(FAILED).state).toBe('down');
  });

  test('stays draining while an operator has it drained, whatever the source says', () => {
    const life = active().after({ type: 'drain' }, hint('leaving'), hint('running'), ANSWERED);
    expect(life.state).toBe('draining');
  });

  test('is flushed before it is active again when it is resumed', () => {
    const life = active().after({ type: 'drain' }, { type: 'resume' });
    expect([life.state, life.wants]).toEqual(['joining', 'flush']);
    expect(life.after(FLUSHED).state).toBe('active');
  });

  test('is draining, not active, when it comes back from being paused', () => {
    const life = active().after({ type: 'drain' }, hint('paused'), hint('running'), ANSWERED);
    expect(life.state).toBe('draining');
  });
});

describe('a node that is down', () => {
  test('needs two answers in a row, then a flush', () => {
    const life = active().after(FAILED, FAILED, FAILED, ANSWERED, FAILED, ANSWERED);
    expect(life.state).toBe('down');
    expect(life.after(ANSWERED).state).toBe('joining');
    expect(life.wants).toBe('flush');
    expect(life.after(FLUSHED).state).toBe('active');
  });

  test('joins as soon as it runs again, with a row of its own', () => {
    const life = active().after(FAILED, FAILED, hint('paused'), hint('running'));
    expect([life.state, life.health.failures, life.wants]).toEqual(['joining', 0, 'probe']);
  });

  test('does not count a flush from before it was paused', () => {
    const life = new Life().after(ANSWERED, hint('paused'), FLUSHED, hint('running'), ANSWERED);
    expect([life.state, life.wants]).toEqual(['joining', 'flush']);
  });
});

describe('a node that falls again and again', () => {
  const fall = [FAILED, FAILED, FAILED];

  test('must answer for longer each time before it is trusted', () => {
    const life = active().after(...fall, ANSWERED, ANSWERED, FLUSHED, ...fall, ANSWERED, ANSWERED);
    expect([life.state, life.wants]).toEqual(['down', 'probe']);
    expect(life.later(S.holdMinMs).after(ANSWERED).wants).toBe('flush');
    expect(
      life
        .after(FLUSHED, ...fall, ANSWERED, ANSWERED)
        .later(S.holdMinMs)
        .after(ANSWERED).state,
    ).toBe('down');
    expect(life.later(S.holdMinMs).after(ANSWERED).wants).toBe('flush');
  });

  test('never has to for longer than the bound', () => {
    const life = active();
    for (let round = 0; round < 12; round += 1) {
      life
        .after(...fall, ANSWERED, ANSWERED)
        .later(S.holdMaxMs)
        .after(ANSWERED, FLUSHED);
      expect(life.state).toBe('active');
    }
  });

  test('is forgiven in time', () => {
    const life = active()
      .after(...fall, ANSWERED, ANSWERED, FLUSHED)
      .later(S.fallMemoryMs);
    expect(life.after(...fall, ANSWERED, ANSWERED).wants).toBe('flush');
  });

  test('has no fall counted for leaving as it was told to', () => {
    const life = active().after(hint('leaving'), hint('stopped'), hint('running'), ANSWERED, FLUSHED);
    expect([life.state, life.health.falls.length]).toEqual(['active', 0]);
  });
});

describe('when the next check is due', () => {
  test('an untroubled node is probed at the interval, 20 % more or less by chance', () => {
    const { health } = active();
    expect(checkDelayMs(health, 0, S)).toBe(S.intervalMs * 0.8);
    expect(checkDelayMs(health, 0.5, S)).toBe(S.intervalMs);
    expect(checkDelayMs(health, 0.999, S)).toBeLessThan(S.intervalMs * 1.2);
  });

  test('a node whose state is about to change is probed sooner', () => {
    expect(checkDelayMs(new Life().health, 0.5, S)).toBe(S.retryMs);
    expect(checkDelayMs(active().after(FAILED).health, 0.5, S)).toBe(S.retryMs);
    expect(checkDelayMs(active().after(FAILED, FAILED, FAILED, ANSWERED).health, 0.5, S)).toBe(S.retryMs);
  });

  test('a node that has been silent for long is not', () => {
    expect(checkDelayMs(active().after(FAILED, FAILED, FAILED).health, 0.5, S)).toBe(S.intervalMs);
    const unwitnessed = active().after(...Array.from({ length: 20 }, () => UNSEEN_FAILURE));
    expect(checkDelayMs(unwitnessed.health, 0.5, S)).toBe(S.intervalMs);
  });
});

/** The first rule that a step breaks. A predicate and not `expect`, because it is asked a million times. */
function broken(before: NodeHealth, event: HealthEvent, after: NodeHealth): string | undefined {
  const entered = before.state !== 'active' && after.state === 'active';
  const left = before.state === 'active' && after.state !== 'active';
  const gone = after.hint === 'paused' || after.hint === 'stopped';
  const leaving = after.hint === 'leaving' || after.drained;
  if (entered && event.type !== 'flushed' && !before.clean) return 'enters the ring only after a flush';
  if (after.state === 'active' && (gone || leaving)) return 'is not in the ring while it leaves or is gone';
  if (left && after.clean) return 'holds stale values once it has left';
  // Silence needs a witness; everything else is said by the source or an operator.
  if (left && event.type === 'failed' && !event.witnessed) return 'leaves by silence only with a witness';
  if (left && ['answered', 'flushed', 'resume'].includes(event.type)) return 'does not leave for being well';
  if (gone && after.state !== 'down') return 'is down while it is gone';
  if (leaving && after.state !== 'draining' && after.state !== 'down') return 'drains while it leaves';
  if (after.successes > 0 && after.failures > 0) return 'has one row at a time';
  return undefined;
}

function check(before: NodeHealth, event: HealthEvent, after: NodeHealth): void {
  const rule = broken(before, event, after);
  if (rule !== undefined) expect.unreachable(`${rule}: ${JSON.stringify({ before, event, after })}`);
}

describe('whatever comes', () => {
  const HINTS: NodeHint[] = ['running', 'unhealthy', 'paused', 'leaving', 'stopped'];
  const EVENTS: HealthEvent[] = [
    ANSWERED,
    FLUSHED,
    FAILED,
    UNSEEN_FAILURE,
    { type: 'drain' },
    { type: 'resume' },
    ...HINTS.map(hint),
    ...HINTS.map(replaced),
  ];

  test('every sequence of four events keeps the rules', () => {
    const starts: (NodeState | undefined)[] = [undefined, 'joining', 'active', 'draining', 'down'];
    const visit = (health: NodeHealth, nowMs: number, depth: number): void => {
      if (depth === 0) return;
      for (const event of EVENTS) {
        const next = nextHealth(health, event, nowMs, S);
        check(health, event, next);
        visit(next, nowMs + 100, depth - 1);
      }
    };
    for (const start of starts) visit(firstHealth(start, 'running', false, 0), 100, 4);
  });

  test('long random lives keep the rules too', () => {
    const step = fc.record({
      event: fc.constantFrom(...EVENTS),
      waitMs: fc.constantFrom(0, 100, 1_000, 30_000, 200_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let nowMs = 0;
        let health = firstHealth(undefined, 'running', false, nowMs);
        for (const { event, waitMs } of steps) {
          nowMs += waitMs;
          const next = nextHealth(health, event, nowMs, S);
          check(health, event, next);
          health = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a node that runs, answers and is flushed when it wants to be gets back into the ring', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), (events) => {
        const life = new Life().after(...events).after({ type: 'resume' }, hint('running'));
        for (let round = 0; round < 700 && life.state !== 'active'; round += 1) {
          life.after(life.wants === 'flush' ? FLUSHED : ANSWERED);
        }
        expect(life.state).toBe('active');
      }),
      { numRuns: 300 },
    );
  });
});
