/**
 * From the replies to one request to its result. A collector is given the replies in order; it takes only what was
 * asked for, so a result cannot outgrow its request, and what it keeps has a bound.
 */
import { FleetError } from '../../base/errors.ts';
import type { Reply, SkippedReply, Status, ValueReply } from '../../protocol/text/reply-parser.ts';
import { STATS_MAX } from '../limits.ts';
import { MORE, UNEXPECTED, type Collect } from './pending-queue.ts';

/** True for the first status, false for the second; any other reply is unexpected. */
export function oneOf(yes: Status, no?: Status): Collect<boolean> {
  return (reply) => {
    if (isStatus(reply, yes)) return true;
    return no !== undefined && isStatus(reply, no) ? false : UNEXPECTED;
  };
}

/** The value of one key, if it is there. An error of `decode` rejects the request once its last reply has come. */
export function collectValue<T>(key: string, decode: (value: ValueReply) => T): Collect<T | undefined> {
  let seen = false;
  let found: T | undefined;
  let problem: unknown;
  return (reply) => {
    if (reply.kind === 'value' || reply.kind === 'skipped') {
      if (seen || reply.key !== key) return UNEXPECTED;
      seen = true;
      try {
        found = decode(whole(reply));
      } catch (error) {
        problem = error;
      }
      return MORE;
    }
    if (!isStatus(reply, 'END')) return UNEXPECTED;
    if (problem !== undefined) throw problem;
    return found;
  };
}

/**
 * The values of `keys`, each at most once, into `found`. An error of `decode`, or TOO_LARGE above `bytesMax` bytes of
 * values, rejects the request once its last reply has come.
 */
export function collectValues<T>(
  keys: readonly string[],
  decode: (value: ValueReply) => T,
  found: Map<string, T>,
  bytesMax: number,
): Collect<void> {
  const wanted = new Set(keys);
  let bytes = 0;
  let problem: unknown;
  return (reply) => {
    if (reply.kind === 'value' || reply.kind === 'skipped') {
      if (!wanted.delete(reply.key)) return UNEXPECTED;
      try {
        const value = whole(reply);
        bytes += value.data.length;
        if (bytes > bytesMax) throw tooLarge('values', bytes, bytesMax);
        if (problem === undefined) found.set(reply.key, decode(value));
      } catch (error) {
        problem ??= error;
        found.clear();
      }
      return MORE;
    }
    if (!isStatus(reply, 'END')) return UNEXPECTED;
    if (problem !== undefined) throw problem;
    return undefined;
  };
}

/** Statistics by name, in the server's order. Above `bytesMax` bytes nothing is kept: TOO_LARGE. */
export function collectStats(bytesMax: number): Collect<Map<string, string>> {
  const stats = new Map<string, string>();
  let count = 0;
  let bytes = 0;
  return (reply) => {
    if (reply.kind === 'stat') {
      count += 1;
      bytes += reply.name.length + reply.value.length;
      if (bytes <= bytesMax) stats.set(reply.name, reply.value);
      else stats.clear();
      return count > STATS_MAX ? UNEXPECTED : MORE;
    }
    if (!isStatus(reply, 'END') && !isStatus(reply, 'RESET') && !isStatus(reply, 'OK')) return UNEXPECTED;
    if (bytes > bytesMax) throw tooLarge('statistics', bytes, bytesMax);
    return stats;
  };
}

/** The payload of `config get`, or undefined if the server has none. */
export function collectConfig(): Collect<string | undefined> {
  let payload: string | undefined;
  let problem: FleetError | undefined;
  return (reply) => {
    if (isStatus(reply, 'END')) {
      if (problem !== undefined) throw problem;
      return payload;
    }
    if (payload !== undefined || problem !== undefined) return UNEXPECTED;
    if (reply.kind === 'config') payload = reply.data.toString();
    else if (reply.kind === 'skipped') problem = skipped(reply);
    else return UNEXPECTED;
    return MORE;
  };
}

function isStatus(reply: Reply, status: Status): boolean {
  return reply.kind === 'status' && reply.status === status;
}

/** @throws FleetError TOO_LARGE if it was skipped */
function whole(reply: ValueReply | SkippedReply): ValueReply {
  if (reply.kind === 'skipped') throw skipped(reply);
  return reply;
}

function skipped({ key, dataBytes }: SkippedReply): FleetError {
  const what = key === '' ? 'the configuration' : `the value of ${JSON.stringify(key)}`;
  return new FleetError('TOO_LARGE', `${what} has ${dataBytes} bytes, more than valueBytesMax`);
}

function tooLarge(what: string, bytes: number, bytesMax: number): FleetError {
  return new FleetError('TOO_LARGE', `${what} of ${bytes} bytes in one answer, at most ${bytesMax}`);
}
