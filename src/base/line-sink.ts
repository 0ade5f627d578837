/**
 * Log lines for a stream whose reader may be slow or gone, standard error above all. A stream keeps what its reader does
 * not take; this keeps that bounded: beyond {@link LINES_WAITING_MAX} whole lines are dropped and counted, and when all
 * that waited was taken, one line says how many are missing. Nobody is ever held up.
 */

/**
 * Characters that may wait for a log's reader; lines beyond them are dropped and counted. Some thousand lines, so that a
 * burst passes and a reader that stopped costs no more than this.
 */
const LINES_WAITING_MAX = 1024 * 1024;

/** What is needed of a stream. */
export interface LineStream {
  /**
   * @param taken called when the text was handed to the system, or could not be
   * @returns false if the stream keeps it, or text before it, for now
   */
  write(text: string, taken: (error?: Error | null) => void): boolean;
}

export class LineSink {
  readonly #stream: LineStream;
  readonly #waitingMax: number;
  readonly #tell: (missing: number) => void;
  /** Lines that were dropped since the start. */
  dropped = 0;
  /** Of those, the ones that nobody was told of yet. */
  #missing = 0;
  #waiting = 0;

  /** @param tell says on this sink, now that its reader is back, how many lines are missing */
  constructor(stream: LineStream, tell: (missing: number) => void, waitingMax = LINES_WAITING_MAX) {
    this.#stream = stream;
    this.#tell = tell;
    this.#waitingMax = waitingMax;
  }

  /** Writes a line with its end, or drops it. */
  write(text: string): void {
    if (this.#waiting + text.length > this.#waitingMax && this.#waiting > 0) return this.#drop();
    let taken = false;
    let waits = false;
    const keepsNothing = this.#stream.write(text, (error) => {
      taken = true;
      if (error) this.#drop();
      if (waits) this.#took(text.length);
    });
    // What a stream takes at once it may confirm a turn later: only what is kept counts, and all behind it.
    waits = !taken && (!keepsNothing || this.#waiting > 0);
    if (waits) this.#waiting += text.length;
  }

  #drop(): void {
    this.dropped++;
    this.#missing++;
  }

  #took(length: number): void {
    this.#waiting -= length;
    if (this.#waiting > 0 || this.#missing === 0) return;
    const missing = this.#missing;
    this.#missing = 0;
    this.#tell(missing);
  }
}
