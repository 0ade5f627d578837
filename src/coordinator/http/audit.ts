/** The one form of log lines about changes that were asked for: what, by whom, on what. Never the token. */
import type { FastifyRequest } from 'fastify';

/** Logs a change that was made, or begun. */
export function audit(request: FastifyRequest, command: string, details: Readonly<Record<string, unknown>>): void {
  request.log.info({ audit: command, from: request.ip, ...details }, `${command} by request`);
}
