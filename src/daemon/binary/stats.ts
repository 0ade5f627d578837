/**
 * `stats` over the binary protocol: which of the text protocol's tables a key asks for, and its rows. memcached takes
 * some of these keys by their beginning only (proto_bin.c, process_bin_stat), and so do we.
 */
import type { AdminContext } from '../admin/context.ts';
import { statsCommand } from '../admin/stats.ts';
import { textOf, type Streamed } from '../stats/rows.ts';

type Rows = (readonly [name: string, value: string])[];

/** The rows that a key asks for; undefined if there is no such table. */
export function binaryStats(key: string, context: AdminContext): Rows | undefined {
  if (key === '') return rowsOf(statsCommand(['stats'], context));
  if (key.startsWith('reset')) return rowsOf(statsCommand(['stats', 'reset'], context));
  if (key.startsWith('settings')) return rowsOf(statsCommand(['stats', 'settings'], context));
  if (key.startsWith('detail')) return detailRows(key.slice('detail'.length), context);
  return TABLES.has(key) ? rowsOf(statsCommand(['stats', key], context)) : undefined;
}

/** Tables that are asked for by their whole name; `conns` is none of them (memcached.c, get_stats). */
const TABLES = new Set(['items', 'slabs', 'sizes']);

/** `detail on`, `detail off`, `detail dump`, unless they are forbidden; the dump is one row with all its lines. */
function detailRows(argument: string, context: AdminContext): Rows | undefined {
  const what = [' dump', ' on', ' off'].find((word) => argument.startsWith(word))?.trim();
  if (what === undefined) return undefined;
  const answer = statsCommand(['stats', 'detail', what], context);
  if (typeof answer === 'string' && answer.startsWith('CLIENT_ERROR')) return undefined;
  return what === 'dump' ? [['detailed', textOf(answer)]] : [];
}

function rowsOf(answer: string | Streamed): Rows {
  return [...textOf(answer).matchAll(/^STAT (\S+) (.*)\r$/gm)].map(([, name = '', value = '']) => [name, value]);
}
