/**
 * The followers of `/v1/topology/events`: server-sent events on raw responses.
 *
 * Every stream of a view gets the same bytes, made once per version. Nothing queues up for a slow reader: while its
 * socket is full only the newest document waits for it, and one that has taken nothing for STALL_MAX_MS is cut off.
 * Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { HEARTBEAT_MS, STALL_MAX_MS } from '../limits.ts';
import type { Publication, Publisher } from '../publisher.ts';

/** After a loss, a client waits for a time between these before it connects again, so that not all come at once. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 3_000;

/**
 * Kinds of frames that are kept of one version: every name that readers have for the host is one. Of further ones each
 * reader's is made anew.
 */
const FRAMES_MAX = 16;

const HEARTBEAT = Buffer.from(': still here\n\n');

/** What a reader is sent of a publication. */
export interface StreamView {
  /** The same for readers who are sent the same. */
  readonly key: string;
  /** The document in one line. */
  readonly json: (publication: Publication) => string;
}

/** The document as it is published. */
const AS_PUBLISHED: StreamView = { key: '', json: ({ json }) => json };

interface Stream {
  readonly response: ServerResponse;
  readonly view: StreamView;
  readonly unsubscribe: () => void;
  /** Since when the socket is full; undefined while it is not. */
  fullSinceMs: number | undefined;
  waiting: Publication | undefined;
}

/** All event streams of one coordinator. */
export class EventStreams {
  readonly #publisher: Publisher;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #streams = new Set<Stream>();
  readonly #frames = new WeakMap<Publication, Map<string, Buffer>>();
  #cancelHeartbeat = (): void => {};

  constructor(publisher: Publisher, clock: Clock, random: () => number) {
    this.#publisher = publisher;
    this.#clock = clock;
    this.#random = random;
    this.#scheduleHeartbeat();
  }

  /**
   * Makes `response` an event stream: the current document at once, then every newer one.
   * @returns false, with nothing sent, if there are as many watchers as may be
   */
  open(response: ServerResponse, view: StreamView = AS_PUBLISHED): boolean {
    let stream: Stream | undefined;
    const unsubscribe = this.#publisher.subscribe((publication) => {
      if (stream !== undefined) this.#send(stream, publication);
    });
    if (unsubscribe === undefined) return false;
    stream = { response, view, unsubscribe, fullSinceMs: undefined, waiting: undefined };
    this.#streams.add(stream);
    const opened = stream;
    response.on('drain', () => this.#onDrain(opened));
    response.on('close', () => this.#forget(opened));
    response.on('error', () => this.#forget(opened));
    const retryMs = Math.round(RETRY_MIN_MS + this.#random() * (RETRY_MAX_MS - RETRY_MIN_MS));
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // nginx and others hold a response back until it is worth sending, unless told.
      'x-accel-buffering': 'no',
    });
    this.#write(stream, `retry: ${retryMs}\n\n`);
    const { current } = this.#publisher;
    // A view's is made for this reader: what it adds, as published ports, may have changed since the version came.
    if (current !== undefined)
      this.#write(stream, view === AS_PUBLISHED ? this.#frame(current, view) : frameOf(current, view));
    return true;
  }

  /** Ends all streams; their readers connect again, elsewhere if they can. */
  close(): void {
    this.#cancelHeartbeat();
    for (const stream of this.#streams) {
      this.#forget(stream);
      stream.response.end();
    }
  }

  #send(stream: Stream, publication: Publication): void {
    if (stream.fullSinceMs !== undefined) {
      stream.waiting = publication;
      return;
    }
    this.#write(stream, this.#frame(publication, stream.view));
  }

  #frame(publication: Publication, view: StreamView): Buffer {
    const frames = this.#frames.get(publication) ?? new Map<string, Buffer>();
    this.#frames.set(publication, frames);
    const known = frames.get(view.key);
    if (known !== undefined) return known;
    const frame = frameOf(publication, view);
    if (frames.size < FRAMES_MAX) frames.set(view.key, frame);
    return frame;
  }

  #write(stream: Stream, bytes: Buffer | string): void {
    if (!stream.response.write(bytes)) stream.fullSinceMs ??= this.#clock.monotonicMs();
  }

  #onDrain(stream: Stream): void {
    stream.fullSinceMs = undefined;
    const { waiting } = stream;
    stream.waiting = undefined;
    if (waiting !== undefined) this.#send(stream, waiting);
  }

  #forget(stream: Stream): void {
    stream.unsubscribe();
    this.#streams.delete(stream);
  }

  #scheduleHeartbeat(): void {
    this.#cancelHeartbeat = this.#clock.setTimer(HEARTBEAT_MS, () => {
      this.#beat();
      this.#scheduleHeartbeat();
    });
  }

  #beat(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const stream of this.#streams) {
      if (stream.fullSinceMs === undefined) this.#write(stream, HEARTBEAT);
      else if (nowMs - stream.fullSinceMs >= STALL_MAX_MS) stream.response.destroy();
    }
  }
}

function frameOf(publication: Publication, { json }: StreamView): Buffer {
  // JSON.stringify writes no line ends, so the document is one line of data.
  return Buffer.from(`id: ${publication.document.version}\nevent: topology\ndata: ${json(publication)}\n\n`);
}
