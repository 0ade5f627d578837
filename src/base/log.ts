/**
 * Logging: pino, JSON lines on standard error, or readable lines where standard error is a terminal.
 * A reader of it that is slow holds nothing up and costs it lines (`line-sink.ts`).
 * The daemon does not use this: it speaks as memcached does, on standard error, and only with `-v`.
 */
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { oneOf, option } from './config.ts';
import { LineSink } from './line-sink.ts';

export type { Logger } from 'pino';

/** How much to log; an option of every process that does. */
export const LOG_LEVEL_OPTION = option(oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), {
  env: 'MEMFLEET_LOG_LEVEL',
  default: 'info',
  help: 'how much to log',
});

/** Field names whose values never reach a log line. */
const SECRET_PATHS = ['token', '*.token', 'headers.authorization', 'req.headers.authorization'];

export interface LogOptions {
  /** Which part of the fleet speaks, for example `coordinator`. */
  component: string;
  /** One of {@link LOG_LEVEL_OPTION}; `info` unless given. */
  level?: string;
  /** Readable lines instead of JSON. */
  readable?: boolean;
}

/** A logger for one process. */
export function createLogger(options: LogOptions): Logger {
  const readable = prettyFactory({ colorize: true, translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname' });
  const write = (line: string): void => sink.write(options.readable ? readable(line) : line);
  const logger = pino(
    {
      name: options.component,
      level: options.level ?? 'info',
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: SECRET_PATHS, censor: '[secret]' },
    },
    { write },
  );
  const sink = new LineSink(process.stderr, (dropped) => logger.warn({ dropped }, 'log lines were not read in time'));
  droppedByAll.push(() => sink.dropped);
  return logger;
}

const droppedByAll: (() => number)[] = [];

/** Lines of this process's log that were dropped because nobody read them in time. */
export function droppedLogLines(): number {
  return droppedByAll.reduce((sum, dropped) => sum + dropped(), 0);
}

/** A logger that says nothing; for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
