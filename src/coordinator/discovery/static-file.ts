/**
 * A file of nodes: read with care for whoever is writing it, and watched so that a change is seen at once.
 *
 * Written well is written beside and renamed: nobody sees half of that. A writer that empties the file first, or was
 * ended half-way, leaves less than a list. An empty file is therefore never an empty fleet (a comment alone is), and a
 * last line without its end is believed only when nobody goes on writing.
 */
import { watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { FleetError } from '../../base/errors.ts';
import { readFileBounded } from '../../base/read-file.ts';
import { STATIC_FILE_BYTES_MAX, STATIC_SETTLE_MS, STATIC_WATCH_MS } from '../limits.ts';
import type { StaticSource } from './static.ts';

/** The list that a file holds. */
export function fromFile(path: string, clock: Clock): StaticSource {
  let unfinished = { text: '', sinceMs: 0 };
  return {
    async read() {
      const text = await readBounded(path);
      if (text === '') throw unreadable(path, 'the file is empty; a fleet of none is a file with a comment');
      if (text.endsWith('\n')) return text;
      if (text !== unfinished.text) unfinished = { text, sinceMs: clock.monotonicMs() };
      if (clock.monotonicMs() - unfinished.sinceMs >= STATIC_SETTLE_MS) return text;
      throw unreadable(path, 'the last line has no end, perhaps it is still being written');
    },
    watch: (changed) => watchFolder(dirname(path), clock, changed),
  };
}

async function readBounded(path: string): Promise<string> {
  try {
    return (await readFileBounded(path, STATIC_FILE_BYTES_MAX)).toString();
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error), error);
  }
}

function unreadable(path: string, why: string, cause?: unknown): FleetError {
  const where = why.includes(path) ? '' : `${path}: `;
  return new FleetError('DISCOVERY_FAILED', `list of nodes: ${where}${why}`, cause);
}

/**
 * Watches the folder, not the file: a renamed file is another one, and Kubernetes changes a link beside it. Where a
 * folder cannot be watched, the file is still read again every second.
 */
function watchFolder(folder: string, clock: Clock, changed: () => void): () => void {
  let cancelTimer: (() => void) | undefined;
  const soon = (): void => {
    cancelTimer ??= clock.setTimer(STATIC_WATCH_MS, () => {
      cancelTimer = undefined;
      changed();
    });
  };
  try {
    const watcher = watch(folder, { persistent: false }, soon);
    watcher.on('error', () => watcher.close());
    return () => {
      watcher.close();
      cancelTimer?.();
    };
  } catch {
    return () => {};
  }
}
