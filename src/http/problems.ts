/** Every HTTP error of a request as problem+json: ours and the framework's. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_CONTENT_TYPE, problem } from '../api/problem.ts';
import { isFleetError, type ErrorCode, type FleetError } from '../base/errors.ts';

/** How a server answers what goes wrong in its routes. */
export interface ErrorAnswers {
  /** Whose fault is everything that nobody foresaw: `coordinator`. */
  readonly server: string;
  /** 500 for a code that is not here. */
  readonly statusOfCode: Readonly<Partial<Record<ErrorCode, number>>>;
  /** What a reader is told of an operating error; its own message unless given. */
  readonly wordsOf?: (error: FleetError) => string;
}

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
  const methods = (['GET', 'HEAD', 'POST', 'DELETE'] as const).filter((method) => app.hasRoute({ method, url: path }));
  if (methods.length === 0) return sendProblem(reply, 404, `there is no ${request.method} ${path}`);
  reply.header('allow', methods.join(', '));
  return sendProblem(reply, 405, `${path} takes ${methods.join(', ')}`);
}

/** The answer to an error that a route, or the framework before it, has thrown. */
export function sendError(
  { server, statusOfCode, wordsOf = ({ message }) => message }: ErrorAnswers,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (isFleetError(error)) return sendProblem(reply, statusOfCode[error.code] ?? 500, wordsOf(error), error.code);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status < 500) return sendProblem(reply, status, error instanceof Error ? error.message : String(error));
  request.log.error({ err: error }, 'request failed');
  return sendProblem(reply, 500, `the ${server} failed; its log says why`);
}
