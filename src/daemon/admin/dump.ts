/**
 * Lists of what is stored: `lru_crawler metadump` and `mgdump`, a piece at a time so that the others are served between
 * two pieces, and `stats cachedump`, which memcached bounds at 2 MiB.
 */
import { writeBase64 } from '../../protocol/text/meta-base64.ts';
import type { SecondHand } from '../clock.ts';
import { LISTING_PIECE_BYTES } from '../limits.ts';
import { listing, type Streamed } from '../stats/rows.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';
import { byteOffset } from '../storage/memory.ts';
import type { PageIndex } from '../storage/slabs.ts';
import { ABSENT, type Store } from '../storage/store.ts';
import { keyText } from '../watch/key-text.ts';

/** Chunks looked at for one piece, so that a page without items does not hold up anybody. */
const PIECE_CHUNKS = 2000;

/** Bytes that `stats cachedump` answers at most (items.c, item_cachedump). */
const CACHEDUMP_BYTES_MAX = 2 * 1024 * 1024;

/** Lines of it that are made at once. */
const CACHEDUMP_LINES = 100;

/** What a dump needs of the daemon. */
export interface DumpSource {
  readonly store: Store;
  readonly time: SecondHand;
}

/** What a dump begins with. */
const HEAD = 'OK\r\n';

/** How a dump writes an item, and how it ends. */
export interface DumpForm {
  line(ref: ChunkRef, source: DumpSource): string;
  readonly end: string;
}

export const METADUMP: DumpForm = { line: metadumpLine, end: 'END\r\n' };
export const MGDUMP: DumpForm = { line: mgdumpLine, end: 'EN\r\n' };

/**
 * Begins a dump in the order of memory. What is stored, deleted or moved meanwhile may be in it or not.
 */
export function dump(source: DumpSource, classes: ReadonlySet<number> | 'all', form: DumpForm): Streamed {
  const cursor = new ItemWalk(source.store, classes);
  let begun = false;
  let ended = false;
  const next = (): Uint8Array | undefined => {
    if (ended) return undefined;
    let text = begun ? '' : HEAD;
    begun = true;
    for (let left = PIECE_CHUNKS; left > 0 && text.length < LISTING_PIECE_BYTES; left--) {
      const ref = cursor.next();
      if (ref === undefined) {
        ended = true;
        text += form.end;
        break;
      }
      if (ref !== NONE) text += form.line(ref, source);
    }
    return Buffer.from(text, 'latin1');
  };
  return {
    next,
    get ended() {
      return ended;
    },
  };
}

/** Goes over the chunks of some classes in memory order. */
class ItemWalk {
  readonly #store: Store;
  readonly #classes: ReadonlySet<number> | 'all';
  #page = 0 as PageIndex;
  #chunk = 0;

  constructor(store: Store, classes: ReadonlySet<number> | 'all') {
    this.#store = store;
    this.#classes = classes;
  }

  /** The next live item, NONE if the next chunk holds none, undefined at the end. */
  next(): ChunkRef | undefined {
    const { slabs, memory } = this.#store;
    while (!this.#wants(slabs.classOfPage(this.#page)) || this.#chunk >= slabs.chunksCut(this.#page)) {
      if (this.#page >= slabs.pagesInUse) return undefined;
      this.#page = (this.#page + 1) as PageIndex;
      this.#chunk = 0;
    }
    const step = slabs.classes.chunkBytes[slabs.classOfPage(this.#page)] / 8;
    const ref = (slabs.firstChunk(this.#page) + this.#chunk++ * step) as ChunkRef;
    if ((memory.word(ref, layout.STATE) & layout.LINKED) === 0) return NONE;
    return this.#store.deathOf(ref) === ABSENT ? ref : NONE;
  }

  #wants(sizeClass: number | undefined): boolean {
    return sizeClass !== undefined && sizeClass !== 0 && (this.#classes === 'all' || this.#classes.has(sizeClass));
  }
}

function metadumpLine(ref: ChunkRef, { store, time }: DumpSource): string {
  const { memory, items } = store;
  const start = byteOffset(ref) + layout.HEADER_BYTES;
  const key = keyText(memory.blockOf(ref).bytes, start, start + items.keyBytes(ref));
  const exptime = memory.word(ref, layout.EXPTIME);
  const fetched = (memory.word(ref, layout.STATE) & layout.FETCHED) === 0 ? 'no' : 'yes';
  return (
    `key=${key} exp=${exptime === 0 ? -1 : time.unixAt(exptime)} la=${time.unixAt(memory.word(ref, layout.TIME))}` +
    ` cas=${store.casText(ref)} fetch=${fetched} cls=${layout.classOf(memory.word(ref, layout.SHAPE))}` +
    ` size=${layout.HEADER_BYTES + items.runBytes(ref)} flags=${items.clientFlags(ref)} \n`
  );
}

function mgdumpLine(ref: ChunkRef, { store }: DumpSource): string {
  const binary = (store.memory.word(ref, layout.STATE) & layout.KEY_BINARY) !== 0;
  const key = keyBytesOf(store, ref);
  if (!binary) return `mg ${key.toString('latin1')}\r\n`;
  const encoded = Buffer.alloc(key.length * 2 + 4);
  return `mg ${encoded.toString('latin1', 0, writeBase64(encoded, 0, key, 0, key.length))} b\r\n`;
}

function keyBytesOf(store: Store, ref: ChunkRef): Buffer {
  const start = byteOffset(ref) + layout.HEADER_BYTES;
  return Buffer.from(store.memory.blockOf(ref).bytes.subarray(start, start + store.items.keyBytes(ref)));
}

/**
 * The answer to `stats cachedump`: the items of the classes from `first` to `last`, newest first, list by list. Binary
 * keys are left out, as in memcached. It is made as it is read: what is stored or goes meanwhile may be in it, or not.
 *
 * @param limit items at most; 0 = all that fit
 */
export function cachedump(source: DumpSource, first: number, last: number, limit: number): Streamed {
  return listing(cachedumpLines(source, first, last, limit));
}

function* cachedumpLines(source: DumpSource, first: number, last: number, limit: number): Generator<string> {
  const { policy } = source.store;
  let byteLength = 'END\r\n'.length;
  let shown = 0;
  for (let sizeClass = first; sizeClass <= last; sizeClass++) {
    for (let walked = 0; walked >= 0;) {
      const { lines, position } = someOf(source, policy.lists.walk(sizeClass), walked);
      for (const line of lines) {
        byteLength += line.length;
        if (byteLength > CACHEDUMP_BYTES_MAX || (limit !== 0 && shown === limit)) return;
        shown++;
        yield line;
      }
      walked = position;
    }
  }
}

/** The next items of a class behind so many of it, and how many those are now; -1 behind the last. */
function someOf(source: DumpSource, refs: Iterable<ChunkRef>, walked: number): { lines: string[]; position: number } {
  const { store, time } = source;
  const lines: string[] = [];
  let position = 0;
  // A reference is only good until others have their turn, so a list is gone through from its beginning.
  for (const ref of refs) {
    if (position++ < walked) continue;
    if ((store.memory.word(ref, layout.STATE) & layout.KEY_BINARY) !== 0 || store.deathOf(ref) !== ABSENT) continue;
    const exptime = store.memory.word(ref, layout.EXPTIME);
    const seconds = exptime === 0 ? 0 : time.unixAt(exptime);
    const key = keyBytesOf(store, ref).toString('latin1');
    lines.push(`ITEM ${key} [${store.items.valueBytes(ref)} b; ${seconds} s]\r\n`);
    if (lines.length === CACHEDUMP_LINES) return { lines, position };
  }
  return { lines, position: -1 };
}
