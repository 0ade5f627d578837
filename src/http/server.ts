/**
 * Makes an HTTP server as all of ours are: bounded in what it reads and how many it serves, problem+json for whatever
 * goes wrong, a description of itself, no line in the log for a request that went well. Routes are the caller's.
 */
import swagger from '@fastify/swagger';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
} from 'fastify';
import type { Logger } from '../base/log.ts';
import { productVersion } from '../base/version.ts';
import type { GuardBounds, HttpGuard } from './guard.ts';
import { sendError, sendNotFound, sendProblem, type ErrorAnswers } from './problems.ts';
import { refuseUnreadable } from './unreadable-request.ts';

/** What a server may be asked to bear. */
export interface HttpBounds extends GuardBounds {
  /** Bytes of a body; 413 beyond. */
  readonly bodyBytesMax: number;
}

export interface HttpServerOptions {
  readonly description: string;
  readonly log: Logger;
  readonly guard: HttpGuard;
  readonly bounds: HttpBounds;
  readonly answers: ErrorAnswers;
  /** What else Fastify is told. */
  readonly settings?: FastifyServerOptions;
  /** Whether routes may name `token` as what they ask for. */
  readonly hasToken?: boolean;
}

/** A server without routes; its name is `memfleet` and that of {@link ErrorAnswers.server}. */
export function httpServer(options: HttpServerOptions): FastifyInstance {
  const { description, log, guard, bounds, answers, settings, hasToken = false } = options;
  // Named as Fastify's, or the type of the whole application would depend on pino.
  const loggerInstance: FastifyBaseLogger = log;
  const app: FastifyInstance = fastify({
    ...settings,
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bounds.bodyBytesMax,
    serverFactory: (handler) => guard.server(handler),
    frameworkErrors: (error, _request, reply) => sendProblem(reply, error.statusCode ?? 400, error.message),
    clientErrorHandler: refuseUnreadable,
  });
  app.setNotFoundHandler((request, reply) => sendNotFound(app, request, reply));
  app.setErrorHandler((error, request, reply) => sendError(answers, error, request, reply));
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: `memfleet ${answers.server}`, description, version: productVersion() },
      components: hasToken ? { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } } : {},
    },
  });
  return app;
}
