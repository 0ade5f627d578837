/**
 * The tie of a child process to the supervisor that started it. A supervisor gives each child an IPC channel; when the
 * supervisor is gone, killed outright included, the system closes that channel and the child ends as on SIGTERM, so
 * that nothing is left behind. `src/cli/main.ts` ties every process before it dispatches; no area need do it again.
 */

/** How long a process without its supervisor may take to end in good order before it simply exits. */
export const ORPHAN_TIMEOUT_MS = 10_000;

/** What of `process` is needed; tests pass an EventEmitter. */
export interface ChildProcessSide {
  readonly channel?: { unref?(): void } | null | undefined;
  once(event: 'disconnect', listener: () => void): unknown;
}

/**
 * Ends this process when its supervisor is gone. Does nothing in a process that has no IPC channel. The channel itself
 * never keeps the process alive, whoever listens to messages on it later.
 * @param onEnd what ends the process; SIGTERM to itself unless given, and exit code 1 after {@link ORPHAN_TIMEOUT_MS}
 */
export function endWithParent(onEnd: () => void = endAsOnSigterm, child: ChildProcessSide = process): void {
  if (child.channel === undefined || child.channel === null) return;
  child.once('disconnect', onEnd);
  // After the listener: an explicit unref wins over the count of listeners that Node keeps.
  child.channel.unref?.();
}

/** How often a process under npm looks whether npm is still there. */
const NPM_CHECK_MS = 500;

/**
 * Ends this process when it was started by an npm script and npm, or the shell in between, is gone: npm passes a signal
 * on to its shell, which ends without passing it on, and a process that is killed passes on nothing.
 * @param env where npm says that it runs a script
 */
export function endWithNpm(env: Readonly<Record<string, string | undefined>>): void {
  if (env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    endAsOnSigterm();
  }, NPM_CHECK_MS);
  timer.unref();
}

function endAsOnSigterm(): void {
  setTimeout(() => process.exit(1), ORPHAN_TIMEOUT_MS).unref();
  process.kill(process.pid, 'SIGTERM');
}
