/**
 * Goal: each reply goes to the oldest request, expired requests keep their place, and the next deadline is the earliest.
 * Method: examples, and a plain list of requests as a model.
 */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { FleetError } from '../../../src/base/errors.ts';
import { MORE, PendingQueue, UNEXPECTED, type Collect } from '../../../src/client/wire/pending-queue.ts';
import type { Reply } from '../../../src/protocol/text/reply-parser.ts';

const END: Reply = { kind: 'status', status: 'END' };
const LIMITS = { commandTimeoutMs: 100, silenceTimeoutMs: 200, lateTimeoutMs: 1000 };
const lost = new FleetError('CONNECT_FAILED', 'lost');
const timeout = new FleetError('TIMEOUT', 'late');

let queue: PendingQueue;
let outcomes: string[];

beforeEach(() => {
  queue = new PendingQueue();
  outcomes = [];
});

function push(name: string, collect: Collect<unknown> = () => name): void {
  queue.push({
    collect,
    resolve: (result) => outcomes.push(`${name} ${String(result)}`),
    reject: (error) => outcomes.push(`${name} ${error instanceof FleetError ? error.code : String(error)}`),
    writtenMs: 0,
    expired: false,
  });
}

describe('replies', () => {
  test('go to the requests in their order', () => {
    for (const name of ['a', 'b']) push(name);
    queue.markWritten(1);
    queue.settleFirst(END);
    queue.settleFirst(END);
    expect(outcomes).toEqual(['a a', 'b b']);
    expect(queue.size).toBe(0);
  });

  test('to a request that wants more leave it first', () => {
    let left = 2;
    push('a', () => (left-- === 0 ? 'done' : MORE));
    queue.markWritten(1);
    for (let i = 0; i < 2; i += 1) expect(queue.settleFirst(END)).toBeUndefined();
    expect(queue.size).toBe(1);
    queue.settleFirst(END);
    expect(outcomes).toEqual(['a done']);
  });

  test('of the wrong kind are reported and settle nothing', () => {
    push('a', () => UNEXPECTED);
    queue.markWritten(1);
    expect(queue.settleFirst(END)).toBe('an answer of the wrong kind: END');
    expect(queue.settleFirst({ kind: 'version', version: '1' })).toBe('an answer of the wrong kind: version');
    expect([outcomes, queue.size]).toEqual([[], 1]);
  });

  test('that are errors reject their request alone, whatever it expected', () => {
    push('a', () => UNEXPECTED);
    push('b');
    queue.markWritten(1);
    queue.settleFirst({ kind: 'error', error: 'SERVER_ERROR', message: 'no' });
    queue.settleFirst(END);
    expect(outcomes).toEqual(['a SERVER', 'b b']);
  });

  test('that cannot be collected reject their request alone', () => {
    push('a', () => {
      throw new RangeError('undecodable');
    });
    push('b');
    queue.markWritten(1);
    queue.settleFirst(END);
    queue.settleFirst(END);
    expect(outcomes).toEqual(['a RangeError: undecodable', 'b b']);
  });
});

describe('time', () => {
  test('nothing is due while nothing was written', () => {
    push('a');
    expect([queue.nextDueMs(LIMITS, 0), queue.silentSinceMs(0), queue.firstWrittenMs]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    queue.expire(1000, timeout);
    expect(outcomes).toEqual([]);
  });

  test('the deadline of the oldest live request comes first, then silence, then an end that does not come', () => {
    push('a');
    queue.markWritten(10);
    push('b');
    queue.markWritten(50);
    expect(queue.nextDueMs(LIMITS, 0)).toBe(110);
    queue.expire(10, timeout);
    expect(queue.nextDueMs(LIMITS, 0)).toBe(150);
    queue.expire(50, timeout);
    expect(outcomes).toEqual(['a TIMEOUT', 'b TIMEOUT']);
    expect(queue.nextDueMs(LIMITS, 0)).toBe(210);
    expect(queue.nextDueMs(LIMITS, 900)).toBe(1010);
  });

  test('an expired request keeps its place: its reply is dropped, and the next one is given to the next', () => {
    push('a');
    queue.markWritten(1);
    push('b');
    queue.markWritten(2);
    expect(queue.firstIsWanted).toBe(true);
    queue.expire(1, timeout);
    expect([queue.firstIsWanted, queue.size, queue.liveCount]).toEqual([false, 2, 1]);
    outcomes.length = 0;
    queue.settleFirst(END);
    expect(queue.firstIsWanted).toBe(true);
    queue.settleFirst(END);
    expect(outcomes.at(-1)).toBe('b b');
    expect([queue.size, queue.liveCount]).toEqual([0, 0]);
  });

  test('a lost connection fails those that have not expired, written or not', () => {
    push('a');
    queue.markWritten(1);
    queue.expire(1, timeout);
    push('b');
    queue.failAll(lost);
    expect(outcomes).toEqual(['a TIMEOUT', 'b CONNECT_FAILED']);
    expect([queue.size, queue.liveCount, queue.firstWrittenMs]).toEqual([0, 0, undefined]);
  });
});

test('sizes and places are those of a plain list, over thousands of requests', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 700 }) }),
    fc.record({ kind: fc.constant('settle' as const), count: fc.integer({ min: 1, max: 700 }) }),
    fc.record({ kind: fc.constant('expire' as const), count: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      queue = new PendingQueue();
      outcomes = [];
      let model: { name: string; writtenMs: number; expired: boolean }[] = [];
      const expected: string[] = [];
      let nowMs = 0;
      for (const { kind, count } of steps) {
        nowMs += 10;
        if (kind === 'push') {
          for (let i = 0; i < count; i += 1) {
            const name = `${nowMs}-${i}`;
            push(name);
            model.push({ name, writtenMs: nowMs, expired: false });
          }
          queue.markWritten(nowMs);
        } else if (kind === 'settle') {
          for (const { name, expired } of model.slice(0, count)) {
            queue.settleFirst(END);
            if (!expired) expected.push(`${name} ${name}`);
          }
          model = model.slice(count);
        } else {
          queue.expire(nowMs - 20, timeout);
          for (const entry of model.filter(({ writtenMs, expired }) => !expired && writtenMs <= nowMs - 20)) {
            entry.expired = true;
            expected.push(`${entry.name} TIMEOUT`);
          }
        }
        expect(queue.size).toBe(model.length);
        expect(queue.liveCount).toBe(model.filter(({ expired }) => !expired).length);
        expect(queue.firstWrittenMs).toBe(model[0]?.writtenMs);
      }
      // What an expired request resolves with is dropped by its promise, which has been rejected.
      const told = new Set<string>();
      const first = outcomes.filter((outcome) => {
        const name = outcome.split(' ', 1)[0] ?? '';
        return !told.has(name) && told.add(name);
      });
      expect(first).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});
