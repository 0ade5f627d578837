/**
 * `-d`: a Node process cannot fork, so the daemon is started once more, in a session of its own and without a terminal,
 * and whoever asked for it waits until it listens, then leaves. The pid that serves is the new one; `-P` has it.
 */
import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** The descriptor on which the new process says that it listens. */
const READY_FD = 3;
const READY = 'ready';

/** In the new process's environment. */
export const DETACHED_VARIABLE = 'MEMFLEET_DETACHED';

/**
 * Starts the same command again in the background.
 *
 * @param command the runtime with its own flags, the script and all arguments
 * @param complain takes what the new process says on standard error if it ends before it listens
 * @returns 0 once it listens, else the code that it ended with
 */
export function detach(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  complain: (text: string) => void,
): Promise<number> {
  const [runtime = '', ...args] = command;
  const child = spawn(runtime, args, {
    detached: true,
    env: { ...env, [DETACHED_VARIABLE]: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  return new Promise((resolve) => {
    (child.stdio[READY_FD] as Readable).on('data', () => {
      child.unref();
      resolve(0);
    });
    child.once('error', (error) => {
      complain(`${error.message}\n`);
      resolve(1);
    });
    child.once('close', (code) => {
      complain(complaints);
      resolve(code ?? 1);
    });
  });
}

/** Tells the process that asked for this one that it listens. */
export function reportReady(): void {
  writeSync(READY_FD, READY);
  closeSync(READY_FD);
}
