/**
 * What the coordinator asks of a daemon, over the memcached protocol: does it answer, forget everything, how is it.
 *
 * One connection per node is kept, because a daemon that has all its connections taken still answers on those it
 * has, and that is what clients see too. After a failure the connection is dropped: whatever was wrong with it, a
 * broken pipe, a back-off or a peer at the end of a cut cable, the next probe must find out anew.
 */
import { FleetError, isFleetError } from '../../base/errors.ts';
import { httpGet, readText } from '../../base/http-get.ts';
import { Connection } from '../../client/internal.ts';
import { NODE_ANSWER_BYTES_MAX, READYZ_BYTES_MAX } from '../limits.ts';

/** The list that a node keeps of the fleet, and the signature that it was given with it. */
export interface Told {
  /** Of `config get cluster`. */
  readonly payload: string;
  /** Of `config get cluster-signature`; empty if there is none. */
  readonly signature: string;
}

/** Asks one node. All methods fail with a FleetError, within the time-out. */
export interface Prober {
  /** The version that the daemon says it has. */
  probe(): Promise<string>;
  /** Makes every item of the node invalid. */
  flush(): Promise<void>;
  /** True if the key was there. */
  delete(key: string): Promise<boolean>;
  /** The general statistics as the daemon sends them. */
  stats(): Promise<ReadonlyMap<string, string>>;
  /** What it answers clients with auto-discovery; undefined if it has nothing, or is one that knows no such command. */
  topology(): Promise<Told | undefined>;
  /** Whether its sidecar says that the node is about to stop; undefined if it says nothing. Never fails. */
  isLeaving(): Promise<boolean | undefined>;
  close(): Promise<void>;
}

export interface ProbeTarget {
  /** An address, or a name that resolves. */
  readonly ip: string;
  readonly port: number;
  /** Base URL; empty if there is none. */
  readonly sidecar: string;
}

/** Makes a prober for a node; it connects when it is first asked. */
export type ProberFactory = (target: ProbeTarget, timeoutMs: number) => Prober;

/** Requests that may wait on a probe connection: a probe, a flush and a few looks at the stats. */
const PROBE_QUEUE_MAX = 16;

/** The prober for real daemons. */
export const memcachedProber: ProberFactory = (target, timeoutMs) => {
  let connection: Connection | undefined;

  async function ask<T>(request: (connection: Connection) => Promise<T>): Promise<T> {
    connection ??= new Connection({
      host: target.ip,
      port: target.port,
      connectTimeoutMs: timeoutMs,
      commandTimeoutMs: timeoutMs,
      queueMax: PROBE_QUEUE_MAX,
      valueBytesMax: NODE_ANSWER_BYTES_MAX,
      answerBytesMax: NODE_ANSWER_BYTES_MAX,
    });
    const used = connection;
    try {
      return await within(timeoutMs, request(used));
    } catch (error) {
      if (connection === used) connection = undefined;
      // Others may still wait for their answers on it; closing lets them have these.
      void used.close();
      throw error;
    }
  }

  return {
    probe: () => ask((used) => used.version()),
    flush: () => ask((used) => used.flushAll()),
    delete: (key) => ask((used) => used.delete(key)),
    topology: () => ask(configOf),
    isLeaving: () => asksToLeave(target.sidecar, timeoutMs),
    stats: () => ask((used) => used.stats()),
    async close() {
      await connection?.close();
      connection = undefined;
    },
  };
};

/** A stock memcached answers ERROR, which says nothing against it. */
async function configOf(connection: Connection): Promise<Told | undefined> {
  try {
    // In one write, so that a daemon that is handed another list meanwhile answers for the same one in most cases; where
    // it does not, the two do not match, and the next probe asks again.
    const [payload, signature] = await Promise.all([connection.configGet(), connection.configGet('cluster-signature')]);
    return payload === undefined ? undefined : { payload, signature: signature ?? '' };
  } catch (error) {
    if (isFleetError(error, 'SERVER')) return undefined;
    throw error;
  }
}

/** The sidecar's `/readyz` answers 503 with the code `draining` from the moment the node was told to stop. */
async function asksToLeave(sidecar: string, timeoutMs: number): Promise<boolean | undefined> {
  if (sidecar === '') return undefined;
  try {
    const response = await httpGet(`${sidecar}/readyz`, { signal: AbortSignal.timeout(timeoutMs) });
    const body = await readText(response, READYZ_BYTES_MAX);
    if (response.status === 503) return (JSON.parse(body) as { code?: unknown }).code === 'draining' || undefined;
    return response.ok ? false : undefined;
  } catch {
    // A sidecar that is away, or no sidecar at all: whether the node lives is for the daemon to show.
    return undefined;
  }
}

/** The connection's own time-outs are for its parts, to connect and to answer; this one is for the whole. */
async function within<T>(timeoutMs: number, request: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new FleetError('TIMEOUT', `no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([request, late]);
  } finally {
    clearTimeout(timer);
    request.catch(() => {});
  }
}
