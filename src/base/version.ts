/** The product's own version, read from `package.json` once, when first asked for. */
import { readFileSync } from 'node:fs';

let known: string | undefined;

/** For example `0.1.0`. The file lies two folders above this one in a checkout and in an installed package alike. */
export function productVersion(): string {
  if (known === undefined) {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    known = (JSON.parse(text) as { version: string }).version;
  }
  return known;
}
