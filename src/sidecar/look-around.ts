/**
 * Where several coordinators stand behind one name, a sidecar follows one of them. Now and then it also asks another,
 * any of those that the name leads to, so that what each of them has published comes to some node, and from there to
 * the other coordinators, who read it with their probes. Only a document that is newer changes anything.
 */
import type { LookupAddress } from 'node:dns';
import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { TopologySource } from '../client/internal.ts';
import type { TopologyDocument } from '../topology/document.ts';
import { LOOK_AROUND_MS } from './limits.ts';

export interface LookAroundOptions {
  /** The coordinators' common URL. */
  readonly url: string;
  readonly lookup: (hostname: string) => Promise<readonly LookupAddress[]>;
  readonly follow: (url: string) => TopologySource;
  readonly offer: (document: TopologyDocument) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Looks every {@link LOOK_AROUND_MS}, a quarter more or less by chance, until the function returned is called. */
export function lookAround({ url, lookup, follow, offer, clock, random }: LookAroundOptions): () => void {
  let source: TopologySource | undefined;
  let closed = false;
  let cancel: (() => void) | undefined;

  async function look(): Promise<void> {
    schedule();
    // One that has not answered until now is given up.
    source?.close();
    const chosen = await anyAddress(url, lookup, random);
    if (chosen === undefined || closed) return;
    const asked = follow(chosen);
    source = asked;
    try {
      await asked.start(offer);
    } catch {
      // Whoever is away has nothing to tell; the one that is followed says what is wrong.
    }
    asked.close();
  }
  function schedule(): void {
    cancel = clock.setTimer(LOOK_AROUND_MS * (0.75 + random() / 2), () => void look());
  }

  schedule();
  return () => {
    closed = true;
    cancel?.();
    source?.close();
  };
}

/**
 * `url` with one of its name's addresses by chance: the system's resolver always puts the nearest first. A certificate
 * is for the name, so behind TLS the name stays. Undefined while it cannot be resolved.
 */
async function anyAddress(
  url: string,
  lookup: LookAroundOptions['lookup'],
  random: () => number,
): Promise<string | undefined> {
  const chosen = new URL(url);
  if (chosen.protocol === 'https:') return url;
  try {
    const addresses = await lookup(chosen.hostname.replace(/^\[(.*)\]$/, '$1'));
    const address = addresses[Math.floor(random() * addresses.length)]?.address;
    if (address === undefined) return undefined;
    chosen.hostname = isIPv6(address) ? `[${address}]` : address;
    return chosen.href;
  } catch {
    return undefined;
  }
}
