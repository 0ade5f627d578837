/** Lines that memcached's `-vv` prints of the text and meta protocols (memcached.c out_string, proto_text.c). Pure. */

/** Characters of a line that are printed; a get of thousands of keys would drown everything else. */
const LINE_CHARS_MAX = 2048;

/** Meta commands answer with these, which memcached does not print. */
const META_ANSWER = /^(?:HD|EN|NF|NS|EX|ME)(?: |$)/;
/** Lists of rows are not printed. */
const ROWS = /^(?:STAT|ITEM|PREFIX|CONFIG) /;
/** A value behind its line: which key it belongs to, and how long it is. */
const VALUE = /^(?:VALUE (\S+) \d+ (\d+)|VA (\d+))/;

/** Text that was sent to us, or is the answer to it, as one line of a terminal: nothing in it moves the cursor. */
export function printable(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, LINE_CHARS_MAX)).toString();
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f]/g, '?');
}

/** The command that begins at `start`. The fleet's token, behind `config set`, is nobody's to read. */
export function textRequest(id: number, bytes: Uint8Array, start: number, end: number): string[] {
  const newline = bytes.indexOf(0x0a, start);
  const stop = newline < 0 || newline > end ? end : newline;
  const line = printable(bytes, start, stop > start && bytes[stop - 1] === 0x0d ? stop - 1 : stop);
  return [`<${id} ${line.startsWith('config set') ? 'config set' : line}`];
}

/** Whole answers. */
export function textReplies(id: number, bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    if (newline < 0) break;
    const line = printable(bytes, at, newline - 1);
    at = newline + 1;
    if (ROWS.test(line)) break;
    const value = VALUE.exec(line);
    if (value !== null) at += Number(value[2] ?? value[3]) + 2;
    if (value?.[1] !== undefined) lines.push(`>${id} sending key ${value[1]}`);
    else if (value === null && !META_ANSWER.test(line)) lines.push(`>${id} ${line}`);
  }
  return lines;
}
