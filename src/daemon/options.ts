/**
 * The daemon's flags, memcached's by letter and by long name, in getopt's ways: `-m64`, `-m 64`, `-vv`,
 * `--memory-limit=64`. Pure: from words to settings, or one clear error.
 */
import { FleetError } from '../base/errors.ts';
import { DEFAULT_SETTINGS, type ProtocolName, type Settings } from './settings.ts';
import { EVICTION_POLICIES, type EvictionPolicyName } from './storage/eviction.ts';
import type { ListenAddress } from './transport.ts';

/** What the words ask for. */
export type DaemonRequest =
  | { kind: 'run'; settings: Settings; user: string | undefined; pidFile: string | undefined }
  | { kind: 'help' }
  | { kind: 'version' };

interface Flag {
  /** Empty for a flag of ours, which memcached has not. */
  letter: string;
  long: string;
  /** Name of the value, if it takes one. */
  value?: string;
  help: string;
}

/** memcached's flags that this daemon knows, in memcached's words and order (memcached.c, usage()). */
export const FLAGS: readonly Flag[] = [
  { letter: 'p', long: 'port', value: 'num', help: 'TCP port to listen on (default: 11211)' },
  { letter: 'U', long: 'udp-port', value: 'num', help: 'UDP port; only 0 (off, the default) is accepted' },
  { letter: 's', long: 'unix-socket', value: 'file', help: 'UNIX socket to listen on (disables network support)' },
  { letter: 'a', long: 'unix-mask', value: 'mask', help: 'access mask for UNIX socket, in octal (default: 700)' },
  { letter: 'A', long: 'enable-shutdown', help: 'enable ascii "shutdown" command' },
  { letter: 'l', long: 'listen', value: 'addr', help: 'interface to listen on (default: INADDR_ANY)' },
  { letter: 'u', long: 'user', value: 'user', help: 'assume identity of <username> (only when run as root)' },
  { letter: 'm', long: 'memory-limit', value: 'num', help: 'item memory in megabytes (default: 64)' },
  { letter: 'M', long: 'disable-evictions', help: 'return error on memory exhausted instead of evicting' },
  { letter: 'c', long: 'conn-limit', value: 'num', help: 'max simultaneous connections (default: 1024)' },
  { letter: 'k', long: 'lock-memory', help: 'accepted, has no effect' },
  { letter: 'r', long: 'enable-coredumps', help: 'accepted, has no effect' },
  { letter: 'v', long: 'verbose', help: 'verbose; -vv also connections' },
  { letter: 'h', long: 'help', help: 'print this help and exit' },
  { letter: 'V', long: 'version', help: 'print version and exit' },
  { letter: 'P', long: 'pidfile', value: 'file', help: 'save PID in <file>' },
  { letter: 'f', long: 'slab-growth-factor', value: 'num', help: 'chunk size growth factor (default: 1.04)' },
  { letter: 't', long: 'threads', value: 'num', help: 'accepted; a node is one event loop' },
  { letter: 'b', long: 'listen-backlog', value: 'num', help: 'set the backlog queue limit (default: 1024)' },
  { letter: 'B', long: 'protocol', value: 'name', help: 'one of ascii, binary or auto (default: auto-negotiate)' },
  { letter: 'F', long: 'disable-flush-all', help: 'disable flush_all command' },
  {
    letter: 'I',
    long: 'max-item-size',
    value: 'num',
    help: 'adjusts max item size (default: 1m, min: 1k, max: 1024m)',
  },
  { letter: '', long: 'eviction', value: 'name', help: 'lru (segmented, as memcached) or s3fifo (default: lru)' },
  { letter: '', long: 'runtime', value: 'name', help: 'auto, bun or node (default: auto, Bun where it is installed)' },
];

/** What connections may speak. */
const PROTOCOLS: readonly ProtocolName[] = ['ascii', 'binary', 'auto'];

/** What the daemon can run on. */
const RUNTIMES: readonly string[] = ['auto', 'bun', 'node'];

const MEGABYTE = 1024 * 1024;
/** A reference reaches 16 GiB (storage/layout.ts). */
const MEMORY_MEGABYTES_MAX = 16 * 1024 - 64;
const ITEM_SIZE_MIN = 1024;
const ITEM_SIZE_MAX = 1024 * MEGABYTE;
const CONNECTIONS_MAX = 1_000_000;

/**
 * Reads the words behind `memfleet daemon`.
 *
 * @param env only the tokens of the configuration are taken from it
 * @throws FleetError BAD_CONFIG naming the flag and the value
 */
export function readDaemonOptions(words: readonly string[], env: Record<string, string | undefined>): DaemonRequest {
  const settings: Settings = { ...DEFAULT_SETTINGS };
  const raw: Raw = { listen: [], port: DEFAULT_SETTINGS.port, user: undefined, pidFile: undefined };
  for (const { flag, value } of walk(words)) {
    if (flag.letter === 'h') return { kind: 'help' };
    if (flag.letter === 'V') return { kind: 'version' };
    apply(flag, value, settings, raw);
  }
  const token = env['MEMFLEET_CONFIG_TOKEN'] || env['MEMFLEET_TOKEN'];
  if (token) settings.configToken = token;
  settings.inter = raw.listen.join(',');
  settings.port = settings.domainSocket === undefined ? raw.port : 0;
  settings.listen =
    settings.domainSocket === undefined
      ? listenAddresses(raw.listen, raw.port)
      : [{ path: settings.domainSocket, mode: settings.domainSocketMode }];
  if (settings.itemSizeMax > settings.maxBytes / 2) {
    throw bad(`-I ${settings.itemSizeMax}: the largest item cannot be more than half of the memory (-m)`);
  }
  return { kind: 'run', settings, user: raw.user, pidFile: raw.pidFile };
}

/** The text of `-h`. */
export function helpText(productVersion: string, memcachedVersion: string): string {
  const lines = FLAGS.map(({ letter, long, value, help }) => {
    const words = `${letter === '' ? '   ' : `-${letter},`} --${long}${value === undefined ? '' : `=<${value}>`}`;
    return `${words.padEnd(32)} ${help}`;
  });
  return `memfleet ${productVersion}, as memcached ${memcachedVersion}\n${lines.join('\n')}\n`;
}

interface Raw {
  listen: string[];
  port: number;
  user: string | undefined;
  pidFile: string | undefined;
}

function* walk(words: readonly string[]): Generator<{ flag: Flag; value: string }> {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (long === null && !/^-[^-]/.test(word)) throw bad(`unexpected argument '${word}'`);
    const letters = long === null ? word.slice(1) : '';
    if (long !== null) {
      const flag = FLAGS.find((candidate) => candidate.long === long[1]);
      if (flag === undefined) throw bad(`unknown option '--${long[1]}'`);
      yield { flag, value: flag.value === undefined ? '' : (long[2] ?? need(flag, words[++i])) };
    }
    for (let at = 0; at < letters.length; at++) {
      const flag = FLAGS.find((candidate) => candidate.letter === letters[at]);
      if (flag === undefined) throw bad(`unknown option '-${letters[at]}'`);
      if (flag.value === undefined) {
        yield { flag, value: '' };
      } else {
        yield { flag, value: letters.slice(at + 1) || need(flag, words[++i]) };
        break;
      }
    }
  }
}

function need(flag: Flag, value: string | undefined): string {
  if (value === undefined) throw bad(`option --${flag.long} needs a value <${flag.value}>`);
  return value;
}

function apply(flag: Flag, value: string, settings: Settings, raw: Raw): void {
  switch (flag.letter || flag.long) {
    case 'eviction':
      settings.eviction = evictionPolicy(value);
      break;
    case 'runtime':
      // bin/memfleet has chosen by it already; here it is only judged.
      if (!RUNTIMES.includes(value)) throw bad(`--runtime ${value}: must be one of ${RUNTIMES.join(', ')}`);
      break;
    case 'p':
      raw.port = integer('-p', value, 0, 65535);
      break;
    case 'U':
      if (integer('-U', value, 0, 65535) !== 0) throw bad(`-U ${value}: UDP is not supported; only 0 (off) is`);
      break;
    case 's':
      settings.domainSocket = value;
      break;
    case 'a':
      if (!/^[0-7]{1,4}$/.test(value)) throw bad(`-a ${value}: not an octal access mask`);
      settings.domainSocketMode = parseInt(value, 8);
      break;
    case 'A':
      settings.shutdownEnabled = true;
      break;
    case 'l':
      raw.listen.push(...value.split(',').filter((address) => address !== ''));
      break;
    case 'u':
      raw.user = value;
      break;
    case 'm':
      settings.maxBytes = integer('-m', value, 1, MEMORY_MEGABYTES_MAX) * MEGABYTE;
      break;
    case 'M':
      settings.evictionDisabled = true;
      break;
    case 'c':
      settings.maxConnections = integer('-c', value, 1, CONNECTIONS_MAX);
      break;
    case 'v':
      settings.verbosity++;
      break;
    case 'P':
      raw.pidFile = value;
      break;
    case 'f':
      settings.growthFactor = growthFactor(value);
      break;
    case 't':
      settings.threads = integer('-t', value, 1, 1024);
      break;
    case 'b':
      settings.backlog = integer('-b', value, 1, 65535);
      break;
    case 'B':
      settings.protocol = protocolName(value);
      break;
    case 'F':
      settings.flushEnabled = false;
      break;
    case 'I':
      settings.itemSizeMax = itemSize(value);
      break;
    default:
      break;
  }
}

function evictionPolicy(value: string): EvictionPolicyName {
  const name = EVICTION_POLICIES.find((candidate) => candidate === value);
  if (name === undefined) throw bad(`--eviction ${value}: must be one of ${EVICTION_POLICIES.join(', ')}`);
  return name;
}

function protocolName(value: string): ProtocolName {
  const name = PROTOCOLS.find((candidate) => candidate === value);
  if (name === undefined) throw bad(`-B ${value}: must be one of ${PROTOCOLS.join(', ')}`);
  return name;
}

function growthFactor(value: string): number {
  const factor = Number(value);
  if (!(factor > 1 && factor <= 4)) throw bad(`-f ${value}: the growth factor must be more than 1 and at most 4`);
  return factor;
}

/** A number of bytes with memcached's suffixes k and m; g as well. */
function itemSize(value: string): number {
  const match = /^(\d+)([kmg]?)$/i.exec(value);
  if (match === null) throw bad(`-I ${value}: not a size such as 1m or 512k`);
  const unit = { '': 1, k: 1024, m: MEGABYTE, g: 1024 * MEGABYTE }[match[2].toLowerCase() as '' | 'k' | 'm' | 'g'];
  const bytes = Number(match[1]) * unit;
  if (bytes < ITEM_SIZE_MIN || bytes > ITEM_SIZE_MAX) throw bad(`-I ${value}: must be between 1k and 1024m`);
  return bytes;
}

function integer(flag: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw bad(`${flag} ${value}: not a whole number from ${least} to ${most}`);
  }
  return number;
}

/** `-l host`, `-l host:port`, `-l [v6]:port`, several with commas or several times; none = every interface. */
function listenAddresses(addresses: readonly string[], port: number): ListenAddress[] {
  if (addresses.length === 0) return [{ host: '0.0.0.0', port }];
  return addresses.map((address) => {
    const match = /^(?:\[([^\]]+)\]|([^:]+)|([^[\]]*:[^[\]]*:[^[\]]*))(?::(\d+))?$/.exec(address);
    const host = match?.[1] ?? match?.[2] ?? match?.[3];
    if (host === undefined)
      throw bad(`-l ${address}: not an address such as 127.0.0.1, 127.0.0.1:11211 or [::1]:11211`);
    return { host, port: match?.[4] === undefined ? port : integer('-l', match[4], 0, 65535) };
  });
}

function bad(message: string): FleetError {
  return new FleetError('BAD_CONFIG', message);
}
