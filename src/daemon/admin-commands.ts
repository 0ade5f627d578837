/**
 * The commands off the hot path, which answer with text: version, verbosity, stats, config, shutdown.
 * Each returns its whole answer, or says that a data block follows.
 */
import * as replies from '../protocol/text/replies.ts';
import { Command, type TextRequest } from '../protocol/text/request.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { CONFIG_BYTES_MAX } from './limits.ts';
import * as stats from './stats.ts';

/** What these commands need of the daemon. */
export interface AdminContext extends stats.StatsSource {
  readonly clusterConfig: ClusterConfig;
  /** Begins to stop the daemon, as SIGTERM does. */
  stop(): void;
}

/** A data block that has to arrive before the command is answered. */
export interface ExpectedBody {
  /** Its length with the line end. */
  bodyBytes: number;
  /** Takes it and returns the answer. */
  onBody: (body: Uint8Array) => Uint8Array;
}

/** A data block that is not wanted: skipped behind the answer, since left unread it would be taken for commands. */
export interface RefusedBody {
  /** Its length with the line end. */
  bodyBytes: number;
  refusal: Uint8Array;
}

/** The answer to an administrative request, or the data block that follows it. */
export function adminCommand(
  request: TextRequest,
  bytes: Uint8Array,
  context: AdminContext,
): string | ExpectedBody | RefusedBody {
  const words: string[] = [];
  for (let i = 0; i < request.wordCount; i++) {
    words.push(Buffer.from(bytes.subarray(request.wordStart[i], request.wordEnd[i])).toString('latin1'));
  }
  switch (request.command) {
    case Command.VERSION:
      return `VERSION ${stats.MEMCACHED_VERSION}\r\n`;
    case Command.VERBOSITY:
      context.settings.verbosity = request.number;
      return 'OK\r\n';
    case Command.STATS:
      return statsCommand(words, context);
    case Command.CONFIG:
      return configCommand(words, context.clusterConfig);
    case Command.SHUTDOWN:
      return shutdownCommand(words, context);
    default:
      return 'ERROR\r\n';
  }
}

/** The answer to `stats` with its arguments. */
export function statsCommand(words: string[], context: AdminContext): string {
  switch (words[1]) {
    case undefined:
      return stats.generalStats(context);
    case 'settings':
      return stats.settingsStats(context);
    case 'items':
      return stats.itemStats(context);
    case 'slabs':
      return stats.slabStats(context);
    case 'sizes':
      return stats.sizeStats();
    case 'conns':
      return stats.connectionStats(context);
    case 'reset':
      context.counters.reset();
      context.store.stats.reset();
      return 'RESET\r\n';
    default:
      return 'ERROR\r\n';
  }
}

/** config get NAME · config set cluster FLAGS BYTES TOKEN */
function configCommand(words: string[], config: ClusterConfig): string | ExpectedBody | RefusedBody {
  if (words[1] === 'get' && words.length === 3) return config.answer(words[2] ?? '');
  if (words[1] !== 'set' || words.length < 5) return 'ERROR\r\n';
  const length = Number(words[4]);
  if (!/^\d{1,9}$/.test(words[4] ?? '')) return 'CLIENT_ERROR bad command line format\r\n';
  const permitted = words[2] === 'cluster' && config.permits(words[5] ?? '');
  if (length > CONFIG_BYTES_MAX) return { bodyBytes: length + 2, refusal: replies.CONFIG_TOO_LARGE };
  return {
    bodyBytes: length + 2,
    onBody: (body) => {
      if (!permitted) return replies.CONFIG_REFUSED;
      if (body[length] !== 0x0d || body[length + 1] !== 0x0a) return replies.BAD_DATA_CHUNK;
      config.set(Buffer.from(body.subarray(0, length)).toString('latin1'));
      return replies.STORED;
    },
  };
}

function shutdownCommand(words: string[], context: AdminContext): string {
  if (!context.settings.shutdownEnabled) return 'ERROR: shutdown not enabled\r\n';
  if (words.length > 2 || (words[1] !== undefined && words[1] !== 'graceful')) {
    return 'CLIENT_ERROR invalid shutdown mode\r\n';
  }
  context.stop();
  return '';
}
