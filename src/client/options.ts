/** What `createFleet` takes, once: each option with its default, and the one place that resolves and checks them. */
import { waitingClock, type Clock } from '../base/clock.ts';
import { FleetError } from '../base/errors.ts';
import { KEY_BYTES_MAX } from '../base/memcached.ts';
import { fixedTopology, followCoordinator, type TopologySource } from './following/topology-source.ts';
import { TOPOLOGY_TIMEOUT_MS } from './limits.ts';
import { topologyOfServers, type HashingChoice, type Server } from './routing/servers.ts';
import { defaultCodec, type Codec } from './values/codec.ts';
import { CONNECTION_DEFAULTS, withDefaults, type ConnectionTuning } from './wire/options.ts';

/** The options that every fleet has, wherever its topology comes from. */
interface CommonOptions extends ConnectionTuning {
  /**
   * Put before every key and hashed with it; counts towards the 250 bytes of a key.
   *
   * @defaultValue none
   */
  keyPrefix: string;
  /**
   * Seconds that an item lives if a call does not say; 0 means no expiry.
   *
   * @defaultValue 0
   */
  defaultTtl: number;
  /** Values ⇄ bytes and flags; {@link defaultCodec} unless given. */
  codec: Codec;
  /**
   * Milliseconds that operations wait for the first topology before they fail with TIMEOUT.
   *
   * @defaultValue 5000
   */
  topologyTimeoutMs: number;
}

/** The default of each. */
export const FLEET_DEFAULTS: Readonly<CommonOptions> = {
  ...CONNECTION_DEFAULTS,
  keyPrefix: '',
  defaultTtl: 0,
  codec: defaultCodec,
  topologyTimeoutMs: TOPOLOGY_TIMEOUT_MS,
};

/** The options that must be above 0. */
const POSITIVE = [
  'connectTimeoutMs',
  'commandTimeoutMs',
  'backoffMaxMs',
  'queueMax',
  'valueBytesMax',
  'topologyTimeoutMs',
] as const;

interface CoordinatorOptions {
  /** Base URL, for example `http://127.0.0.1:8080`; of several, the next is tried when one fails. */
  coordinator: string | readonly string[];
  /** How the coordinator is asked; the global `fetch` unless given. */
  fetch?: typeof fetch;
  servers?: undefined;
  hashing?: undefined;
}

interface ServersOptions {
  /** `host`, `host:port`, `host:port:weight` or `[IPv6]:port`, one for each node; stock memcached too. */
  servers: readonly Server[];
  /**
   * How keys are placed. `ketama` has 160 points for each node, as in libmemcached.
   *
   * @defaultValue 'ketama'
   */
  hashing?: HashingChoice;
  coordinator?: undefined;
  fetch?: typeof fetch;
}

/** Follow a coordinator, or one of several, or take a fixed list of servers. */
export type FleetOptions = Partial<CommonOptions> & (CoordinatorOptions | ServersOptions);

/** The options with every default filled in. */
export interface FleetSettings extends CommonOptions {
  source: TopologySource;
  /** Where the topology comes from, for messages. */
  sourceName: string;
  /** For what callers wait for: its timers keep the process alive. */
  waitingClock: Clock;
}

/** @throws FleetError BAD_CONFIG for an option out of its range, or if not exactly one source is given */
export function settingsOf(options: FleetOptions): FleetSettings {
  for (const name of POSITIVE) {
    const value = options[name];
    if (value !== undefined && !(value > 0)) {
      throw new FleetError('BAD_CONFIG', `${name} is ${value}, expected a number above 0`);
    }
  }
  const settings = withDefaults(FLEET_DEFAULTS, options);
  const { keyPrefix } = settings;
  if (Buffer.byteLength(keyPrefix) >= KEY_BYTES_MAX || /[\s\p{Cc}]/u.test(keyPrefix)) {
    throw new FleetError('BAD_CONFIG', `keyPrefix ${JSON.stringify(keyPrefix)} cannot begin a key`);
  }
  return { ...settings, ...sourceOf(options, settings), waitingClock: options.clock ?? waitingClock };
}

function sourceOf(
  { coordinator, servers, hashing, fetch }: FleetOptions,
  { clock, random }: CommonOptions,
): { source: TopologySource; sourceName: string } {
  // Callers without types can give both or none.
  if ((coordinator === undefined) === (servers === undefined)) {
    throw new FleetError('BAD_CONFIG', 'createFleet: give either coordinator or servers');
  }
  if (servers !== undefined) {
    if (servers.length === 0) throw new FleetError('BAD_CONFIG', 'createFleet: the list of servers is empty');
    return { source: fixedTopology(topologyOfServers(servers, hashing)), sourceName: 'the list of servers' };
  }
  const source = followCoordinator({ url: coordinator, clock, random, ...(fetch !== undefined && { fetch }) });
  return { source, sourceName: typeof coordinator === 'string' ? coordinator : coordinator.join(', ') };
}
