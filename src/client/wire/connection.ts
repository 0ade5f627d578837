/**
 * A connection: memcached's commands, as promises, on one node's {@link Link}. Keys and flags go out as they are given;
 * the fleet above it checks keys and encodes values. Connects at the first request and again whenever it is lost.
 */
import { systemClock, type Clock } from '../../base/clock.ts';
import { FleetError } from '../../base/errors.ts';
import type { Reply, SkippedReply, Status, ValueReply } from '../../protocol/text/reply-parser.ts';
import type { StoreVerb } from '../../protocol/text/request-writer.ts';
import {
  ANSWER_BYTES_MAX,
  BACKOFF_MAX_MS,
  COMMAND_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  KEYS_PER_GET_MAX,
  LATE_FACTOR,
  QUEUE_MAX,
  SILENCE_FACTOR,
  STATS_MAX,
  VALUE_BYTES_MAX,
} from '../limits.ts';
import { Link } from './link.ts';
import { MORE, UNEXPECTED, type Collect } from './pending-queue.ts';

/** How to reach a node and how long to wait for it. Times are milliseconds. */
export interface ConnectionOptions {
  /** With `path`, only what it is called by. */
  host: string;
  port: number;
  /** A Unix socket instead of host and port. */
  path?: string | undefined;
  /** For one attempt to connect; 1000. */
  connectTimeoutMs?: number;
  /** From a request's write to its whole answer; 1000. */
  commandTimeoutMs?: number;
  /** Without a byte from the peer while it owes one, before the connection is given up; twice commandTimeoutMs. */
  silenceTimeoutMs?: number;
  /** Bytes of one value or configuration in an answer; 64 MiB. A larger one is not kept: TOO_LARGE. */
  valueBytesMax?: number;
  /** Bytes of all that one answer consists of; 256 MiB, or `valueBytesMax` if that is more. TOO_LARGE beyond. */
  answerBytesMax?: number;
  /** The longest wait between two attempts to connect; 2000. */
  backoffMaxMs?: number;
  /** Requests that may wait for answers; 65,536. One more is refused with QUEUE_FULL. */
  queueMax?: number;
  clock?: Clock;
  /** 0 ≤ x < 1, for jitter. */
  random?: () => number;
  /** The node does not answer any more; called once until {@link ConnectionOptions.onUp}. */
  onDown?: (error: FleetError) => void;
  /** The node answers again. */
  onUp?: () => void;
}

/** An item as it is stored. */
export interface StoredItem {
  /** Unsigned, 32 bits. */
  flags: number;
  data: Buffer;
  /** The cas id, if it was asked for. */
  cas: bigint | undefined;
}

/** What `cas` and the store commands can come to. */
export type StoreOutcome = 'stored' | 'not-stored' | 'exists' | 'not-found';

const STORE_OUTCOMES: Partial<Record<Status, StoreOutcome>> = {
  STORED: 'stored',
  NOT_STORED: 'not-stored',
  EXISTS: 'exists',
  NOT_FOUND: 'not-found',
};

/** See the head of the file. All methods reject with CONNECT_FAILED, TIMEOUT, PROTOCOL, SERVER, TOO_LARGE, QUEUE_FULL or CLOSED. */
export class Connection {
  readonly #link: Link;
  readonly #answerBytesMax: number;

  constructor(options: ConnectionOptions) {
    const commandTimeoutMs = options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
    const valueBytesMax = options.valueBytesMax ?? VALUE_BYTES_MAX;
    this.#answerBytesMax = options.answerBytesMax ?? Math.max(ANSWER_BYTES_MAX, valueBytesMax);
    this.#link = new Link({
      host: options.host,
      port: options.port,
      path: options.path,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      commandTimeoutMs,
      silenceTimeoutMs: options.silenceTimeoutMs ?? commandTimeoutMs * SILENCE_FACTOR,
      lateTimeoutMs: commandTimeoutMs * LATE_FACTOR,
      valueBytesMax,
      backoffMaxMs: options.backoffMaxMs ?? BACKOFF_MAX_MS,
      queueMax: options.queueMax ?? QUEUE_MAX,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      onDown: options.onDown ?? (() => undefined),
      onUp: options.onUp ?? (() => undefined),
    });
  }

  /** False while requests fail at once because the node does not answer. */
  get available(): boolean {
    return this.#link.available;
  }

  /** The item under `key`, or undefined. */
  get(key: string): Promise<StoredItem | undefined> {
    return this.retrieveOne('get', key, copyItem);
  }

  /** The item under `key` with its cas id, or undefined. */
  gets(key: string): Promise<StoredItem | undefined> {
    return this.retrieveOne('gets', key, copyItem);
  }

  /** One key through `decode`, which must not keep the data it is given: it is a view that does not last. */
  retrieveOne<T>(verb: 'get' | 'gets', key: string, decode: (value: ValueReply) => T): Promise<T | undefined> {
    return this.#link.request((writer) => writer.retrieveOne(verb, key), collectValue(key, decode));
  }

  /** One key through `decode`, and a new expiry for the item. */
  retrieveAndTouch<T>(key: string, exptime: number, decode: (value: ValueReply) => T): Promise<T | undefined> {
    return this.#link.request((writer) => writer.retrieveAndTouch(key, exptime), collectValue(key, decode));
  }

  /**
   * Many keys through `decode`; those that are not there are not in the map. Each key must be given only once. A longer
   * list goes out as several commands; it is one answer or none.
   */
  async retrieve<T>(
    verb: 'get' | 'gets',
    keys: readonly string[],
    decode: (value: ValueReply) => T,
  ): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    const parts: Promise<void>[] = [];
    for (let at = 0; at < keys.length; at += KEYS_PER_GET_MAX) {
      const part = keys.slice(at, at + KEYS_PER_GET_MAX);
      parts.push(this.#link.request((writer) => writer.retrieve(verb, part), this.#collectValues(part, decode, found)));
    }
    await Promise.all(parts);
    return found;
  }

  /** A store command; with `cas` it is a `cas`. `exptime` is memcached's: 0 for never, relative up to 30 days. */
  store(
    verb: StoreVerb,
    key: string,
    item: { data: Uint8Array; flags: number },
    exptime = 0,
    cas?: bigint,
  ): Promise<StoreOutcome> {
    return this.#link.request(
      (writer) => writer.store(verb, key, item.flags, exptime, item.data, cas),
      (reply) => (reply.kind === 'status' ? (STORE_OUTCOMES[reply.status] ?? UNEXPECTED) : UNEXPECTED),
    );
  }

  /** Sets `key` to `data`, with flags 0 unless given. */
  set(key: string, data: Uint8Array, exptime = 0, flags = 0): Promise<StoreOutcome> {
    return this.store('set', key, { data, flags }, exptime);
  }

  /** True if the key was there. */
  delete(key: string): Promise<boolean> {
    return this.#link.request((writer) => writer.delete(key), oneOf('DELETED', 'NOT_FOUND'));
  }

  /** Gives the item a new expiry; true if the key was there. */
  touch(key: string, exptime: number): Promise<boolean> {
    return this.#link.request((writer) => writer.touch(key, exptime), oneOf('TOUCHED', 'NOT_FOUND'));
  }

  /** The counter's new value, or undefined if the key is not there. */
  arithmetic(verb: 'incr' | 'decr', key: string, delta: bigint | number): Promise<bigint | undefined> {
    return this.#link.request(
      (writer) => writer.arithmetic(verb, key, delta),
      (reply) => {
        if (reply.kind === 'number') return reply.value;
        return reply.kind === 'status' && reply.status === 'NOT_FOUND' ? undefined : UNEXPECTED;
      },
    );
  }

  /** The server's version, for example `1.6.45`. */
  version(): Promise<string> {
    return this.#link.request(
      (writer) => writer.line('version'),
      (reply) => (reply.kind === 'version' ? reply.version : UNEXPECTED),
    );
  }

  /** `stats` or `stats <argument>`, as names and values in the server's order; empty for `stats reset`. */
  stats(argument = ''): Promise<Map<string, string>> {
    const stats = new Map<string, string>();
    const bytesMax = this.#answerBytesMax;
    let count = 0;
    let bytes = 0;
    return this.#link.request<Map<string, string>>(
      (writer) => writer.line(argument === '' ? 'stats' : `stats ${argument}`),
      (reply) => {
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
      },
    );
  }

  /** Makes all items expire, now or after a delay in seconds. */
  async flushAll(delaySeconds = 0): Promise<void> {
    const line = delaySeconds === 0 ? 'flush_all' : `flush_all ${delaySeconds}`;
    await this.#link.request((writer) => writer.line(line), oneOf('OK'));
  }

  /** The payload of `config get NAME`, or undefined if the server has none. */
  configGet(name: 'cluster' | 'cluster-signature' = 'cluster'): Promise<string | undefined> {
    let payload: string | undefined;
    let problem: FleetError | undefined;
    return this.#link.request<string | undefined>(
      (writer) => writer.line(`config get ${name}`),
      (reply) => {
        if (isStatus(reply, 'END')) {
          if (problem !== undefined) throw problem;
          return payload;
        }
        if (payload !== undefined || problem !== undefined) return UNEXPECTED;
        if (reply.kind === 'config') payload = reply.data.toString();
        else if (reply.kind === 'skipped') problem = skipped(reply);
        else return UNEXPECTED;
        return MORE;
      },
    );
  }

  /**
   * Hands the daemon the payload that it is to answer `config get cluster` with, and what it was signed with. A daemon
   * that knows no signatures takes the payload all the same.
   */
  async configSet(payload: string, token: string, signature?: string): Promise<void> {
    await this.#link.request((writer) => writer.configSet(payload, token, signature), oneOf('STORED'));
  }

  /** Waits for the answers that are due, then closes; requests made from now on are refused with CLOSED. */
  close(): Promise<void> {
    return this.#link.close();
  }

  /**
   * Collects the values of `keys` into `found`. Only keys that were asked for are taken, and each once, so an answer
   * cannot be longer than its question. What `decode` throws is thrown once the answer has been read to its end.
   */
  #collectValues<T>(keys: readonly string[], decode: (value: ValueReply) => T, found: Map<string, T>): Collect<void> {
    const wanted = new Set(keys);
    let bytes = 0;
    let problem: unknown;
    return (reply) => {
      if (reply.kind === 'value' || reply.kind === 'skipped') {
        if (!wanted.delete(reply.key)) return UNEXPECTED;
        try {
          const value = whole(reply);
          bytes += value.data.length;
          if (bytes > this.#answerBytesMax) throw tooLarge('values', bytes, this.#answerBytesMax);
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
}

function isStatus(reply: Reply, status: Status): boolean {
  return reply.kind === 'status' && reply.status === status;
}

/** True for the first status, false for the second, anything else is no answer. */
function oneOf(yes: Status, no?: Status): Collect<boolean> {
  return (reply) => {
    if (isStatus(reply, yes)) return true;
    return no !== undefined && isStatus(reply, no) ? false : UNEXPECTED;
  };
}

function copyItem(value: ValueReply): StoredItem {
  return { flags: value.flags, data: Buffer.from(value.data), cas: value.cas };
}

/** Collects the value of one key. What `decode` throws is thrown once the answer has been read to its end. */
function collectValue<T>(key: string, decode: (value: ValueReply) => T): Collect<T | undefined> {
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
