/** The machine and the command that a result belongs to. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a figure depends on besides the programs. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly system: string;
  /** Mean of runnable processes over the last minute, before the run: well above 0 means that others were at work. */
  readonly loadBefore: number;
  readonly virtual: boolean;
  readonly pinned: boolean;
}

/** A line of the repository's state, `0123abc` or `0123abc + changes`; `unknown` outside a checkout. */
export function revision(): string {
  try {
    const run = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    const commit = run('rev-parse', '--short', 'HEAD');
    return run('status', '--porcelain', '--untracked-files=no', '--', 'src', 'bin') === ''
      ? commit
      : `${commit} + changes`;
  } catch {
    return 'unknown';
  }
}

export function describeMachine(pinned: boolean): Machine {
  let virtual = false;
  try {
    virtual = readFileSync('/proc/cpuinfo', 'latin1').includes(' hypervisor');
  } catch {
    // Not Linux.
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split('-')[0]} ${arch()}`,
    loadBefore: loadavg()[0] ?? 0,
    virtual,
    pinned,
  };
}

/** The command line as one would type it, without where things lie on this machine. */
export function commandLine(): string {
  const args = process.argv.slice(2).map((arg) => (arg.startsWith('/') ? basename(arg) : arg));
  return ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
}

/** A paragraph for the head of a report. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGibibytes, system, loadBefore, virtual, pinned } = machine;
  return (
    `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}${virtual ? ' (virtual)' : ''}, ${memoryGibibytes} GiB, ${system}; ` +
    `${pinned ? 'servers on one core, load on another' : 'not pinned to cores'}; load average before: ${loadBefore.toFixed(2)}`
  );
}
