/**
 * memcached's flags as far as a supervisor must know them: which words belong to the daemon, and where it will listen.
 * What the flags mean is the daemon's own business (`src/daemon/`). Pure.
 */
import { FleetError } from '../base/errors.ts';
import { MEMCACHED_PORT } from '../base/memcached.ts';

/** memcached's one-letter flags that take a value (memcached.c, the getopt string of 1.6). */
const WITH_VALUE = new Set('apsUmcluPfntDRbBIYeoN');
/** Long names of those that say where to listen and who may come (memcached.c, `longopts`). */
const LONG_LETTERS: Readonly<Record<string, string>> = {
  port: 'p',
  'udp-port': 'U',
  listen: 'l',
  'unix-socket': 's',
  protocol: 'B',
  daemon: 'd',
  'enable-ssl': 'Z',
  'enable-sasl': 'S',
  'auth-file': 'Y',
};

/** Each flag with its value, in order; a flag without a value has `''`. Long flags that matter here become letters. */
function* walk(args: readonly string[]): Generator<{ letter: string; value: string }> {
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? '';
    const long = /^--([\w-]+)(?:=(.*))?$/s.exec(word);
    const longValue = (letter: string): string =>
      WITH_VALUE.has(letter) ? (long?.[2] ?? args[(index += 1)] ?? '') : '';
    if (long !== null) {
      const letter = LONG_LETTERS[long[1] ?? ''];
      if (letter !== undefined) yield { letter, value: longValue(letter) };
      continue;
    }
    if (!word.startsWith('-')) continue;
    for (let at = 1; at < word.length; at += 1) {
      const letter = word[at] ?? '';
      if (!WITH_VALUE.has(letter)) {
        yield { letter, value: '' };
        continue;
      }
      const rest = word.slice(at + 1);
      yield { letter, value: rest === '' ? (args[(index += 1)] ?? '') : rest };
      break;
    }
  }
}

/** True if the flags only ask for memcached's help or version. */
export function asksForHelp(args: readonly string[]): boolean {
  return [...walk(args)].some(({ letter }) => letter === 'h' || letter === 'V' || letter === 'i');
}

/** How a sidecar on the same machine reaches its daemon. */
export type SidecarWay = { host: string; port: number } | 'private socket';

/**
 * How a sidecar reaches a daemon that is started with these flags: by its TCP port, if that takes the text protocol from
 * anybody, else by a socket that the daemon opens for it alone.
 *
 * @throws FleetError BAD_CONFIG if the daemon would leave for the background, where nobody sees it end, or for no port
 */
export function wayToDaemon(args: readonly string[]): SidecarWay {
  let port: number | undefined;
  let udpPort: number | undefined;
  let host = '127.0.0.1';
  let isPlain = true;
  // A port behind an address of -l wins over -p, in whichever order they stand.
  let listenPort: number | undefined;
  for (const { letter, value } of walk(args)) {
    if (letter === 'd') {
      throw new FleetError(
        'BAD_CONFIG',
        '-d cannot be used here: a node watches its daemon, so it stays in front of it',
      );
    }
    if ('sZSY'.includes(letter) || (letter === 'B' && value === 'binary')) isPlain = false;
    if (letter === 'p') port = Number(value);
    if (letter === 'U') udpPort = value === '0' ? undefined : Number(value);
    if (letter === 'l') {
      const first = value.split(/[,;]/)[0] ?? '';
      if (/^(?:\w+tls|proto\[.*\]|tag\W.*):/.test(first)) isPlain = false;
      const match = /^(?:\[([^\]]+)\]|([^:]*)|(.*:.*:.*))(?::(-1|\d+))?$/.exec(first);
      host = reachable(match?.[1] ?? match?.[2] ?? match?.[3] ?? '');
      if (match?.[4] !== undefined) listenPort = Number(match[4]);
    }
  }
  // -p 0 is no TCP port, whatever the addresses say; behind an address it is any port, as -1 is everywhere.
  if (port !== 0) port = listenPort ?? port ?? udpPort ?? MEMCACHED_PORT;
  // A port that the system chooses is one that nobody here can know.
  if (!isPlain || port === 0 || port === -1) return 'private socket';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new FleetError(
      'BAD_CONFIG',
      `a node needs a TCP port from 1 to 65535 (-p), got ${JSON.stringify(String(port))}`,
    );
  }
  return { host, port };
}

/** The wildcard addresses are not ones to connect to. */
function reachable(host: string): string {
  if (host === '' || host === '*' || host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/**
 * Splits the arguments of `memfleet up`: our long flags, and everything else, which goes to each daemon.
 * @param withValue our flags that take a value
 * @param alone our flags that do not
 * @throws FleetError BAD_CONFIG for a flag that says where to listen, a word that belongs to no flag, an unknown long flag
 */
export function splitDaemonFlags(
  args: readonly string[],
  withValue: readonly string[],
  alone: readonly string[],
): { ours: string[]; others: string[] } {
  const ours: string[] = [];
  const others: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? '';
    const name = word.split('=')[0] ?? '';
    if (alone.includes(word)) ours.push(word);
    else if (withValue.includes(name)) {
      ours.push(word);
      if (!word.includes('=')) ours.push(...args.slice((index += 1), index + 1));
    } else if (word.startsWith('--')) {
      throw new FleetError('BAD_CONFIG', `unknown option ${JSON.stringify(word)}`);
    } else if (word.startsWith('-') && word.length > 1) {
      others.push(word);
      if (takesNextWord(word)) others.push(...args.slice((index += 1), index + 1));
    } else {
      throw new FleetError('BAD_CONFIG', `unexpected argument ${JSON.stringify(word)}`);
    }
  }
  const placing = [...walk(others)].find(({ letter }) => 'plsdPU'.includes(letter));
  if (placing !== undefined) {
    throw new FleetError(
      'BAD_CONFIG',
      `-${placing.letter} cannot be used here: a local fleet places its daemons itself`,
    );
  }
  return { ours, others };
}

/** True if a word of one-letter flags ends in one whose value is the next word. */
function takesNextWord(word: string): boolean {
  for (let at = 1; at < word.length; at += 1) {
    if (WITH_VALUE.has(word[at] ?? '')) return at === word.length - 1;
  }
  return false;
}
