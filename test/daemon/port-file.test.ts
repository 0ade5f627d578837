/** The file with the ports that were bound, in memcached's form. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writePortFile } from '../../src/daemon/port-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-ports-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('has a line for each port, and none for a Unix socket', () => {
  const path = join(folder, 'ports');
  writePortFile(path, ['udp:127.0.0.1:7', 'tcp:127.0.0.1:11211', 'tcp6:[::1]:11212', 'unix:/tmp/s:5']);
  expect(readFileSync(path, 'utf8')).toBe('UDP INET: 7\nTCP INET: 11211\nTCP INET6: 11212\n');
  expect(readdirSync(folder)).toEqual(['ports']);
});

test('that cannot be written is a mistake of whoever named it', () => {
  const path = join(folder, 'missing', 'ports');
  expect(() => writePortFile(path, [])).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
});
