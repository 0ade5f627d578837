/**
 * Reads server-sent events from text that arrives in pieces. Pure, with a bound on what it keeps.
 * Source: WHATWG HTML, "9.2.6 Interpreting an event stream".
 */

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
  #text = '';
  #type = '';
  #data: string[] = [];
  #dataSize = 0;
  #id = '';
  #retryMs: number | undefined;

  /** @param sizeMax characters of one event; a stream that exceeds it throws */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** How long the server asks clients to wait before they come again, in milliseconds; undefined if it did not say. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /**
   * The events that `piece` completes, in order.
   *
   * @throws RangeError if an event exceeds the bound
   */
  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    this.#text += piece;
    let start = 0;
    for (;;) {
      const end = lineEnd(this.#text, start);
      if (end === undefined) break;
      const event = this.#line(this.#text.slice(start, end.at));
      if (event !== undefined) events.push(event);
      start = end.next;
    }
    this.#text = this.#text.slice(start);
    if (this.#text.length + this.#dataSize > this.#sizeMax) {
      throw new RangeError(`a server-sent event exceeds ${this.#sizeMax} characters`);
    }
    return events;
  }

  #line(line: string): StreamEvent | undefined {
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

/** Where the line from `start` ends and the next begins: LF, CR LF or CR. A CR at the very end may yet be a CR LF. */
function lineEnd(text: string, start: number): { at: number; next: number } | undefined {
  for (let at = start; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0x0a) return { at, next: at + 1 };
    if (unit === 0x0d) {
      if (at + 1 === text.length) return undefined;
      return { at, next: text.charCodeAt(at + 1) === 0x0a ? at + 2 : at + 1 };
    }
  }
  return undefined;
}
