/** lru_crawler: the search for expired items in the background, and the lists of keys it can write (proto_text.c). */
import type { Streamed } from '../stats/rows.ts';
import type { AdminContext } from './context.ts';
import { parseClasses } from './classes.ts';
import { METADUMP, MGDUMP, dump } from './dump.ts';
import { unsigned } from './numbers.ts';

/** Microseconds; memcached's limit. */
const SLEEP_MAX = 1_000_000;

const DISABLED = 'CLIENT_ERROR lru crawler disabled\r\n';
const BAD_FORMAT = 'CLIENT_ERROR bad command line format\r\n';
const BAD_CLASS = 'BADCLASS invalid class id\r\n';

/** In the order in which memcached looks at them: any beginning of a word stands for it. */
const WORDS = ['crawl', 'metadump', 'mgdump', 'tocrawl', 'sleep'] as const;

/** @param hasUnsent whether answers to commands before it in the same read have not been sent */
export function lruCrawlerCommand(words: string[], context: AdminContext, hasUnsent: boolean): string | Streamed {
  const [, what = '', argument] = words;
  if (words.length === 2) return onOrOff(what, context);
  if (words.length !== 3 || argument === undefined) return 'ERROR\r\n';
  const word = WORDS.find((whole) => whole.startsWith(what));
  switch (word) {
    case 'crawl':
      return crawl(argument, context);
    case 'metadump':
    case 'mgdump':
      return startDump(word, argument, context, hasUnsent);
    case 'tocrawl':
      return tocrawl(argument, context);
    case 'sleep':
      return sleep(argument, context);
    default:
      return 'ERROR\r\n';
  }
}

function onOrOff(what: string, { settings }: AdminContext): string {
  if ('enable'.startsWith(what)) {
    if (settings.extended.lruCrawler) return 'ERROR failed to start lru crawler thread\r\n';
    settings.extended = { ...settings.extended, lruCrawler: true };
    return 'OK\r\n';
  }
  if (!'disable'.startsWith(what)) return 'ERROR\r\n';
  settings.extended = { ...settings.extended, lruCrawler: false };
  return 'OK\r\n';
}

/** The crawler is always under way; what is asked for is that it begins again with the first page. */
function crawl(argument: string, { settings, crawler, store }: AdminContext): string {
  if (!settings.extended.lruCrawler) return DISABLED;
  const classes = parseClasses(argument, store.slabs.classes.largest);
  if (classes === undefined) return BAD_CLASS;
  if (classes === 'hash') return 'ERROR an unknown error happened\r\n';
  if (classes !== 'all' && classes.size === 0) return 'NOTSTARTED no items to crawl\r\n';
  crawler.restart();
  return 'OK\r\n';
}

function startDump(
  what: 'metadump' | 'mgdump',
  argument: string,
  context: AdminContext,
  hasUnsent: boolean,
): string | Streamed {
  const { settings, store } = context;
  if (!settings.extended.lruCrawler) return DISABLED;
  if (!settings.dumpEnabled)
    return what === 'metadump' ? 'ERROR metadump not allowed\r\n' : 'ERROR key dump not allowed\r\n';
  if (hasUnsent) return `ERROR cannot pipeline other commands before ${what}\r\n`;
  const classes = parseClasses(argument, store.slabs.classes.largest);
  if (classes === undefined) return BAD_CLASS;
  return dump(context, classes === 'hash' ? 'all' : classes, what === 'metadump' ? METADUMP : MGDUMP);
}

function tocrawl(argument: string, { settings }: AdminContext): string {
  const lruCrawlerTocrawl = unsigned(argument);
  if (lruCrawlerTocrawl === undefined) return BAD_FORMAT;
  settings.extended = { ...settings.extended, lruCrawlerTocrawl };
  return 'OK\r\n';
}

function sleep(argument: string, { settings }: AdminContext): string {
  const lruCrawlerSleep = unsigned(argument);
  if (lruCrawlerSleep === undefined) return BAD_FORMAT;
  if (lruCrawlerSleep > SLEEP_MAX) return 'CLIENT_ERROR sleep must be one second or less\r\n';
  settings.extended = { ...settings.extended, lruCrawlerSleep };
  return 'OK\r\n';
}
