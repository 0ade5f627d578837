/**
 * Finds where the head of a request may end: behind each empty line. Node's parser takes every request that a read
 * brought before anything else can happen, 3,600 small ones in 64 KiB; fed up to an empty line at a time, it takes one.
 *
 * This is no parser: an empty line in a body is a cut too, and does no harm. Lines end with LF, with or without a CR
 * before it (RFC 9112 §2.2). Pure.
 */

const LF = 10;
const CR = 13;

export class HeadCutter {
  /** Something other than a CR has come since the last line end. */
  #lineHasText = true;

  /** The bytes of `bytes`, from `start` on, up to and with the first empty line; to the end if there is none. */
  cut(bytes: Uint8Array, start = 0): number {
    let lineStart = start;
    for (let at = bytes.indexOf(LF, start); at >= 0; at = bytes.indexOf(LF, lineStart)) {
      const isEmpty = !this.#lineHasText && isBlank(bytes, lineStart, at);
      lineStart = at + 1;
      this.#lineHasText = false;
      if (isEmpty) return lineStart;
    }
    if (!isBlank(bytes, lineStart, bytes.length)) this.#lineHasText = true;
    return bytes.length;
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] !== CR) return false;
  return true;
}
