/**
 * Builds the sidecar's HTTP application; `main.ts` listens. Every route is a read, so none takes a body, and every
 * error is problem+json. The routes are the contract's; nothing here knows a metric or a statistic by name.
 */
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { PROBLEM_CONTENT_TYPE, Problem, problem } from '../api/problem.ts';
import { ClassStatsBody, Description, Health, MetricsBody, Readiness, StatsBody } from '../api/sidecar.ts';
import { refuseUnreadable } from '../api/unreadable-request.ts';
import type { Clock } from '../base/clock.ts';
import { isFleetError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { productVersion } from '../base/version.ts';
import type { Collector, StatsBlock } from './collector.ts';
import { BODY_BYTES_MAX, HTTP_CONNECTIONS_MAX, REQUEST_HEAD_BYTES_MAX, REQUEST_TIMEOUT_MS } from './limits.ts';
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

const STATS_ROUTES: readonly { path: string; block: StatsBlock; classes: boolean; summary: string }[] = [
  { path: '/stats', block: '', classes: false, summary: 'General statistics.' },
  { path: '/stats/items', block: 'items', classes: true, summary: 'Items by slab class.' },
  { path: '/stats/slabs', block: 'slabs', classes: true, summary: 'Memory by slab class.' },
  { path: '/stats/settings', block: 'settings', classes: false, summary: 'Settings.' },
  { path: '/stats/sizes', block: 'sizes', classes: false, summary: 'Items by size, where the daemon counts them.' },
  { path: '/stats/conns', block: 'conns', classes: true, summary: 'Connections by number.' },
];

/** The application, ready to listen or to be asked with `inject()`. Closing it leaves the collector open. */
export async function buildApp(options: SidecarOptions): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = options.log;
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { maxHeaderSize: REQUEST_HEAD_BYTES_MAX },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, error.statusCode ?? 400, error.message),
    clientErrorHandler: refuseUnreadable,
  });
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  app.setNotFoundHandler((request, reply) => notFound(app, request, reply));
  app.setErrorHandler((error, request, reply) => onError(error, request, reply));
  app.addHook('onResponse', async (request, reply) => {
    options.log.debug({ method: request.method, url: request.url, status: reply.statusCode, ms: reply.elapsedTime });
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'memfleet sidecar', description: 'One cache node over HTTP.', version: productVersion() },
    },
  });
  await app.register(async (scope) => addRoutes(scope, options));
  await app.ready();
  return app;
}

function addRoutes(scope: FastifyInstance, options: SidecarOptions): void {
  addHealthRoutes(scope, options);
  addStatsRoutes(scope, options);
  addMetricsRoute(scope, options);
  scope.get('/openapi.json', { schema: { summary: 'This description.', response: { 200: Description } } }, () =>
    scope.swagger(),
  );
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
      await collector.read('');
      return { status: 'ready' as const, node: status().name, daemon };
    },
  );
}

function addStatsRoutes(app: FastifyInstance, { collector }: SidecarOptions): void {
  for (const { path, block, classes, summary } of STATS_ROUTES) {
    const body = classes ? ClassStatsBody : StatsBody;
    app.get(
      path,
      {
        schema: { summary, response: { 200: body, 502: Problem, 503: Problem } },
        // The schema's own serialiser knows no integers beyond 2^53.
        serializerCompiler: () => stringifyStats,
      },
      async () => {
        const stats: Stats = await collector.read(block);
        return classes ? classStatsObject(byClass(stats)) : statsObject(stats);
      },
    );
  }
}

function addMetricsRoute(app: FastifyInstance, { collector, exposition, status, clock, log }: SidecarOptions): void {
  const response = { 200: { description: 'The metrics.', content: { 'text/plain': { schema: MetricsBody } } } };
  app.get('/metrics', { schema: { summary: 'For Prometheus.', response } }, async (_request, reply) => {
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
    return reply.type(exposition.contentType).send(await exposition.render(snapshot, status()));
  });
}

function sendProblem(reply: FastifyReply, status: number, detail: string, code?: string): FastifyReply {
  // A string, so that no route's serialiser takes a hand in it.
  return reply
    .code(status)
    .type(PROBLEM_CONTENT_TYPE)
    .send(JSON.stringify(problem(status, detail, code)));
}

function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?');
  if (request.method !== 'GET' && app.hasRoute({ method: 'GET', url: path })) {
    reply.header('allow', 'GET, HEAD');
    return sendProblem(reply, 405, `${path} can only be read`);
  }
  return sendProblem(reply, 404, `there is no ${request.method} ${path}`);
}

/** What the daemon said no to is its answer; that it did not answer is a matter of the moment. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  CONNECT_FAILED: 503,
  TIMEOUT: 503,
  QUEUE_FULL: 503,
  CLOSED: 503,
  SERVER: 502,
  PROTOCOL: 502,
};

function onError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (isFleetError(error)) {
    return sendProblem(reply, STATUS_OF_CODE[error.code] ?? 500, `the daemon: ${error.message}`, error.code);
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status < 500) return sendProblem(reply, status, error instanceof Error ? error.message : String(error));
  request.log.error({ err: error }, 'request failed');
  return sendProblem(reply, 500, 'the sidecar failed; its log says why');
}
