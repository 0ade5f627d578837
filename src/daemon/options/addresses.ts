/** Where to listen: the words of `-l`, with `-p` for TCP and `-U` for UDP. Pure. */
import { ANY_PORT, type ProtocolName, type UdpAddress } from '../settings.ts';
import type { ListenAddress, TlsChoice } from '../transport/transport.ts';
import { bad, port as portOf } from './values.ts';

/** What may stand in front of an address, in this order (memcached.c, server_sockets). */
const LISTEN = new RegExp(
  String.raw`^(?:(notls|btls|mtls):)?(?:proto\[([^\]]*)\]:)?(?:tag(?:\[([^\]]*)\]|_([^_]*)_):)?` +
    String.raw`(?:\[([^\]]+)\]|([^:]+)|([^[\]]*:[^[\]]*:[^[\]]*))(?::(-1|\d+))?$`,
);

/** Bytes that a listener's tag may have. Tags are for memcached's proxy: here they are accepted and do nothing. */
const TAG_BYTES_MAX = 8;

/** One word of `-l`, read. */
interface Address {
  host: string;
  /** Undefined unless the word has one. */
  port: number | undefined;
  tls: TlsChoice | undefined;
  protocol: ProtocolName | undefined;
}

/** Every interface. memcached.c, server_socket: without `-l`. */
const EVERYWHERE = '0.0.0.0';

/**
 * `-l host`, `-l host:port`, `-l [v6]:port`, several with commas or semicolons or several times; none = every interface.
 * In front of each may stand `notls:`, `btls:` or `mtls:` (with `-Z`), `proto[ascii]:` or another protocol, and `tag[…]:`.
 *
 * @param port `-p`, for addresses without a port of their own; 0 = no TCP at all
 * @param tls whether the others use TLS
 */
export function listenAddresses(words: readonly string[], port: number, tls: boolean): ListenAddress[] {
  const addresses = readAddresses(words, tls);
  if (port === 0) return [];
  return addresses.map(({ host, port: own, tls: choice, protocol }) => ({
    host,
    port: bindable(own ?? port),
    ...(choice === undefined ? {} : { tls: choice }),
    ...(protocol === undefined ? {} : { protocol }),
  }));
}

/** The same for `-U`: a port of an address's own is its UDP port too. */
export function udpAddresses(words: readonly string[], port: number, tls: boolean): UdpAddress[] {
  if (port === 0) return [];
  const addresses = readAddresses(words, tls).map(({ host, port: own }) => ({ host, port: bindable(own ?? port) }));
  // One address may be there twice, for two protocols that TCP can tell apart.
  const isFirst = ({ host, port }: UdpAddress, index: number): boolean =>
    port === 0 || addresses.findIndex((other) => other.host === host && other.port === port) === index;
  return addresses.filter(isFirst);
}

/** The system's word for a port that it is to choose. */
function bindable(port: number): number {
  return port === ANY_PORT ? 0 : port;
}

function readAddresses(words: readonly string[], tls: boolean): Address[] {
  if (words.length > 0) return words.map((word) => readAddress(word, tls));
  return [{ host: EVERYWHERE, port: undefined, tls: tls ? 'default' : undefined, protocol: undefined }];
}

function readAddress(word: string, tls: boolean): Address {
  const [, prefix, proto, ...match] = LISTEN.exec(word) ?? [];
  const tag = match[0] ?? match[1];
  const host = match[2] ?? match[3] ?? match[4];
  if (host === undefined) throw bad(`-l ${word}: not an address such as 127.0.0.1, 127.0.0.1:11211 or [::1]:11211`);
  if (tag !== undefined && (tag === '' || tag.length > TAG_BYTES_MAX)) {
    throw bad(`-l ${word}: a tag has 1 to ${TAG_BYTES_MAX} characters`);
  }
  if (prefix !== undefined && !tls) throw bad(`-l ${word}: '${prefix}' needs -Z`);
  const choice: TlsChoice = prefix === 'btls' ? 'basic' : prefix === 'mtls' ? 'mutual' : 'default';
  return {
    host: host === '*' ? EVERYWHERE : host,
    // 0 behind an address is any port (memcached.c, server_sockets): it is -p that switches TCP off.
    port: match[5] === undefined ? undefined : portOf('-l', match[5]) || ANY_PORT,
    tls: tls && prefix !== 'notls' ? choice : undefined,
    protocol: proto === undefined ? undefined : listenProtocol(word, proto),
  };
}

/** memcached takes any beginning of a name; a word that is none leaves the port with what `-B` says. */
function listenProtocol(address: string, word: string): ProtocolName | undefined {
  if ('ascii'.startsWith(word)) return 'ascii';
  if ('binary'.startsWith(word)) return 'binary';
  if ('negotiating'.startsWith(word)) return 'auto';
  if ('proxy'.startsWith(word)) throw bad(`-l ${address}: the Lua proxy is not supported`);
  return undefined;
}
