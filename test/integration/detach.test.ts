/**
 * The process on each runtime: with `-d` the command ends when the daemon listens, and the pid file has the pid that
 * serves; a fault ends it, so that whoever watches over it can start it again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freePort, ourDaemons } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';

const COMMAND = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));
const EXIT_PORT_TAKEN = 71;

const runtimes = ourDaemons().map(({ name }) => name.split(' ').at(-1) ?? '');

test.each(runtimes)('-d on %s', async (runtime) => {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-detach-'));
  const pidFile = join(folder, 'pid');
  const port = await freePort();
  const flags = ['daemon', '--runtime', runtime, '-l', '127.0.0.1', '-p', String(port), '-d', '-P', pidFile];
  try {
    execFileSync(COMMAND, flags, { stdio: 'ignore' });
    const client = await RawClient.connect(port);
    await client.send([Buffer.from('stats\r\n')]);
    const stats = (await client.receiveUntil(Buffer.from('END\r\n'))).toString();
    client.destroy();
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(stats).toContain(`STAT pid ${pid}\r\n`);

    const second = spawnSync(COMMAND, flags.slice(0, -2), { encoding: 'utf8' });
    expect(second.status).toBe(EXIT_PORT_TAKEN);
    expect(second.stderr).toMatch(new RegExp(`^memfleet daemon: 127.0.0.1:${port} is in use\\n$`));

    process.kill(pid, 'SIGTERM');
    await until('the daemon is gone, and its pid file with it', () => !existsSync(pidFile));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(runtimes)('a fault on %s ends it with a code and its reason', async (runtime) => {
  const fault = fileURLToPath(new URL('faults.mjs', import.meta.url));
  const env = { ...process.env, NODE_OPTIONS: `--import=${fault}`, BUN_OPTIONS: `--preload=${fault}` };
  const flags = ['daemon', '--runtime', runtime, '-l', '127.0.0.1', '-p', String(await freePort())];
  const daemon = spawnSync(COMMAND, flags, { encoding: 'utf8', env, timeout: 60_000 });
  expect([daemon.status, daemon.signal]).toEqual([1, null]);
  expect(daemon.stderr).toMatch(/^memfleet: Error: a fault for the test$/m);
});
