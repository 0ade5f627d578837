/** The whole coordinator over HTTP, with a source and daemons of the test's own and the machine's real time. */
import type { FastifyInstance } from 'fastify';
import { ManualClock, systemClock, type Clock } from '../../../src/base/clock.ts';
import { silentLogger, type Logger } from '../../../src/base/log.ts';
import { buildApp } from '../../../src/coordinator/http/app.ts';
import { Fleet } from '../../../src/coordinator/fleet.ts';
import { CoordinatorMetrics } from '../../../src/coordinator/metrics.ts';
import { DEFAULT_HEALTH } from '../../../src/coordinator/health/node-state.ts';
import { Publisher } from '../../../src/coordinator/publisher.ts';
import { memoryStore } from '../../../src/coordinator/state-file.ts';
import { DEFAULT_HASHING } from '../../../src/topology/document.ts';
import { FakeDaemons, FakeSource, observedOf } from '../support.ts';

export interface AppWorld extends AsyncDisposable {
  app: FastifyInstance;
  fleet: Fleet;
  source: FakeSource;
  daemons: FakeDaemons;
  publisher: Publisher;
  clock: Clock;
  /** Makes these nodes the fleet. */
  hold(...numbers: number[]): void;
}

export interface AppSettings {
  token?: string;
  watchersMax?: number;
  /** What the HTTP side takes for time; the fleet's own time is the machine's. */
  clock?: ManualClock;
  /** Where the HTTP side logs; nowhere unless given. */
  log?: Logger;
}

export async function startApp({
  token,
  watchersMax = 100,
  clock,
  log = silentLogger,
}: AppSettings = {}): Promise<AppWorld> {
  const source = new FakeSource();
  const daemons = new FakeDaemons();
  const publisher = new Publisher(watchersMax);
  const metrics = new CoordinatorMetrics();
  const fleet = new Fleet({
    fleet: 'memfleet',
    hashing: DEFAULT_HASHING,
    sources: [source],
    store: memoryStore(),
    publisher,
    prober: daemons.factory,
    settings: DEFAULT_HEALTH,
    clock: systemClock,
    random: () => 0.5,
    log: silentLogger,
    onProbe: (node, result) => metrics.observeProbe(node, result),
  });
  metrics.watch(fleet, publisher, () => 0);
  const app = await buildApp({
    fleet,
    fleetName: 'memfleet',
    namespace: 'default',
    publisher,
    metrics,
    token,
    clock: clock ?? systemClock,
    random: () => 0.5,
    log,
  });
  await fleet.start();
  return {
    app,
    fleet,
    source,
    daemons,
    publisher,
    clock: clock ?? systemClock,
    hold: (...numbers) => source.observe(...numbers.map((number) => observedOf(`cache-${number}`))),
    async [Symbol.asyncDispose]() {
      await app.close();
      await fleet.close();
    },
  };
}
