/**
 * The process `memfleet coordinator`: reads its options, connects the parts, listens, and ends on a signal. It
 * listens before it looks for nodes, so that a taken port is told before anything else has happened.
 */
import { systemClock } from '../base/clock.ts';
import { describeOptions } from '../base/config.ts';
import { createLifecycle, listenError, reportFailure, type Lifecycle } from '../base/lifecycle.ts';
import { createLogger, type Logger } from '../base/log.ts';
import { withSecretFiles } from '../base/secret-files.ts';
import { DEFAULT_HASHING } from '../topology/document.ts';
import { buildApp } from './http/app.ts';
import { DiscoveryEndpoint } from './discovery-endpoint.ts';
import { Fleet } from './fleet.ts';
import { WATCHERS_MAX } from './limits.ts';
import { CoordinatorMetrics } from './metrics.ts';
import { OPTIONS, readCoordinatorOptions, type CoordinatorOptions } from './options.ts';
import { memcachedProber } from './health/prober.ts';
import { Publisher } from './publisher.ts';
import { makeSources } from './discovery/sources.ts';
import { payloadSigner } from './signature.ts';
import { fileStore, memoryStore } from './state-file.ts';

/** Runs the coordinator until a signal ends it. Resolves with the exit code: 0, 64 for bad flags, 71 for a taken port. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readCoordinatorOptions(args, withSecretFiles(process.env));
    if (options.help) {
      process.stdout.write(`Usage: memfleet coordinator [options]\n\n${describeOptions(OPTIONS)}\n`);
      return 0;
    }
    const readable = process.stderr.isTTY;
    await run(options, createLogger({ component: 'coordinator', level: options.logLevel, readable }));
    return 0;
  } catch (error) {
    return reportFailure('coordinator', error, (line) => process.stderr.write(line));
  }
}

async function run(options: CoordinatorOptions, log: Logger): Promise<void> {
  const clock = systemClock;
  const random = Math.random;
  const sources = await makeSources(options, { clock, random, log });
  const lifecycle = createLifecycle({ log });
  const publisher = new Publisher(WATCHERS_MAX);
  const metrics = new CoordinatorMetrics();
  const fleet = new Fleet({
    fleet: options.fleet,
    hashing: DEFAULT_HASHING,
    ...(options.ipDiscovery === 'ipv6' && { ipDiscovery: 'ipv6' }),
    signer: options.token === undefined ? undefined : payloadSigner(options.token, options.fleet),
    sources,
    store: options.stateFile === undefined ? memoryStore() : fileStore(options.stateFile),
    publisher,
    prober: memcachedProber,
    settings: options.settings,
    onProbe: (node, result) => metrics.observeProbe(node, result),
    onRefusal: (why) => metrics.countRefusal(why),
    clock,
    random,
    log,
  });
  const endpoint = new DiscoveryEndpoint({ publisher, clock, log, pid: process.pid });
  metrics.watch(fleet, publisher, () => endpoint.connectionCount);
  const { namespace, token } = options;
  const app = await buildApp({
    fleet,
    fleetName: options.fleet,
    namespace,
    publisher,
    metrics,
    token,
    clock,
    random,
    log,
  });
  lifecycle.onShutdown('fleet', () => fleet.close());
  lifecycle.onShutdown('discovery endpoint', () => endpoint.close());
  lifecycle.onShutdown('http', () => app.close());

  await fleet.restore();
  await listening(lifecycle, options.discoveryListen, () => endpoint.listen(options.discoveryListen));
  await listening(lifecycle, options.listen, () =>
    app.listen({ ...options.listen, listenTextResolver: () => 'listening' }),
  );
  await fleet.start();
  log.info({ fleet: options.fleet, sources: options.sources, listen: options.listen }, 'ready');
  await lifecycle.untilStopped();
}

async function listening(
  lifecycle: Lifecycle,
  address: CoordinatorOptions['listen'],
  listen: () => Promise<unknown>,
): Promise<void> {
  try {
    await listen();
  } catch (error) {
    lifecycle.stop('cannot listen');
    await lifecycle.untilStopped();
    throw listenError(error, address);
  }
}
