/**
 * How long another process has run, to the microsecond and while it runs: what tells a stop of the server's own from one
 * of a machine that had other things to do.
 *
 * The kernel counts that up in /proc/PID/task/TID/schedstat, but for a thread that is running only with every tick of
 * its clock (1 to 10 ms). A perf event `task-clock` is exact at any time; it takes no more than that the process be our
 * own (kernel.perf_event_paranoid up to 2) and is opened through Bun's FFI. Without it the ticks have to do.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { loadLibc, PERF_EVENT_OPEN, type Libc } from './libc.ts';

/** struct perf_event_attr (linux/perf_event.h), PERF_ATTR_SIZE_VER5. */
const ATTRIBUTE_BYTES = 112;
const PERF_TYPE_SOFTWARE = 1;
const PERF_COUNT_SW_TASK_CLOCK = 1n;
/** exclude_kernel and exclude_hv: without privileges no event may look into the kernel. This one counts all time regardless. */
const EXCLUDE_FLAGS = (1 << 5) | (1 << 6);
const FLAGS_OFFSET = 40;
const PERF_FLAG_FD_CLOEXEC = 8;
const ANY_CORE = -1;
const NO_GROUP = -1;

const SPACE = 32;
const ZERO = 48;

interface Thread {
  readonly name: string;
  /** Its /proc/PID/task/TID/schedstat, open. */
  readonly schedstat: number;
  /** Its perf event, or -1. */
  readonly event: number;
}

export class ProcessorClock {
  /** Whether a running thread's time is known exactly, not up to the last tick. */
  readonly isExact: boolean;
  readonly #libc: Libc | undefined;
  readonly #threads: readonly Thread[];
  readonly #line = Buffer.alloc(80);
  /** What each thread had waited when it was last asked. */
  readonly #waited: Float64Array;
  readonly #count = new Uint32Array(new ArrayBuffer(8));

  private constructor(libc: Libc | undefined, threads: readonly Thread[]) {
    this.#libc = libc;
    this.#threads = threads;
    this.#waited = new Float64Array(threads.length);
    this.isExact = threads.length > 0 && threads.every(({ event }) => event >= 0);
  }

  /** Of the threads that a process has now. Where there is no /proc, every figure is 0. */
  static async open(pid: number): Promise<ProcessorClock> {
    const libc = await loadLibc();
    const threads: Thread[] = [];
    try {
      for (const id of readdirSync(`/proc/${pid}/task`)) {
        threads.push({
          name: readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim(),
          schedstat: openSync(`/proc/${pid}/task/${id}/schedstat`, 'r'),
          event: openTaskClock(libc, Number(id)),
        });
      }
    } catch {
      // Not Linux, or the thread is gone again.
    }
    return new ProcessorClock(libc, threads);
  }

  /** Names of the threads, in the order of {@link read}. */
  get names(): string[] {
    return this.#threads.map(({ name }) => name);
  }

  /** Length of what {@link read} fills. */
  get length(): number {
    return this.#threads.length + 1;
  }

  /**
   * Fills in how long each thread has run, and last how long they have together waited for a processor, all in ms.
   * A thread that has ended stays where it was.
   */
  read(times: Float64Array): void {
    let waitedMs = 0;
    for (const [i, { schedstat, event }] of this.#threads.entries()) {
      const length = this.#readLine(schedstat);
      if (length > 0) {
        this.#waited[i] = this.#number(this.#line.indexOf(SPACE) + 1, length);
        times[i] = event >= 0 ? this.#taskClock(event) : this.#number(0, length);
      }
      waitedMs += this.#waited[i];
    }
    times[this.#threads.length] = waitedMs;
  }

  #readLine(schedstat: number): number {
    try {
      return readSync(schedstat, this.#line, 0, this.#line.length, 0);
    } catch {
      return 0;
    }
  }

  close(): void {
    for (const { schedstat, event } of this.#threads) {
      closeSync(schedstat);
      if (event >= 0) this.#libc?.close(event);
    }
  }

  #taskClock(event: number): number {
    this.#libc?.read(event, this.#count, 8);
    const [low = 0, high = 0] = this.#count;
    return (high * 2 ** 32 + low) / 1e6;
  }

  /** A decimal number of nanoseconds in the line, as milliseconds. */
  #number(start: number, length: number): number {
    let ns = 0;
    for (let i = start; i < length; i++) {
      const byte = this.#line[i] ?? 0;
      if (byte <= SPACE) break;
      ns = ns * 10 + (byte - ZERO);
    }
    return ns / 1e6;
  }
}

function openTaskClock(libc: Libc | undefined, thread: number): number {
  if (libc === undefined || PERF_EVENT_OPEN === undefined) return -1;
  const attributes = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES));
  attributes.setUint32(0, PERF_TYPE_SOFTWARE, true);
  attributes.setUint32(4, ATTRIBUTE_BYTES, true);
  attributes.setBigUint64(8, PERF_COUNT_SW_TASK_CLOCK, true);
  attributes.setUint32(FLAGS_OFFSET, EXCLUDE_FLAGS, true);
  const bytes = new Uint8Array(attributes.buffer);
  return libc.syscall(PERF_EVENT_OPEN, bytes, thread, ANY_CORE, NO_GROUP, PERF_FLAG_FD_CLOEXEC);
}
