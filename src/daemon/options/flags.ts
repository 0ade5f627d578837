/**
 * memcached's flags, one row each, in the order and words of its `-h` (memcached.c, usage()); where a flag is accepted
 * and does nothing here, its help says so. Pure.
 */
import { EVICTION_POLICIES } from '../storage/eviction.ts';
import { DEFAULT_SETTINGS, type ProtocolName, type Settings } from '../settings.ts';
import { applySuboptions, type TlsDraft } from './extended.ts';
import type { FlagName } from './words.ts';
import { MEGABYTE, bad, fraction, integer, itemSize, oneOf, port } from './values.ts';

/** What the words have said so far; what depends on several of them is settled when all were read. */
export interface Draft {
  settings: Settings;
  listen: string[];
  /** Undefined until `-p` is read: `-U` alone then says it too. */
  port: number | undefined;
  /** Undefined until `-B` is read: `-S` and `-Y` then choose. */
  protocol: ProtocolName | undefined;
  user: string | undefined;
  pidFile: string | undefined;
  /** `--sidecar-socket` */
  sidecarSocket: string | undefined;
  /** `-d` */
  detach: boolean;
  /** `-Z` */
  tlsEnabled: boolean;
  tls: TlsDraft;
}

/** A draft that nothing was said to. */
export function newDraft(): Draft {
  return {
    settings: { ...DEFAULT_SETTINGS, extended: { ...DEFAULT_SETTINGS.extended } },
    listen: [],
    port: undefined,
    protocol: undefined,
    user: undefined,
    pidFile: undefined,
    sidecarSocket: undefined,
    detach: false,
    tlsEnabled: false,
    tls: {},
  };
}

export interface Flag extends FlagName {
  /** Lines of `-h`. */
  help: string[];
  /** Absent if the flag has no effect, or none but to end the program. */
  apply?(draft: Draft, value: string): void;
}

const NO_EFFECT = '(accepted, has no effect)';
const PROTOCOLS: readonly ProtocolName[] = ['auto', 'binary', 'ascii'];
/** What the daemon can run on. */
const RUNTIMES: readonly string[] = ['auto', 'bun', 'node'];
/** A reference reaches 16 GiB (storage/layout.ts). */
const MEMORY_MEGABYTES_MAX = 16 * 1024 - 64;
const CONNECTIONS_MAX = 1_000_000;
const REQUESTS_MAX = 1_000_000;
const THREADS_MAX = 1024;
const BACKLOG_MAX = 65_535;
/** memcached counts key, value and flags; the largest that still leaves several size classes. */
const CHUNK_SIZE_MAX = 4096;
const GROWTH_FACTOR_MAX = 4;

function refuse(name: string, why: string): (draft: Draft, value: string) => void {
  return (_, value) => {
    throw bad(`${name}${value === '' ? '' : ` ${value}`}: ${why}`);
  };
}

const NETWORK: readonly Flag[] = [
  {
    letter: 'p',
    long: 'port',
    value: 'num',
    help: ['TCP port to listen on (default: 11211; 0 is off, -1 any)'],
    apply: (draft, value) => void (draft.port = port('-p', value)),
  },
  {
    letter: 'U',
    long: 'udp-port',
    value: 'num',
    help: ['UDP port to listen on (default: 0, off; -1 any); without -p', 'the TCP port too'],
    apply: ({ settings }, value) => void (settings.udpPort = port('-U', value)),
  },
  {
    letter: 's',
    long: 'unix-socket',
    value: 'file',
    help: ['UNIX socket to listen on (disables network support)'],
    apply: ({ settings }, value) => void (settings.domainSocket = value),
  },
  {
    letter: 'a',
    long: 'unix-mask',
    value: 'mask',
    help: ['access mask for UNIX socket, in octal (default: 700)'],
    apply: ({ settings }, value) => {
      if (!/^[0-7]{1,4}$/.test(value)) throw bad(`-a ${value}: not an octal access mask`);
      settings.domainSocketMode = parseInt(value, 8);
    },
  },
  {
    letter: 'A',
    long: 'enable-shutdown',
    help: ['enable ascii "shutdown" command'],
    apply: ({ settings }) => void (settings.shutdownEnabled = true),
  },
  {
    letter: 'l',
    long: 'listen',
    value: 'addr',
    help: [
      'interface to listen on (default: INADDR_ANY)',
      "if TLS/SSL is enabled, 'notls' prefix can be used to",
      'disable for specific listeners (-l notls:<ip>:<port>);',
      "'btls' asks clients for no certificate, 'mtls' insists on one;",
      'proto[ascii|binary|negotiating]:<ip>:<port> fixes a protocol',
    ],
    apply: ({ listen }, value) => {
      const isNew = (address: string): boolean => address !== '' && !listen.includes(address);
      listen.push(...value.split(/[,;]/).filter(isNew));
    },
  },
];

const PROCESS: readonly Flag[] = [
  {
    letter: 'd',
    long: 'daemon',
    help: ['run as a daemon: a process of its own, in the background'],
    apply: (draft) => void (draft.detach = true),
  },
  { letter: 'r', long: 'enable-coredumps', help: [`maximize core file limit ${NO_EFFECT}`] },
  {
    letter: 'u',
    long: 'user',
    value: 'user',
    help: ['assume identity of <username> (only when run as root)'],
    apply: (draft, value) => void (draft.user = value),
  },
  {
    letter: 'm',
    long: 'memory-limit',
    value: 'num',
    help: ['item memory in megabytes (default: 64)'],
    apply: ({ settings }, value) => {
      settings.maxBytes = integer('-m', value, 1, MEMORY_MEGABYTES_MAX) * MEGABYTE;
    },
  },
  {
    letter: 'M',
    long: 'disable-evictions',
    help: ['return error on memory exhausted instead of evicting'],
    apply: ({ settings }) => void (settings.evictionDisabled = true),
  },
  {
    letter: 'c',
    long: 'conn-limit',
    value: 'num',
    help: ['max simultaneous connections (default: 1024)'],
    apply: ({ settings }, value) => void (settings.maxConnections = integer('-c', value, 1, CONNECTIONS_MAX)),
  },
  { letter: 'k', long: 'lock-memory', help: [`lock down all paged memory ${NO_EFFECT}`] },
  {
    letter: 'v',
    long: 'verbose',
    help: [
      'verbose (print errors/warnings while in event loop)',
      '-vv: very verbose (also print client commands/responses)',
    ],
    apply: ({ settings }) => void settings.verbosity++,
  },
  { letter: 'h', long: 'help', help: ['print this help and exit'] },
  { letter: 'i', long: 'license', help: ['print the license and exit'] },
  { letter: 'V', long: 'version', help: ['print version and exit'] },
  {
    letter: 'P',
    long: 'pidfile',
    value: 'file',
    help: ['save PID in <file>, with or without -d'],
    apply: (draft, value) => void (draft.pidFile = value),
  },
];

const MEMORY: readonly Flag[] = [
  {
    letter: 'f',
    long: 'slab-growth-factor',
    value: 'num',
    help: ["chunk size growth factor (default: 1.03; memcached's is 1.25)"],
    apply: ({ settings }, value) => {
      settings.growthFactor = fraction('-f', value, 1, GROWTH_FACTOR_MAX + Number.EPSILON * GROWTH_FACTOR_MAX);
    },
  },
  {
    letter: 'n',
    long: 'slab-min-size',
    value: 'bytes',
    help: ["min space used for key+value+flags (default: 16; memcached's is 48)"],
    apply: ({ settings }, value) => void (settings.chunkSize = integer('-n', value, 1, CHUNK_SIZE_MAX)),
  },
  { letter: 'L', long: 'enable-largepages', help: [`try to use large memory pages ${NO_EFFECT}`] },
  {
    letter: 'D',
    long: 'stat-prefix',
    value: 'char',
    help: [
      'Use <char> as the delimiter between key prefixes and IDs.',
      'This is used for per-prefix stats reporting. The default is',
      '":" (colon). If this option is specified, stats collection',
      'is turned on automatically; if not, then it may be turned on',
      'by sending the "stats detail on" command to the server.',
    ],
    apply: ({ settings }, value) => {
      const [delimiter] = value;
      if (delimiter === undefined) throw bad('-D: no delimiter');
      settings.statKeyPrefix = delimiter;
      settings.detailEnabled = true;
    },
  },
  {
    letter: 't',
    long: 'threads',
    value: 'num',
    help: ['number of threads to use (accepted, has no effect: a node is one event loop)'],
    apply: ({ settings }, value) => void (settings.threads = integer('-t', value, 1, THREADS_MAX)),
  },
  {
    letter: 'R',
    long: 'max-reqs-per-event',
    value: 'num',
    help: [
      'maximum number of requests per event, limits the',
      'requests processed per connection to prevent',
      `starvation (default: ${DEFAULT_SETTINGS.reqsPerEvent}; memcached's is 20)`,
    ],
    apply: ({ settings }, value) => void (settings.reqsPerEvent = integer('-R', value, 1, REQUESTS_MAX)),
  },
  {
    letter: 'C',
    long: 'disable-cas',
    help: ['disable use of CAS'],
    apply: ({ settings }) => void (settings.casEnabled = false),
  },
];

const PROTOCOL: readonly Flag[] = [
  {
    letter: 'b',
    long: 'listen-backlog',
    value: 'num',
    help: ['set the backlog queue limit (default: 1024)'],
    apply: ({ settings }, value) => void (settings.backlog = integer('-b', value, 0, BACKLOG_MAX)),
  },
  {
    letter: 'B',
    long: 'protocol',
    value: 'name',
    help: ['protocol - one of ascii, binary, or auto (default: auto-negotiate)'],
    apply: (draft, value) => void (draft.protocol = oneOf('-B', value, PROTOCOLS)),
  },
  {
    letter: 'I',
    long: 'max-item-size',
    value: 'num',
    help: ['adjusts max item size', '(default: 1m, min: 1k, max: 1024m)'],
    apply: ({ settings }, value) => void (settings.itemSizeMax = itemSize(value)),
  },
  {
    letter: 'S',
    long: 'enable-sasl',
    help: ['turn on Sasl authentication'],
    apply: ({ settings }) => void (settings.saslEnabled = true),
  },
  {
    letter: 'F',
    long: 'disable-flush-all',
    help: ['disable flush_all command'],
    apply: ({ settings }) => void (settings.flushEnabled = false),
  },
  {
    letter: 'X',
    long: 'disable-dumping',
    help: ['disable stats cachedump, stats detail, and lru_crawler metadump'],
    apply: ({ settings }) => void (settings.dumpEnabled = false),
  },
  {
    letter: 'W',
    long: 'disable-watch',
    help: ['disable watch commands (live logging)'],
    apply: ({ settings }) => void (settings.watchEnabled = false),
  },
  {
    letter: 'Y',
    long: 'auth-file',
    value: 'file',
    help: ['enable ASCII protocol authentication. format:', 'user:pass\\nuser2:pass2\\n'],
    apply: ({ settings }, value) => void (settings.authFile = value),
  },
  {
    letter: 'e',
    long: 'memory-file',
    value: 'file',
    help: ['(refused: item memory in a file is not supported)'],
    apply: refuse('-e', 'item memory in a file is not supported'),
  },
  {
    letter: 'Z',
    long: 'enable-ssl',
    help: ['enable TLS/SSL'],
    apply: (draft) => void (draft.tlsEnabled = true),
  },
  {
    letter: 'o',
    long: 'extended',
    value: 'options',
    help: ['comma separated list of extended options', "most options have a 'no_' prefix to disable"],
    apply: ({ settings, tls }, value) => applySuboptions(value, settings.extended, tls),
  },
  { letter: 'N', long: 'napi_ids', value: 'num', help: [`number of napi ids ${NO_EFFECT}`] },
];

const OURS: readonly Flag[] = [
  {
    letter: '',
    long: 'eviction',
    value: 'name',
    help: ['lru (segmented, as memcached) or s3fifo (default: lru)'],
    apply: ({ settings }, value) => void (settings.eviction = oneOf('--eviction', value, EVICTION_POLICIES)),
  },
  {
    letter: '',
    long: 'runtime',
    value: 'name',
    help: ['auto, bun or node (default: auto, Bun where it is installed)'],
    // bin/memfleet has chosen by it already; here it is only judged.
    apply: (_, value) => void oneOf('--runtime', value, RUNTIMES),
  },
  {
    letter: '',
    long: 'sidecar-socket',
    value: 'file',
    help: [
      "UNIX socket for the node's own sidecar, in the text protocol,",
      'without TLS or a login; for this user alone',
    ],
    apply: (draft, value) => void (draft.sidecarSocket = value),
  },
];

/** All flags, in the order of `-h`. */
export const FLAGS: readonly Flag[] = [...NETWORK, ...PROCESS, ...MEMORY, ...PROTOCOL, ...OURS];
