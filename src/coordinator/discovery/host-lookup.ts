/**
 * The addresses of a host as the system's resolver finds them, but each look-up alone and bounded in time: in the
 * system's file of hosts, then in DNS with the system's servers and search list, and where these know nothing, by
 * getaddrinfo, which may know more sources. getaddrinfo is not asked first because it shares two threads of the process
 * among all look-ups, so that a few names whose servers hang hold up all others, for minutes.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { readFileBounded } from '../../base/read-file.ts';
import { LOOKUP_MAX_MS, SYSTEM_FILE_BYTES_MAX } from '../limits.ts';
import { ExchangeError } from './dns-exchange.ts';
import type { DnsQueries } from './dns-resolver.ts';

/** Finds all addresses of a host, of one family, IPv4 if it has one; fails if nobody can say. */
export type HostLookup = (host: string) => Promise<readonly string[]>;

export interface SystemFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

const SYSTEM_FILES: SystemFiles = { hosts: '/etc/hosts', resolvConf: '/etc/resolv.conf' };

/** resolv.conf(5): the default of `ndots`, and how many domains are searched. */
const NDOTS_DEFAULT = 1;
const SEARCH_MAX = 6;

/** Looks up as this system does. */
export function hostLookup(queries: DnsQueries, files: SystemFiles = SYSTEM_FILES): HostLookup {
  /** By host: nothing ends a getaddrinfo, so a second one is not begun beside it. */
  const onWay = new Map<string, Promise<readonly string[]>>();
  const bySystem: HostLookup = (host) => {
    const begun = onWay.get(host) ?? getaddrinfo(host).finally(() => onWay.delete(host));
    onWay.set(host, begun);
    return begun;
  };
  return async (host) => {
    const listed = addressesInHosts(await readOrEmpty(files.hosts), host);
    if (listed.length > 0) return listed;
    const names = searchedNames(host, await readOrEmpty(files.resolvConf));
    return inTime(host, async (late) => (await inDns(queries, names, late)) ?? bySystem(host));
  };
}

/**
 * What DNS knows of the first of these names that it knows; undefined if it knows none, or there is no such server.
 * @throws FleetError DISCOVERY_FAILED: a server does not answer, so it would not answer getaddrinfo either, only later
 */
async function inDns(
  queries: DnsQueries,
  names: readonly string[],
  late: AbortSignal,
): Promise<readonly string[] | undefined> {
  let silence: FleetError | undefined;
  for (const name of names) {
    if (late.aborted) break;
    try {
      const found = await queries.addresses(name);
      if (found.length > 0) return found;
    } catch (error) {
      if (!isFleetError(error)) throw error;
      if (error.cause instanceof ExchangeError && error.cause.failure !== 'refused') silence ??= error;
    }
  }
  if (silence !== undefined) throw silence;
  return undefined;
}

async function getaddrinfo(host: string): Promise<readonly string[]> {
  try {
    const found = (await systemLookup(host, { all: true })).map(({ address }) => address);
    const ipv4 = found.filter(isIPv4);
    return ipv4.length > 0 ? ipv4 : found;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOTFOUND') return [];
    throw new FleetError('DISCOVERY_FAILED', `${host}: ${String(error)}`, error);
  }
}

/** The addresses that a file of hosts (hosts(5)) gives a name, of one family. Pure. */
export function addressesInHosts(text: string, host: string): string[] {
  const wanted = host.toLowerCase().replace(/\.$/, '');
  const found = text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return isIP(address) !== 0 && names.some((name) => name.toLowerCase() === wanted) ? [address] : [];
  });
  const ipv4 = found.filter(isIPv4);
  return ipv4.length > 0 ? ipv4 : found;
}

/** The complete names that a host may have by the search list of resolv.conf(5), in their order. Pure. */
export function searchedNames(host: string, resolvConf: string): string[] {
  if (host.endsWith('.')) return [host];
  const lines = resolvConf.split('\n').map((line) => line.trim().split(/\s+/));
  const [, ...domains] = lines.findLast(([word]) => word === 'search' || word === 'domain') ?? [];
  const options = lines.filter(([word]) => word === 'options').flat();
  const ndots = Number(options.findLast((option) => /^ndots:\d{1,2}$/.test(option))?.slice(6) ?? NDOTS_DEFAULT);
  const searched = domains.slice(0, SEARCH_MAX).map((domain) => `${host}.${domain}`);
  return host.split('.').length - 1 >= ndots ? [host, ...searched] : [...searched, host];
}

async function inTime<T>(host: string, look: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.abort();
    reject(new FleetError('DISCOVERY_FAILED', `${host}: no answer in time`));
  }, LOOKUP_MAX_MS);
  const found = look(late.signal);
  try {
    return await Promise.race([found, timeUp]);
  } finally {
    clearTimeout(timer);
    found.catch(() => {});
  }
}

/** Empty where there is no such file, or one that is no such list. */
async function readOrEmpty(path: string): Promise<string> {
  try {
    return (await readFileBounded(path, SYSTEM_FILE_BYTES_MAX)).toString();
  } catch {
    return '';
  }
}
