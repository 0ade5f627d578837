/**
 * Starts one child of a supervisor as a real process: another memfleet command, on our own standard output and error,
 * with an IPC channel whose end tells the child that we are gone (`src/base/parent.ts`).
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What to start. */
export interface ChildSpec {
  /** How it is called in messages, for example `daemon node-1`. */
  name: string;
  /** Words after `memfleet`, the command first. */
  args: readonly string[];
  /** Added to our own environment; undefined takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Greatest size of V8's old space in MiB; V8's own choice unless given. Gives way to a size in NODE_OPTIONS. */
  heapMb?: number;
  /** What its death means: start it again, or end everything. */
  onExit: 'restart' | 'end';
}

/** How a process ended: with a code, or by a signal. */
export interface ChildEnd {
  code: number | null;
  signal: string | null;
}

/** A process that was started. */
export interface Child {
  readonly pid: number | undefined;
  /** Resolves when it is gone; never rejects. */
  readonly ended: Promise<ChildEnd>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Sends a message over the IPC channel; lost without a trace if the child is gone. */
  send(message: object): void;
}

/** How a supervisor starts processes; tests pass their own. */
export type Launch = (spec: ChildSpec) => Child;

/** `main.ts` beside this file in a checkout, `main.js` in an installed package. */
const ENTRY = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));
/** The command as users call it; it becomes the process by exec, so the pid is the one that serves. */
const COMMAND = fileURLToPath(new URL('../../bin/memfleet', import.meta.url));

/** A {@link Launch} of `entry` under this Node; of the memfleet command itself unless given. */
export function launchWith(entry?: string): Launch {
  return (spec) => {
    const [file, args] = commandLine(spec, entry);
    const child = spawn(file, args, {
      // A session of its own: the terminal's Ctrl-C reaches the supervisor alone, which ends the children in order.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...heap(spec), ...spec.env },
    });
    const ended = new Promise<ChildEnd>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.on('error', () => {
        // Errors of kill and send concern a child that is ending anyway; without a pid it was never started.
        if (child.pid === undefined) resolve({ code: 127, signal: null });
      });
    });
    return {
      pid: child.pid,
      ended,
      kill: (signal) => void child.kill(signal),
      send: (message) => void (child.connected && child.send(message, () => {})),
    };
  };
}

function commandLine(spec: ChildSpec, entry: string | undefined): [file: string, args: string[]] {
  // A daemon may run on another runtime than ours, which the command knows how to find.
  if (entry === undefined && spec.args[0] === 'daemon') return [COMMAND, [...spec.args]];
  return [process.execPath, ['--disable-warning=ExperimentalWarning', entry ?? ENTRY, ...spec.args]];
}

function heap({ heapMb }: ChildSpec): Record<string, string> {
  const given = process.env['NODE_OPTIONS'] ?? '';
  if (heapMb === undefined || given.includes('--max-old-space-size')) return {};
  return { NODE_OPTIONS: `${given} --max-old-space-size=${heapMb}`.trimStart() };
}
