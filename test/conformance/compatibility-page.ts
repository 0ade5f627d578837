/** docs/compatibility.md as tests read it: the rows of a chapter's tables with what each says of memcached and us. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url));

/** What the second column of a row says. */
export type State = 'same' | 'different' | 'absent' | 'added';

/** The rows of a chapter, or of one section of it: first column without its code marks → state. */
export function rowsOf(chapter: string, section?: string): Map<string, State> {
  const body = part(readFileSync(PAGE, 'utf8'), `\n## ${chapter}\n`, '\n## ');
  const rows = section === undefined ? body : part(body, `\n### ${section}\n`, '\n### ');
  return new Map(
    [...rows.matchAll(/^\| `([^`|]+)` +\| (same|different|absent|added) +\|/gm)].map((row) => [
      row[1] ?? '',
      row[2] as State,
    ]),
  );
}

function part(text: string, head: string, next: string): string {
  const from = text.indexOf(head);
  if (from < 0) throw new Error(`docs/compatibility.md has no ${head.trim()}`);
  const end = text.indexOf(next, from + 1);
  return text.slice(from, end < 0 ? undefined : end);
}
