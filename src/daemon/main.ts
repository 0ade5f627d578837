/**
 * `memfleet daemon`: one cache daemon, a memcached to whoever connects. Reads flags, listens, and leaves in good order
 * on SIGTERM, SIGINT or `shutdown`. Like memcached it is silent without `-v`.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { EXIT_PORT_TAKEN, EXIT_USAGE } from '../base/lifecycle.ts';
import { FleetError, isFleetError } from '../base/errors.ts';
import { LineSink, type LineStream } from '../base/line-sink.ts';
import { withSecretFiles } from '../base/secret-files.ts';
import { productVersion } from '../base/version.ts';
import { DETACHED_VARIABLE, detach, reportReady } from './detach.ts';
import { readDaemonOptions } from './options/options.ts';
import { memoryLimit, whyTooMuch } from './memory-limit.ts';
import { PORT_FILE_VARIABLE, writePortFile } from './port-file.ts';
import { helpText } from './options/help.ts';
import { Server } from './server.ts';
import type { Settings } from './settings.ts';
import { MEMCACHED_VERSION } from '../base/memcached.ts';
import type { TlsTransport } from './transport/tls.ts';
import { chooseTransport } from './transport/choose.ts';

/** Two folders up from here, in the checkout and in the compiled package alike. */
const LICENSE = new URL('../../LICENSE', import.meta.url);
const EXIT_FAILURE = 1;
/** In the background nobody reads it. */
const NOWHERE: LineStream = { write: () => true };
const KEEP_ALIVE_MS = 1000;

/** Runs until told to stop; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    process.stderr.write(`memfleet daemon: ${error.message}\n`);
    if (error.code === 'BAD_CONFIG') return EXIT_USAGE;
    return error.code === 'PORT_TAKEN' ? EXIT_PORT_TAKEN : EXIT_FAILURE;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const request = readDaemonOptions(args, withSecretFiles(process.env));
  if (request.kind === 'help') {
    process.stdout.write(helpText(productVersion(), MEMCACHED_VERSION));
    return 0;
  }
  if (request.kind === 'version') {
    process.stdout.write(`memfleet ${productVersion()}, as memcached ${MEMCACHED_VERSION}\n`);
    return 0;
  }
  if (request.kind === 'license') {
    process.stdout.write(`memfleet ${productVersion()}\n\n${readFileSync(LICENSE, 'utf8')}`);
    return 0;
  }
  const detached = process.env[DETACHED_VARIABLE] !== undefined;
  if (request.detach && !detached) {
    const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    return detach(command, process.env, (text) => void process.stderr.write(text));
  }
  const tooMuch = whyTooMuch(request.settings.maxBytes, memoryLimit());
  if (tooMuch !== undefined) warn(`-m is too large for this container: ${tooMuch}`);
  const log = new LineSink(detached ? NOWHERE : process.stderr, (missing) => {
    warn(`${missing} lines are missing here: they were not read in time`);
  });
  const server = new Server({
    settings: request.settings,
    transport: await chooseTransport(process.env['MEMFLEET_TRANSPORT']),
    tls: await tlsTransport(request.settings),
    productVersion: productVersion(),
    hashSeed: randomInt(0x1_0000_0000),
    collectGarbage: bunCollector(),
    memoryLimit,
    log,
  });
  // Before anybody can connect: a signal that nobody waits for would end the process, and their connections with it.
  const stopped = server.untilStopped();
  const stop = (): void => server.stop();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.on('SIGHUP', () => server.reload());
  // The clock's timers hold nothing open, and without listeners nothing else does either.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  await server.listen();
  if (server.listening.length === 0) warn('nobody can connect: -p 0, and neither -U nor -s');
  if (request.user !== undefined) assumeIdentity(request.user);
  if (request.pidFile !== undefined) writePidFile(request.pidFile);
  const portFile = process.env[PORT_FILE_VARIABLE];
  if (portFile)
    writePortFile(
      portFile,
      server.listening.map(({ endpoint }) => endpoint),
    );
  if (detached) reportReady();
  await stopped;
  await server.close();
  clearInterval(alive);
  if (request.pidFile !== undefined) rmSync(request.pidFile, { force: true });
  return 0;
}

/** What is likely a mistake, though memcached's flags allow it. */
function warn(what: string): void {
  process.stderr.write(`memfleet daemon: warning: ${what}\n`);
}

/** `-Z`; without it nothing of TLS is loaded. */
async function tlsTransport({ tls }: Settings): Promise<TlsTransport | undefined> {
  if (tls === undefined) return undefined;
  const { TlsTransport } = await import('./transport/tls.ts');
  return TlsTransport.create(tls);
}

/** What collects garbage under Bun. */
function bunCollector(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(isForced: boolean): void } };
  return Bun === undefined ? undefined : () => Bun.gc(true);
}

/** `-u`: gives up root once the port is bound. Without root there is nothing to give up, as with memcached. */
function assumeIdentity(user: string): void {
  if (process.getuid?.() !== 0) return;
  const entry = readFileSync('/etc/passwd', 'latin1')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === user);
  if (entry === undefined) throw new FleetError('BAD_CONFIG', `-u ${user}: no such user`);
  process.setgroups?.([]);
  process.setgid?.(Number(entry[3]));
  process.setuid?.(Number(entry[2]));
}

function writePidFile(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `-P ${path}: cannot be written`, error);
  }
}
