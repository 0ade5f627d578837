/** What a daemon was told to be, after its flags were read. Names are those of `stats settings` where it has one. */
import { MEMCACHED_PORT } from '../base/memcached.ts';
import type { EvictionPolicyName, LruTuning } from './storage/eviction.ts';
import type { ListenAddress } from './transport/transport.ts';

/** `-p` and `-U`: the system chooses the port. */
export const ANY_PORT = -1;

export interface Settings {
  /** `-l` and `-p`, or `-s`: one address for each listening socket; port 0 is the system's to choose. */
  listen: ListenAddress[];
  /** `-l` and `-U`: one address for each UDP port. */
  listenUdp: UdpAddress[];
  /** `-p`; 0 = no TCP port, ANY_PORT = the system chooses. */
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
  /** `-U`; 0 = off, ANY_PORT = the system chooses. */
  udpPort: number;
  /** `-n`: least bytes of key, value and flags that a chunk has room for; undefined = our own smallest chunk. */
  chunkSize: number | undefined;
  /** `-C` switches it off: every CAS value is 0 and no `cas` matches. */
  casEnabled: boolean;
  /** `-R`: requests that one connection may have answered before the others' turn. */
  reqsPerEvent: number;
  /** `-D`: the character between a key's prefix and the rest, for `stats detail`. */
  statKeyPrefix: string;
  /** `-D` was given: `stats detail` counts from the start. */
  detailEnabled: boolean;
  /** `-X` switches it off: `stats cachedump`, `stats detail`, `lru_crawler metadump`. */
  dumpEnabled: boolean;
  /** `-W` switches it off: `watch`. */
  watchEnabled: boolean;
  /** `-S`. */
  saslEnabled: boolean;
  /** MEMCACHED_SASL_PWDB: the file with SASL's users. */
  saslPasswordFile: string | undefined;
  /** `-Y`: the file with the users of the text protocol. */
  authFile: string | undefined;
  /** `-Z`, with its `-o ssl_…`; undefined = no TLS. */
  tls: TlsSettings | undefined;
  /** `-o` */
  extended: ExtendedSettings;
  /** Who knows this may set the cluster's configuration; undefined = nobody. */
  configToken: string | undefined;
}

/** Where datagrams are taken; port 0 is the system's to choose. */
export interface UdpAddress {
  host: string;
  port: number;
}

/** TLS, by the names that memcached gives its `-o ssl_…`. */
export interface TlsSettings {
  /** Path of the certificates, ours first, in PEM. */
  chainCert: string;
  /** Path of the private key; undefined = it is in `chainCert`. */
  key: string | undefined;
  keyFormat: 'pem' | 'der';
  /** 0 asks clients for no certificate, 1 asks, 2 and 3 insist. */
  verifyMode: 0 | 1 | 2 | 3;
  /** OpenSSL's list; undefined = the runtime's own. */
  ciphers: string | undefined;
  /** Path of the authorities whose clients are believed, in PEM. */
  caCert: string | undefined;
  /** Bytes of answers that may wait in a connection before it is suspended. */
  wbufBytes: number;
  sessionCache: boolean;
  kernelTls: boolean;
  minVersion: TlsVersion;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/**
 * What `-o` says, by the names of `stats settings`. What is only shown there is about something that a daemon of one
 * thread and with slabs of its own has not.
 */
export interface ExtendedSettings extends LruTuning {
  /** A connection above `-c` is refused; false = it waits until another ends. */
  maxconnsFast: boolean;
  /** log2 of the hash table's first size; 0 = our own. */
  hashpowerInit: number;
  /** False = the hash table keeps its first size. */
  hashExpand: boolean;
  /** `slabs reassign` is obeyed. */
  slabReassign: boolean;
  /** 0 = no page goes from class to class by itself; 1 and 2 are one to us. */
  slabAutomove: number;
  /** Expired items are looked for in the background. */
  lruCrawler: boolean;
  /** Microseconds of rest after each thousand items that the crawler looks at; ours keeps that pace, in larger steps. */
  lruCrawlerSleep: number;
  /** Items of a class that a run of the crawler looks at; 0 = all. */
  lruCrawlerTocrawl: number;
  /** Idle items go from list to list in the background. */
  lruMaintainer: boolean;
  /** Seconds after which a connection that asks for nothing is closed; 0 = never. */
  idleTimeout: number;
  /** Bytes that may wait for a watcher. */
  watcherLogbufSize: number;
  /** `stats sizes` counts from the start. */
  trackSizes: boolean;
  /** Shown only. */
  hashAlgorithm: string;
  /** Shown only. */
  slabAutomoveRatio: number;
  /** Shown only. */
  slabAutomoveWindow: number;
  /** Shown only. */
  slabAutomoveFreeratio: number;
  /** Shown only; bytes. */
  slabChunkMax: number;
  /** Shown only; seconds. */
  tailRepairTime: number;
  /** Shown only; bytes. */
  workerLogbufSize: number;
  /** Shown only; bytes, 0 = no limit. */
  readBufMemLimit: number;
  /** Bytes that connections may hold beyond the items, all together; 0 = as `-m` and `-I` say. */
  connMemoryLimit: number;
}

/** What connections speak: `auto` is told by a connection's first byte. */
export type ProtocolName = 'ascii' | 'binary' | 'auto';

/** A protocol's name as memcached prints it (memcached.c, prot_text). */
export function protocolName(protocol: ProtocolName): string {
  return protocol === 'auto' ? 'auto-negotiate' : protocol;
}

/** Requests of one connection that are answered before the others' turn: about a quarter of a millisecond's work. */
const REQS_PER_EVENT = 256;

/** memcached's defaults of `-o` (memcached.c settings_init). */
export const DEFAULT_EXTENDED: ExtendedSettings = {
  maxconnsFast: true,
  hashpowerInit: 0,
  hashExpand: true,
  hashAlgorithm: 'murmur3',
  slabReassign: true,
  slabAutomove: 1,
  slabAutomoveRatio: 0.8,
  slabAutomoveWindow: 10,
  slabAutomoveFreeratio: 0.01,
  slabChunkMax: 512 * 1024,
  lruCrawler: true,
  lruCrawlerSleep: 100,
  lruCrawlerTocrawl: 0,
  lruMaintainer: true,
  lruSegmented: true,
  hotLruPct: 20,
  warmLruPct: 40,
  hotMaxFactor: 0.2,
  warmMaxFactor: 2,
  tempLru: false,
  temporaryTtl: 61,
  idleTimeout: 0,
  tailRepairTime: 0,
  watcherLogbufSize: 256 * 1024,
  workerLogbufSize: 64 * 1024,
  readBufMemLimit: 0,
  connMemoryLimit: 0,
  trackSizes: false,
};

/** memcached's defaults (memcached.c settings_init). */
export const DEFAULT_SETTINGS: Settings = {
  listen: [{ host: '0.0.0.0', port: MEMCACHED_PORT }],
  listenUdp: [],
  port: MEMCACHED_PORT,
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
  udpPort: 0,
  chunkSize: undefined,
  casEnabled: true,
  reqsPerEvent: REQS_PER_EVENT,
  statKeyPrefix: ':',
  detailEnabled: false,
  dumpEnabled: true,
  watchEnabled: true,
  saslEnabled: false,
  saslPasswordFile: undefined,
  authFile: undefined,
  tls: undefined,
  extended: DEFAULT_EXTENDED,
  configToken: undefined,
};
