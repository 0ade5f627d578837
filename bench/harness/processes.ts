/** Children of the harness: pinned to a core, and ended with it, whichever way it ends. Only these are ever ended. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './machine.ts';

const children = new Set<ChildProcess>();

/** Ends the child, at the latest when this process ends. */
export function endAtExit(child: ChildProcess): void {
  children.add(child);
  child.on('exit', () => children.delete(child));
}

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130));
}

/** The command, to be run on one core; as it is where that cannot be arranged. */
export function pinned(core: number | undefined, command: readonly string[]): string[] {
  return core === undefined ? [...command] : ['taskset', '-c', String(core), ...command];
}

/** Whether processes can be pinned: needs two cores and taskset. */
export function canPin(): boolean {
  if (availableParallelism() < 2) return false;
  try {
    execFileSync('taskset', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The Bun that the daemon would take from this checkout, if it is installed. */
export function findBun(): string | undefined {
  return globSync(join(ROOT, 'node_modules/@oven/bun-*/bin/bun'))[0];
}
