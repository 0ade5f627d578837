/** What both transports say and do alike: names of endpoints, the error of an address that cannot be had, old socket files. */
import { existsSync, statSync, unlinkSync } from 'node:fs';
import { FleetError } from '../../base/errors.ts';
import type { ListenAddress } from './transport.ts';

/** An endpoint as memcached's `stats conns` names it. */
export function endpoint(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return 'unknown';
  return address.includes(':') ? `tcp6:[${address}]:${port}` : `tcp:${address}:${port}`;
}

/** Why an address cannot be listened on, as one line that names it. */
export function cannotListen(address: ListenAddress, error: NodeJS.ErrnoException): FleetError {
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${error.code ?? error.message})`;
  return new FleetError('PORT_TAKEN', `${where} ${why}`, error);
}

/** Removes a socket file that an earlier daemon left behind; anything else at that path is not ours to remove. */
export function removeOldSocket(path: string): void {
  if (existsSync(path) && statSync(path).isSocket()) unlinkSync(path);
}
