/**
 * `memfleet node`: what a cache container runs. A daemon and its sidecar as two processes: the daemon's end is the
 * node's end, a sidecar that dies is started again without a request noticing.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { integer, option } from '../../base/config.ts';
import { FleetError } from '../../base/errors.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { aborted } from '../../base/lifecycle.ts';
import { withSecretFiles } from '../../base/secret-files.ts';
import { configToken } from '../../base/token.ts';
import { processIo, runCommand, type Io } from '../command.ts';
import { asksForHelp, wayToDaemon, type SidecarWay } from '../daemon-flags.ts';
import { DAEMON_HEAP_MB, DRAIN_MAX_MS, SIDECAR_HEAP_MB } from '../limits.ts';
import { nodeSecrets } from '../node-secrets.ts';
import { stopSignals, type StopSignals } from '../signals.ts';
import { describeEnd, exitCodeOf, hasToldWhy, Supervisor } from '../supervisor.ts';

const DAEMON = 'daemon';
const SIDECAR = 'sidecar';

const SPEC = {
  name: 'node',
  words: "[memcached's flags]",
  about: `Runs a cache daemon and its sidecar. memcached's flags go to the daemon ("memfleet daemon -h" lists them), the
sidecar is configured by its environment ("memfleet sidecar --help"). SIGTERM: the sidecar says that the node drains,
then the daemon answers what has arrived and ends.`,
  options: {
    drainMs: option(integer(0, DRAIN_MAX_MS), {
      env: 'MEMFLEET_DRAIN_MS',
      flag: false,
      default: '0',
      help: 'ms between saying that the node drains and ending the daemon',
    }),
  },
  split: (args: readonly string[]) => {
    const help = args.includes('--help');
    return { ours: help ? ['--help'] : [], others: args.filter((word) => word !== '--help') };
  },
};

/** Runs until the daemon ends and resolves with the daemon's exit code, 0 after a signal. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async ({ drainMs }, daemonFlags) => {
    if (asksForHelp(daemonFlags)) {
      const daemon = await import('../../daemon/main.ts');
      return daemon.main(daemonFlags);
    }
    return await withDoor(wayToDaemon(daemonFlags), (address, doorFlags) =>
      supervise({ daemonFlags: [...daemonFlags, ...doorFlags], address, drainMs, io }),
    );
  });
}

/**
 * Gives `body` the daemon's address for the sidecar, and the flags that open a socket there: one of its own, so that it has
 * a way in when the daemon has all the connections that it may have, or takes nobody's without a login. Where there is no
 * folder to be had for it, the daemon's port has to do.
 */
async function withDoor(
  way: SidecarWay,
  body: (address: string, doorFlags: readonly string[]) => Promise<number>,
): Promise<number> {
  const folder = privateFolder();
  if (folder === undefined) {
    if (way !== 'private socket') return await body(formatHostPort(way), []);
    throw new FleetError('BAD_CONFIG', `no folder for the sidecar's socket can be made in ${tmpdir()}`);
  }
  const path = join(folder, 'daemon.sock');
  try {
    return await body(`unix:${path}`, [`--sidecar-socket=${path}`]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A folder that only this user may look into; undefined where nothing can be written. */
function privateFolder(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), 'memfleet-'));
  } catch {
    return undefined;
  }
}

interface NodeOptions {
  daemonFlags: readonly string[];
  address: string;
  drainMs: number;
  io: Io;
}

async function supervise({ daemonFlags, address, drainMs, io }: NodeOptions): Promise<number> {
  const tell = (line: string): void => io.err(`memfleet node: ${line}\n`);
  const signals = stopSignals(systemClock);
  const supervisor = new Supervisor({ tell });
  const env = secrets(io);
  supervisor.start({ name: DAEMON, args: ['daemon', ...daemonFlags], env, heapMb: DAEMON_HEAP_MB, onExit: 'end' });
  const sidecarFlags = ['sidecar', '--daemon', address];
  supervisor.start({ name: SIDECAR, args: sidecarFlags, env, heapMb: SIDECAR_HEAP_MB, onExit: 'restart' });

  let end = await Promise.race([aborted(signals.asked), supervisor.fatal]);
  if (end === undefined) {
    await drain(supervisor, signals, drainMs);
    const daemonEnd = (await supervisor.stop(DAEMON, signals.hurry)).get(DAEMON);
    if (daemonEnd !== undefined) end = { name: DAEMON, ...daemonEnd };
  } else if (!hasToldWhy(end)) {
    tell(`${end.name} ended with ${describeEnd(end)}`);
  }
  await supervisor.stop(undefined, signals.hurry);
  signals.off();
  return end === undefined ? 0 : exitCodeOf(end);
}

/** Has the sidecar say that the node leaves, and gives those who ask it the time to hear that. */
async function drain(supervisor: Supervisor, signals: StopSignals, drainMs: number): Promise<void> {
  supervisor.send(SIDECAR, { type: 'drain' });
  if (drainMs === 0) return;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const cancel = systemClock.setTimer(drainMs, resolve);
  await Promise.race([over, aborted(signals.hurry), supervisor.fatal]);
  cancel();
}

/** Derived here, so that neither process has to know what it is made of; made up where nothing is given. */
function secrets(io: Io): Record<string, string | undefined> {
  const env = withSecretFiles(io.env);
  const given = configToken(env['MEMFLEET_CONFIG_TOKEN'], env['MEMFLEET_TOKEN']);
  return nodeSecrets(given ?? randomBytes(24).toString('base64url'));
}
