/**
 * Keeps a set of child processes: starts them, starts again what may be started again (with growing waits), says when
 * the whole cannot go on, and ends all of them within a bound. It owns its children and nothing else: signals to the
 * supervisor itself are `signals.ts`, starting a process is `launch.ts`.
 */
import { systemClock, type Clock } from '../base/clock.ts';
import { EXIT_PORT_TAKEN, EXIT_USAGE } from '../base/lifecycle.ts';
import { launchWith, type Child, type ChildEnd, type ChildSpec, type Launch } from './launch.ts';
import { CHILD_STOP_TIMEOUT_MS, RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS, RESTART_FORGIVE_MS } from './limits.ts';

/** A child whose end means the end of everything. */
export interface FatalEnd extends ChildEnd {
  name: string;
}

export interface SupervisorOptions {
  /** Gets one line for each death and each new start, without a newline. */
  tell: (line: string) => void;
  /** Deaths of a child that has never lived for {@link RESTART_FORGIVE_MS} until all is given up; any number by default. */
  startsMax?: number;
  launch?: Launch;
  clock?: Clock;
}

interface Entry {
  readonly spec: ChildSpec;
  child: Child;
  startedMs: number;
  starts: number;
  /** Deaths one after the other, each soon after its start. */
  deaths: number;
  running: boolean;
  /** Has lived long enough once to be called working. */
  hasRun: boolean;
  /** Its end is wanted. */
  stopping: boolean;
  cancelRestart: (() => void) | undefined;
}

/** The wait before start number `deaths + 1`, in ms: {@link RESTART_DELAY_MIN_MS} doubled up to the bound. */
export function restartDelayMs(deaths: number): number {
  return Math.min(RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS * 2 ** Math.max(0, deaths - 1));
}

/** True if the child has told in a line of its own why it ended: flags or an address that cannot be used. */
export function hasToldWhy(end: ChildEnd): boolean {
  return end.code === EXIT_USAGE || end.code === EXIT_PORT_TAKEN;
}

/** `SIGKILL` or `code 1`. */
export function describeEnd(end: ChildEnd): string {
  return end.signal ?? `code ${end.code}`;
}

/** The exit code that passes a child's end on, as a shell would: its code, or 128 and the signal's number. */
export function exitCodeOf(end: ChildEnd): number {
  const numbers: Readonly<Record<string, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGTERM: 15,
  };
  return end.code ?? 128 + (numbers[end.signal ?? ''] ?? 0);
}

/** See the head of this file. */
export class Supervisor {
  readonly #entries = new Map<string, Entry>();
  readonly #options: Required<SupervisorOptions>;
  readonly #fatal = Promise.withResolvers<FatalEnd>();
  /** Waits for a restart are timers that hold nothing open, so this holds the process while there is a supervisor. */
  readonly #hold = setInterval(() => {}, 2 ** 30);

  constructor(options: SupervisorOptions) {
    this.#options = { launch: launchWith(), clock: systemClock, startsMax: Infinity, ...options };
  }

  /** Resolves when the first child ends whose end is the end of everything, and that was not asked for. */
  get fatal(): Promise<FatalEnd> {
    return this.#fatal.promise;
  }

  /** Starts a child; its name must be new. */
  start(spec: ChildSpec): void {
    const { clock, launch } = this.#options;
    const entry: Entry = {
      spec,
      child: launch(spec),
      startedMs: clock.monotonicMs(),
      starts: 1,
      deaths: 0,
      running: true,
      hasRun: false,
      stopping: false,
      cancelRestart: undefined,
    };
    this.#entries.set(spec.name, entry);
    void entry.child.ended.then((end) => this.#onEnd(entry, end));
  }

  /** Sends an IPC message to a child; lost if it is not running. */
  send(name: string, message: object): void {
    const entry = this.#entries.get(name);
    if (entry?.running === true) entry.child.send(message);
  }

  /**
   * Ends one child, or all of them: SIGTERM, then SIGKILL for what remains after the bound or when `hurry` aborts.
   * No child is started again once this was called for it.
   * @param name a child; all unless given
   * @returns how each child ended, when all are gone
   */
  async stop(name?: string, hurry?: AbortSignal): Promise<Map<string, ChildEnd>> {
    const entries = [...this.#entries.values()].filter((entry) => name === undefined || entry.spec.name === name);
    for (const entry of entries) {
      entry.stopping = true;
      entry.cancelRestart?.();
      if (entry.running) entry.child.kill('SIGTERM');
    }
    const killAll = (): void => {
      for (const entry of entries) if (entry.running) entry.child.kill('SIGKILL');
    };
    const cancel = this.#options.clock.setTimer(CHILD_STOP_TIMEOUT_MS, killAll);
    hurry?.addEventListener('abort', killAll);
    if (hurry?.aborted === true) killAll();
    const ends = await Promise.all(entries.map(async ({ spec, child }) => [spec.name, await child.ended] as const));
    cancel();
    hurry?.removeEventListener('abort', killAll);
    for (const entry of entries) this.#entries.delete(entry.spec.name);
    if (this.#entries.size === 0) clearInterval(this.#hold);
    return new Map(ends);
  }

  #onEnd(entry: Entry, end: ChildEnd): void {
    entry.running = false;
    if (entry.stopping) return;
    const { clock, tell, startsMax } = this.#options;
    const { spec } = entry;
    const livedMs = clock.monotonicMs() - entry.startedMs;
    // Bad flags stay bad; a port that is taken at the very first start is an answer to whoever asked for the start.
    const hopeless = end.code === EXIT_USAGE || (end.code === EXIT_PORT_TAKEN && entry.starts === 1);
    if (livedMs >= RESTART_FORGIVE_MS) entry.hasRun = true;
    entry.deaths = livedMs >= RESTART_FORGIVE_MS ? 1 : entry.deaths + 1;
    const neverRuns = !entry.hasRun && entry.deaths >= startsMax;
    if (spec.onExit === 'end' || hopeless || neverRuns) {
      this.#fatal.resolve({ name: spec.name, ...end });
      return;
    }
    const delayMs = restartDelayMs(entry.deaths);
    tell(`${spec.name} (pid ${entry.child.pid}) ended with ${describeEnd(end)}; starting it again in ${delayMs} ms`);
    entry.cancelRestart = clock.setTimer(delayMs, () => this.#restart(entry));
  }

  #restart(entry: Entry): void {
    entry.child = this.#options.launch(entry.spec);
    entry.startedMs = this.#options.clock.monotonicMs();
    entry.starts += 1;
    entry.running = true;
    entry.cancelRestart = undefined;
    void entry.child.ended.then((end) => this.#onEnd(entry, end));
  }
}
