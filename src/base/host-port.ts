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
