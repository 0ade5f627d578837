/**
 * The process `memfleet sidecar`: reads its options, connects the parts, listens, and ends on a signal. From the
 * moment it is told to end, or told by its supervisor to drain, `/readyz` says so while everything else is answered.
 */
import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { describeOptions, httpUrl, named, option, readOptions, toggle } from '../base/config.ts';
import { listenAddress } from '../base/host-port.ts';
import type { OptionValues } from '../base/config.ts';
import { createLifecycle, listenError, reportFailure, type Lifecycle } from '../base/lifecycle.ts';
import { createLogger, LOG_LEVEL_OPTION, type Logger } from '../base/log.ts';
import { withSecretFiles } from '../base/secret-files.ts';
import { configToken } from '../base/token.ts';
import { Connection, followCoordinator } from '../client/internal.ts';
import { buildApp } from './app.ts';
import { Collector } from './collector.ts';
import { daemonPlace, formatPlace, type DaemonPlace } from './daemon-place.ts';
import { Handover } from './handover.ts';
import { lookAround } from './look-around.ts';
import {
  ANSWER_BYTES_MAX,
  BACKOFF_MAX_MS,
  COLLECT_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  WATCH_INTERVAL_MS,
} from './limits.ts';
import { Exposition } from './metrics/exposition.ts';

const OPTIONS = {
  daemon: option(daemonPlace, { env: 'MEMFLEET_DAEMON', default: '127.0.0.1:11211', help: 'the daemon to speak for' }),
  listen: option(listenAddress, {
    env: 'MEMFLEET_SIDECAR_LISTEN',
    default: '0.0.0.0:9150',
    help: 'where to answer HTTP',
  }),
  name: option(named('NAME'), { env: 'MEMFLEET_NODE_NAME', help: 'the name of the node; the host name unless given' }),
  coordinator: option(httpUrl, { env: 'MEMFLEET_COORDINATOR', help: 'whose topology to hand to the daemon' }),
  logLevel: LOG_LEVEL_OPTION,
  configToken: option(named('TOKEN'), {
    env: 'MEMFLEET_CONFIG_TOKEN',
    flag: false,
    help: 'what the daemon knows its sidecar by; default what follows from the next',
  }),
  token: option(named('TOKEN'), { env: 'MEMFLEET_TOKEN', flag: false, help: "the fleet's, if it may be known here" }),
  help: toggle({ short: 'h', help: 'print this' }),
};

type Options = OptionValues<typeof OPTIONS>;

/** Runs the sidecar until a signal ends it. Resolves with the exit code: 0, 64 for bad flags, 71 for a taken port. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(OPTIONS, args, withSecretFiles(process.env));
    if (options.help) {
      process.stdout.write(`Usage: memfleet sidecar [options]\n\n${describeOptions(OPTIONS)}\n`);
      return 0;
    }
    const readable = process.stderr.isTTY;
    await run(options, createLogger({ component: 'sidecar', level: options.logLevel, readable }));
    return 0;
  } catch (error) {
    return reportFailure('sidecar', error, (line) => process.stderr.write(line));
  }
}

async function run(options: Options, log: Logger): Promise<void> {
  const clock = systemClock;
  const lifecycle = createLifecycle({ log });
  const name = options.name ?? hostname();
  const daemon = formatPlace(options.daemon);
  let drainAsked = false;
  process.on('message', (message) => {
    if (!isDrainMessage(message) || drainAsked) return;
    drainAsked = true;
    log.info('draining');
  });

  const collector = new Collector({ source: connectTo(options.daemon), clock, timeoutMs: COLLECT_TIMEOUT_MS });
  lifecycle.onShutdown('connection to the daemon', () => collector.close());
  const handover = followTopology(options, lifecycle, log);
  const app = await buildApp({
    collector,
    exposition: new Exposition(),
    status: () => ({
      name,
      draining: drainAsked || lifecycle.signal.aborted,
      topologyVersion: handover?.daemonVersion,
    }),
    daemon,
    clock,
    log,
  });
  lifecycle.onShutdown('http', () => app.close());
  try {
    const address = await app.listen({ ...options.listen, listenTextResolver: () => 'listening' });
    log.info({ address, daemon, node: name }, 'ready');
  } catch (error) {
    lifecycle.stop('cannot listen');
    await lifecycle.untilStopped();
    throw listenError(error, options.listen);
  }
  await lifecycle.untilStopped();
}

function connectTo(place: DaemonPlace): Connection {
  const where = 'path' in place ? { host: 'unix', port: 0, path: place.path } : place;
  return new Connection({
    ...where,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    commandTimeoutMs: COLLECT_TIMEOUT_MS,
    backoffMaxMs: BACKOFF_MAX_MS,
    valueBytesMax: ANSWER_BYTES_MAX,
    answerBytesMax: ANSWER_BYTES_MAX,
  });
}

/**
 * Follows the coordinator and hands each document to the daemon, over a connection of its own, so that a payload that
 * a daemon misunderstands cannot disturb the statistics. Undefined if there is nothing to follow or no token.
 */
function followTopology(options: Options, lifecycle: Lifecycle, log: Logger): Handover | undefined {
  const { coordinator } = options;
  const token = configToken(options.configToken, options.token);
  if (coordinator === undefined) return undefined;
  if (token === undefined) {
    log.warn('no MEMFLEET_CONFIG_TOKEN or MEMFLEET_TOKEN, so the daemon cannot be given the topology');
    return undefined;
  }
  const target = connectTo(options.daemon);
  const handover = new Handover({ target, token, clock: systemClock, log, intervalMs: WATCH_INTERVAL_MS });
  const source = followCoordinator({ url: coordinator });
  const stopLooking = lookAround({
    url: coordinator,
    lookup: (name) => lookup(name, { all: true }),
    follow: (url) => followCoordinator({ url }),
    offer: (document) => handover.offer(document),
    clock: systemClock,
    random: Math.random,
  });
  lifecycle.onShutdown('topology', () => {
    stopLooking();
    source.close();
    handover.close();
    return target.close();
  });
  let troubled = false;
  const onDocument = (document: Parameters<Handover['offer']>[0]): void => {
    if (troubled) log.info({ version: document.version }, 'following the coordinator again');
    troubled = false;
    handover.offer(document);
  };
  const onTrouble = (error: Error): void => {
    // It goes on trying by itself, so the same outage is told once.
    if (!troubled) log.warn({ coordinator }, `cannot follow the coordinator: ${error.message}`);
    troubled = true;
  };
  source.start(onDocument, onTrouble).catch((error: unknown) => {
    if (!lifecycle.signal.aborted) log.error({ err: error }, 'stopped following the coordinator');
  });
  return handover;
}

function isDrainMessage(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'drain';
}
