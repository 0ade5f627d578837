/**
 * What a process has used, from /proc: processor time of all its threads in nanoseconds, and resident memory.
 * Linux only; elsewhere every figure is NaN and the tables show a dash.
 */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Processor time (user and system) that the live threads of a process have used, in nanoseconds.
 *
 * /proc/PID/stat counts in ticks of 10 ms; the first field of each thread's schedstat counts nanoseconds. A thread
 * that has ended no longer counts, which matters to no server here: their threads live as long as they do.
 */
export function cpuNanoseconds(pid: number): number {
  try {
    let sum = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
      sum += Number(text.slice(0, text.indexOf(' ')));
    }
    return sum;
  } catch {
    return Number.NaN;
  }
}

/** Memory of a process, in bytes. */
export interface MemoryUse {
  readonly residentBytes: number;
  /** Resident memory with pages that several processes share counted in part; NaN where the kernel does not tell. */
  readonly proportionalBytes: number;
}

export function memoryUse(pid: number): MemoryUse {
  return {
    residentBytes: kibibytes(`/proc/${pid}/status`, 'VmRSS'),
    proportionalBytes: kibibytes(`/proc/${pid}/smaps_rollup`, 'Pss'),
  };
}

function kibibytes(path: string, field: string): number {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'latin1'));
    return match === null ? Number.NaN : Number(match[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}
