/** Goal: options are checked before anything starts, and the defaults are the documented ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ManualClock, systemClock, waitingClock } from '../../src/base/clock.ts';
import { FLEET_DEFAULTS, settingsOf, type FleetOptions } from '../../src/client/options.ts';
import { connectionSettings } from '../../src/client/wire/options.ts';

describe('options', () => {
  test.each<[string, unknown]>([
    ['neither list nor coordinator', {}],
    ['both', { servers: ['a'], coordinator: 'http://a' }],
    ['an empty list', { servers: [] }],
    ['a coordinator that is not a URL', { coordinator: 'a' }],
    ['a time of 0', { servers: ['a'], commandTimeoutMs: 0 }],
    ['a queue of less than nothing', { servers: ['a'], queueMax: -1 }],
    ['a prefix with a space', { servers: ['a'], keyPrefix: 'a b' }],
    ['a prefix that leaves no room', { servers: ['a'], keyPrefix: 'k'.repeat(250) }],
  ])('%s: refused', (_, options) => {
    expect(() => settingsOf(options as FleetOptions)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
  });
});

/** A default as documents write it. */
function shown(value: unknown): string {
  if (value === '') return 'none';
  if (typeof value !== 'number') return String(value);
  if (value >= 1024 ** 2) return `${value / 1024 ** 2} MiB`;
  return value >= 10_000 ? value.toLocaleString('en') : String(value);
}

describe('defaults', () => {
  const documented = Object.entries(FLEET_DEFAULTS)
    .filter(([, value]) => typeof value !== 'object' && typeof value !== 'function')
    .map(([name, value]) => [name, shown(value)]);

  test.each(documented)('%s is %s in docs/client.md and in its doc comment', (name, value) => {
    const row = new RegExp(`^\\| \`${name}\` \\| ([^|]+) \\|`, 'm').exec(read('docs/client.md'));
    expect(row?.[1]).toBe(value);
    const comment = new RegExp(`@defaultValue (.+)\\n   \\*/\\n  ${name}: `).exec(
      read('src/client/wire/options.ts') + read('src/client/options.ts'),
    );
    expect(comment?.[1]).toBe(value);
  });

  test('hold where an option is left out or undefined', () => {
    const settings = settingsOf({ servers: ['a'], queueMax: undefined, valueBytesMax: 5 } as unknown as FleetOptions);
    expect(settings).toMatchObject({ ...FLEET_DEFAULTS, valueBytesMax: 5 });
  });

  test('a clock that is given is used for every wait', () => {
    const clock = new ManualClock();
    expect(settingsOf({ servers: ['a'], clock })).toMatchObject({ clock, waitingClock: clock });
    expect(settingsOf({ servers: ['a'] })).toMatchObject({ clock: systemClock, waitingClock });
  });

  test('the bounds of a connection follow from its options', () => {
    const where = { host: 'a', port: 1 };
    expect(connectionSettings({ ...where, commandTimeoutMs: 7 })).toMatchObject({
      silenceTimeoutMs: 14,
      lateTimeoutMs: 70,
      answerBytesMax: 256 * 1024 * 1024,
    });
    const large = 1024 * 1024 * 1024;
    expect(connectionSettings({ ...where, valueBytesMax: large }).answerBytesMax).toBe(large);
    expect(connectionSettings({ ...where, valueBytesMax: large, answerBytesMax: 9 }).answerBytesMax).toBe(9);
  });
});

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
