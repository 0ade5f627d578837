/**
 * What of a client's bytes is shown on an operator's terminal: text that moves no cursor and names no secret. Pure.
 */

/** Characters of a text that are shown; a get of thousands of keys would drown everything else. */
const CHARS_MAX = 2048;

/**
 * Everything that is no sign: control characters of both sets (C1's open sequences as ESC does), what changes the
 * direction of writing, what has no place in Unicode, and line ends of its own.
 */
const NO_SIGN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const HIDDEN = '[secret]';

/** Shows bytes as text of one line. */
export type Show = (bytes: Uint8Array, start: number, end: number) => string;

/** @param secret what is never shown, wherever it stands and whoever sends it */
export function showExcept(secret: string | undefined): Show {
  const secretBytes = Buffer.byteLength(secret ?? '');
  return (bytes, start, end) => {
    const length = Math.min(end - start, CHARS_MAX + secretBytes);
    let text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString();
    if (secret !== undefined && secret !== '') {
      text = text.replaceAll(secret, HIDDEN);
      // A beginning of it may be the end of what was looked at.
      if (length < end - start) text = text.slice(0, text.length - secret.length + 1);
    }
    return text.slice(0, CHARS_MAX).replace(NO_SIGN, '?');
  };
}
