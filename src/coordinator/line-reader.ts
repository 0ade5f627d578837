/** Cuts what comes over the auto-discovery endpoint into lines, and hands on their answers. Pure but for its callbacks. */
import { DISCOVERY_LINE_BYTES_MAX } from './limits.ts';

/** The first byte of a request in the binary protocol, which is not spoken here. */
const BINARY_MAGIC = 0x80;

/** The answer to one line, without its line end; undefined to close the connection. */
export type Answer = (line: string) => string | Buffer | undefined;

/** See the head of this file. */
export class LineReader {
  readonly #answer: Answer;
  readonly #write: (answer: string | Buffer) => boolean;
  #rest = '';
  #isOpen = true;
  #isWaiting = false;

  /** @param write false if no further line is to be answered until {@link LineReader.goOn} */
  constructor(answer: Answer, write: (answer: string | Buffer) => boolean) {
    this.#answer = answer;
    this.#write = write;
  }

  /** False once the connection is to be closed; what comes after that is ignored. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Lines are kept until the answers before them were taken. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** A line has begun and not ended. */
  get isInLine(): boolean {
    return this.#rest !== '';
  }

  /** Takes the next bytes; true if a line was answered. */
  take(chunk: Buffer): boolean {
    if (!this.#isOpen) return false;
    if (this.#rest === '' && chunk[0] === BINARY_MAGIC) {
      this.#isOpen = false;
      return false;
    }
    // latin1 keeps every byte apart; no command here has others than ASCII.
    this.#rest += chunk.toString('latin1');
    return !this.#isWaiting && this.goOn();
  }

  /** The answers were taken; true if a further line was answered. */
  goOn(): boolean {
    this.#isWaiting = false;
    let start = 0;
    let end = this.#rest.indexOf('\n');
    for (; this.#isOpen && !this.#isWaiting && end >= 0; end = this.#rest.indexOf('\n', start)) {
      const answer = this.#answer(this.#rest.slice(start, end).replace(/\r$/, ''));
      start = end + 1;
      if (answer === undefined) this.#isOpen = false;
      else this.#isWaiting = !this.#write(answer);
    }
    this.#rest = this.#isOpen ? this.#rest.slice(start) : '';
    if (this.#isOpen && !this.#isWaiting && this.#rest.length > DISCOVERY_LINE_BYTES_MAX) {
      this.#write('CLIENT_ERROR line too long\r\n');
      this.#isOpen = false;
    }
    return start > 0;
  }
}
