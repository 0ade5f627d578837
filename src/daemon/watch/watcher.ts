/**
 * One connection that watches: log lines wait for it up to a bound and are sent together, once per turn of the event
 * loop. Behind the bound lines are dropped and counted, and it is told how many (logger.c).
 */

import { nextTurn } from '../../base/turns.ts';

/** Bytes kept free for the line that says how many were skipped (logger.c, logger_thread_write_entry). */
const SKIP_LINE_BYTES = 128;

export class Watcher {
  /** Which events it wants: bits of `Watched`. */
  readonly mask: number;
  readonly #send: (bytes: Uint8Array) => boolean;
  readonly #bytesMax: number;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #skipped = 0;
  #scheduled = false;
  /** The socket has not taken what was sent last. */
  #blocked = false;

  /**
   * @param send writes to the socket; false if it will say later that it has taken it all, by {@link drained}
   * @param bytesMax how many bytes may wait
   */
  constructor(mask: number, bytesMax: number, send: (bytes: Uint8Array) => boolean) {
    this.mask = mask;
    this.#send = send;
    this.#bytesMax = bytesMax;
  }

  /** Adds a line of one byte a character; false if there was no room for it. */
  log(line: string): boolean {
    if (this.#waitingBytes + line.length + SKIP_LINE_BYTES > this.#bytesMax) {
      this.#skipped++;
      return false;
    }
    if (this.#skipped > 0) this.#wait(`skipped=${this.#skipped}\n`);
    this.#skipped = 0;
    this.#wait(line);
    return true;
  }

  /** The socket has taken everything. */
  drained(): void {
    this.#blocked = false;
    this.#flush();
  }

  #wait(line: string): void {
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    if (this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    nextTurn(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#blocked || this.#waiting.length === 0) return;
    const bytes = Buffer.from(this.#waiting.join(''), 'latin1');
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#blocked = !this.#send(bytes);
  }
}
