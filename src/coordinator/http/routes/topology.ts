/** The topology and what follows from it: document, long poll, event stream, owner of a key, scrape targets. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  EventStream,
  NotModified,
  Owner,
  OwnerQuery,
  Targets,
  Topology,
  TopologyQuery,
  ViewQuery,
} from '../../../api/coordinator.ts';
import { durationMs } from '../../../api/duration.ts';
import { Problem } from '../../../api/problem.ts';
import type { Clock } from '../../../base/clock.ts';
import { FleetError } from '../../../base/errors.ts';
import { checkKey } from '../../../client/internal.ts';
import type { EventStreams } from '../event-streams.ts';
import type { Fleet } from '../../fleet.ts';
import type { FollowerSeats } from '../seats.ts';
import type { HttpGuard } from '../../../http/guard.ts';
import { sendProblem } from '../../../http/problems.ts';
import { WAIT_MAX_MS } from '../../limits.ts';
import type { Publication, Publisher } from '../../publisher.ts';
import { scrapeTargets } from '../scrape-targets.ts';
import { matchesTag, NOT_YET, sendTagged, streamViewOf, tagged, viewOf } from './views.ts';

export interface TopologyRoutesOptions {
  readonly fleet: Fleet;
  readonly publisher: Publisher;
  readonly streams: EventStreams;
  readonly clock: Clock;
  /** Value of the `namespace` label of scrape targets. */
  readonly namespace: string;
  readonly guard: HttpGuard;
  readonly seats: FollowerSeats;
  /** Ends all waiting when the server closes. */
  readonly closing: AbortSignal;
}

/** Adds the routes. */
export function addTopologyRoutes(scope: FastifyInstance, options: TopologyRoutesOptions): void {
  addDocumentRoute(scope, options);
  addEventsRoute(scope, options);
  addTargetsRoute(scope, options);
  addOwnerRoute(scope, options);
}

function addDocumentRoute(scope: FastifyInstance, options: TopologyRoutesOptions): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const summary = 'The topology document; with after and wait, a long poll.';
  const response = { 200: Topology, 304: NotModified, 400: Problem, 503: Problem };
  app.get('/v1/topology', { schema: { summary, querystring: TopologyQuery, response } }, async (request, reply) => {
    const { after, wait } = request.query;
    const known = after === undefined ? -1 : Number(after);
    const waitMs = wait === undefined ? 0 : Math.min(durationMs(wait), WAIT_MAX_MS);
    const { current } = options.publisher;
    const news = current !== undefined && current.document.version > known;
    if (news || waitMs === 0) return sendPublication(options.fleet, request, reply, current, known);
    const newer = await nextPublication(options, request, reply, waitMs, known);
    if (newer === 'full') return sendProblem(reply, 503, FULL);
    return sendPublication(options.fleet, request, reply, newer ?? options.publisher.current, known);
  });
}

/** Resolves with the first version above `known`, or undefined when the time is up or the client is gone. */
function nextPublication(
  { publisher, clock, guard, seats, closing }: TopologyRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  waitMs: number,
  known: number,
): Promise<Publication | undefined | 'full'> {
  const leave = seats.take(request);
  if (leave === undefined) return Promise.resolve('full' as const);
  const { promise, resolve } = Promise.withResolvers<Publication | undefined | 'full'>();
  const give = (): void => resolve(undefined);
  const unsubscribe = publisher.subscribe((publication) => {
    if (publication.document.version > known) resolve(publication);
  });
  if (unsubscribe === undefined) {
    leave();
    return Promise.resolve('full' as const);
  }
  const cancelTimer = clock.setTimer(waitMs, give);
  request.raw.socket.once('close', give);
  guard.follow(request.raw, reply.raw);
  closing.addEventListener('abort', give, { once: true });
  if (closing.aborted) give();
  return promise.finally(() => {
    unsubscribe();
    leave();
    cancelTimer();
    request.raw.socket.off('close', give);
    closing.removeEventListener('abort', give);
  });
}

function sendPublication(
  fleet: Fleet,
  request: FastifyRequest,
  reply: FastifyReply,
  publication: Publication | undefined,
  known: number,
): FastifyReply {
  if (publication === undefined) return sendProblem(reply, 503, NOT_YET);
  const { view } = request.query as { view?: string };
  if (view === 'host' && publication.document.version > known) {
    const { document } = viewOf(request, publication, fleet);
    return sendTagged(request, reply, 'application/json; charset=utf-8', tagged(JSON.stringify(document)));
  }
  reply.header('etag', publication.etag).header('cache-control', 'no-cache');
  const unchanged =
    publication.document.version <= known || matchesTag(request.headers['if-none-match'], publication.etag);
  if (unchanged) return reply.code(304).send();
  return reply.type('application/json; charset=utf-8').send(publication.bytes);
}

/** What one more follower is told. */
const FULL = 'too many clients follow the topology';

function addEventsRoute(app: FastifyInstance, options: TopologyRoutesOptions): void {
  const { fleet, streams, guard, seats, closing } = options;
  const response = { 200: EventStream, 400: Problem, 503: Problem };
  const schema = { summary: 'Every topology from now on.', querystring: ViewQuery, response };
  app.get('/v1/topology/events', { schema }, (request, reply) => {
    if (closing.aborted) return sendProblem(reply, 503, 'the coordinator is closing');
    const view = streamViewOf(request, fleet);
    if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send();
    const leave = seats.take(request);
    if (leave === undefined) return sendProblem(reply, 503, FULL);
    reply.raw.once('close', leave);
    if (!streams.open(reply.raw, view)) return sendProblem(reply, 503, FULL);
    guard.follow(request.raw, reply.raw);
    return reply.hijack();
  });
}

function addTargetsRoute(app: FastifyInstance, { publisher, namespace }: TopologyRoutesOptions): void {
  const summary = 'The sidecars as scrape targets, for Prometheus http_sd.';
  const schema = { summary, response: { 200: Targets, 503: Problem } };
  app.get('/v1/prometheus/targets', { schema }, (_request, reply) => {
    const { current } = publisher;
    // Prometheus keeps the targets that it has for as long as it is told nothing.
    if (current === undefined) return sendProblem(reply, 503, NOT_YET);
    const { fleet, nodes } = current.document;
    return scrapeTargets(nodes, { cluster: fleet, namespace, job: 'memcached' });
  });
}

function addOwnerRoute(scope: FastifyInstance, { publisher }: TopologyRoutesOptions): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const response = { 200: Owner, 400: Problem, 503: Problem };
  const schema = { summary: 'The node that owns a key.', querystring: OwnerQuery, response };
  app.get('/v1/owner', { schema }, async (request, reply) => {
    const { key } = request.query;
    checkKey(key);
    const { current } = publisher;
    if (current === undefined) return sendProblem(reply, 503, NOT_YET);
    const node = current.ring().owner(key);
    if (node === undefined) throw new FleetError('NO_NODES', 'no node is active, so no key has an owner');
    return { key, version: current.document.version, node };
  });
}
