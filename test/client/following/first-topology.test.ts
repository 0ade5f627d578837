/** Goal: operations wait for the first topology as long as they should, and learn why none came. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError } from '../../../src/base/errors.ts';
import { FirstTopology } from '../../../src/client/following/first-topology.ts';

let clock: ManualClock;
let first: FirstTopology;

beforeEach(() => {
  clock = new ManualClock();
  first = new FirstTopology({ sourceName: 'the test', topologyTimeoutMs: 100, waitingClock: clock });
});

const closed = { code: 'CLOSED' };

describe('the first topology', () => {
  test('ends the wait, and later ones change nothing', async () => {
    const waited = first.wait();
    expect(first.isHere).toBe(false);
    first.arrive();
    first.arrive();
    expect(first.isHere).toBe(true);
    await expect(waited).resolves.toBeUndefined();
    await expect(first.wait()).resolves.toBeUndefined();
    clock.advance(100);
    await expect(first.wait()).resolves.toBeUndefined();
  });

  test('that is late rejects those who wait and those who come, with the last trouble', async () => {
    const waited = first.wait();
    first.fail(new FleetError('CONNECT_FAILED', 'refused'));
    first.fail(new FleetError('CONNECT_FAILED', 'no route'));
    clock.advance(99);
    expect(first.isHere).toBe(false);
    clock.advance(1);
    const late = { code: 'TIMEOUT', message: 'no topology from the test within 100 ms: no route' };
    await expect(waited).rejects.toMatchObject(late);
    await expect(first.wait()).rejects.toMatchObject(late);
  });

  test('may arrive after its timeout', async () => {
    clock.advance(100);
    await expect(first.wait()).rejects.toMatchObject({ code: 'TIMEOUT' });
    first.arrive();
    expect(first.isHere).toBe(true);
    await expect(first.wait()).resolves.toBeUndefined();
  });

  test.each([
    ['before it', () => undefined],
    ['after it', () => first.arrive()],
    ['after its timeout', () => clock.advance(100)],
  ])('closing %s refuses everything', async (_, before) => {
    before();
    first.close();
    expect(first.isHere).toBe(false);
    await expect(first.wait()).rejects.toMatchObject(closed);
  });

  test('closing rejects those who wait, and a timeout after it is not heard of', async () => {
    const waited = first.wait();
    first.close();
    clock.advance(100);
    await expect(waited).rejects.toMatchObject(closed);
  });
});
