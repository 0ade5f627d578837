import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { endWithParent } from '../../src/base/parent.ts';
import { stopSignals } from '../../src/cli/signals.ts';

test('the first signal asks, an echo of it changes nothing, a later one is in a hurry', () => {
  const clock = new ManualClock();
  const source = new EventEmitter();
  const signals = stopSignals(clock, source);
  source.emit('SIGINT');
  expect(signals.asked.reason).toBe('SIGINT');
  clock.advance(500);
  source.emit('SIGTERM');
  expect(signals.hurry.aborted).toBe(false);
  clock.advance(1);
  source.emit('SIGINT');
  expect(signals.hurry.aborted).toBe(true);
  signals.off();
  expect(source.eventNames()).toEqual([]);
});

test('a process without an IPC channel is tied to nobody', () => {
  const alone = Object.assign(new EventEmitter(), { channel: undefined });
  endWithParent(() => {}, alone);
  expect(alone.listenerCount('disconnect')).toBe(0);
});

test('a process with a channel ends when the channel does, and is not kept alive by it', () => {
  let unrefs = 0;
  let ends = 0;
  const child = Object.assign(new EventEmitter(), { channel: { unref: () => void (unrefs += 1) } });
  endWithParent(() => void (ends += 1), child);
  expect([unrefs, ends]).toEqual([1, 0]);
  child.emit('disconnect');
  expect(ends).toBe(1);
});
