import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withSecretFiles } from '../../src/base/secret-files.ts';
import { configToken, deriveToken } from '../../src/base/token.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-token-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const path = join(folder, 'secret');
  writeFileSync(path, text);
  return path;
}

describe('a derived token', () => {
  test('is HMAC-SHA256 of its label, so that others can compute it', () => {
    const expected = createHmac('sha256', 's3cret').update('memfleet http').digest('base64url');
    expect(deriveToken('s3cret', 'http')).toBe(expected);
    // openssl dgst -sha256 -hmac s3cret -binary, of `memfleet config`; it must never change.
    expect(deriveToken('s3cret', 'config')).toBe('Jr9I2v9oqousBoCad75qLb2e9Ak2WtKeEJNPRNdpmSQ');
  });

  test('for one purpose is none for another', () => {
    const all = (['http', 'config', 'topology'] as const).map((purpose) => deriveToken('s3cret', purpose));
    expect(new Set([...all, 's3cret']).size).toBe(4);
  });

  test('of a daemon gives way to one of its own, and is none without either', () => {
    expect(configToken('own', 's3cret')).toBe('own');
    expect(configToken('', 's3cret')).toBe(deriveToken('s3cret', 'config'));
    expect([configToken(undefined, undefined), configToken('', '')]).toEqual([undefined, undefined]);
  });
});

describe('a secret in a file', () => {
  test('is what the variable is, without the white space around it, unless the variable is set', () => {
    const path = fileWith('s3cret\n');
    const both = { MEMFLEET_TOKEN_FILE: path, MEMFLEET_CONFIG_TOKEN_FILE: path };
    expect(withSecretFiles(both)).toMatchObject({ MEMFLEET_TOKEN: 's3cret', MEMFLEET_CONFIG_TOKEN: 's3cret' });
    expect(withSecretFiles({ ...both, MEMFLEET_TOKEN: 'given' })['MEMFLEET_TOKEN']).toBe('given');
    expect(withSecretFiles({ ...both, MEMFLEET_TOKEN: '' })['MEMFLEET_TOKEN']).toBe('s3cret');
    expect(withSecretFiles({ MEMFLEET_TOKEN_FILE: '' })['MEMFLEET_TOKEN']).toBeUndefined();
  });

  test('that is empty is none', () => {
    expect(withSecretFiles({ MEMFLEET_TOKEN_FILE: fileWith(' \n') })['MEMFLEET_TOKEN']).toBeUndefined();
    expect(withSecretFiles({ MEMFLEET_TOKEN_FILE: '/dev/null' })['MEMFLEET_TOKEN']).toBeUndefined();
  });

  test.each([
    ['is not there', () => join(folder, 'none'), /^MEMFLEET_TOKEN_FILE: cannot read "/],
    ['is a folder', () => folder, /^MEMFLEET_TOKEN_FILE: cannot read "/],
    ['is no secret', () => fileWith('x'.repeat(5000)), /^MEMFLEET_TOKEN_FILE: .* has more than 4096 bytes$/],
    ['has no end', () => '/dev/zero', /^MEMFLEET_TOKEN_FILE: .* has more than 4096 bytes$/],
  ])('that %s is an error that names it', (_what, path, message) => {
    expect(() => withSecretFiles({ MEMFLEET_TOKEN_FILE: path() })).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringMatching(message) }),
    );
  });
});
