/** The supervisor's decisions, with children that are not there and a clock that stands still. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { Child, ChildEnd, ChildSpec } from '../../src/cli/launch.ts';
import { exitCodeOf, restartDelayMs, Supervisor } from '../../src/cli/supervisor.ts';

class FakeChild implements Child {
  readonly pid: number;
  readonly signals: string[] = [];
  readonly messages: object[] = [];
  readonly #end = Promise.withResolvers<ChildEnd>();
  readonly ended = this.#end.promise;

  constructor(pid: number) {
    this.pid = pid;
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
  }

  send(message: object): void {
    this.messages.push(message);
  }

  async end(code: number | null, signal: string | null = null): Promise<void> {
    this.#end.resolve({ code, signal });
    await new Promise(setImmediate);
  }
}

function setUp(startsMax = Infinity) {
  const clock = new ManualClock();
  const children: FakeChild[] = [];
  const told: string[] = [];
  const supervisor = new Supervisor({
    clock,
    startsMax,
    tell: (line) => told.push(line),
    launch: () => {
      const child = new FakeChild(100 + children.length);
      children.push(child);
      return child;
    },
  });
  return { clock, children, told, supervisor };
}

const sidecar: ChildSpec = { name: 'sidecar', args: ['sidecar'], onExit: 'restart' };
const daemon: ChildSpec = { name: 'daemon', args: ['daemon'], onExit: 'end' };

async function settledNow(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, new Promise((resolve) => setImmediate(resolve, 'pending'))]);
}

describe('restarts', () => {
  test('a child that dies is started again after waits that double up to a bound', async () => {
    const { clock, children, told, supervisor } = setUp();
    supervisor.start(sidecar);
    for (const delayMs of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      const before = children.length;
      await children.at(-1)?.end(1);
      clock.advance(delayMs - 1);
      expect(children).toHaveLength(before);
      clock.advance(1);
      expect(children).toHaveLength(before + 1);
    }
    expect(told[0]).toBe('sidecar (pid 100) ended with code 1; starting it again in 100 ms');
    expect(await settledNow(supervisor.fatal)).toBe('pending');
  });

  test('a child that lived for a while starts again at the shortest wait', async () => {
    const { clock, children, told, supervisor } = setUp();
    supervisor.start(sidecar);
    for (let death = 0; death < 3; death += 1) {
      await children.at(-1)?.end(null, 'SIGKILL');
      clock.advance(5_000);
    }
    clock.advance(10_000);
    await children.at(-1)?.end(null, 'SIGSEGV');
    expect(told.at(-1)).toBe('sidecar (pid 103) ended with SIGSEGV; starting it again in 100 ms');
  });

  test('bad flags, and a port taken at the first start, end everything instead', async () => {
    for (const code of [64, 71]) {
      const { children, told, supervisor } = setUp();
      supervisor.start(sidecar);
      await children[0]?.end(code);
      expect(await supervisor.fatal).toEqual({ name: 'sidecar', code, signal: null });
      expect(told).toEqual([]);
    }
  });

  test('a port taken at a later start is waited out', async () => {
    const { clock, children, supervisor } = setUp();
    supervisor.start(sidecar);
    await children[0]?.end(1);
    clock.advance(100);
    await children[1]?.end(71);
    clock.advance(200);
    expect(children).toHaveLength(3);
  });

  test('a child that never comes to run is given up, one that has run is not', async () => {
    const { clock, children, supervisor } = setUp(2);
    supervisor.start(sidecar);
    clock.advance(10_000);
    for (let death = 0; death < 4; death += 1) {
      await children.at(-1)?.end(1);
      clock.advance(5_000);
    }
    expect(await settledNow(supervisor.fatal)).toBe('pending');
    supervisor.start({ ...sidecar, name: 'other' });
    await children.at(-1)?.end(1);
    clock.advance(100);
    await children.at(-1)?.end(3);
    expect(await supervisor.fatal).toEqual({ name: 'other', code: 3, signal: null });
  });

  test('the delay is bounded whatever the count', () => {
    expect([0, 1, 2, 7, 5_000].map(restartDelayMs)).toEqual([100, 100, 200, 5_000, 5_000]);
  });
});

describe('the end', () => {
  test('a child whose end is the end of all is reported, not restarted', async () => {
    const { children, supervisor } = setUp();
    supervisor.start(daemon);
    supervisor.start(sidecar);
    await children[0]?.end(null, 'SIGKILL');
    expect(await supervisor.fatal).toEqual({ name: 'daemon', code: null, signal: 'SIGKILL' });
    expect(children).toHaveLength(2);
  });

  test('stop asks, and kills what remains after the bound', async () => {
    const { clock, children, supervisor } = setUp();
    supervisor.start(daemon);
    supervisor.start(sidecar);
    const stopped = supervisor.stop();
    await children[0]?.end(0);
    clock.advance(5_000);
    expect(children.map((child) => child.signals)).toEqual([['SIGTERM'], ['SIGTERM', 'SIGKILL']]);
    await children[1]?.end(null, 'SIGKILL');
    expect(Object.fromEntries(await stopped)).toEqual({
      daemon: { code: 0, signal: null },
      sidecar: { code: null, signal: 'SIGKILL' },
    });
  });

  test('whoever is in a hurry does not wait for the bound', async () => {
    const { children, supervisor } = setUp();
    supervisor.start(sidecar);
    const hurry = new AbortController();
    const stopped = supervisor.stop(undefined, hurry.signal);
    hurry.abort();
    expect(children[0]?.signals).toEqual(['SIGTERM', 'SIGKILL']);
    await children[0]?.end(null, 'SIGKILL');
    await stopped;
  });

  test('one child can be ended alone; an end that was asked for is neither fatal nor a reason to restart', async () => {
    const { clock, children, supervisor } = setUp();
    supervisor.start(daemon);
    supervisor.start(sidecar);
    const stopped = supervisor.stop('daemon');
    await children[0]?.end(0);
    await stopped;
    expect(children[1]?.signals).toEqual([]);
    expect(await settledNow(supervisor.fatal)).toBe('pending');
    const all = supervisor.stop();
    await children[1]?.end(0);
    await all;
    clock.advance(60_000);
    expect(children).toHaveLength(2);
  });

  test('a child that waits to be started again stays down after stop', async () => {
    const { clock, children, supervisor } = setUp();
    supervisor.start(sidecar);
    await children[0]?.end(1);
    await supervisor.stop();
    clock.advance(60_000);
    expect(children).toHaveLength(1);
  });

  test('the exit code is the one that a shell would give', () => {
    expect(exitCodeOf({ code: 3, signal: null })).toBe(3);
    expect(exitCodeOf({ code: null, signal: 'SIGKILL' })).toBe(137);
    expect(exitCodeOf({ code: null, signal: 'SIGTERM' })).toBe(143);
  });
});

test('a message reaches a child that runs and is lost for one that does not', async () => {
  const { children, supervisor } = setUp();
  supervisor.start(sidecar);
  supervisor.send('sidecar', { type: 'drain' });
  supervisor.send('nobody', { type: 'drain' });
  await children[0]?.end(1);
  supervisor.send('sidecar', { type: 'drain' });
  expect(children[0]?.messages).toEqual([{ type: 'drain' }]);
});
