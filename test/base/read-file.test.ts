/** Files that are not what they ought to be. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readFileBounded } from '../../src/base/read-file.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'memfleet-read-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each([0, 1, 65_535, 65_536, 65_537, 200_000])('a file of %i bytes is read up to that bound', async (size) => {
  const path = join(directory, 'file');
  const bytes = Buffer.alloc(size, 'abc');
  writeFileSync(path, bytes);
  expect((await readFileBounded(path, size)).equals(bytes)).toBe(true);
  if (size > 0) await expect(readFileBounded(path, size - 1)).rejects.toMatchObject({ code: 'TOO_LARGE' });
});

test('a file without end, which says that it is empty, is left at the bound', async () => {
  await expect(readFileBounded('/dev/zero', 1_000_000)).rejects.toMatchObject({ code: 'TOO_LARGE' });
});

test('a pipe that nobody writes to does not keep anybody waiting', async () => {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  expect(await readFileBounded(path, 1000)).toHaveLength(0);
});

test('what is not there is the system’s error', async () => {
  await expect(readFileBounded(join(directory, 'none'), 10)).rejects.toMatchObject({ code: 'ENOENT' });
});
