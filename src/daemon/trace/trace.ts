/**
 * `-vv` of one connection: prints what is asked and answered, in memcached's form. It looks on from outside, at the bytes
 * that a session works on and at those that it adds to the output, so that without `-vv` nothing of this is there.
 */
import type { Session } from '../connection.ts';
import type { Output } from '../output.ts';
import { binaryReplies, binaryRequest } from './binary.ts';
import type { Show } from './shown.ts';
import { textReplies, textRequest } from './text.ts';

export class Trace {
  readonly #id: number;
  readonly #isBinary: boolean;
  readonly #output: Output;
  readonly #show: Show;
  readonly #say: (line: string) => void;
  /** Lines of the answer to the command that is being worked on. */
  #replies: string[] = [];
  /** How much of what was collected has been looked at; -1 while no command is being worked on. */
  #seenBytes = -1;

  /** @param show makes text of what a client sent and is answered */
  constructor(id: number, isBinary: boolean, output: Output, show: Show, say: (line: string) => void) {
    this.#id = id;
    this.#isBinary = isBinary;
    this.#output = output;
    this.#show = show;
    this.#say = say;
  }

  /** {@link Session.step}, with its command and answers printed. */
  step(session: Session, bytes: Uint8Array, start: number, end: number): number {
    const begins = session.mayHoldLogin !== true && this.#begins(session);
    this.#seenBytes = this.#output.length;
    const used = session.step(bytes, start, end);
    this.collected();
    this.#seenBytes = -1;
    const lines = this.#isBinary ? binaryRequest : textRequest;
    if (begins && used > 0) this.#print(lines(this.#id, bytes, start, end, this.#show));
    this.#print(this.#replies);
    this.#replies = [];
    return used;
  }

  /** Looks at what was added to the output; must be called before it is sent. */
  collected(): void {
    if (this.#seenBytes < 0) return;
    const { bytes, position, length } = this.#output;
    this.sent(bytes.subarray(position - length + this.#seenBytes, position));
    this.#seenBytes = 0;
  }

  /** Does not look at the next bytes of the output: they are the rest of a value. */
  passOver(byteLength: number): void {
    if (this.#seenBytes >= 0) this.#seenBytes = byteLength;
  }

  /** Looks at an answer that does not go through the output. */
  sent(answer: Uint8Array): void {
    if (this.#seenBytes < 0) return;
    const lines = this.#isBinary ? binaryReplies(this.#id, answer) : textReplies(this.#id, answer, this.#show);
    this.#replies.push(...lines);
  }

  #begins(session: Session): boolean {
    return this.#isBinary ? session.stateName === 'conn_read' : session.awaitsLine === true;
  }

  #print(lines: readonly string[]): void {
    for (const line of lines) this.#say(line);
  }
}
