/**
 * `stats detail`: how often the keys of each prefix were read, found, stored and deleted (stats_prefix.c). Counts only
 * while it is on.
 */
import { PREFIXES_MAX } from '../limits.ts';
import { listing, type Streamed } from './rows.ts';

interface PrefixCounts {
  gets: number;
  hits: number;
  sets: number;
  deletes: number;
}

export class PrefixStats {
  /** Whether it counts; who serves a request looks here first. */
  enabled: boolean;
  readonly #delimiter: number;
  /** By the prefix, as latin1 text; above PREFIXES_MAX new prefixes are not counted. */
  readonly #counts = new Map<string, PrefixCounts>();

  /** @param delimiter the character between a prefix and the rest of a key (`-D`) */
  constructor(enabled: boolean, delimiter: string) {
    this.enabled = enabled;
    this.#delimiter = delimiter.charCodeAt(0);
  }

  countGet(key: Uint8Array, start: number, end: number, isHit: boolean): void {
    const counts = this.#find(key, start, end);
    if (counts === undefined) return;
    counts.gets++;
    if (isHit) counts.hits++;
  }

  countSet(key: Uint8Array, start: number, end: number): void {
    const counts = this.#find(key, start, end);
    if (counts !== undefined) counts.sets++;
  }

  countDelete(key: Uint8Array, start: number, end: number): void {
    const counts = this.#find(key, start, end);
    if (counts !== undefined) counts.deletes++;
  }

  /** Forgets everything. */
  reset(): void {
    this.#counts.clear();
  }

  /** The answer to `stats detail dump`. */
  dump(): Streamed {
    return listing(this.#lines());
  }

  *#lines(): Generator<string> {
    for (const [prefix, { gets, hits, sets, deletes }] of this.#counts) {
      yield `PREFIX ${prefix} get ${gets} hit ${hits} set ${sets} del ${deletes}\r\n`;
    }
  }

  #find(key: Uint8Array, start: number, end: number): PrefixCounts | undefined {
    let at = start;
    while (at < end && key[at] !== this.#delimiter) at++;
    if (at === end) return undefined;
    const prefix = Buffer.from(key.subarray(start, at)).toString('latin1');
    let counts = this.#counts.get(prefix);
    if (counts === undefined && this.#counts.size < PREFIXES_MAX) {
      counts = { gets: 0, hits: 0, sets: 0, deletes: 0 };
      this.#counts.set(prefix, counts);
    }
    return counts;
  }
}
