/**
 * The daemon's flags, memcached's by letter and by long name. Pure: from words to settings, or one clear error. The rows
 * are in `options/flags.ts` and `options/extended.ts`; here is what several of them mean together.
 */
import { configToken } from '../../base/token.ts';
import { FLAGS, newDraft, type Draft } from './flags.ts';
import { tlsSettings } from './tls.ts';
import { listenAddresses, udpAddresses } from './addresses.ts';
import { bad } from './values.ts';
import { flagsOf } from './words.ts';
import { DEFAULT_SETTINGS, type Settings } from '../settings.ts';

/** What the words ask for. */
export type DaemonRequest =
  | { kind: 'run'; settings: Settings; user: string | undefined; pidFile: string | undefined; detach: boolean }
  | { kind: 'help' }
  | { kind: 'license' }
  | { kind: 'version' };

/** For the daemon's own user alone. */
const PRIVATE_MODE = 0o600;

/** memcached's: HOT and WARM may not take everything. */
const LRU_PERCENT_MAX = 80;

/**
 * Reads the words behind `memfleet daemon`.
 *
 * @param env only the tokens of the configuration are taken from it
 * @throws FleetError BAD_CONFIG naming the flag and the value
 */
export function readDaemonOptions(words: readonly string[], env: Record<string, string | undefined>): DaemonRequest {
  const draft = newDraft();
  for (const { flag, value } of flagsOf(words, FLAGS)) {
    if (flag.letter === 'h') return { kind: 'help' };
    if (flag.letter === 'i') return { kind: 'license' };
    if (flag.letter === 'V') return { kind: 'version' };
    flag.apply?.(draft, value);
  }
  draft.settings.configToken = configToken(env['MEMFLEET_CONFIG_TOKEN'], env['MEMFLEET_TOKEN']);
  draft.settings.saslPasswordFile = env['MEMCACHED_SASL_PWDB'] || undefined;
  judgeMemory(draft.settings);
  judgeProtocols(draft);
  placeListeners(draft);
  const { settings, user, pidFile, detach } = draft;
  return { kind: 'run', settings, user, pidFile, detach };
}

function judgeMemory({ itemSizeMax, maxBytes, extended }: Settings): void {
  if (itemSizeMax > maxBytes / 2) {
    throw bad(`-I ${itemSizeMax}: the largest item cannot be more than half of the memory (-m)`);
  }
  if (extended.hotLruPct + extended.warmLruPct > LRU_PERCENT_MAX) {
    throw bad(`-o hot_lru_pct and warm_lru_pct cannot be more than ${LRU_PERCENT_MAX} together`);
  }
  if (extended.tempLru && !extended.lruMaintainer) throw bad('-o temporary_ttl needs the lru_maintainer');
}

/** Combinations that memcached refuses too. */
function judgeProtocols({ settings, protocol, port, tlsEnabled }: Draft): void {
  if (protocol !== undefined) settings.protocol = protocol;
  if (settings.saslEnabled) {
    if ((protocol ?? 'binary') !== 'binary') throw bad(`-S: SASL is in the binary protocol alone (-B ${protocol})`);
    if (settings.udpPort !== 0) throw bad('-U: UDP cannot be used with SASL (-S)');
    if (settings.saslPasswordFile === undefined) throw bad('-S: MEMCACHED_SASL_PWDB must name the file with the users');
    settings.protocol = 'binary';
  }
  if (settings.authFile !== undefined) {
    if ((protocol ?? 'ascii') !== 'ascii') throw bad(`-Y: its login is in the ascii protocol alone (-B ${protocol})`);
    if (settings.udpPort !== 0) throw bad('-U: UDP cannot be used with a login (-Y)');
    settings.protocol = 'ascii';
  }
  if (!tlsEnabled) return;
  if (settings.domainSocket !== undefined) throw bad('-Z: TLS needs a TCP port, and -s disables it');
  if (port === 0) throw bad('-Z: TLS needs a TCP port, and -p 0 disables it');
}

function placeListeners({ settings, listen, port, tlsEnabled, tls, sidecarSocket }: Draft): void {
  if (tlsEnabled) settings.tls = tlsSettings(tls);
  settings.inter = listen.join(',');
  settings.port = port ?? (settings.udpPort || DEFAULT_SETTINGS.port);
  if (settings.domainSocket !== undefined) {
    settings.listen = [{ path: settings.domainSocket, mode: settings.domainSocketMode }];
  } else {
    settings.listen = listenAddresses(listen, settings.port, tlsEnabled);
    settings.listenUdp = udpAddresses(listen, settings.udpPort, tlsEnabled);
  }
  judgeDoors(settings);
  if (sidecarSocket !== undefined) {
    settings.listen.push({ path: sidecarSocket, mode: PRIVATE_MODE, protocol: 'ascii', isPrivate: true });
  }
}

/** memcached lets whoever comes by another protocol in without a login. */
function judgeDoors({ listen, saslEnabled, authFile }: Settings): void {
  for (const { protocol } of listen) {
    if (protocol === undefined) continue;
    if (saslEnabled && protocol !== 'binary') throw bad(`-S: there is no SASL behind proto[${protocol}]`);
    if (authFile !== undefined && protocol !== 'ascii') throw bad(`-Y: there is no login behind proto[${protocol}]`);
  }
}
