/** watch: makes its connection a reader of log lines (protocol.txt "Watchers"). */
import { WATCH_WORDS, Watched } from '../watch/hub.ts';
import type { AdminContext, Watching } from './context.ts';

/** @param hasUnsent whether answers to commands before it in the same read have not been sent */
export function watchCommand(words: string[], context: AdminContext, hasUnsent: boolean): string | Watching {
  if (!context.settings.watchEnabled) return 'CLIENT_ERROR watch commands not allowed\r\n';
  if (hasUnsent) return 'ERROR cannot pipeline other commands before watch\r\n';
  let mask = 0;
  for (const word of words.slice(1)) {
    const event = WATCH_WORDS.get(word);
    if (event === undefined) return 'ERROR\r\n';
    mask |= event;
  }
  if (context.watch.isFull) return 'WATCHER_TOO_MANY log watcher limit reached\r\n';
  return { mask: words.length === 1 ? Watched.FETCHERS : mask };
}
