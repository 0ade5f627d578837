/**
 * Bytes that have arrived and are not yet understood. Usually nothing is left over between two reads and a chunk is
 * parsed where it lies; only a reply that is cut is copied, into a buffer that grows by doubling, so a value in a
 * thousand chunks is copied twice, not a thousand times.
 *
 *   kept  │ used up │ start of a cut reply … │ free │
 *                   ▲ start                  ▲ end
 */
import { parseReply, type Reply } from '../protocol/text/reply-parser.ts';

const EMPTY = Buffer.alloc(0);

/** See the head of the file. */
export class ReceiveBuffer {
  #kept: Buffer = EMPTY;
  #end = 0;
  /** No point in parsing before there are so many bytes. */
  #bytesNeeded = 1;

  /** Bytes held back because their reply is not complete. */
  get size(): number {
    return this.#end;
  }

  /**
   * Gives every reply that `chunk` completes to `onReply`, in order, until that returns false. The data of a reply is
   * valid only during the call.
   *
   * @returns undefined, or what is wrong with the bytes; nothing can be read after that
   */
  push(chunk: Buffer, onReply: (reply: Reply) => boolean): string | undefined {
    const joined = this.#end > 0;
    const bytes = joined ? this.#join(chunk) : chunk;
    if (bytes === undefined) return undefined;
    let start = 0;
    while (start < bytes.length) {
      const result = parseReply(bytes, start);
      if (result.outcome === 'bad') return result.message;
      if (result.outcome === 'more') {
        this.#bytesNeeded = result.bytesNeeded;
        break;
      }
      start += result.used;
      this.#bytesNeeded = 1;
      if (!onReply(result.reply)) return undefined;
    }
    this.#keep(bytes, start, joined);
    return undefined;
  }

  /** What was kept and the chunk after it; undefined if there is no point in parsing that yet. */
  #join(chunk: Buffer): Buffer | undefined {
    const size = this.#end + chunk.length;
    if (size > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, Math.min(this.#bytesNeeded, size * 2), this.#kept.length * 2));
      this.#kept.copy(grown, 0, 0, this.#end);
      this.#kept = grown;
    }
    chunk.copy(this.#kept, this.#end);
    this.#end = size;
    return size < this.#bytesNeeded ? undefined : this.#kept.subarray(0, size);
  }

  #keep(bytes: Buffer, start: number, joined: boolean): void {
    const left = bytes.length - start;
    if (left === 0) {
      this.#kept = EMPTY;
    } else if (!joined || start > 0) {
      // A new buffer: the old one may be the socket's, or far larger than what is left.
      const kept = Buffer.allocUnsafe(Math.max(left, 1024));
      bytes.copy(kept, 0, start);
      this.#kept = kept;
    }
    this.#end = left;
  }
}
