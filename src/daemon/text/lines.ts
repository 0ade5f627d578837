/** Looking at the bytes of a line of the text protocol. Pure. */
import { CR, LF, SPACE, bytesOf, equalBytes } from '../../base/bytes.ts';
import type { Command, TextRequest } from '../../protocol/text/request.ts';

const HTTP = bytesOf('HTTP/');
const LETTERS_LOOKED_AT_FIRST = bytesOf('gsacidt');
/** What the parser leaves as the command of a line whose first word is none. */
const UNKNOWN = 0 as Command;

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

/** Bytes of the longest word; a NUL ends the line. */
export function longestWord(bytes: Uint8Array, start: number, end: number): number {
  let longest = 0;
  let wordStart = start;
  let at = start;
  for (; at < end && bytes[at] !== 0; at++) {
    if (bytes[at] === SPACE) {
      longest = Math.max(longest, at - wordStart);
      wordStart = at + 1;
    }
  }
  return Math.max(longest, at - wordStart);
}

/**
 * Whether a line that was refused is a web browser's: an unknown command whose last word begins with `HTTP/`. Where the
 * first letter is one that memcached looks at first it comes to no such test (proto_text.c process_command_ascii).
 */
export function isHttp(request: TextRequest, bytes: Uint8Array, end: number): boolean {
  const first = request.wordStart[0];
  if (request.command !== UNKNOWN || request.wordEnd[0] - first < 2 || request.wordCount === 0) return false;
  if (LETTERS_LOOKED_AT_FIRST.includes(bytes[first])) return false;
  let wordEnd = first;
  while (wordEnd < end && bytes[wordEnd] !== 0) wordEnd++;
  while (bytes[wordEnd - 1] === SPACE) wordEnd--;
  let wordStart = wordEnd;
  while (wordStart > first && bytes[wordStart - 1] !== SPACE) wordStart--;
  return wordEnd - wordStart >= HTTP.length && equalBytes(bytes, wordStart, HTTP, 0, HTTP.length);
}
