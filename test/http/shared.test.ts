import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { shared } from '../../src/http/shared.ts';

describe('a shared answer', () => {
  test('is one for all who ask while it is made, and within its age', async () => {
    const clock = new ManualClock();
    let made = 0;
    const ask = shared(clock, 100, async () => `answer ${(made += 1)}`);
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(String(first)).toBe('answer 1');
    expect(second).toBe(first);
    clock.advance(99);
    expect(await ask()).toBe(first);
    clock.advance(1);
    expect(String(await ask())).toBe('answer 2');
  });

  test('without an age is made anew for who asks after it was made', async () => {
    let made = 0;
    const ask = shared(new ManualClock(), 0, async () => String((made += 1)));
    expect([String(await ask()), String(await ask())]).toEqual(['1', '2']);
  });

  test('that fails fails for those who wait, and is made anew for the next', async () => {
    let made = 0;
    const ask = shared(new ManualClock(), 1000, () => {
      made += 1;
      if (made === 1) throw new Error('not yet');
      return 'now';
    });
    const results = await Promise.allSettled([ask(), ask()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(made).toBe(1);
    expect(String(await ask())).toBe('now');
  });
});
