/** lru: how items are kept apart by how they are used (proto_text.c process_lru_command). */
import type { AdminContext } from './context.ts';
import { fraction, signed, unsigned } from './numbers.ts';

/** Percent that HOT and WARM may have together: the rest is for items that may go. */
const SHARES_MAX = 80;

/**
 * lru tune HOT WARM HOTFACTOR WARMFACTOR · lru mode flat|segmented · lru temp_ttl SECONDS. Any beginning of a word stands
 * for it, as in memcached.
 */
export function lruCommand(words: string[], context: AdminContext): string {
  const [, what = ''] = words;
  if ('tune'.startsWith(what) && words.length >= 6) return tune(words, context);
  // Without its maintainer thread memcached has neither.
  if (words.length < 3 || !context.settings.extended.lruMaintainer) return 'ERROR\r\n';
  if ('mode'.startsWith(what)) return mode(words, context);
  if ('temp_ttl'.startsWith(what)) return tempTtl(words, context);
  return 'ERROR\r\n';
}

function tune(words: string[], { settings, store }: AdminContext): string {
  const hotLruPct = unsigned(words[2]);
  const warmLruPct = unsigned(words[3]);
  const hotMaxFactor = fraction(words[4]);
  const warmMaxFactor = fraction(words[5]);
  if (hotLruPct === undefined || warmLruPct === undefined) return 'ERROR\r\n';
  if (hotMaxFactor === undefined || warmMaxFactor === undefined) return 'ERROR\r\n';
  if (hotLruPct + warmLruPct > SHARES_MAX) return 'ERROR hot and warm pcts must not exceed 80\r\n';
  if (warmMaxFactor <= 0 || hotMaxFactor <= 0) return 'ERROR hot/warm age factors must be greater than 0\r\n';
  settings.extended = { ...settings.extended, hotLruPct, warmLruPct, hotMaxFactor, warmMaxFactor };
  store.policy.tune(settings.extended);
  return 'OK\r\n';
}

function mode(words: string[], { settings, store }: AdminContext): string {
  const [, , which = ''] = words;
  const isFlat = 'flat'.startsWith(which);
  if (!isFlat && !'segmented'.startsWith(which)) return 'ERROR\r\n';
  settings.extended = { ...settings.extended, lruSegmented: !isFlat };
  store.policy.tune(settings.extended);
  return 'OK\r\n';
}

/** A negative number switches it off. */
function tempTtl(words: string[], { settings, store }: AdminContext): string {
  const seconds = signed(words[2]);
  if (seconds === undefined) return 'ERROR\r\n';
  const { temporaryTtl } = settings.extended;
  settings.extended = {
    ...settings.extended,
    tempLru: seconds >= 0,
    temporaryTtl: seconds >= 0 ? seconds : temporaryTtl,
  };
  store.policy.tune(settings.extended);
  return 'OK\r\n';
}
