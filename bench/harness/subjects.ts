/** Who takes part in a comparison: ours under each runtime, ours at another revision, memcached, further memcacheds. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { revision, ROOT } from './machine.ts';
import { findMemcached, HOW_TO_GET, memcachedAt } from './memcached.ts';
import type { BenchOptions } from './options.ts';
import type { Subject } from './server.ts';

function ours(name: string, root: string, version: string, runtime: 'default' | 'node' | 'bun'): Subject {
  // `default` passes no flag, so that revisions from before --runtime can be measured.
  const flags = runtime === 'default' ? [] : ['--runtime', runtime];
  return { name, ours: true, runtime, version, command: [join(root, 'bin/memfleet'), 'daemon', ...flags], cwd: root };
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}

/**
 * A revision of ours in a folder of its own, with this checkout's node_modules; removed when the harness ends.
 * @throws Error if git does not know the revision
 */
function checkOut(rev: string): { root: string; version: string } {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-base-'));
  const root = join(folder, 'checkout');
  let version: string;
  try {
    version = git('rev-parse', '--short', '--verify', `${rev}^{commit}`);
    git('worktree', 'add', '--quiet', '--detach', root, version);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`--base ${rev}: not a revision that can be checked out`, { cause: error });
  }
  process.on('exit', () => {
    execFileSync('git', ['worktree', 'remove', '--force', root], { cwd: ROOT, stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return { root, version };
}

/**
 * The servers to compare, the one that the ratios refer to last: memcached, or without it the base revision.
 * @throws Error if memcached is wanted and there is none, with how to get it; a smoke run goes on without it
 */
export function findSubjects(options: BenchOptions): Subject[] {
  const subjects: Subject[] = [];
  if (options.ours) {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    for (const runtime of options.runtimes) {
      const name = runtime === 'default' ? 'memfleet' : `memfleet/${runtime}`;
      subjects.push(ours(name, ROOT, `${version} (${revision()})`, runtime));
    }
  }
  for (const path of options.peers) subjects.push(memcachedAt([path]));
  if (options.base !== undefined) {
    const { root, version } = checkOut(options.base);
    for (const runtime of options.runtimes) {
      subjects.push(ours(runtime === 'default' ? 'base' : `base/${runtime}`, root, version, runtime));
    }
  }
  if (options.memcached) {
    const memcached = findMemcached();
    if (memcached !== undefined) subjects.push(memcached);
    else if (!options.smoke) throw new Error(`${HOW_TO_GET}; or --no-memcached`);
  }
  if (subjects.length === 0) throw new Error(`nothing to measure: ${HOW_TO_GET}`);
  return subjects;
}
