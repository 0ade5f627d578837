/** Values of flags: from one word to a number, a size or an address, or one clear error. Pure. */
import { FleetError } from '../../base/errors.ts';
import type { ProtocolName } from '../settings.ts';
import type { ListenAddress, TlsChoice } from '../transport/transport.ts';

export const MEGABYTE = 1024 * 1024;
const ITEM_SIZE_MIN = 1024;
const ITEM_SIZE_MAX = 1024 * MEGABYTE;

/** A flag that cannot be obeyed. */
export function bad(message: string): FleetError {
  return new FleetError('BAD_CONFIG', message);
}

/** @throws FleetError BAD_CONFIG naming the flag and its range */
export function integer(flag: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw bad(`${flag} ${value}: not a whole number from ${least} to ${most}`);
  }
  return number;
}

/** A number with a fraction, above `least` and below `most`. */
export function fraction(flag: string, value: string, least: number, most = Infinity): number {
  const number = Number(value);
  if (!/^\d*\.?\d+$/.test(value) || number <= least || number >= most) {
    const range = most === Infinity ? `above ${least}` : `above ${least} and below ${most}`;
    throw bad(`${flag} ${value}: not a number ${range}`);
  }
  return number;
}

/** One of a few words. */
export function oneOf<Word extends string>(flag: string, value: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw bad(`${flag} ${value}: must be one of ${words.join(', ')}`);
  return word;
}

/** A number of bytes with memcached's suffixes k and m; g as well. */
export function itemSize(value: string): number {
  const match = /^(\d+)([kmg]?)$/i.exec(value);
  if (match === null) throw bad(`-I ${value}: not a size such as 1m or 512k`);
  const unit = { '': 1, k: 1024, m: MEGABYTE, g: 1024 * MEGABYTE }[match[2].toLowerCase() as '' | 'k' | 'm' | 'g'];
  const bytes = Number(match[1]) * unit;
  if (bytes < ITEM_SIZE_MIN || bytes > ITEM_SIZE_MAX) throw bad(`-I ${value}: must be between 1k and 1024m`);
  return bytes;
}

/** What may stand in front of an address, in this order (memcached.c, server_sockets). */
const LISTEN = new RegExp(
  String.raw`^(?:(notls|btls|mtls):)?(?:proto\[([^\]]*)\]:)?(?:tag(?:\[([^\]]*)\]|_([^_]*)_):)?` +
    String.raw`(?:\[([^\]]+)\]|([^:]+)|([^[\]]*:[^[\]]*:[^[\]]*))(?::(\d+))?$`,
);

/** Bytes that a listener's tag may have. Tags are for memcached's proxy: here they are accepted and do nothing. */
const TAG_BYTES_MAX = 8;

/**
 * `-l host`, `-l host:port`, `-l [v6]:port`, several with commas or semicolons or several times; none = every interface.
 * In front of each may stand `notls:`, `btls:` or `mtls:` (with `-Z`), `proto[ascii]:` or another protocol, and `tag[…]:`.
 *
 * @param tls whether the others use TLS
 */
export function listenAddresses(addresses: readonly string[], port: number, tls: boolean): ListenAddress[] {
  if (addresses.length === 0) return [{ host: '0.0.0.0', port, ...(tls ? { tls: 'default' } : {}) }];
  return addresses.map((address) => {
    const [, prefix, proto, ...match] = LISTEN.exec(address) ?? [];
    const tag = match[0] ?? match[1];
    const host = match[2] ?? match[3] ?? match[4];
    if (host === undefined)
      throw bad(`-l ${address}: not an address such as 127.0.0.1, 127.0.0.1:11211 or [::1]:11211`);
    if (tag !== undefined && (tag === '' || tag.length > TAG_BYTES_MAX)) {
      throw bad(`-l ${address}: a tag has 1 to ${TAG_BYTES_MAX} characters`);
    }
    if (prefix !== undefined && !tls) throw bad(`-l ${address}: '${prefix}' needs -Z`);
    const choice: TlsChoice = prefix === 'btls' ? 'basic' : prefix === 'mtls' ? 'mutual' : 'default';
    const protocol = proto === undefined ? undefined : listenProtocol(address, proto);
    return {
      host: host === '*' ? '0.0.0.0' : host,
      port: match[5] === undefined ? port : integer('-l', match[5], 0, 65535),
      ...(tls && prefix !== 'notls' ? { tls: choice } : {}),
      ...(protocol === undefined ? {} : { protocol }),
    };
  });
}

/** memcached takes any beginning of a name; a word that is none leaves the port with what `-B` says. */
function listenProtocol(address: string, word: string): ProtocolName | undefined {
  if ('ascii'.startsWith(word)) return 'ascii';
  if ('binary'.startsWith(word)) return 'binary';
  if ('negotiating'.startsWith(word)) return 'auto';
  if ('proxy'.startsWith(word)) throw bad(`-l ${address}: the Lua proxy is not supported`);
  return undefined;
}
