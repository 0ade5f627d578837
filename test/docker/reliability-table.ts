/**
 * The table of docs/reliability.md: what the tests of reliability have measured, one line a step. With
 * MEMFLEET_WRITE_RELIABILITY=1 a test file's lines replace those of the same steps there.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

const DOCUMENT = resolve(import.meta.dirname, '../../docs/reliability.md');

/** What one step has cost. */
export interface Row {
  readonly step: string;
  /** Until the topology was right; 0 where none had to follow. */
  readonly ms: number;
  readonly versions: number;
  readonly requests: number;
  readonly misses: number;
  readonly failed: number;
}

/** Prints the lines, and writes them to the document where that is asked for. */
export async function reportRows(rows: readonly Row[]): Promise<void> {
  const lines = rows.map(toLine);
  console.log(lines.join('\n'));
  if (process.env['MEMFLEET_WRITE_RELIABILITY'] !== '1') return;
  const text = lines.reduce(replaceLine, await readFile(DOCUMENT, 'utf8'));
  await writeFile(DOCUMENT, text);
}

function toLine({ step, ms, versions, requests, misses, failed }: Row): string {
  return `| ${[step, ms === 0 ? '–' : `${ms} ms`, versions, requests, misses, failed].join(' | ')} |`;
}

/** In the place of the line of the same step, else after the table's last line. */
function replaceLine(text: string, line: string): string {
  const lines = text.split('\n');
  const start = line.slice(0, line.indexOf('|', 1) + 1);
  const found = lines.findIndex((other) => other.startsWith(start));
  if (found >= 0) lines[found] = line;
  else lines.splice(lines.findLastIndex((other) => other.startsWith('| ')) + 1, 0, line);
  return lines.join('\n');
}
