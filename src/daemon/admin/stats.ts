/** stats with its arguments (proto_text.c process_stat). */
import { itemStats, slabStats } from '../stats/classes.ts';
import type { Streamed } from '../stats/rows.ts';
import * as stats from '../stats/stats.ts';
import type { AdminContext } from './context.ts';
import { cachedump } from './dump.ts';
import { unsigned } from './numbers.ts';

/** The first class number that memcached calls illegal; ours may go further (MAX_NUMBER_OF_SLAB_CLASSES). */
const MEMCACHED_CLASSES = 64;

/** The answer to `stats` with its arguments. */
export function statsCommand(words: string[], context: AdminContext): string | Streamed {
  switch (words[1]) {
    case undefined:
      return stats.generalStats(context);
    case 'settings':
      return stats.settingsStats(context);
    case 'items':
      return itemStats(context);
    case 'slabs':
      return slabStats(context);
    case 'sizes':
      return stats.sizeStats(context);
    case 'conns':
      return stats.connectionStats(context);
    case 'reset':
      return reset(context);
    case 'detail':
      return detail(words[2], context);
    case 'cachedump':
      return dumpClass(words, context);
    // Storage on flash and the proxy, which are not here, have nothing to tell.
    case 'extstore':
    case 'proxy':
    case 'proxyfuncs':
    case 'proxybe':
      return 'END\r\n';
    default:
      return 'ERROR\r\n';
  }
}

function reset(context: AdminContext): string {
  context.counters.reset();
  context.store.stats.reset();
  context.prefixes.reset();
  return 'RESET\r\n';
}

/** `stats detail on|off|dump` */
function detail(what: string | undefined, { prefixes, settings }: AdminContext): string | Streamed {
  if (!settings.dumpEnabled) return 'CLIENT_ERROR stats detail not allowed\r\n';
  switch (what) {
    case 'on':
    case 'off':
      prefixes.enabled = what === 'on';
      settings.detailEnabled = prefixes.enabled;
      return 'OK\r\n';
    case 'dump':
      return prefixes.dump();
    default:
      return 'CLIENT_ERROR usage: stats detail on|off|dump\r\n';
  }
}

/** stats cachedump CLASS LIMIT */
function dumpClass(words: string[], context: AdminContext): string | Streamed {
  if (!context.settings.dumpEnabled) return 'CLIENT_ERROR stats cachedump not allowed\r\n';
  if (words.length < 4) return 'CLIENT_ERROR bad command line\r\n';
  const sizeClass = unsigned(words[2]);
  const limit = unsigned(words[3]);
  if (sizeClass === undefined || limit === undefined) return 'CLIENT_ERROR bad command line format\r\n';
  const { largest } = context.store.slabs.classes;
  if (sizeClass >= MEMCACHED_CLASSES && sizeClass > largest) return 'CLIENT_ERROR Illegal slab id\r\n';
  // A program that lists every item (memcdump) asks for each class that memcached can have and no other, so the last of
  // these stands for ours beyond it, too.
  const last = sizeClass === MEMCACHED_CLASSES - 1 ? largest : Math.min(sizeClass, largest);
  return cachedump(context, sizeClass, last, limit);
}
