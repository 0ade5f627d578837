/**
 * Bytes that have arrived and are not yet parsed. Usually nothing is left over between two reads and a chunk is
 * parsed where it lies; only a reply that is cut is copied, into a buffer that grows by doubling, so a value in a
 * thousand chunks is copied twice, not a thousand times.
 *
 *   kept  │ used up │ start of a cut reply … │ free │
 *                   ▲ start                  ▲ end
 *
 * A data block above the bound, or one whose request has timed out, is not kept: its bytes are counted and dropped, and
 * a {@link SkippedReply} comes in its place. So the stream stays in step, and memory below twice the bound.
 */
import { CR, LF } from '../../base/bytes.ts';
import { parseReply, UNENDED, type Reply, type SkippedReply } from '../../protocol/text/reply-parser.ts';

const EMPTY = Buffer.alloc(0);

/** Takes a reply; false if nothing after it may be read. Its data is valid only during the call. */
type OnReply = (reply: Reply) => boolean;

/** See the head of the file. */
export class ReceiveBuffer {
  readonly #dataBytesMax: number;
  readonly #isWanted: () => boolean;
  #kept: Buffer = EMPTY;
  #end = 0;
  /** Parsing is pointless with fewer bytes than this. */
  #bytesNeeded = 1;
  /** What the bytes that are kept would be skipped as. */
  #skippable: SkippedReply | undefined;
  /** What passes by, and how many bytes of it are still to come. */
  #skipping: SkippedReply | undefined;
  #skipLeft = 0;
  #lastByte = 0;

  /**
   * @param dataBytesMax bytes of one data block that may be kept
   * @param isWanted whether the request that the next reply belongs to still waits
   */
  constructor(dataBytesMax: number, isWanted: () => boolean) {
    this.#dataBytesMax = dataBytesMax;
    this.#isWanted = isWanted;
  }

  /** Bytes held back because their reply is not complete. */
  get size(): number {
    return this.#end;
  }

  /**
   * Gives every reply that `chunk` completes to `onReply`, in order, until that returns false.
   *
   * @returns undefined, or what is wrong with the bytes; nothing can be read after that
   */
  push(chunk: Buffer, onReply: OnReply): string | undefined {
    if (this.#skippable !== undefined && !this.#isWanted())
      this.#beginSkip(this.#skippable, this.#kept.subarray(0, this.#end));
    if (this.#skipping === undefined) return this.#parse(chunk, onReply);
    if (this.#skipLeft > chunk.length) {
      this.#pass(chunk, chunk.length);
      return undefined;
    }
    const end = this.#skipLeft;
    if (!this.#pass(chunk, end)) return UNENDED;
    const reply = this.#skipping;
    this.#skipping = undefined;
    if (!onReply(reply) || end === chunk.length) return undefined;
    return this.#parse(chunk.subarray(end), onReply);
  }

  #parse(chunk: Buffer, onReply: OnReply): string | undefined {
    const joined = this.#end > 0;
    const bytes = joined ? this.#join(chunk) : chunk;
    if (bytes === undefined) return undefined;
    this.#skippable = undefined;
    let start = 0;
    while (start < bytes.length) {
      const result = parseReply(bytes, start);
      if (result.outcome === 'bad') return result.message;
      if (result.outcome === 'more') {
        this.#bytesNeeded = result.bytesNeeded;
        this.#skippable = result.skipped;
        break;
      }
      start += result.used;
      this.#bytesNeeded = 1;
      if (!onReply(this.#bounded(result.reply))) return undefined;
    }
    if (this.#skippable !== undefined && this.#mustSkip(this.#skippable)) {
      this.#beginSkip(this.#skippable, bytes.subarray(start));
    } else {
      this.#keep(bytes, start, joined);
    }
    return undefined;
  }

  #mustSkip({ dataBytes }: SkippedReply): boolean {
    return dataBytes > this.#dataBytesMax || !this.#isWanted();
  }

  /** A bound that is smaller than what one read brings holds too. */
  #bounded(reply: Reply): Reply {
    if (!('data' in reply) || reply.data.length <= this.#dataBytesMax) return reply;
    return { kind: 'skipped', key: reply.kind === 'value' ? reply.key : '', dataBytes: reply.data.length };
  }

  /** @param begun what has come of it */
  #beginSkip(reply: SkippedReply, begun: Buffer): void {
    this.#lastByte = begun[begun.length - 1] ?? 0;
    this.#skipping = reply;
    this.#skippable = undefined;
    this.#skipLeft = this.#bytesNeeded - begun.length;
    this.#bytesNeeded = 1;
    this.#kept = EMPTY;
    this.#end = 0;
  }

  /** Lets `length` bytes of the chunk pass; false if they end the block and are not its end. */
  #pass(chunk: Buffer, length: number): boolean {
    const beforeLast = length > 1 ? chunk[length - 2] : this.#lastByte;
    this.#lastByte = chunk[length - 1] ?? 0;
    this.#skipLeft -= length;
    return this.#skipLeft > 0 || (beforeLast === CR && this.#lastByte === LF);
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
