/**
 * What is asked of a Docker engine, or of whatever answers in its place, and how much of an answer is taken. dockerode's
 * own calls collect a body to its end, however long; these read it up to a bound.
 */
import type { IncomingMessage } from 'node:http';
import { FleetError } from '../../base/errors.ts';
import { DOCKER_ANSWER_BYTES_MAX } from '../limits.ts';

/** The part of dockerode that speaks HTTP. */
export interface EngineModem {
  dial(options: object, callback: (error: Error | null, response: IncomingMessage) => void): void;
}

/** Bytes of an error's body; it is a JSON object with one sentence. */
const ERROR_BYTES_MAX = 16 * 1024;

/** dockerode takes what is not listed here for a failure, and its body into memory. */
const EVERY_STATUS: Readonly<Record<number, true>> = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [index + 100, true]),
);

/**
 * A `GET` whose answer's body is still to be read.
 * @throws Error with the `statusCode` of an answer other than 200, and the engine's words
 */
export async function openStream(
  modem: EngineModem,
  path: string,
  query: object,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = {
    path: `${path}?`,
    method: 'GET',
    options: query,
    abortSignal: signal,
    isStream: true,
    statusCodes: EVERY_STATUS,
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  modem.dial(request, (error, response) => (error === null ? resolve(response) : reject(error)));
  const response = await promise;
  const { statusCode } = response;
  if (statusCode === 200) return response;
  const words = messageOf(await readBounded(response, ERROR_BYTES_MAX));
  throw Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${words}`), { statusCode });
}

/**
 * A `GET` of JSON.
 * @throws FleetError TOO_LARGE above {@link DOCKER_ANSWER_BYTES_MAX}; otherwise as {@link openStream}
 */
export async function askJson(modem: EngineModem, path: string, query: object, signal: AbortSignal): Promise<unknown> {
  return JSON.parse(await readBounded(await openStream(modem, path, query, signal), DOCKER_ANSWER_BYTES_MAX));
}

async function readBounded(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop destroys the response, and its connection with it.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new FleetError('TOO_LARGE', `the answer exceeds ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function messageOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? message : body.trim();
  } catch {
    return body.trim();
  }
}
