/** Commands to the whole fleet: flush it node by node, delete a key everywhere. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { FleetFlushView, FlushQuery, KeyDeletion, KeyParams } from '../../../api/coordinator.ts';
import { durationMs } from '../../../api/duration.ts';
import { Problem } from '../../../api/problem.ts';
import { checkKey } from '../../../client/internal.ts';
import { audit } from '../audit.ts';
import type { FleetCommands, FleetFlush } from '../../commands.ts';
import { sendProblem } from '../../../http/problems.ts';
import { FLUSH_PAUSE_MS, FLUSH_TOTAL_MAX_MS } from '../../limits.ts';

export interface CommandRoutesOptions {
  readonly commands: FleetCommands;
}

/** Adds the routes. */
export function addCommandRoutes(scope: FastifyInstance, { commands }: CommandRoutesOptions): void {
  addFlushRoutes(scope, commands);
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const response = { 200: KeyDeletion, 400: Problem, 401: Problem, 403: Problem, 429: Problem, 502: Problem };
  const summary = 'Deletes a key at every node, also at those that owned it before.';
  const schema = { summary, params: KeyParams, response, security: [{ token: [] }] };
  app.delete('/v1/keys/:key', { schema }, async (request, reply) => {
    const { key } = request.params;
    checkKey(key);
    const outcomes = await commands.deleteKey(key);
    const down = new Set(
      commands
        .reachable()
        .filter(({ health }) => health.state === 'down')
        .map(({ observed }) => observed.name),
    );
    audit(request, 'delete', { key, nodes: outcomes.length });
    // A node that is down is flushed before it is back in the ring, so that it does not answer is no failure.
    const failed = outcomes.filter(({ node, outcome }) => outcome === 'failed' && !down.has(node));
    if (failed.length > 0) {
      const shown = failed.slice(0, 5).map(({ node, error }) => `${node}: ${error}`);
      return sendProblem(
        reply,
        502,
        `not deleted at ${failed.length} of ${outcomes.length} nodes (${shown.join('; ')})`,
      );
    }
    return {
      key,
      deleted: outcomes.filter(({ outcome }) => outcome === 'done').map(({ node }) => node),
      nodes: outcomes,
    };
  });
}

function addFlushRoutes(scope: FastifyInstance, commands: FleetCommands): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const path = '/v1/fleet/flush';
  const change = { 400: Problem, 401: Problem, 403: Problem, 409: Problem, 429: Problem };
  const security = [{ token: [] }];

  const startSchema = {
    summary: 'Flushes every node, one after the other; answers at once.',
    querystring: FlushQuery,
    response: { 202: FleetFlushView, ...change },
    security,
  };
  app.post(path, { schema: startSchema }, async (request, reply) => {
    const { pause } = request.query;
    const pauseMs = pause === undefined ? FLUSH_PAUSE_MS : durationMs(pause);
    const totalMs = pauseMs * Math.max(0, commands.reachable().length - 1);
    if (totalMs > FLUSH_TOTAL_MAX_MS) {
      return sendProblem(
        reply,
        400,
        `that would take ${Math.round(totalMs / 1000)} s, more than ${FLUSH_TOTAL_MAX_MS / 1000} s`,
      );
    }
    const flush = commands.startFlush(pauseMs);
    if (flush === undefined) return sendProblem(reply, 409, 'the fleet is being flushed already');
    audit(request, 'flush', { pauseMs, nodes: flush.nodes.length });
    return reply.code(202).send(toFlushView(flush));
  });

  const readSchema = {
    summary: 'The flush that is under way, or the last one.',
    response: { 200: FleetFlushView, 404: Problem },
  };
  app.get(path, { schema: readSchema }, async (_request, reply) => {
    const { flush } = commands;
    return flush === undefined
      ? sendProblem(reply, 404, 'the fleet was not flushed by this coordinator')
      : toFlushView(flush);
  });

  const cancelSchema = {
    summary: 'Ends a flush: nodes that still wait are left as they are.',
    response: { 200: FleetFlushView, ...change },
    security,
  };
  app.delete(path, { schema: cancelSchema }, async (request, reply) => {
    const { flush } = commands;
    if (flush === undefined || !commands.cancelFlush()) return sendProblem(reply, 409, 'no flush is under way');
    audit(request, 'cancel-flush', {});
    return toFlushView(flush);
  });
}

function toFlushView({ startedMs, endedMs, pauseMs, cancelled, nodes }: FleetFlush): FleetFlushView {
  const endedAt = endedMs === undefined ? null : new Date(endedMs).toISOString();
  return { startedAt: new Date(startedMs).toISOString(), endedAt, pauseMs, cancelled, nodes };
}
