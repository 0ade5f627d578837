/** Lines that memcached's `-vv` prints of the text and meta protocols (memcached.c out_string, proto_text.c). Pure. */
import { CR, LF, SPACE } from '../../base/bytes.ts';
import { isMetaLine } from '../../protocol/text/meta-parser.ts';
import { commandAt } from '../../protocol/text/request-parser.ts';
import { Command } from '../../protocol/text/request.ts';
import type { Show } from './shown.ts';

/** Meta commands answer with these, which memcached does not print. */
const META_ANSWER = /^(?:HD|EN|NF|NS|EX|ME)(?: |$)/;
/** Lists of rows are not printed. */
const ROWS = /^(?:STAT|ITEM|PREFIX|CONFIG) /;
/** A value behind its line: which key it belongs to, and how long it is. */
const VALUE = /^(?:VALUE (\S+) \d+ (\d+)|VA (\d+))/;

/**
 * The command that begins at `start`. What is no command may be anything, a password whose line came out of step say, and
 * is not shown; nor is what stands behind `config` if it does not ask: the fleet's token, right or wrong.
 */
export function textRequest(id: number, bytes: Uint8Array, start: number, end: number, show: Show): string[] {
  const newline = bytes.indexOf(LF, start);
  const stop = newline < 0 || newline > end ? end : newline;
  const lineStop = stop > start && bytes[stop - 1] === CR ? stop - 1 : stop;
  const begin = skipSpaces(bytes, start, lineStop);
  if (isMetaLine(bytes, begin, lineStop)) return [`<${id} ${show(bytes, start, lineStop)}`];
  switch (commandAt(bytes, begin, lineStop)) {
    case 0:
      return [`<${id} no command, ${lineStop - start} bytes`];
    case Command.CONFIG:
      return [`<${id} ${CONFIG_GET.exec(show(bytes, begin, lineStop))?.[0] ?? 'config set'}`];
    default:
      return [`<${id} ${show(bytes, start, lineStop)}`];
  }
}

/** `config get NAME` and nothing behind it. */
const CONFIG_GET = /^config +get +[^ ]+ *$/;

function skipSpaces(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === SPACE) at++;
  return at;
}

/** Whole answers. */
export function textReplies(id: number, bytes: Uint8Array, show: Show): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(LF, at);
    if (newline < 0) break;
    const line = show(bytes, at, newline - 1);
    at = newline + 1;
    if (ROWS.test(line)) break;
    const value = VALUE.exec(line);
    if (value !== null) at += Number(value[2] ?? value[3]) + 2;
    if (value?.[1] !== undefined) lines.push(`>${id} sending key ${value[1]}`);
    else if (value === null && !META_ANSWER.test(line)) lines.push(`>${id} ${line}`);
  }
  return lines;
}
