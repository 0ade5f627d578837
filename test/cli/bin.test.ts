/** bin/memfleet itself: which runtime it becomes. Run in a copy of the package's folders with runtimes of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-bin-'));
  for (const name of ['bin', 'src', 'package.json']) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function script(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, path), 0o755);
}

/** Runs the command with nothing on PATH but the system's tools and the folder's own `path`. */
function run(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(join(folder, 'bin/memfleet'), args, {
    encoding: 'utf8',
    env: { PATH: `${join(folder, 'path')}:/usr/bin:/bin` },
  });
  return { code: status, out: stdout, err: stderr };
}

describe('bin/memfleet', () => {
  test('takes the Node that npm ci put beside it, whatever is on PATH', () => {
    mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(folder, 'node_modules/.bin/node'));
    script('path/node', 'echo v18.0.0');
    expect(run('daemon', '-V').out).toMatch(/^memfleet \d+\.\d+\.\d+, as memcached 1\.6\.\d+\n$/);
  });

  test('says in one line which Node it needs', () => {
    script('path/node', 'echo v20.1.0');
    const { code, err } = run('help');
    expect(code).toBe(69);
    expect(err).toMatch(/^memfleet: needs Node\.js 24 or newer, but .*\/path\/node is v20\.1\.0; .*\n$/);
  });

  test('works through a symbolic link', () => {
    script('path/node', `exec ${process.execPath} "$@"`);
    symlinkSync(join(folder, 'bin/memfleet'), join(folder, 'link'));
    const out = execFileSync(join(folder, 'link'), ['daemon', '--runtime', 'node', '-V'], {
      encoding: 'utf8',
      env: { PATH: `${join(folder, 'path')}:/usr/bin:/bin` },
    });
    expect(out).toContain('as memcached');
  });

  test('becomes Bun for the daemon where it is installed, and for nothing else', () => {
    script('path/node', 'echo node "$@"; [ "$1" != --version ] || echo v24.0.0');
    script('node_modules/@oven/bun-linux-x64/bin/bun', 'echo bun "$@"');
    expect(run('daemon', '-p', '0').out).toMatch(/^bun .*main\.ts daemon -p 0\n$/);
    expect(run('daemon', '--runtime=node').out).not.toContain('bun');
  });

  test('goes on with Node, and says so, where Bun does not start', () => {
    script('path/node', `exec ${process.execPath} "$@"`);
    script('node_modules/@oven/bun-linux-x64/bin/bun', 'kill -ILL $$');
    const { code, out, err } = run('daemon', '-V');
    expect([code, err]).toEqual([0, expect.stringMatching(/bun does not start; going on with Node\.js\n$/)]);
    expect(out).toContain('as memcached');
    expect(run('daemon', '--runtime', 'bun', '-V').code).toBe(69);
  });
});
