/**
 * Builds the sidecar's HTTP application; `main.ts` listens. Every route is a read, so none takes a body, and every
 * error is problem+json. The routes are the contract's; nothing here knows a metric or a statistic by name.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../api/problem.ts';
import { ClassStatsBody, Description, Health, MetricsBody, Readiness, StatsBody } from '../api/sidecar.ts';
import type { Clock } from '../base/clock.ts';
import { isFleetError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { HttpGuard } from '../http/guard.ts';
import { sendProblem, type ErrorAnswers } from '../http/problems.ts';
import { httpServer } from '../http/server.ts';
import { shared } from '../http/shared.ts';
import type { Collector, StatsBlock } from './collector.ts';
import { HTTP_BOUNDS, METRICS_AGE_MS } from './limits.ts';
import type { Exposition, NodeStatus } from './metrics/exposition.ts';
import { byClass, classStatsObject, statsObject, stringifyStats, type Snapshot, type Stats } from './snapshot.ts';

export interface SidecarOptions {
  collector: Collector;
  exposition: Exposition;
  /** What the sidecar knows of its node at this moment. */
  readonly status: () => NodeStatus;
  /** HOST:PORT of the daemon, to be told to people. */
  daemon: string;
  clock: Clock;
  log: Logger;
}

const JSON_TYPE = 'application/json; charset=utf-8';

const STATS_ROUTES: readonly { path: string; block: StatsBlock; classes: boolean; summary: string }[] = [
  { path: '/stats', block: '', classes: false, summary: 'General statistics.' },
  { path: '/stats/items', block: 'items', classes: true, summary: 'Items by slab class.' },
  { path: '/stats/slabs', block: 'slabs', classes: true, summary: 'Memory by slab class.' },
  { path: '/stats/settings', block: 'settings', classes: false, summary: 'Settings.' },
  { path: '/stats/sizes', block: 'sizes', classes: false, summary: 'Items by size, where the daemon counts them.' },
  { path: '/stats/conns', block: 'conns', classes: true, summary: 'Connections by number.' },
];

/** What the daemon said no to is its answer; that it did not answer is a matter of the moment. */
const ERROR_ANSWERS: ErrorAnswers = {
  server: 'sidecar',
  statusOfCode: {
    CONNECT_FAILED: 503,
    NODE_FULL: 503,
    TIMEOUT: 503,
    QUEUE_FULL: 503,
    CLOSED: 503,
    SERVER: 502,
    PROTOCOL: 502,
    TOO_LARGE: 502,
  },
  wordsOf: ({ message }) => `the daemon: ${message}`,
};

/** The application, ready to listen or to be asked with `inject()`. Closing it leaves the collector open. */
export async function buildApp(options: SidecarOptions): Promise<FastifyInstance> {
  const guard = new HttpGuard(HTTP_BOUNDS, options.clock);
  const app = httpServer({
    description: 'One cache node over HTTP.',
    log: options.log,
    guard,
    bounds: HTTP_BOUNDS,
    answers: ERROR_ANSWERS,
  });
  app.addHook('onResponse', async (request, reply) => {
    options.log.debug({ method: request.method, url: request.url, status: reply.statusCode, ms: reply.elapsedTime });
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  await app.register(async (scope) => addRoutes(scope, options, guard));
  await app.ready();
  return app;
}

function addRoutes(scope: FastifyInstance, options: SidecarOptions, guard: HttpGuard): void {
  addHealthRoutes(scope, options);
  addStatsRoutes(scope, options);
  addMetricsRoute(scope, options, guard);
  const description = shared(options.clock, Number.POSITIVE_INFINITY, () => JSON.stringify(scope.swagger()));
  const schema = { summary: 'This description.', response: { 200: Description } };
  scope.get('/openapi.json', { schema }, async (_request, reply) => reply.type(JSON_TYPE).send(await description()));
}

function addHealthRoutes(scope: FastifyInstance, { collector, status, clock, daemon }: SidecarOptions): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const startedMs = clock.monotonicMs();
  app.get('/healthz', { schema: { summary: 'Does the process live?', response: { 200: Health } } }, () => ({
    status: 'ok' as const,
    node: status().name,
    uptimeSeconds: (clock.monotonicMs() - startedMs) / 1000,
  }));
  app.get(
    '/readyz',
    { schema: { summary: 'Should clients use the node?', response: { 200: Readiness, 503: Problem } } },
    async (_request, reply) => {
      if (status().draining) return sendProblem(reply, 503, 'draining: the node is leaving the fleet', 'draining');
      const full = await isFull(collector);
      return { status: 'ready' as const, node: status().name, daemon, ...(full ? { full } : {}) };
    },
  );
}

/**
 * Whether the daemon answers that it takes no further connection. Then it serves those it has, and whoever restarted it for
 * that would have it lose them.
 * @throws FleetError whatever else keeps it from answering
 */
async function isFull(collector: Collector): Promise<boolean> {
  try {
    await collector.read('');
    return false;
  } catch (error) {
    if (isFleetError(error, 'NODE_FULL')) return true;
    throw error;
  }
}

function addStatsRoutes(app: FastifyInstance, { collector, clock }: SidecarOptions): void {
  for (const { path, block, classes, summary } of STATS_ROUTES) {
    // Not by the schema's own serialiser, which knows no integers beyond 2^53.
    const read = shared(clock, 0, async () => {
      const stats: Stats = await collector.read(block);
      return stringifyStats(classes ? classStatsObject(byClass(stats)) : statsObject(stats));
    });
    const body = classes ? ClassStatsBody : StatsBody;
    app.get(
      path,
      {
        schema: { summary, response: { 200: body, 502: Problem, 503: Problem } },
      },
      async (_request, reply) => reply.type(JSON_TYPE).send(await read()),
    );
  }
}

function addMetricsRoute(app: FastifyInstance, options: SidecarOptions, guard: HttpGuard): void {
  const { collector, exposition, status, clock, log } = options;
  exposition.watchHttp(guard);
  const scrape = shared(clock, METRICS_AGE_MS, async () => {
    const startedMs = clock.monotonicMs();
    let snapshot: Snapshot | undefined;
    let failure: string | undefined;
    try {
      snapshot = await collector.collect();
    } catch (error) {
      // A daemon that does not answer is a measurement too: the scrape succeeds and says so.
      if (!isFleetError(error)) throw error;
      log.debug({ err: error }, 'no statistics for this scrape');
      failure = error.code;
    }
    exposition.observeCollection((clock.monotonicMs() - startedMs) / 1000, failure);
    return exposition.render(snapshot, status(), failure === 'NODE_FULL');
  });
  const response = { 200: { description: 'The metrics.', content: { 'text/plain': { schema: MetricsBody } } } };
  app.get('/metrics', { schema: { summary: 'For Prometheus.', response } }, async (_request, reply) =>
    reply.type(exposition.contentType).send(await scrape()),
  );
}
