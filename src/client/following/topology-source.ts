/**
 * Where a client's topology comes from: a fixed list, or a coordinator that is followed.
 *
 * Following means server-sent events, or long polls where events are refused (an old coordinator, a proxy that holds
 * them back). After any failure the last good document stays in force, and the next attempt follows after a backoff
 * with jitter, at the next coordinator if there are several. A version lower than or equal to the one in force is
 * ignored, so a client that moves between coordinators never goes back.
 */
import { backoffMs } from '../../base/backoff.ts';
import { sleep, systemClock, type Clock } from '../../base/clock.ts';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { discard, httpGet, readText } from '../../base/http-get.ts';
import type { TopologyDocument } from '../../topology/document.ts';
import { parseTopology } from '../../topology/validate.ts';
import { EventStreamParser } from './event-stream.ts';
import {
  BACKOFF_FIRST_MS,
  COORDINATOR_BACKOFF_MAX_MS,
  DOCUMENT_BYTES_MAX,
  EVENTS_SILENCE_MS,
  LONG_POLL_WAIT_MS,
  RETRY_MAX_MS,
} from '../limits.ts';

/** Delivers topology documents. */
export interface TopologySource {
  /**
   * Starts to deliver. Resolves after the first document was delivered; rejects with CLOSED if it is closed before.
   *
   * @param onDocument called with each newer document
   * @param onTrouble called when an attempt failed; another follows
   */
  start(onDocument: (document: TopologyDocument) => void, onTrouble?: (error: FleetError) => void): Promise<void>;
  /** Stops delivering. */
  close(): void;
}

/** How to follow a coordinator. */
export interface FollowOptions {
  /** Base URL, for example `http://127.0.0.1:8080`; several are tried in turn. */
  url: string | readonly string[];
  fetch?: typeof fetch;
  clock?: Clock;
  /** 0 ≤ x < 1, for jitter. */
  random?: () => number;
  /** How long a coordinator may hold a long poll, in milliseconds; 30,000. */
  waitMs?: number;
  /** How long an event stream may be silent, comments included, in milliseconds; 45,000. */
  silenceMs?: number;
}

/**
 * Follows the coordinator at `url`.
 *
 * @throws FleetError BAD_CONFIG for a malformed URL, or without any
 */
export function followCoordinator(options: FollowOptions): TopologySource {
  return new CoordinatorFollower(options);
}

/** A source that has one document from the start. */
export function fixedTopology(document: TopologyDocument): TopologySource {
  return {
    start(onDocument) {
      onDocument(document);
      return Promise.resolve();
    },
    close: () => undefined,
  };
}

class CoordinatorFollower implements TopologySource {
  readonly #urls: URL[];
  readonly #fetch: typeof fetch | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #waitMs: number;
  readonly #silenceMs: number;
  readonly #closed = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #urlIndex = 0;
  #version = 0;
  #failures = 0;
  #retryMs = 0;
  #streams = true;
  #onDocument: (document: TopologyDocument) => void = () => undefined;
  #onTrouble: (error: FleetError) => void = () => undefined;

  constructor(options: FollowOptions) {
    this.#urls = (typeof options.url === 'string' ? [options.url] : options.url).map(baseUrl);
    if (this.#urls.length === 0) throw new FleetError('BAD_CONFIG', 'coordinator: no URL given');
    this.#fetch = options.fetch;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#waitMs = options.waitMs ?? LONG_POLL_WAIT_MS;
    this.#silenceMs = options.silenceMs ?? EVENTS_SILENCE_MS;
  }

  start(onDocument: (document: TopologyDocument) => void, onTrouble?: (error: FleetError) => void): Promise<void> {
    this.#onDocument = onDocument;
    if (onTrouble !== undefined) this.#onTrouble = onTrouble;
    void this.#run();
    return this.#first.promise;
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#first.reject(new FleetError('CLOSED', 'the topology source was closed before the first document came'));
    // The rejection may have no reader left, which must not end the process.
    this.#first.promise.catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      try {
        if (this.#streams) await this.#followEvents();
        else await this.#poll();
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        this.#failures += 1;
        this.#urlIndex = (this.#urlIndex + 1) % this.#urls.length;
        this.#onTrouble(isFleetError(error) ? error : new FleetError('CONNECT_FAILED', this.#describe(error), error));
        const waitMs = backoffMs(this.#failures, BACKOFF_FIRST_MS, COORDINATOR_BACKOFF_MAX_MS, this.#random);
        await this.#sleep(Math.max(waitMs, this.#retryMs * this.#random()));
      }
    }
  }

  /** Reads one event stream until it ends. The end is a failure like any other: a coordinator never ends a stream. */
  async #followEvents(): Promise<void> {
    const { signal, stillThere, done } = this.#deadline(this.#silenceMs);
    try {
      const url = new URL('v1/topology/events', this.#url());
      const response = await this.#get(url, signal, 'text/event-stream');
      const type = response.headers.get('content-type') ?? '';
      if (!response.ok || response.body === null || !type.startsWith('text/event-stream')) {
        await discard(response);
        // A permanent refusal (404, 406, a page instead of a stream), not a temporary one (5xx, 429): poll from now on.
        if (response.status < 500 && response.status !== 429) this.#streams = false;
        throw new FleetError('CONNECT_FAILED', `${url.href} answered ${response.status} ${type}`.trimEnd());
      }
      const parser = new EventStreamParser(DOCUMENT_BYTES_MAX);
      const decoder = new TextDecoder();
      for await (const chunk of response.body) {
        stillThere();
        for (const event of parser.push(decoder.decode(chunk, { stream: true }))) this.#deliver(event.data, url);
        this.#retryMs = Math.min(parser.retryMs ?? this.#retryMs, RETRY_MAX_MS);
      }
      throw new FleetError('CONNECT_FAILED', `${url.href} ended the stream of events`);
    } finally {
      done();
    }
  }

  async #poll(): Promise<void> {
    const { signal, done } = this.#deadline(this.#waitMs + this.#silenceMs);
    try {
      const url = new URL('v1/topology', this.#url());
      if (this.#version > 0) {
        url.searchParams.set('after', String(this.#version));
        url.searchParams.set('wait', `${Math.ceil(this.#waitMs / 1000)}s`);
      }
      const response = await this.#get(url, signal, 'application/json');
      if (response.status === 304) {
        this.#failures = 0;
        return;
      }
      const versionBefore = this.#version;
      const body = await readText(response, DOCUMENT_BYTES_MAX);
      if (!response.ok) throw new FleetError('CONNECT_FAILED', `${url.href} answered ${response.status}`);
      this.#deliver(body, url);
      // Without this wait, a coordinator that sends the same version immediately would make this a busy loop.
      if (this.#version === versionBefore) await this.#sleep(COORDINATOR_BACKOFF_MAX_MS);
    } finally {
      done();
    }
  }

  #deliver(text: string, url: URL): void {
    let input: unknown;
    try {
      input = JSON.parse(text);
    } catch (error) {
      throw new FleetError('BAD_TOPOLOGY', `${url.href} sent something that is not JSON`, error);
    }
    const document = parseTopology(input);
    this.#failures = 0;
    if (document.version <= this.#version || this.#closed.signal.aborted) return;
    this.#version = document.version;
    this.#onDocument(document);
    this.#first.resolve();
  }

  #get(url: URL, signal: AbortSignal, accept: string): Promise<Response> {
    return httpGet(url, { signal, accept, ...(this.#fetch !== undefined && { fetch: this.#fetch }) });
  }

  #url(): URL {
    return this.#urls[this.#urlIndex];
  }

  #describe(error: unknown): string {
    // fetch says only "fetch failed"; what failed is its cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return `${this.#url().href} ${cause instanceof Error && cause.message !== '' ? cause.message : String(cause)}`;
  }

  /** A signal that aborts when the source is closed, or `limitMs` after the last call of `stillThere`. */
  #deadline(limitMs: number): { signal: AbortSignal; stillThere: () => void; done: () => void } {
    const silent = new AbortController();
    const wake = (): void => silent.abort(new Error(`was silent for ${limitMs} ms`));
    let cancel = this.#clock.setTimer(limitMs, wake);
    return {
      signal: AbortSignal.any([this.#closed.signal, silent.signal]),
      stillThere: () => {
        cancel();
        cancel = this.#clock.setTimer(limitMs, wake);
      },
      done: () => {
        cancel();
        silent.abort();
      },
    };
  }

  #sleep(delayMs: number): Promise<void> {
    return sleep(this.#clock, delayMs, this.#closed.signal);
  }
}

function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new FleetError('BAD_CONFIG', `coordinator: ${JSON.stringify(text)} is not an http URL`);
  }
  // Paths are resolved against it, and the last part of a base without a slash would be replaced.
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
