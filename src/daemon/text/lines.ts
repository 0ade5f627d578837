/** Looking at the bytes of a line of the text protocol. Pure. */
import { CR, LF, SPACE, bytesOf, equalBytes } from '../../base/bytes.ts';
import type { TextRequest } from '../../protocol/text/request.ts';

const HTTP = bytesOf('HTTP/');

/** Position of the next line feed, or `end`. */
export function findNewline(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LF) at++;
  return at;
}

/** End of a line without its carriage return, which counts only behind something else. */
export function lineEnd(bytes: Uint8Array, start: number, newline: number): number {
  return newline - start > 1 && bytes[newline - 1] === CR ? newline - 1 : newline;
}

/** Bytes of the longest word. */
export function longestWord(bytes: Uint8Array, start: number, end: number): number {
  let longest = 0;
  let wordStart = start;
  let at = start;
  for (; at < end; at++) {
    if (bytes[at] === SPACE) {
      longest = Math.max(longest, at - wordStart);
      wordStart = at + 1;
    }
  }
  return Math.max(longest, at - wordStart);
}

/** Whether the line of an unknown command is a web browser's: its last word begins with `HTTP/`. */
export function isHttp(request: TextRequest, bytes: Uint8Array): boolean {
  const last = request.wordCount - 1;
  const start = request.wordStart[last];
  return last > 0 && request.wordEnd[last] - start >= HTTP.length && equalBytes(bytes, start, HTTP, 0, HTTP.length);
}
