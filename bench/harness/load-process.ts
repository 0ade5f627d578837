/** The harness's end of the load generator's process: starts it on its core, asks, and ends it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CommandName, LoadCommands } from '../load/commands.ts';
import { endAtExit, pinned } from './processes.ts';

/** The longest that any one command may take: filling gigabytes with small values takes minutes. */
const COMMAND_TIMEOUT_MS = 900_000;

export class LoadProcess {
  readonly #child: ChildProcess;
  #settle: { resolve: (result: never) => void; reject: (error: Error) => void } | undefined;

  /**
   * @param core the core to run on; undefined leaves it to the system
   * @param runtime the Node or Bun to run under
   */
  constructor(core: number | undefined, runtime: string | undefined = process.execPath) {
    const script = fileURLToPath(new URL('../load/main.ts', import.meta.url));
    const [command = runtime, ...args] = pinned(core, [runtime, script]);
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    endAtExit(this.#child);
    if (this.#child.stdout === null) throw new Error('the load generator has no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(line));
    this.#child.on('error', (error) => this.#settle?.reject(error));
    this.#child.on('exit', (code, signal) =>
      this.#settle?.reject(new Error(`the load generator ended with ${code ?? signal}`)),
    );
  }

  /** Runs one command. One at a time. @throws Error with what went wrong there, a wrong answer of the server above all */
  ask<Name extends CommandName>(
    command: Name,
    params: LoadCommands[Name]['params'],
  ): Promise<LoadCommands[Name]['result']> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${command} took too long`)), COMMAND_TIMEOUT_MS);
      this.#settle = {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#child.stdin?.write(`${JSON.stringify({ command, params })}\n`);
    });
  }

  /** Ends the process. */
  close(): void {
    this.#settle = undefined;
    this.#child.stdin?.end();
  }

  #answer(line: string): void {
    const { result, error } = JSON.parse(line) as { result: never; error?: string };
    if (error === undefined) this.#settle?.resolve(result);
    else this.#settle?.reject(new Error(error));
  }
}
