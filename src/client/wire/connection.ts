/**
 * A connection: memcached's commands, as promises, on one node's {@link Link}. Keys and flags go out as they are given;
 * the fleet above it checks keys and encodes values. Connects at the first request and again whenever it is lost.
 */
import { metaFlag, type Status, type ValueReply } from '../../protocol/text/reply-parser.ts';
import type { StoreVerb } from '../../protocol/text/request-writer.ts';
import { KEYS_PER_GET_MAX } from '../limits.ts';
import { collectConfig, collectStats, collectValue, collectValues, oneOf } from './collectors.ts';
import { Link } from './link.ts';
import { connectionSettings, type ConnectionOptions } from './options.ts';
import { UNEXPECTED, type Collect } from './pending-queue.ts';

/** An item as it is stored. */
export interface StoredItem {
  /** Unsigned, 32 bits. */
  flags: number;
  data: Buffer;
  /** The CAS unique, if it was asked for. */
  cas: bigint | undefined;
}

/** What a node knows of an item, apart from its value. */
export interface ItemInfo {
  /** Bytes of the value. */
  valueBytes: number;
  /** Client flags, unsigned, 32 bits. */
  flags: number;
  cas: bigint;
  /** Seconds until it expires; undefined if it does not expire. */
  ttl: number | undefined;
  /** Seconds since it was stored, touched or read, as far as the node keeps count. */
  idleSeconds: number;
  /** Whether it was read since it was stored. */
  wasRead: boolean;
}

/** The flags of `mg` that an {@link ItemInfo} is made of; `u` keeps the LRU as it is. */
const ITEM_INFO_FLAGS = 'u s f c t l h';

/** The outcomes of `cas` and the store commands. */
export type StoreOutcome = 'stored' | 'not-stored' | 'exists' | 'not-found';

const STORE_OUTCOMES: Partial<Record<Status, StoreOutcome>> = {
  STORED: 'stored',
  NOT_STORED: 'not-stored',
  EXISTS: 'exists',
  NOT_FOUND: 'not-found',
};

/** See the head of the file. All methods reject with CONNECT_FAILED, TIMEOUT, PROTOCOL, SERVER, NODE_FULL, TOO_LARGE, QUEUE_FULL or CLOSED. */
export class Connection {
  readonly #link: Link;
  readonly #answerBytesMax: number;

  constructor(options: ConnectionOptions) {
    const settings = connectionSettings(options);
    this.#answerBytesMax = settings.answerBytesMax;
    this.#link = new Link(settings);
  }

  /** False while requests fail immediately because the node does not reply. */
  get available(): boolean {
    return this.#link.available;
  }

  /** The item under `key`, or undefined. */
  get(key: string): Promise<StoredItem | undefined> {
    return this.retrieveOne('get', key, copyItem);
  }

  /** The item under `key` with its CAS unique, or undefined. */
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

  /** What the node knows of the item under `key`, or undefined. The node must speak the meta protocol (1.6 and up). */
  inspect(key: string): Promise<ItemInfo | undefined> {
    return this.#link.request((writer) => writer.meta('mg', key, ITEM_INFO_FLAGS), collectItemInfo);
  }

  /**
   * Many keys through `decode`; those that are not there are not in the map. Each key must be given only once. A longer
   * list goes out as several commands; the result is the whole of it or an error.
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
      const collect = collectValues(part, decode, found, this.#answerBytesMax);
      parts.push(this.#link.request((writer) => writer.retrieve(verb, part), collect));
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
    const line = argument === '' ? 'stats' : `stats ${argument}`;
    return this.#link.request((writer) => writer.line(line), collectStats(this.#answerBytesMax));
  }

  /** Makes all items expire, now or after a delay in seconds. */
  async flushAll(delaySeconds = 0): Promise<void> {
    const line = delaySeconds === 0 ? 'flush_all' : `flush_all ${delaySeconds}`;
    await this.#link.request((writer) => writer.line(line), oneOf('OK'));
  }

  /** The payload of `config get NAME`, or undefined if the server has none. */
  configGet(name: 'cluster' | 'cluster-signature' = 'cluster'): Promise<string | undefined> {
    return this.#link.request((writer) => writer.line(`config get ${name}`), collectConfig());
  }

  /**
   * Gives the daemon the payload of its reply to `config get cluster`, and the payload's signature. A daemon without
   * support for signatures takes the payload all the same.
   */
  async configSet(payload: string, token: string, signature?: string): Promise<void> {
    await this.#link.request((writer) => writer.configSet(payload, token, signature), oneOf('STORED'));
  }

  /** Waits for the replies that are due, then closes; requests made from now on are refused with CLOSED. */
  close(): Promise<void> {
    return this.#link.close();
  }
}

function copyItem(value: ValueReply): StoredItem {
  return { flags: value.flags, data: Buffer.from(value.data), cas: value.cas };
}

const collectItemInfo: Collect<ItemInfo | undefined> = (reply) => {
  if (reply.kind !== 'meta') return UNEXPECTED;
  if (reply.status === 'EN') return undefined;
  const flag = (letter: string): string | undefined => metaFlag(reply.flags, letter);
  const [size, flags, cas, ttl, idle, read] = ['s', 'f', 'c', 't', 'l', 'h'].map(flag);
  const isComplete = [size, flags, cas, idle, read].every((digits) => /^\d{1,20}$/.test(digits ?? ''));
  if (reply.status !== 'HD' || !isComplete || !/^(?:-1|\d{1,10})$/.test(ttl ?? '')) return UNEXPECTED;
  return {
    valueBytes: Number(size),
    flags: Number(flags),
    cas: BigInt(cas ?? 0),
    ttl: ttl === '-1' ? undefined : Number(ttl),
    idleSeconds: Number(idle),
    wasRead: read === '1',
  };
};
