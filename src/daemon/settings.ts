/** What a daemon was told to be, after its flags were read. Names are those of `stats settings` where it has one. */
import type { EvictionPolicyName } from './storage/eviction.ts';
import type { ListenAddress } from './transport.ts';

export interface Settings {
  /** `-l` and `-p`, or `-s`: one address for each listening socket. */
  listen: ListenAddress[];
  /** `-p`; 0 when a Unix socket is used, or to let the system choose. */
  port: number;
  /** `-l` as it was given, for `stats settings`. */
  inter: string;
  /** `-s`. */
  domainSocket: string | undefined;
  /** `-a`. */
  domainSocketMode: number;
  /** `-m`, in bytes. */
  maxBytes: number;
  /** `-M`: refuse instead of evicting. */
  evictionDisabled: boolean;
  /** `--eviction`: which items go when room is needed. */
  eviction: EvictionPolicyName;
  /** `-c`. */
  maxConnections: number;
  /** `-I`, in bytes. */
  itemSizeMax: number;
  /** `-t`; accepted and shown, a node is one event loop. */
  threads: number;
  /** `-f`, or undefined for our own class spacing. */
  growthFactor: number | undefined;
  /** `-v`, `-vv`, `-vvv`. */
  verbosity: number;
  /** `-b`. */
  backlog: number;
  /** `-A`: the command `shutdown` is obeyed. */
  shutdownEnabled: boolean;
  /** `-F` switches it off. */
  flushEnabled: boolean;
  /** `-B`. */
  protocol: ProtocolName;
  /** Who knows this may set the cluster's configuration; undefined = nobody. */
  configToken: string | undefined;
}

/** What connections speak: `auto` is told by a connection's first byte. */
export type ProtocolName = 'ascii' | 'binary' | 'auto';

/** memcached's defaults (memcached.c settings_init). */
export const DEFAULT_SETTINGS: Settings = {
  listen: [{ host: '0.0.0.0', port: 11211 }],
  port: 11211,
  inter: '',
  domainSocket: undefined,
  domainSocketMode: 0o700,
  maxBytes: 64 * 1024 * 1024,
  evictionDisabled: false,
  eviction: 'lru',
  maxConnections: 1024,
  itemSizeMax: 1024 * 1024,
  threads: 1,
  growthFactor: undefined,
  verbosity: 0,
  backlog: 1024,
  shutdownEnabled: false,
  flushEnabled: true,
  protocol: 'auto',
  configToken: undefined,
};
