/** Places on the network, `HOST:PORT`: as a type, as text, and as what an option takes. Pure. */
import type { Parser } from './config.ts';
import { FleetError } from './errors.ts';

/** A place on the network. An IPv6 address has no brackets in `host`. */
export interface HostPort {
  host: string;
  port: number;
}

/** `HOST:PORT` to connect to; an IPv6 address stands in brackets. The port is 1 to 65535. */
export const hostPort: Parser<HostPort> = { placeholder: 'HOST:PORT', parse: (value) => parse(value, 1) };

/** `HOST:PORT` to listen on: as {@link hostPort}, but port 0 asks the system for a free one. */
export const listenAddress: Parser<HostPort> = { placeholder: 'HOST:PORT', parse: (value) => parse(value, 0) };

function parse(value: string, portMin: number): HostPort {
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= portMin && port <= 65_535)) {
    const wanted = 'HOST:PORT (an IPv6 address in brackets)';
    throw new FleetError('BAD_CONFIG', `expected ${wanted}, got ${JSON.stringify(value)}`);
  }
  return { host, port };
}

/** The reverse of {@link hostPort}. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * What counts as one address where addresses are counted: of IPv6 the first 64 bits, since one customer has all that
 * begin with them; an IPv4 address that a dual-stack socket tells as IPv6 is the IPv4 address.
 */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined || !ip.includes(':')) return mapped ?? ip;
  const [left = [], right] = (ip.split('%')[0] ?? '').split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = right === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...(right ?? [])].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
