/** slabs and cache_memlimit: who has which memory (proto_text.c, slabs.c). */
import type { AdminContext } from './context.ts';
import { fraction, signed, unsigned } from './numbers.ts';

const MEGABYTE = 1024 * 1024;
/** Megabytes; what memcached takes at least and at most. */
const MEMLIMIT_MIN = 8;
const MEMLIMIT_MAX = 1_000_000_000;

/** Automatic page moves: off, on, on at every turn. */
const AUTOMOVE_MAX = 2;

/** Turns that memcached's page mover looks back on, at least and at most. */
const WINDOW_MIN = 3;
const WINDOW_MAX = 1800;

const BAD_FORMAT = 'CLIENT_ERROR bad command line format\r\n';
const BAD_WINDOW = 'CLIENT_ERROR automove window too low or too high\r\n';

/**
 * slabs reassign FROM TO · slabs automove 0|1|2 · slabs automove ratio|freeratio|window N. Any beginning of a word
 * stands for it, as in memcached.
 */
export function slabsCommand(words: string[], context: AdminContext): string {
  const [, what = ''] = words;
  if (words.length === 4 && 'reassign'.startsWith(what)) return reassign(words, context);
  if (words.length >= 3 && 'automove'.startsWith(what)) return automove(words, context);
  return 'ERROR\r\n';
}

function reassign(words: string[], { store, settings }: AdminContext): string {
  if (!settings.extended.slabReassign) return 'CLIENT_ERROR slab reassignment disabled\r\n';
  const from = signed(words[2]);
  const to = signed(words[3]);
  if (from === undefined || to === undefined) return BAD_FORMAT;
  if (from === to) return 'SAME src and dst class are identical\r\n';
  // memcached's class 0 is a pool of pages, which is not there to be given to.
  const { largest } = store.slabs.classes;
  if (from < 1 || from > largest || to < 1 || to > largest) return 'BADCLASS invalid src or dst class id\r\n';
  if (!store.movePage(from, to)) return 'NOSPARE source class has no spare pages\r\n';
  return 'OK\r\n';
}

function automove(words: string[], { settings, store }: AdminContext): string {
  const { extended } = settings;
  const [, , what = '', number] = words;
  const share = (['ratio', 'freeratio'] as const).find((word) => word.startsWith(what));
  if (share !== undefined) {
    const value = fraction(number);
    if (value === undefined) return 'ERROR\r\n';
    const changed = share === 'ratio' ? { slabAutomoveRatio: value } : { slabAutomoveFreeratio: value };
    settings.extended = { ...extended, ...changed };
    return 'OK\r\n';
  }
  if ('window'.startsWith(what)) {
    const slabAutomoveWindow = unsigned(number);
    if (slabAutomoveWindow === undefined) return BAD_FORMAT;
    if (slabAutomoveWindow < WINDOW_MIN || slabAutomoveWindow > WINDOW_MAX) return BAD_WINDOW;
    settings.extended = { ...extended, slabAutomoveWindow };
    return 'OK\r\n';
  }
  const level = unsigned(words[2]);
  if (level === undefined) return BAD_FORMAT;
  if (level > AUTOMOVE_MAX) return 'ERROR\r\n';
  settings.extended = { ...extended, slabAutomove: level };
  store.balancesPages = level !== 0;
  return 'OK\r\n';
}

/** cache_memlimit MEGABYTES */
export function memlimitCommand(words: string[], context: AdminContext): string {
  const { settings, store } = context;
  const megabytes = unsigned(words[1]);
  if (megabytes === undefined) return 'ERROR\r\n';
  if (megabytes < MEMLIMIT_MIN) return 'MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n';
  if (megabytes > MEMLIMIT_MAX) return 'MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n';
  const why = context.whyTooMuch(megabytes * MEGABYTE);
  if (why !== undefined) return `MEMLIMIT_ADJUST_FAILED ${why}\r\n`;
  if (!store.limitMemory(megabytes * MEGABYTE)) {
    return 'MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n';
  }
  settings.maxBytes = megabytes * MEGABYTE;
  return 'OK\r\n';
}
