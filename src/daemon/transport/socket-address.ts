/** Addresses as the kernel takes them (struct sockaddr), and as memcached names them. Only for `epoll.ts`. */
import { lookup } from 'node:dns/promises';
import { AF_INET, AF_INET6, AF_UNIX, fixedMemory, type Libc } from './libc.ts';
import { endpoint } from './common.ts';
import type { ListenAddress } from './transport.ts';

/** sizeof(struct sockaddr_un), the longest of the three. */
const ADDRESS_BYTES = 110;
/** Bytes of a Unix socket's path, without its end (unix(7)). */
const PATH_BYTES_MAX = 107;
const INET6_BYTES = 28;
const INET_BYTES = 16;
/** INET6_ADDRSTRLEN. */
const TEXT_BYTES = 46;

/**
 * A listening address for bind(2).
 *
 * @throws Error with a code, as Node's own: ENOTFOUND for a name that has no address, ENAMETOOLONG
 */
export async function toSocketAddress(libc: Libc, address: ListenAddress): Promise<Uint8Array> {
  if ('path' in address) return unixAddress(address.path);
  const [text, zone] = (await lookup(address.host)).address.split('%') as [string, string | undefined];
  const isV6 = text.includes(':');
  const bytes = new Uint8Array(isV6 ? INET6_BYTES : INET_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, address.port);
  libc.inet_pton(isV6 ? AF_INET6 : AF_INET, libc.ptr(cString(text)), libc.ptr(bytes.subarray(isV6 ? 8 : 4)));
  if (isV6 && zone !== undefined) view.setUint32(24, libc.if_nametoindex(libc.ptr(cString(zone))), true);
  return bytes;
}

function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (name.length > PATH_BYTES_MAX) throw Object.assign(new Error(path), { code: 'ENAMETOOLONG' });
  const bytes = new Uint8Array(ADDRESS_BYTES);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(name, 2);
  return bytes;
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** Room for an address that the kernel fills in, and what it says then. */
export class AddressBuffer {
  readonly #libc: Libc;
  readonly #bytes = new Uint8Array(fixedMemory(ADDRESS_BYTES));
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #length = new Int32Array(fixedMemory(4));
  readonly #text = new Uint8Array(fixedMemory(TEXT_BYTES));
  /** For the calls that fill it. */
  readonly at: number;
  readonly lengthAt: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.at = libc.ptr(this.#bytes);
    this.lengthAt = libc.ptr(this.#length);
  }

  /** To be called before each filling. */
  clear(): void {
    this.#length[0] = ADDRESS_BYTES;
  }

  /** Bytes of the address. */
  get length(): number {
    return Math.min(this.#length[0] ?? 0, ADDRESS_BYTES);
  }

  /** The address, to be kept. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  get port(): number {
    return this.#view.getUint16(2);
  }

  /** The endpoint as `stats conns` names it, for example `tcp:127.0.0.1:40012`. */
  get name(): string {
    const family = this.#view.getUint16(0, true);
    if (family !== AF_INET && family !== AF_INET6) return endpoint(undefined, undefined);
    const text = this.#libc.ptr(this.#text);
    this.#libc.inet_ntop(family, this.at + (family === AF_INET ? 4 : 8), text, TEXT_BYTES);
    return endpoint(Buffer.from(this.#text.subarray(0, this.#text.indexOf(0))).toString('latin1'), this.port);
  }
}
