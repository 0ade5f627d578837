/** Where the daemon is that a sidecar speaks for: a TCP port, or a Unix socket. Pure. */
import type { Parser } from '../base/config.ts';
import { formatHostPort, hostPort, type HostPort } from '../base/host-port.ts';

/** A TCP port or a Unix socket. */
export type DaemonPlace = HostPort | { path: string };

const UNIX = 'unix:';

/** `HOST:PORT` or `unix:PATH`. */
export const daemonPlace: Parser<DaemonPlace> = {
  placeholder: 'HOST:PORT',
  parse: (value) =>
    value.startsWith(UNIX) && value.length > UNIX.length ? { path: value.slice(UNIX.length) } : hostPort.parse(value),
};

/** The reverse of {@link daemonPlace}. */
export function formatPlace(place: DaemonPlace): string {
  return 'path' in place ? `${UNIX}${place.path}` : formatHostPort(place);
}
