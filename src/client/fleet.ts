/**
 * The fleet, as a program sees it: one cache. An operation says what to ask of one connection; the executor
 * (request/executor.ts) finds the node and turns one that does not reply into a miss: a read is `undefined`, a write
 * `false`, after at most the timeouts.
 */
import { FleetError } from '../base/errors.ts';
import type { ValueReply } from '../protocol/text/reply-parser.ts';
import type { StoreVerb } from '../protocol/text/request-writer.ts';
import { diffTopology } from '../topology/diff.ts';
import type { TopologyDocument, TopologyNode } from '../topology/document.ts';
import { Emitter, type FleetEvents } from './events.ts';
import { FirstTopology } from './following/first-topology.ts';
import type { TopologySource } from './following/topology-source.ts';
import { settingsOf, type FleetOptions, type FleetSettings } from './options.ts';
import { FleetExecutor, type FleetCounts } from './request/executor.ts';
import { Router } from './routing/router.ts';
import { exptimeOf } from './values/exptime.ts';
import { Connection, type ItemInfo } from './wire/connection.ts';

/** What {@link Fleet.gets} finds. */
export interface ValueWithCas<T> {
  value: T;
  /** Changes whenever the item does. */
  cas: bigint;
}

/** How an item is stored. */
export interface StoreOptions {
  /** Seconds until it expires; 0 means never. The fleet's `defaultTtl` if it is left out. */
  ttl?: number;
}

/** A client of a fleet. It follows the topology from now on; operations wait for the first one. */
export function createFleet(options: FleetOptions): Fleet {
  return new Fleet(settingsOf(options));
}

/** See the head of the file. Made by {@link createFleet}. */
export class Fleet implements AsyncDisposable {
  readonly #settings: FleetSettings;
  readonly #router: Router;
  readonly #firstTopology: FirstTopology;
  readonly #executor: FleetExecutor;
  readonly #events = new Emitter<FleetEvents>();
  readonly #decode: (value: ValueReply) => unknown;
  #closed: Promise<void> | undefined;

  constructor(settings: FleetSettings) {
    this.#settings = settings;
    this.#decode = (value) => settings.codec.decode(value.data, value.flags);
    this.#router = new Router({
      connect: (options) => new Connection({ ...settings, ...options }),
      onDown: (node, error) => this.#events.emit('nodeDown', { node, error }),
      onUp: (node) => this.#events.emit('nodeUp', { node }),
    });
    this.#firstTopology = new FirstTopology(settings);
    this.#executor = new FleetExecutor({ ...settings, router: this.#router, firstTopology: this.#firstTopology });
    this.#follow(settings.source);
  }

  /** The topology in force, or undefined if none has come yet. */
  get topology(): TopologyDocument | undefined {
    return this.#router.document;
  }

  /** How many requests were made, and for how many the owner did not reply; a copy. */
  get counts(): FleetCounts {
    return this.#executor.counts;
  }

  /** Calls `listener` at each `event`; the function returned ends that. */
  on<E extends keyof FleetEvents>(event: E, listener: (payload: FleetEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Resolves when there is a topology.
   *
   * @throws (rejects) FleetError TIMEOUT if none came within topologyTimeoutMs, CLOSED if the fleet was closed. A
   *   topology that comes later is still put in force.
   */
  ready(): Promise<void> {
    return this.#firstTopology.wait();
  }

  /** The value under `key`, or undefined: it is not there, or its node does not reply. */
  get<T = unknown>(key: string): Promise<T | undefined> {
    return this.#executor.one<unknown>(key, undefined, (owner, fullKey) =>
      owner.retrieveOne('get', fullKey, this.#decode),
    ) as Promise<T | undefined>;
  }

  /** The value under `key` and the CAS unique that {@link Fleet.cas} takes. */
  gets<T = unknown>(key: string): Promise<ValueWithCas<T> | undefined> {
    const decode = (reply: ValueReply): ValueWithCas<T> => ({ value: this.#decode(reply) as T, cas: reply.cas ?? 0n });
    return this.#executor.one(key, undefined, (owner, fullKey) => owner.retrieveOne('gets', fullKey, decode));
  }

  /** The value under `key`, whose item now lives for another `ttl` seconds. */
  async getAndTouch<T = unknown>(key: string, options: StoreOptions = {}): Promise<T | undefined> {
    const exptime = this.#exptime(options);
    const value = await this.#executor.one<unknown>(key, undefined, (owner, fullKey) =>
      owner.retrieveAndTouch(fullKey, exptime, this.#decode),
    );
    return value as T | undefined;
  }

  /**
   * What the owner of `key` knows of its item, without the value and without counting as a use of it; undefined if there
   * is no item, or its node does not reply.
   *
   * @throws (rejects) FleetError SERVER if the node does not speak the meta protocol (memcached 1.6 and up)
   */
  inspect(key: string): Promise<ItemInfo | undefined> {
    return this.#executor.one<ItemInfo | undefined>(key, undefined, (owner, fullKey) => owner.inspect(fullKey));
  }

  /** The values of those `keys` that are there, in the order of `keys`; one command for each node. */
  getMany<T = unknown>(keys: Iterable<string>): Promise<Map<string, T>> {
    return this.#executor.many<unknown>(keys, (owner, fullKeys) =>
      owner.retrieve('get', fullKeys, this.#decode),
    ) as Promise<Map<string, T>>;
  }

  /** Stores `value`; false if its node does not reply. */
  set(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return this.#store('set', key, value, options);
  }

  /** Stores `value` if nothing is under `key`; false if something is. */
  add(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return this.#store('add', key, value, options);
  }

  /** Stores `value` if something is under `key`; false if nothing is. */
  replace(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return this.#store('replace', key, value, options);
  }

  /** Puts text or bytes after the value under `key`, whose flags and expiry stay; false if nothing is there. */
  append(key: string, value: string | Uint8Array): Promise<boolean> {
    return this.#store('append', key, value);
  }

  /** Puts text or bytes before the value under `key`, whose flags and expiry stay; false if nothing is there. */
  prepend(key: string, value: string | Uint8Array): Promise<boolean> {
    return this.#store('prepend', key, value);
  }

  /** Stores `value` if the item under `key` is still the one that `gets` gave `cas` for; false if it is not. */
  cas(key: string, value: unknown, cas: bigint, options?: StoreOptions): Promise<boolean> {
    return this.#store('set', key, value, options, cas);
  }

  /**
   * Adds `delta` to the counter under `key`.
   *
   * @param delta 0 to 2^64 - 1; a number must be a safe integer
   * @returns the new value, which wraps around at 2^64, or undefined if the counter is not there. A bigint, as counters
   *   have 64 bits and numbers 53
   */
  incr(key: string, delta: number | bigint = 1): Promise<bigint | undefined> {
    return this.#arithmetic('incr', key, delta);
  }

  /** Takes `delta` from the counter under `key`, which stops at 0; see {@link Fleet.incr}. */
  decr(key: string, delta: number | bigint = 1): Promise<bigint | undefined> {
    return this.#arithmetic('decr', key, delta);
  }

  /** Gives the item under `key` another `ttl` seconds; false if it is not there. */
  async touch(key: string, options: StoreOptions = {}): Promise<boolean> {
    const exptime = this.#exptime(options);
    return this.#executor.one(key, false, (owner, fullKey) => owner.touch(fullKey, exptime));
  }

  /** Removes the item under `key`; false if it is not there. */
  delete(key: string): Promise<boolean> {
    return this.#executor.one(key, false, (owner, fullKey) => owner.delete(fullKey));
  }

  /**
   * Makes everything on every active node expire, now or after a delay in seconds.
   *
   * @returns true if every node has said so
   * @throws (rejects) FleetError NO_NODES if the topology has no active node
   */
  async flush(delaySeconds = 0): Promise<boolean> {
    const flushed = await this.#executor.every(false, (connection) =>
      connection.flushAll(delaySeconds).then(() => true),
    );
    return flushed.every(({ result }) => result);
  }

  /**
   * `stats` or `stats <argument>` of every active node, by the node's name; undefined for one that does not reply.
   *
   * @throws (rejects) FleetError NO_NODES if the topology has no active node
   */
  async stats(argument = ''): Promise<Map<string, Map<string, string> | undefined>> {
    const all = await this.#executor.every<Map<string, string> | undefined>(undefined, (connection) =>
      connection.stats(argument),
    );
    return new Map(all.map(({ node, result }) => [node.name, result]));
  }

  /** The node that owns `key`, whether it replies or not; undefined if the topology has no active node. */
  owner(key: string): Promise<TopologyNode | undefined> {
    return this.#executor.ownerOf(key);
  }

  /** Takes no more requests, waits for the replies that are due, and closes every connection. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#settings.source.close();
      this.#firstTopology.close();
      this.#closed = this.#router.close();
    }
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(source: TopologySource): void {
    const onDocument = (document: TopologyDocument): void => {
      const diff = diffTopology(this.#router.document, document);
      this.#router.apply(document);
      this.#firstTopology.arrive();
      this.#events.emit('topology', { document, diff });
    };
    const onTrouble = (error: FleetError): void => {
      this.#firstTopology.fail(error);
      this.#events.emit('trouble', { error });
    };
    // A source rejects only because it was closed, which ready() reports.
    source.start(onDocument, onTrouble).catch(() => undefined);
  }

  #exptime(options: StoreOptions | undefined): number {
    return exptimeOf(options?.ttl ?? this.#settings.defaultTtl, this.#settings.clock.nowMs());
  }

  async #store(verb: StoreVerb, key: string, value: unknown, options?: StoreOptions, cas?: bigint): Promise<boolean> {
    const item = this.#settings.codec.encode(value);
    const exptime = this.#exptime(options);
    const outcome = await this.#executor.one(key, 'not-stored', (owner, fullKey) =>
      owner.store(verb, fullKey, item, exptime, cas),
    );
    return outcome === 'stored';
  }

  async #arithmetic(verb: 'incr' | 'decr', key: string, delta: number | bigint): Promise<bigint | undefined> {
    const safe = typeof delta === 'bigint' ? delta < 2n ** 64n : Number.isSafeInteger(delta);
    if (!safe || delta < 0) throw new FleetError('BAD_VALUE', `${verb} by ${delta}: expected 0 to 2^64 - 1`);
    return this.#executor.one<bigint | undefined>(key, undefined, (owner, fullKey) =>
      owner.arithmetic(verb, fullKey, delta),
    );
  }
}
