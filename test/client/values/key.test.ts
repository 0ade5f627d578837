/** Goal: a key that passes the check is one word on the wire, whatever the text. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { checkKey } from '../../../src/client/values/key.ts';

function errorOf(code: ErrorCode): Error {
  return expect.objectContaining({ name: 'FleetError', code }) as Error;
}

describe('a key', () => {
  test.each(['a', 'k'.repeat(250), 'é'.repeat(125), '€'.repeat(83), '💾'.repeat(62), '!~', '\u0080', '\u00a0'])(
    '%j may be sent',
    (key) => expect(() => checkKey(key)).not.toThrow(),
  );

  test.each([
    '',
    ' ',
    'a b',
    'a\r\nflush_all',
    '\0',
    'a\tb',
    '\u007f',
    'k'.repeat(251),
    'é'.repeat(126),
    '\ud800',
    'a\udc00',
  ])('%j may not', (key) => expect(() => checkKey(key)).toThrow(errorOf('BAD_KEY')));

  test('that passes is one word of at most 250 bytes, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (key) => {
        try {
          checkKey(key);
        } catch {
          return;
        }
        const bytes = Buffer.from(key);
        expect(bytes.length).toBeLessThanOrEqual(250);
        expect(bytes.toString()).toBe(key);
        expect(bytes.every((byte) => byte > 0x20 && byte !== 0x7f)).toBe(true);
      }),
    );
  });
});
