/**
 * The fleet, as a program sees it: one cache. It checks keys, encodes values, finds the owner and asks it, and turns a
 * node that does not answer into misses: a read is `undefined`, a write `false`, after at most the time-outs, and at
 * once while the node is known to be down.
 *
 * Errors that are left are the caller's to see: BAD_KEY, BAD_VALUE, SERVER (the node answered and refused), QUEUE_FULL,
 * CLOSED, and TIMEOUT while no topology has ever come.
 */
import { FleetError, isFleetError, type ErrorCode } from '../base/errors.ts';
import type { ValueReply } from '../protocol/text/reply-parser.ts';
import type { StoreVerb } from '../protocol/text/request-writer.ts';
import { diffTopology, type TopologyDiff } from '../topology/diff.ts';
import type { TopologyDocument, TopologyNode } from '../topology/document.ts';
import type { Connection } from './wire/connection.ts';
import { Emitter } from './events.ts';
import { exptimeOf } from './values/exptime.ts';
import { checkKey } from './values/key.ts';
import { settingsOf, type FleetOptions, type FleetSettings } from './options.ts';
import { Router } from './routing/router.ts';

/** What {@link Fleet.on} can be asked for, with what a listener gets. */
export interface FleetEvents {
  /** A topology was put in force. */
  topology: { document: TopologyDocument; diff: TopologyDiff };
  /** A node does not answer; its keys are misses until `nodeUp` or a new topology. */
  nodeDown: { node: TopologyNode; error: FleetError };
  /** A node answers again. */
  nodeUp: { node: TopologyNode };
  /** The coordinator cannot be followed at the moment; the last topology stays in force. */
  trouble: { error: FleetError };
}

/** What {@link Fleet.gets} finds. */
export interface ValueWithCas<T> {
  value: T;
  /** Changes whenever the item does. */
  cas: bigint;
}

/** How an item is stored. */
export interface StoreOptions {
  /** Seconds until it expires; 0 for ever. The fleet's default if it is left out. */
  ttl?: number;
}

/** How the requests of a fleet went. */
export interface FleetCounts {
  /** Requests made, each key of a `getMany` counting as one. */
  requests: number;
  /** Requests that were answered as a miss or `false` because the owner did not answer. */
  failures: number;
}

/** A node that fails in one of these ways is as good as gone. */
const MISSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CONNECT_FAILED', 'TIMEOUT', 'PROTOCOL']);

/** A client of a fleet that begins at once to follow its topology; operations wait for the first one. */
export function createFleet(options: FleetOptions): Fleet {
  return new Fleet(settingsOf(options));
}

/** See the head of the file. Made by {@link createFleet}. */
export class Fleet implements AsyncDisposable {
  readonly #settings: FleetSettings;
  readonly #router: Router;
  readonly #events = new Emitter<FleetEvents>();
  readonly #counts: FleetCounts = { requests: 0, failures: 0 };
  readonly #ready = Promise.withResolvers<void>();
  readonly #decode: (value: ValueReply) => unknown;
  /** Why there is no topology yet, once that has taken too long. */
  #late: FleetError | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: FleetSettings) {
    this.#settings = settings;
    this.#decode = (value) => settings.codec.decode(value.data, value.flags);
    this.#router = new Router({
      connect: settings.connect,
      onDown: (node, error) => this.#events.emit('nodeDown', { node, error }),
      onUp: (node) => this.#events.emit('nodeUp', { node }),
    });
    // Whoever waits gets the error from ready(); nobody has to.
    this.#ready.promise.catch(() => undefined);
    this.#follow();
  }

  /** The topology in force, or undefined if none has come yet. */
  get topology(): TopologyDocument | undefined {
    return this.#router.document;
  }

  /** How many requests were made and how many found no node; a copy. */
  get counts(): FleetCounts {
    return { ...this.#counts };
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
    if (this.#closed !== undefined) return Promise.reject(closedError());
    if (this.#router.ready) return Promise.resolve();
    return this.#late === undefined ? this.#ready.promise : Promise.reject(this.#late);
  }

  /** The value under `key`, or undefined: it is not there, or its node does not answer. */
  get<T = unknown>(key: string): Promise<T | undefined> {
    return this.#ask(key, undefined, (owner, full) => owner.retrieveOne('get', full, this.#decode)) as Promise<
      T | undefined
    >;
  }

  /** The value under `key` and the cas id that {@link Fleet.cas} takes. */
  gets<T = unknown>(key: string): Promise<ValueWithCas<T> | undefined> {
    const decode = (reply: ValueReply): ValueWithCas<unknown> => ({ value: this.#decode(reply), cas: reply.cas ?? 0n });
    const answer = this.#ask(key, undefined, (owner, full) => owner.retrieveOne('gets', full, decode));
    return answer as Promise<ValueWithCas<T> | undefined>;
  }

  /** The value under `key`, whose item now lives for another `ttl` seconds. */
  async getAndTouch<T = unknown>(key: string, options: StoreOptions = {}): Promise<T | undefined> {
    const exptime = this.#exptime(options);
    const answer = this.#ask(key, undefined, (owner, full) => owner.retrieveAndTouch(full, exptime, this.#decode));
    return (await answer) as T | undefined;
  }

  /** The values of those `keys` that are there, in the order of `keys`; one command for each node. */
  async getMany<T = unknown>(keys: Iterable<string>): Promise<Map<string, T>> {
    if (this.#mustWait()) await this.ready();
    const asked = new Map<string, string>();
    for (const key of keys) asked.set(key, this.#fullKey(key));
    const peers = this.#router.peers();
    const groups = peers.map((): string[] => []);
    for (const full of asked.values()) groups[this.#router.ownerIndex(full)]?.push(full);
    const answers = peers.map(({ connection }, index) => {
      const group = groups[index];
      if (group.length === 0) return EMPTY;
      this.#counts.requests += group.length;
      if (!connection.available) return this.#missLater(EMPTY, group.length);
      return connection
        .retrieve('get', group, this.#decode)
        .catch((error: unknown) => this.#forgive(error, EMPTY, group.length));
    });
    // A node that refuses must not leave the answers of the others unhandled, so all are awaited before one throws.
    const values = new Map((await allOf(answers)).flatMap((answer) => [...answer]));
    const found = new Map<string, T>();
    for (const [key, full] of asked) if (values.has(full)) found.set(key, values.get(full) as T);
    return found;
  }

  /** Stores `value`; false if its node does not answer. */
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
    return this.#ask(key, false, (owner, full) => owner.touch(full, exptime));
  }

  /** Removes the item under `key`; false if it is not there. */
  delete(key: string): Promise<boolean> {
    return this.#ask(key, false, (owner, full) => owner.delete(full));
  }

  /**
   * Makes everything on every active node expire, now or after a delay in seconds.
   *
   * @returns true if every node has said so
   * @throws (rejects) FleetError NO_NODES if the topology has no active node
   */
  async flush(delaySeconds = 0): Promise<boolean> {
    const flushed = await allOf(
      (await this.#peers()).map(({ connection }) =>
        connection.flushAll(delaySeconds).then(
          () => true,
          (error: unknown) => this.#forgive(error, false),
        ),
      ),
    );
    return flushed.every(Boolean);
  }

  /**
   * `stats` or `stats <argument>` of every active node, by the node's name; undefined for one that does not answer.
   *
   * @throws (rejects) FleetError NO_NODES if the topology has no active node
   */
  async stats(argument = ''): Promise<Map<string, Map<string, string> | undefined>> {
    const answers = (await this.#peers()).map(async ({ node, connection }) => {
      const stats = await connection.stats(argument).catch((error: unknown) => this.#forgive(error, undefined));
      return [node.name, stats] as const;
    });
    return new Map(await allOf(answers));
  }

  /** The node that owns `key`, whether it answers or not; undefined if the topology has no active node. */
  async owner(key: string): Promise<TopologyNode | undefined> {
    if (this.#mustWait()) await this.ready();
    return this.#router.owner(this.#fullKey(key));
  }

  /** Takes no more requests, waits for the answers that are due, and lets go of every connection. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#settings.source.close();
      this.#ready.reject(closedError());
      this.#closed = this.#router.close();
    }
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(): void {
    const { source, sourceName, topologyTimeoutMs, waitingClock } = this.#settings;
    let last: FleetError | undefined;
    const cancel = waitingClock.setTimer(topologyTimeoutMs, () => {
      const why = last === undefined ? '' : `: ${last.message}`;
      this.#late = new FleetError(
        'TIMEOUT',
        `no topology from ${sourceName} within ${topologyTimeoutMs} ms${why}`,
        last,
      );
      this.#ready.reject(this.#late);
    });
    const onDocument = (document: TopologyDocument): void => {
      const diff = diffTopology(this.#router.document, document);
      this.#router.apply(document);
      this.#ready.resolve();
      this.#events.emit('topology', { document, diff });
    };
    const onTrouble = (error: FleetError): void => {
      last = error;
      this.#events.emit('trouble', { error });
    };
    // The source rejects only because it was closed, and then ready() says so.
    void source.start(onDocument, onTrouble).then(cancel, cancel);
  }

  #mustWait(): boolean {
    return this.#closed !== undefined || !this.#router.ready;
  }

  #fullKey(key: string): string {
    const full = this.#settings.keyPrefix + key;
    checkKey(full);
    return full;
  }

  #exptime(options: StoreOptions | undefined): number {
    return exptimeOf(options?.ttl ?? this.#settings.defaultTtl, this.#settings.clock.nowMs());
  }

  /** Asks the owner of `key`; `missing` is the answer if it does not answer. */
  #ask<T>(key: string, missing: T, ask: (owner: Connection, full: string) => Promise<T>): Promise<T> {
    if (this.#mustWait()) return this.ready().then(() => this.#ask(key, missing, ask));
    let full: string;
    try {
      full = this.#fullKey(key);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#counts.requests += 1;
    const owner = this.#router.connectionOf(full);
    if (owner === undefined || !owner.available) return this.#missLater(missing);
    return ask(owner, full).catch((error: unknown) => this.#forgive(error, missing));
  }

  async #store(verb: StoreVerb, key: string, value: unknown, options?: StoreOptions, cas?: bigint): Promise<boolean> {
    const item = this.#settings.codec.encode(value);
    const exptime = this.#exptime(options);
    const outcome = await this.#ask(key, 'not-stored', (owner, full) => owner.store(verb, full, item, exptime, cas));
    return outcome === 'stored';
  }

  async #arithmetic(verb: 'incr' | 'decr', key: string, delta: number | bigint): Promise<bigint | undefined> {
    const safe = typeof delta === 'bigint' ? delta < 2n ** 64n : Number.isSafeInteger(delta);
    if (!safe || delta < 0) throw new FleetError('BAD_VALUE', `${verb} by ${delta}: expected 0 to 2^64 - 1`);
    return this.#ask(key, undefined, (owner, full) => owner.arithmetic(verb, full, delta));
  }

  async #peers(): Promise<{ node: TopologyNode; connection: Connection }[]> {
    if (this.#mustWait()) await this.ready();
    const peers = this.#router.peers();
    if (peers.length === 0) throw new FleetError('NO_NODES', `${this.#settings.sourceName}: no active node`);
    return peers;
  }

  /** `missing`, if the error means that the node does not answer; any other error is the caller's. */
  #forgive<T>(error: unknown, missing: T, count = 1): T {
    if (!isFleetError(error) || !MISSING.has(error.code)) throw error;
    return this.#miss(missing, count);
  }

  /**
   * A miss that needs no node, in a later turn of the event loop: a caller that asks again and again must not keep the
   * loop from ever noticing that the node is back.
   */
  async #missLater<T>(missing: T, count = 1): Promise<T> {
    await nextTurn();
    return this.#miss(missing, count);
  }

  #miss<T>(missing: T, count = 1): T {
    this.#counts.failures += count;
    return missing;
  }
}

const EMPTY: Map<string, unknown> = new Map();

let turn: Promise<void> | undefined;

/** Resolves in the next turn of the event loop; one timer for all who wait in this one. */
function nextTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

function closedError(): FleetError {
  return new FleetError('CLOSED', 'the fleet was closed');
}

/** All results, or the first error, but only after every promise has come to something. */
async function allOf<T>(promises: readonly (T | Promise<T>)[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
