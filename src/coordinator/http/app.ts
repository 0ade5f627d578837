/**
 * Builds the coordinator's HTTP application; `main.ts` listens. Reading is free; whatever else is asked needs the
 * token, decided before any route is looked at, so that no new route can forget it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { networkOf } from '../../base/host-port.ts';
import type { Logger } from '../../base/log.ts';
import { HttpGuard } from '../../http/guard.ts';
import { sendProblem, type ErrorAnswers } from '../../http/problems.ts';
import { httpServer } from '../../http/server.ts';
import { NAME_LENGTH_MAX } from '../../topology/limits.ts';
import { judge } from './auth.ts';
import { FleetCommands } from '../commands.ts';
import { EventStreams } from './event-streams.ts';
import type { Fleet } from '../fleet.ts';
import { CHANGE_RATE, HTTP_BOUNDS, READ_RATE } from '../limits.ts';
import type { CoordinatorMetrics } from '../metrics.ts';
import type { Publisher } from '../publisher.ts';
import { RateLimit } from './rate-limit.ts';
import { FollowerSeats } from './seats.ts';
import { addCommandRoutes } from './routes/commands.ts';
import { addNodeRoutes } from './routes/nodes.ts';
import { addPageRoutes } from './routes/page.ts';
import { addSelfRoutes } from './routes/self.ts';
import { addTopologyRoutes } from './routes/topology.ts';
import { addViewRoutes } from './routes/views.ts';

export interface CoordinatorAppOptions {
  readonly fleet: Fleet;
  readonly fleetName: string;
  /** Value of the `namespace` label of scrape targets. */
  readonly namespace: string;
  readonly publisher: Publisher;
  readonly metrics: CoordinatorMetrics;
  /** Who knows it may change things; undefined or empty: nobody may. */
  readonly token: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** The application, ready to listen or to be asked with `inject()`. Closing it leaves the fleet open. */
export async function buildApp(options: CoordinatorAppOptions): Promise<FastifyInstance> {
  const guard = new HttpGuard(HTTP_BOUNDS, options.clock);
  options.metrics.watchHttp(guard);
  const app = httpServer({
    description: 'The topology of a cache fleet.',
    log: options.log,
    guard,
    bounds: HTTP_BOUNDS,
    answers: ERROR_ANSWERS,
    settings: { routerOptions: { maxParamLength: NAME_LENGTH_MAX }, forceCloseConnections: true },
    hasToken: true,
  });
  const closing = new AbortController();
  const streams = new EventStreams(options.publisher, options.clock, options.random);
  app.addHook('preClose', async () => {
    closing.abort();
    commands.cancelFlush();
    streams.close();
  });
  const rates = { reads: new RateLimit(READ_RATE), changes: new RateLimit(CHANGE_RATE) };
  const commands = new FleetCommands({ target: options.fleet, clock: options.clock, log: options.log });
  app.addHook('onRequest', async (request, reply) => limitRate(rates, options.clock, request, reply));
  app.addHook('onRequest', async (request, reply) => authorize(options.token, request, reply));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    // Nothing but the page is meant to be shown by a browser; the page says what it needs.
    if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', API_CONTENT_POLICY);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  await app.register(async (scope) => {
    addTopologyRoutes(scope, { ...options, streams, guard, seats: new FollowerSeats(), closing: closing.signal });
    addViewRoutes(scope, options);
    await scope.register(async (known) => {
      known.addHook('preHandler', async (_request, reply) => waitForFirstLook(options.fleet, reply));
      addNodeRoutes(known, options);
      addCommandRoutes(known, { commands });
    });
    addSelfRoutes(scope, options);
    await addPageRoutes(scope);
  });
  await app.ready();
  return app;
}

const ERROR_ANSWERS: ErrorAnswers = {
  server: 'coordinator',
  statusOfCode: { BAD_CONFIG: 400, BAD_KEY: 400, NO_NODES: 503 },
};

/** Before the first look at the sources nothing is known of any node, which is not the same as that there is none. */
async function waitForFirstLook({ notSeenYet }: Fleet, reply: FastifyReply): Promise<unknown> {
  return notSeenYet === undefined ? undefined : sendProblem(reply, 503, notSeenYet);
}

const API_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'";

interface Rates {
  readonly reads: RateLimit;
  readonly changes: RateLimit;
}

/** Before everything else, so that guessing tokens is slow too. */
async function limitRate(rates: Rates, clock: Clock, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const limit = isRead(request) ? rates.reads : rates.changes;
  const waitSeconds = limit.take(networkOf(request.ip), clock.monotonicMs());
  if (waitSeconds === 0) return undefined;
  reply.header('retry-after', String(waitSeconds));
  return sendProblem(reply, 429, 'too many requests from this address');
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** The token stands before everything that is not a read, routes that do not exist included. */
async function authorize(token: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (isRead(request)) return undefined;
  const verdict = judge(token, request.headers.authorization);
  if (verdict === 'allowed') return undefined;
  if (verdict === 'no-token-set') {
    return sendProblem(reply, 403, 'nothing can be changed over HTTP: the coordinator has no MEMFLEET_TOKEN');
  }
  request.log.warn({ audit: 'refused', from: request.ip, method: request.method }, 'wrong token');
  reply.header('www-authenticate', 'Bearer realm="memfleet"');
  return sendProblem(reply, 401, 'the token is missing or wrong');
}
