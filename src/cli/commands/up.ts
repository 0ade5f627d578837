/**
 * `memfleet up`: a local fleet of real processes, ready in seconds, until Ctrl-C. Keeps no state: what the fleet knew is
 * gone with it.
 */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../base/clock.ts';
import { integer, option } from '../../base/config.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { isFleetError } from '../../base/errors.ts';
import { aborted } from '../../base/lifecycle.ts';
import { endWithNpm } from '../../base/parent.ts';
import { processIo, runCommand, EXIT_UNAVAILABLE, type Io } from '../command.ts';
import { splitDaemonFlags } from '../daemon-flags.ts';
import { LOCAL_NODES_MAX, LOCAL_STARTS_MAX } from '../limits.ts';
import { planLocalFleet, type LocalFleet } from '../local-fleet.ts';
import { assertFree } from '../ports.ts';
import { untilCoordinatorAnswers, untilReady } from '../ready.ts';
import { stopSignals } from '../signals.ts';
import { describeEnd, exitCodeOf, hasToldWhy, Supervisor } from '../supervisor.ts';
import { formatTable } from '../table.ts';

const port = integer(1, 65_535);

const SPEC = {
  name: 'up',
  words: "[memcached's flags]",
  about: `Starts a fleet on this machine: daemons, their sidecars and a coordinator, on loopback only. Ctrl-C ends it.
memcached's flags, such as -m 256 -I 2m -c 4096, are handed to each daemon.`,
  options: {
    nodes: option(integer(1, LOCAL_NODES_MAX), { default: '4', help: 'how many nodes' }),
    daemonPort: option(port, { default: '11211', help: "the first daemon's port; the others follow" }),
    sidecarPort: option(port, { default: '9151', help: "the first sidecar's port; the others follow" }),
    coordinatorPort: option(port, { default: '8080', help: "the coordinator's HTTP port" }),
    discoveryPort: option(port, { default: '11210', help: 'where auto-discovery clients ask' }),
  },
  split: (args: readonly string[]) =>
    splitDaemonFlags(
      args,
      ['--nodes', '--daemon-port', '--sidecar-port', '--coordinator-port', '--discovery-port'],
      ['--help', '-h'],
    ),
};

/** Runs until a signal, then resolves with 0; with another code if the fleet could not start or go on. */
export function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(SPEC, args, io, async (options, daemonFlags) => {
    const fleet = planLocalFleet({
      ...options,
      daemonFlags,
      configToken: randomBytes(24).toString('base64url'),
      logLevel: io.env['MEMFLEET_LOG_LEVEL'] ?? 'warn',
    });
    await assertFree(fleet.addresses);
    return supervise(fleet, io);
  });
}

async function supervise(fleet: LocalFleet, io: Io): Promise<number> {
  const tell = (line: string): void => io.err(`memfleet up: ${line}\n`);
  const signals = stopSignals(systemClock);
  endWithNpm(io.env);
  const supervisor = new Supervisor({ tell, startsMax: LOCAL_STARTS_MAX });
  for (const child of fleet.core) supervisor.start(child);
  let code = 0;
  try {
    const failed = new AbortController();
    void supervisor.fatal.then(() => failed.abort());
    const over = AbortSignal.any([signals.asked, failed.signal]);
    await Promise.race([start(fleet, supervisor, over), aborted(over)]);
    if (!over.aborted) io.out(welcome(fleet));
    const end = await Promise.race([aborted(signals.asked), supervisor.fatal]);
    if (end !== undefined) {
      code = exitCodeOf(end);
      if (!hasToldWhy(end)) tell(`${end.name} ended with ${describeEnd(end)}`);
    }
  } catch (error) {
    if (!isFleetError(error, 'TIMEOUT')) throw error;
    tell(error.message);
    code = EXIT_UNAVAILABLE;
  }
  // Sidecars first: while they live they would complain that what they look at is gone.
  await Promise.all(fleet.sidecars.map(({ name }) => supervisor.stop(name, signals.hurry)));
  await supervisor.stop(undefined, signals.hurry);
  signals.off();
  return code;
}

/** Starts the sidecars once the coordinator answers, and waits until everything does. */
async function start(fleet: LocalFleet, supervisor: Supervisor, stop: AbortSignal): Promise<void> {
  await untilCoordinatorAnswers(fleet, stop);
  if (stop.aborted) return;
  for (const child of fleet.sidecars) supervisor.start(child);
  await untilReady(fleet, stop);
}

function welcome(fleet: LocalFleet): string {
  const rows = fleet.nodes.map((node) => [
    node.name,
    formatHostPort(node.daemon),
    `http://${formatHostPort(node.sidecar)}`,
  ]);
  rows.push(['coordinator', formatHostPort(fleet.discovery), fleet.coordinatorUrl]);
  const table = formatTable([{ head: 'NAME' }, { head: 'MEMCACHED PROTOCOL' }, { head: 'HTTP' }], rows);
  const seconds = (systemClock.monotonicMs() / 1000).toFixed(1);
  const nodes = fleet.nodes.length === 1 ? '1 node' : `${fleet.nodes.length} nodes`;
  return `${table}ready: ${nodes} in ${seconds} s, Ctrl-C ends them\n`;
}
