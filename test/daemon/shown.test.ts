/** Text of a client on an operator's terminal: no secret, and nothing that a terminal obeys, whatever was sent. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { showExcept } from '../../src/daemon/trace/shown.ts';

const SECRET = 'a-token-of-this-fleet';

function shown(text: string | Buffer, secret: string | undefined = SECRET): string {
  const bytes = Buffer.concat([Buffer.from('before'), Buffer.from(text), Buffer.from('behind')]);
  return showExcept(secret)(bytes, 6, bytes.length - 6);
}

describe('what a terminal obeys is shown as a question mark', () => {
  test.each([
    ['ESC', 'a\u001b[2Jb', 'a?[2Jb'],
    ['CSI of C1', 'a\u009b2Jb', 'a?2Jb'],
    ['OSC, DCS and ST of C1', '\u009d0;x\u009c\u0090', '?0;x??'],
    ['all of C0 and DEL', `${String.fromCharCode(...Array.from({ length: 32 }, (_, i) => i))}\u007f`, '?'.repeat(33)],
    ['all of C1', String.fromCharCode(...Array.from({ length: 32 }, (_, i) => 0x80 + i)), '?'.repeat(32)],
    ['other directions of writing', 'a\u202eb\u2066c\u200fd', 'a?b?c?d'],
    ['line ends of Unicode', 'a\u2028b\u2029c', 'a?b?c'],
    ['signs are left', 'ключ 鍵 é "k"', 'ключ 鍵 é "k"'],
  ])('%s', (_, text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test('C1 as bytes of their own, which are no UTF-8', () => {
    expect(shown(Buffer.from([0x61, 0x9b, 0x32, 0x4a]))).toBe('a\ufffd2J');
  });
});

describe('a secret', () => {
  test.each([`x${SECRET}`, `${SECRET} ${SECRET}`, `get ${SECRET}\tb`])('%j', (text) => {
    expect(shown(text)).not.toContain(SECRET);
    expect(shown(text)).toContain('[secret]');
  });

  test('is not shown in part either, wherever a long text is cut', () => {
    for (let before = 2000; before < 2100; before++) {
      const text = shown(`${SECRET}${'x'.repeat(before)}${SECRET}${'y'.repeat(3000)}`);
      expect(text).not.toContain(SECRET.slice(0, 4));
      expect(text.length).toBeLessThanOrEqual(2048);
    }
  });

  test('is none where there is none', () => {
    expect(shown('get a', undefined)).toBe('get a');
  });
});

test('bytes of any kind are one line without control characters and without the secret', () => {
  const part = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from(SECRET)));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 200 }), (parts) => {
      const text = shown(Buffer.concat(parts));
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(text).not.toContain(SECRET);
      expect(text.length).toBeLessThanOrEqual(2048);
    }),
  );
});
