/**
 * Reads server-sent events from text that arrives in pieces. Pure, with a bound on what it keeps. Each character
 * is read once, however many pieces a line comes in.
 * Source: WHATWG HTML, "9.2.6 Interpreting an event stream".
 */
import { CR, LF } from '../../base/bytes.ts';
import { FleetError } from '../../base/errors.ts';

/** One event that has data. */
export interface StreamEvent {
  /** `message` unless the stream named it. */
  type: string;
  data: string;
  /** The last id the stream gave, or an empty string. */
  id: string;
}

/** See the head of the file. */
export class EventStreamParser {
  readonly #sizeMax: number;
  /** The line that has not ended yet, in the pieces that it came in, and their length. */
  #line: string[] = [];
  #lineSize = 0;
  /** The last piece ended with a CR: an LF at the start of the next belongs to it. */
  #afterCr = false;
  #type = '';
  #data: string[] = [];
  #dataSize = 0;
  #id = '';
  #retryMs: number | undefined;

  /** @param sizeMax characters of one event; a stream that exceeds it throws */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** Milliseconds that the server asks clients to wait before they connect again; undefined if it did not say. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /**
   * The events that `piece` completes, in order.
   *
   * @throws FleetError TOO_LARGE if an event exceeds the bound
   */
  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    let start = this.#afterCr && piece.startsWith('\n') ? 1 : 0;
    if (piece !== '') this.#afterCr = false;
    for (let at = start; at < piece.length; at += 1) {
      const unit = piece.charCodeAt(at);
      if (unit !== LF && unit !== CR) continue;
      const event = this.#field(this.#line.join('') + piece.slice(start, at));
      if (event !== undefined) events.push(event);
      this.#line = [];
      this.#lineSize = 0;
      this.#afterCr = unit === CR && at + 1 === piece.length;
      if (unit === CR && piece.charCodeAt(at + 1) === LF) at += 1;
      start = at + 1;
    }
    this.#line.push(piece.slice(start));
    this.#lineSize += piece.length - start;
    if (this.#lineSize + this.#dataSize > this.#sizeMax) {
      throw new FleetError('TOO_LARGE', `a server-sent event exceeds ${this.#sizeMax} characters`);
    }
    return events;
  }

  #field(line: string): StreamEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    // A line that begins with a colon is a comment: a sign of life.
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    const rest = colon === -1 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (field === 'data') {
      this.#data.push(value);
      this.#dataSize += value.length + 1;
    } else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) this.#retryMs = Number(value);
    return undefined;
  }

  #dispatch(): StreamEvent | undefined {
    const event =
      this.#data.length === 0
        ? undefined
        : { type: this.#type === '' ? 'message' : this.#type, data: this.#data.join('\n'), id: this.#id };
    this.#data = [];
    this.#dataSize = 0;
    this.#type = '';
    return event;
  }
}
