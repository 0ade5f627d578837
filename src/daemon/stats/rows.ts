/** What statistics are made of, and the form in which they are answered. */
import type { SecondHand } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { ArrivingMemory } from '../arriving-memory.ts';
import type { HeldMemory } from '../held-memory.ts';
import { LISTING_PIECE_BYTES } from '../limits.ts';
import type { Settings } from '../settings.ts';
import type { Crawler } from '../storage/crawler.ts';
import type { Store } from '../storage/store.ts';
import type { TlsTransport } from '../transport/tls.ts';
import type { WatchHub } from '../watch/hub.ts';

/** What statistics are made of. */
export interface StatsSource {
  readonly store: Store;
  readonly counters: Counters;
  readonly crawler: Crawler;
  readonly watch: WatchHub;
  /** What values that arrive in pieces have of the items' memory. */
  readonly arriving: ArrivingMemory;
  /** What connections hold beyond the items. */
  readonly held: HeldMemory;
  readonly time: SecondHand;
  readonly settings: Settings;
  /** memfleet's own version. */
  readonly productVersion: string;
  /** With `-Z`. */
  readonly tls: TlsTransport | undefined;
  /** Second in which the certificates were read. */
  readonly certificatesReadAt: number;
  connections(): Iterable<ListedConnection>;
  readonly log: LineLog;
  /** Where it listens. */
  readonly listening: readonly ListeningSocket[];
}

/** One connection, as `stats conns` shows it. */
export interface ListedConnection {
  readonly id: number;
  readonly socket: { readonly peer: string; readonly local: string };
  /** What it is doing, in memcached's words. */
  readonly stateName: string;
  /** Second of the last command. */
  readonly lastCommandAt: number;
}

/** One socket that listens, or takes datagrams, by a number that no connection has. */
export interface ListeningSocket {
  readonly id: number;
  readonly isUdp: boolean;
  /** As `stats conns` names endpoints. */
  readonly endpoint: string;
  /** Second of its last datagram; of its start, if it has had none. */
  readonly lastUsedAt: number;
}

/** Where `-v` writes to. */
export interface LineLog {
  /** Writes a line with its end, or drops it because nobody reads. */
  write(text: string): void;
  /** Lines that were dropped. */
  readonly dropped: number;
}

/** One line of an answer. */
export type Row = readonly [name: string, value: string | number];

/** Rows that memcached tells of only where what they are about is switched on. */
export function when(on: boolean, ...list: Row[]): readonly Row[] {
  return on ? list : [];
}

/** An answer that is made piece by piece, as it is read. */
export interface Streamed {
  /** The next piece; undefined behind the last. */
  next: () => Uint8Array | undefined;
  /** Whether the last piece has been made. */
  readonly ended: boolean;
}

/** Rows as the text protocol answers them. */
export function rows(list: Iterable<Row>): Streamed {
  return listing(linesOf(list));
}

function* linesOf(list: Iterable<Row>): Generator<string> {
  for (const [name, value] of list) yield `STAT ${name} ${value}\r\n`;
}

/** Lines, and END behind them, made as they are read: what they come from may change meanwhile. */
export function listing(lines: Iterable<string>): Streamed {
  const iterator = lines[Symbol.iterator]();
  let ended = false;
  return {
    get ended() {
      return ended;
    },
    next: () => {
      if (ended) return undefined;
      let text = '';
      while (text.length < LISTING_PIECE_BYTES) {
        const line = iterator.next();
        ended = line.done === true;
        text += ended ? 'END\r\n' : line.value;
        if (ended) break;
      }
      return Buffer.from(text, 'latin1');
    },
  };
}

/** All of an answer, for who cannot send it in pieces. */
export function textOf(answer: string | Streamed): string {
  if (typeof answer === 'string') return answer;
  let text = '';
  for (let piece = answer.next(); piece !== undefined; piece = answer.next()) {
    text += Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1');
  }
  return text;
}
