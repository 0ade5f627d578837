/**
 * The executor: the one way from an operation to the nodes, and the seam that features wrap. It waits for the first
 * topology, puts the prefix before the key and checks it, asks the owner, counts, and forgives: a node that does not
 * reply gives the operation's miss, immediately while the node is known to be down.
 *
 *   operation ─▶ wait for a topology ─▶ key ─▶ owner ─▶ Connection (deadline: commandTimeoutMs) ─▶ result or miss
 *
 * Other errors are the caller's: BAD_KEY, SERVER (the node replied and refused), TOO_LARGE, QUEUE_FULL, CLOSED, and
 * TIMEOUT while no topology has ever arrived.
 */
import { FleetError, isFleetError, type ErrorCode } from '../../base/errors.ts';
import type { TopologyNode } from '../../topology/document.ts';
import type { FirstTopology } from '../following/first-topology.ts';
import type { Router } from '../routing/router.ts';
import { checkKey } from '../values/key.ts';
import type { Connection } from '../wire/connection.ts';

/** How the requests of a fleet went. */
export interface FleetCounts {
  /** Requests made, each key of a `getMany` counting as one. */
  requests: number;
  /** Requests that ended as a miss or `false` because the owner did not reply. */
  failures: number;
}

/** How operations reach the nodes. A feature wraps one executor in another. */
export interface Executor {
  /** Asks the owner of `key`, which `ask` gets with its prefix; resolves with `missing` if the owner does not reply. */
  one<T>(key: string, missing: T, ask: (owner: Connection, fullKey: string) => Promise<T>): Promise<T>;
  /**
   * Asks each owner for its share of `keys`. The map has the values found, in the order of `keys`; keys whose owner
   * does not reply are not in it.
   */
  many<T>(
    keys: Iterable<string>,
    ask: (owner: Connection, fullKeys: readonly string[]) => Promise<Map<string, T>>,
  ): Promise<Map<string, T>>;
  /**
   * Asks every active node; the result is `missing` for one that does not reply.
   *
   * @throws (rejects) FleetError NO_NODES if the topology has no active node
   */
  every<T>(missing: T, ask: (connection: Connection) => Promise<T>): Promise<{ node: TopologyNode; result: T }[]>;
  /** The node that owns `key`, whether it replies or not; undefined if the topology has no active node. */
  ownerOf(key: string): Promise<TopologyNode | undefined>;
}

/** What a {@link FleetExecutor} needs. */
export interface ExecutorOptions {
  router: Router;
  firstTopology: FirstTopology;
  keyPrefix: string;
  /** Where the topology comes from, for messages. */
  sourceName: string;
}

/** A node that fails in one of these ways is as good as gone. */
const FORGIVEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CONNECT_FAILED', 'TIMEOUT', 'PROTOCOL', 'NODE_FULL']);

/** The executor that asks the nodes themselves; see the head of the file. */
export class FleetExecutor implements Executor {
  readonly #router: Router;
  readonly #firstTopology: FirstTopology;
  readonly #keyPrefix: string;
  readonly #sourceName: string;
  readonly #counts: FleetCounts = { requests: 0, failures: 0 };

  constructor({ router, firstTopology, keyPrefix, sourceName }: ExecutorOptions) {
    this.#router = router;
    this.#firstTopology = firstTopology;
    this.#keyPrefix = keyPrefix;
    this.#sourceName = sourceName;
  }

  /** How the requests went so far; a copy. */
  get counts(): FleetCounts {
    return { ...this.#counts };
  }

  // Not async: a request costs one promise more for each async function that it passes through.
  one<T>(key: string, missing: T, ask: (owner: Connection, fullKey: string) => Promise<T>): Promise<T> {
    if (!this.#firstTopology.isHere) return this.#firstTopology.wait().then(() => this.one(key, missing, ask));
    let fullKey: string;
    try {
      fullKey = this.#fullKey(key);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#counts.requests += 1;
    const owner = this.#router.connectionOf(fullKey);
    if (owner === undefined || !owner.available) return this.#missLater(missing);
    return ask(owner, fullKey).catch((error: unknown) => this.#forgive(error, missing));
  }

  async many<T>(
    keys: Iterable<string>,
    ask: (owner: Connection, fullKeys: readonly string[]) => Promise<Map<string, T>>,
  ): Promise<Map<string, T>> {
    if (!this.#firstTopology.isHere) await this.#firstTopology.wait();
    const fullKeys = new Map<string, string>();
    for (const key of keys) fullKeys.set(key, this.#fullKey(key));
    const peers = this.#router.peers();
    const shares = peers.map((): string[] => []);
    for (const fullKey of fullKeys.values()) shares[this.#router.ownerIndex(fullKey)]?.push(fullKey);
    const none = new Map<string, T>();
    const results = peers.map(({ connection }, index) => {
      const share = shares[index];
      if (share.length === 0) return none;
      this.#counts.requests += share.length;
      if (!connection.available) return this.#missLater(none, share.length);
      return ask(connection, share).catch((error: unknown) => this.#forgive(error, none, share.length));
    });
    const values = new Map((await allOf(results)).flatMap((result) => [...result]));
    const found = new Map<string, T>();
    for (const [key, fullKey] of fullKeys) if (values.has(fullKey)) found.set(key, values.get(fullKey) as T);
    return found;
  }

  async every<T>(
    missing: T,
    ask: (connection: Connection) => Promise<T>,
  ): Promise<{ node: TopologyNode; result: T }[]> {
    if (!this.#firstTopology.isHere) await this.#firstTopology.wait();
    const peers = this.#router.peers();
    if (peers.length === 0) throw new FleetError('NO_NODES', `${this.#sourceName}: no active node`);
    const results = peers.map(async ({ node, connection }) => {
      const result = await ask(connection).catch((error: unknown) => this.#forgive(error, missing));
      return { node, result };
    });
    return allOf(results);
  }

  async ownerOf(key: string): Promise<TopologyNode | undefined> {
    if (!this.#firstTopology.isHere) await this.#firstTopology.wait();
    return this.#router.owner(this.#fullKey(key));
  }

  #fullKey(key: string): string {
    const fullKey = this.#keyPrefix + key;
    checkKey(fullKey);
    return fullKey;
  }

  /** `missing`, if the error means that the node does not reply; any other error is the caller's. */
  #forgive<T>(error: unknown, missing: T, count = 1): T {
    if (!isFleetError(error) || !FORGIVEN.has(error.code)) throw error;
    this.#counts.failures += count;
    return missing;
  }

  /**
   * A miss without asking a node, in a later turn of the event loop: a caller that asks again and again must not keep
   * the loop from noticing that the node is back.
   */
  async #missLater<T>(missing: T, count = 1): Promise<T> {
    await nextTurn();
    this.#counts.failures += count;
    return missing;
  }
}

let turn: Promise<void> | undefined;

/** Resolves in the next turn of the event loop; one timer for all callers of this turn. */
function nextTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

/** All results, or the first error, but only once every promise has settled: none may be left unhandled. */
async function allOf<T>(promises: readonly (T | Promise<T>)[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
