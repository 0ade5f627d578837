/** Asks a coordinator over HTTP, for the commands that show what it knows. */
import { FleetError, isFleetError } from '../base/errors.ts';
import { httpGet, readText } from '../base/http-get.ts';
import { ANSWER_BYTES_MAX, ANSWER_TIMEOUT_MS } from './limits.ts';

/**
 * `GET` of a JSON resource.
 * @param path from the root, for example `/v1/nodes`
 * @throws FleetError CONNECT_FAILED if nobody answers or the answer is a redirect, TIMEOUT after
 *   {@link ANSWER_TIMEOUT_MS}, TOO_LARGE above {@link ANSWER_BYTES_MAX}, SERVER with the problem's own words for an answer
 *   other than 2xx, PROTOCOL for something else than JSON
 */
export async function getJson(fleetUrl: string, path: string): Promise<unknown> {
  let response: Response;
  let body: string;
  try {
    response = await httpGet(`${fleetUrl}${path}`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    body = await readText(response, ANSWER_BYTES_MAX);
  } catch (error) {
    if (isFleetError(error)) throw error;
    throw noAnswer(fleetUrl, error);
  }
  if (!response.ok)
    throw new FleetError('SERVER', `${fleetUrl}${path}: ${problemOf(body) ?? `status ${response.status}`}`);
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw new FleetError('PROTOCOL', `${fleetUrl}${path} is not JSON; is a coordinator there?`, error);
  }
}

function noAnswer(fleetUrl: string, error: unknown): FleetError {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') {
    return new FleetError('TIMEOUT', `no answer from ${fleetUrl} within ${ANSWER_TIMEOUT_MS} ms`, error);
  }
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new FleetError('CONNECT_FAILED', `no coordinator at ${fleetUrl}${code}; is the fleet up?`, error);
}

/** The detail or title of an `application/problem+json` body. */
function problemOf(body: string): string | undefined {
  try {
    const problem = JSON.parse(body) as { detail?: unknown; title?: unknown };
    const text = problem.detail ?? problem.title;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}
