/** What `createFleet` takes, and what it makes of it. */
import { systemClock, waitingClock, type Clock } from '../base/clock.ts';
import { FleetError } from '../base/errors.ts';
import { KEY_BYTES_MAX } from '../base/memcached.ts';
import { defaultCodec, type Codec } from './values/codec.ts';
import { Connection, type ConnectionOptions } from './wire/connection.ts';
import { TOPOLOGY_TIMEOUT_MS } from './limits.ts';
import { topologyOfServers, type HashingChoice, type Server } from './routing/servers.ts';
import { fixedTopology, followCoordinator, type TopologySource } from './following/topology-source.ts';

/** Options of every fleet. Times are milliseconds, except for `ttl`, which memcached counts in seconds. */
interface CommonOptions {
  /** Put before every key, and hashed with it; none. Counts towards the 250 bytes. */
  keyPrefix?: string;
  /** Seconds that an item lives if nothing is said; 0, for ever. */
  defaultTtl?: number;
  /** Values ⇄ bytes; {@link defaultCodec}. */
  codec?: Codec;
  /** For one attempt to connect to a node; 1000. */
  connectTimeoutMs?: number;
  /** From a request to its whole answer; 1000. */
  commandTimeoutMs?: number;
  /** How long operations wait for the first topology; 5000. */
  topologyTimeoutMs?: number;
  /** The longest wait before connecting to a node again; 2000. */
  backoffMaxMs?: number;
  /** Requests that may wait for one node; 65,536. One more is refused with QUEUE_FULL. */
  queueMax?: number;
  /** Bytes of one value that a read takes; 64 MiB, at most 1 GiB. A larger one is not kept: TOO_LARGE. */
  valueBytesMax?: number;
  /** For coordinators; the global one. */
  fetch?: typeof fetch;
  clock?: Clock;
  /** 0 ≤ x < 1, for jitter. */
  random?: () => number;
}

/** Follow a coordinator, or one of several, or take a fixed list of servers. */
export type FleetOptions = CommonOptions &
  (
    | {
        /** Base URL, for example `http://127.0.0.1:8080`; several are tried in turn. */
        coordinator: string | readonly string[];
        servers?: undefined;
        hashing?: undefined;
      }
    | {
        /** `host:port`, one for each node; stock memcached too. */
        servers: readonly Server[];
        /** How keys are placed; `ketama` with 160 points, as libmemcached does. */
        hashing?: HashingChoice;
        coordinator?: undefined;
      }
  );

/** The options with every default filled in. */
export interface FleetSettings {
  source: TopologySource;
  /** What the topology comes from, for messages. */
  sourceName: string;
  keyPrefix: string;
  defaultTtl: number;
  codec: Codec;
  topologyTimeoutMs: number;
  clock: Clock;
  /** For what callers wait for: its timers keep the process alive. */
  waitingClock: Clock;
  connect: (options: ConnectionOptions) => Connection;
}

/** @throws FleetError BAD_CONFIG if an option cannot be used */
export function settingsOf(options: FleetOptions): FleetSettings {
  const { connectTimeoutMs, commandTimeoutMs, backoffMaxMs, queueMax, valueBytesMax, clock, random } = options;
  const positive = { connectTimeoutMs, commandTimeoutMs, backoffMaxMs, queueMax, valueBytesMax };
  for (const [name, value] of Object.entries(positive)) checkPositive(name, value);
  checkPositive('topologyTimeoutMs', options.topologyTimeoutMs);
  const keyPrefix = options.keyPrefix ?? '';
  if (Buffer.byteLength(keyPrefix) >= KEY_BYTES_MAX || /[\s\p{Cc}]/u.test(keyPrefix)) {
    throw new FleetError('BAD_CONFIG', `keyPrefix ${JSON.stringify(keyPrefix)} cannot begin a key`);
  }
  const given = defined({ ...positive, clock, random });
  return {
    ...sourceOf(options),
    keyPrefix,
    defaultTtl: options.defaultTtl ?? 0,
    codec: options.codec ?? defaultCodec,
    topologyTimeoutMs: options.topologyTimeoutMs ?? TOPOLOGY_TIMEOUT_MS,
    clock: clock ?? systemClock,
    waitingClock: clock ?? waitingClock,
    connect: (more) => new Connection({ ...given, ...more }),
  };
}

function sourceOf(options: FleetOptions): { source: TopologySource; sourceName: string } {
  const { coordinator, servers, fetch, clock, random } = options;
  // Callers without types can give both or none.
  if ((coordinator === undefined) === (servers === undefined)) {
    throw new FleetError('BAD_CONFIG', 'createFleet: give either coordinator or servers');
  }
  if (servers !== undefined) {
    if (servers.length === 0) throw new FleetError('BAD_CONFIG', 'createFleet: the list of servers is empty');
    return { source: fixedTopology(topologyOfServers(servers, options.hashing)), sourceName: 'the list of servers' };
  }
  const source = followCoordinator({ url: coordinator, ...defined({ fetch, clock, random }) });
  return { source, sourceName: typeof coordinator === 'string' ? coordinator : coordinator.join(', ') };
}

function checkPositive(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0)) {
    throw new FleetError('BAD_CONFIG', `${name} is ${value}, expected a number above 0`);
  }
}

/** Without the members that are undefined: an option that was left out must not hide a default. */
function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
