/** slabs and cache_memlimit: who has which memory (proto_text.c, slabs.c). */
import type { AdminContext } from './context.ts';
import { fraction, signed, unsigned } from './numbers.ts';

const MEGABYTE = 1024 * 1024;
/** Megabytes; what memcached takes at least and at most. */
const MEMLIMIT_MIN = 8;
const MEMLIMIT_MAX = 1_000_000_000;

/** Automatic page moves: off, on, on at every turn. */
const AUTOMOVE_MAX = 2;

const BAD_FORMAT = 'CLIENT_ERROR bad command line format\r\n';

/** slabs reassign FROM TO · slabs automove 0|1|2 · slabs automove ratio|freeratio N */
export function slabsCommand(words: string[], context: AdminContext): string {
  if (words.length === 4 && words[1] === 'reassign') return reassign(words, context);
  if (words.length >= 3 && words[1] === 'automove') return automove(words, context);
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
  if (words[2] === 'ratio' || words[2] === 'freeratio') {
    const value = fraction(words[3]);
    if (value === undefined) return 'ERROR\r\n';
    const changed = words[2] === 'ratio' ? { slabAutomoveRatio: value } : { slabAutomoveFreeratio: value };
    settings.extended = { ...extended, ...changed };
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
export function memlimitCommand(words: string[], { settings, store }: AdminContext): string {
  if (words.length < 2 || words.length > 3) return 'ERROR\r\n';
  const megabytes = unsigned(words[1]);
  if (megabytes === undefined) return 'ERROR\r\n';
  if (megabytes < MEMLIMIT_MIN) return 'MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n';
  if (megabytes > MEMLIMIT_MAX) return 'MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n';
  if (!store.limitMemory(megabytes * MEGABYTE)) {
    return 'MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n';
  }
  settings.maxBytes = megabytes * MEGABYTE;
  return 'OK\r\n';
}
