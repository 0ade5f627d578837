/**
 * The commands off the hot path, which answer with text: the administrator's, stats, config, shutdown. Each returns its
 * whole answer, or says what else becomes of the connection.
 */
import { MEMCACHED_VERSION } from '../../base/memcached.ts';
import * as replies from '../../protocol/text/replies.ts';
import { Command, WORDS_MAX, type TextRequest } from '../../protocol/text/request.ts';
import type { AdminAnswer, AdminContext, ExpectedBody, RefusedBody } from './context.ts';
import { extstoreCommand } from './extstore.ts';
import { lruCrawlerCommand } from './lru-crawler.ts';
import { lruCommand } from './lru.ts';
import { memlimitCommand, slabsCommand } from './slabs.ts';
import type { Streamed } from '../stats/rows.ts';
import { statsCommand } from './stats.ts';
import { watchCommand } from './watch.ts';
import { CLUSTER } from '../cluster-config.ts';
import { CONFIG_BYTES_MAX } from '../limits.ts';
import { refreshCertsCommand } from './refresh-certs.ts';

/** The highest level that `verbosity` sets (memcached.h, MAX_VERBOSITY_LEVEL). */
const VERBOSITY_MAX = 2;

/** How an administrative request came. */
interface Asking {
  /** Answers to commands before it in the same read have not been sent. */
  hasUnsent: boolean;
  /** It came over UDP. */
  isDatagram: boolean;
}

/** The answer to an administrative request. */
export function adminCommand(
  request: TextRequest,
  bytes: Uint8Array,
  context: AdminContext,
  asking: Asking,
): AdminAnswer {
  const words = wordsOf(request, bytes);
  switch (request.command) {
    case Command.VERSION:
      return `VERSION ${MEMCACHED_VERSION}\r\n`;
    case Command.VERBOSITY:
      context.settings.verbosity = Math.min(request.number, VERBOSITY_MAX);
      return 'OK\r\n';
    case Command.STATS:
      return statsCommand(words, context);
    case Command.CONFIG:
      return configCommand(words, context, asking.isDatagram);
    case Command.REFRESH_CERTS:
      return refreshCertsCommand(words, context);
    case Command.WATCH:
      return watchCommand(words, context, asking.hasUnsent);
    default:
      return unlessNoreply(words, administrate(request.command, words, context, asking));
  }
}

/** Commands that may be asked not to answer. */
function administrate(command: Command, words: string[], context: AdminContext, asking: Asking): AdminAnswer {
  switch (command) {
    case Command.SHUTDOWN:
      return shutdownCommand(words, context);
    case Command.LRU_CRAWLER:
      return unlessDatagram(lruCrawlerCommand(words, context, asking.hasUnsent), asking);
    case Command.SLABS:
      return slabsCommand(words, context);
    case Command.LRU:
      return lruCommand(words, context);
    case Command.CACHE_MEMLIMIT:
      return memlimitCommand(words, context);
    case Command.EXTSTORE:
      return extstoreCommand(words);
    default:
      return 'ERROR\r\n';
  }
}

/** The words of the line, as latin1 text; what comes behind those that are told apart is not looked at. */
function wordsOf(request: TextRequest, bytes: Uint8Array): string[] {
  const line = Buffer.from(bytes.subarray(request.wordStart[0], request.lineEnd)).toString('latin1');
  return line
    .split(' ')
    .filter((word) => word !== '')
    .slice(0, WORDS_MAX);
}

/** Leaves an answer out if the last word asks for that; an error too. */
function unlessNoreply<Answer>(words: string[], answer: Answer): Answer | string {
  return typeof answer === 'string' && words.at(-1) === 'noreply' ? '' : answer;
}

/** Refuses a dump to who cannot wait for its pieces. */
function unlessDatagram(answer: string | Streamed, { isDatagram }: Asking): string | Uint8Array | Streamed {
  return isDatagram && typeof answer !== 'string' ? replies.NOT_OVER_UDP : answer;
}

/** config get NAME · config set cluster FLAGS BYTES TOKEN [SIGNATURE] */
function configCommand(
  words: string[],
  context: AdminContext,
  isDatagram: boolean,
): string | Uint8Array | ExpectedBody | RefusedBody {
  const { clusterConfig: config, counters } = context;
  if (words[1] === 'get' && words.length === 3) return config.answer(words[2] ?? '');
  if (words[1] !== 'set' || words.length < 5) return 'ERROR\r\n';
  const length = Number(words[4]);
  if (!/^\d{1,9}$/.test(words[4] ?? '')) return 'CLIENT_ERROR bad command line format\r\n';
  const bodyBytes = length + 2;
  // Whoever guesses a token must be made to wait.
  if (isDatagram) return { bodyBytes, refusal: replies.NOT_OVER_UDP, wrongToken: false };
  if (length > CONFIG_BYTES_MAX) return { bodyBytes, refusal: replies.CONFIG_TOO_LARGE, wrongToken: false };
  if (!config.permits(words[5] ?? '')) {
    counters.configAuthErrors++;
    return { bodyBytes, refusal: replies.CONFIG_REFUSED, wrongToken: config.hasToken };
  }
  if (words[2] !== CLUSTER) return { bodyBytes, refusal: replies.CONFIG_REFUSED, wrongToken: false };
  return {
    bodyBytes,
    onBody: (body) => {
      if (body[length] !== 0x0d || body[length + 1] !== 0x0a) return replies.BAD_DATA_CHUNK;
      config.set(Buffer.from(body.subarray(0, length)).toString('latin1'), words[6] ?? '');
      return replies.STORED;
    },
  };
}

function shutdownCommand(words: string[], context: AdminContext): string {
  if (!context.settings.shutdownEnabled) return 'SERVER_ERROR: shutdown not enabled\r\n';
  if (words.length > 2 || (words[1] !== undefined && words[1] !== 'graceful')) {
    return 'CLIENT_ERROR invalid shutdown mode\r\n';
  }
  context.stop();
  return '';
}
