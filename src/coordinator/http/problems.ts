/** Every HTTP error of a request as problem+json: ours and the framework's. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_CONTENT_TYPE, problem } from '../../api/problem.ts';
import { isFleetError } from '../../base/errors.ts';

/** Ends a request with a problem. A 503 asks to come back after a second. */
export function sendProblem(reply: FastifyReply, status: number, detail: string, code?: string): FastifyReply {
  if (status === 503) reply.header('retry-after', '1');
  // A string, so that no route's serialiser takes a hand in it.
  const body = JSON.stringify(problem(status, detail, code));
  return reply.code(status).type(PROBLEM_CONTENT_TYPE).send(body);
}

/** The answer where there is no route; the right one where there is one for another method. */
export function sendNotFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?');
  const allowed = (['GET', 'POST', 'DELETE'] as const).filter((method) => app.hasRoute({ method, url: path }));
  if (allowed.length === 0) return sendProblem(reply, 404, `there is no ${request.method} ${path}`);
  reply.header('allow', allowed.join(', '));
  return sendProblem(reply, 405, `${path} takes ${allowed.join(', ')}`);
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = { BAD_CONFIG: 400, BAD_KEY: 400, NO_NODES: 503 };

/** The answer to an error that a route, or the framework before it, has thrown. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (isFleetError(error)) return sendProblem(reply, STATUS_OF_CODE[error.code] ?? 500, error.message, error.code);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status < 500) return sendProblem(reply, status, error instanceof Error ? error.message : String(error));
  request.log.error({ err: error }, 'request failed');
  return sendProblem(reply, 500, 'the coordinator failed; its log says why');
}
