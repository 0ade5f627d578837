/**
 * Goal: a flag that docs/compatibility.md calls the same does what it does to memcached. Method: the cases of
 * test/conformance/flag-cases.ts at real processes, ours on each runtime, and memcached where it is as new.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { atLeast, installedMemcached, ourDaemons, REFERENCE_VERSION, type ServerKind } from '../conformance/driver.ts';
import { FLAG_CASES, type FlagCase, type Subject } from '../conformance/flag-cases.ts';
import { makeCertificate } from '../support/tls.ts';
import { until } from '../support/until.ts';

const isRoot = process.getuid?.() === 0;
const START_MAX_MS = 60_000;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-flags-'));
  // memcached gives up root before it opens what is there.
  chmodSync(folder, 0o777);
  makeCertificate(folder, 'node');
  for (const name of ['node.key', 'node.pem']) chmodSync(join(folder, name), 0o644);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a server with a case's flags and nothing else that says where it listens but the address. */
async function observe({ command = [] }: ServerKind, one: FlagCase): Promise<unknown> {
  const own = mkdtempSync(join(folder, 'case-'));
  chmodSync(own, 0o777);
  const portFile = join(own, 'ports');
  const started = one.isUnix === true ? join(folder, 'socket') : portFile;
  const [file = '', ...words] = command;
  const env = { ...process.env, MEMCACHED_PORT_FILENAME: portFile };
  const child = spawn(file, [...words, '-l', '127.0.0.1', '-t', '1', ...one.flags(folder)], { env, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until('it has started', () => child.exitCode !== null || existsSync(started), START_MAX_MS);
    expect(child.exitCode, 'it runs').toBeNull();
    const ports = existsSync(portFile) ? readFileSync(portFile, 'latin1').split('\n').filter(Boolean) : [];
    const subject: Subject = { pid: child.pid ?? 0, ports, folder };
    return await one.observe(subject);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(join(folder, 'socket'), { force: true });
  }
}

const memcached = installedMemcached();
const asNew = memcached !== undefined && atLeast(memcached.version, REFERENCE_VERSION) ? [memcached] : [];

for (const kind of [...ourDaemons(), ...asNew]) {
  describe(kind.name, () => {
    for (const one of FLAG_CASES) {
      test.skipIf(one.needsRoot === true && !isRoot)(one.flags('FOLDER').join(' '), async () => {
        expect(await observe(kind, one)).toEqual(one.expected);
      });
    }
  });
}
