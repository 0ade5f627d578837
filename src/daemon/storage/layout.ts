/**
 * How an item lies in memory. Every chunk begins with the same header of ten 32-bit words; what follows in an item's
 * first chunk is its answer to a `get`, ready to be copied:
 *
 *     word 0      1      2      3        4     5       6       7            8      9      byte 40
 *     ┌──────┬──────┬──────┬────────┬─────┬───────┬───────┬───────────┬──────┬──────┬─────┬────────────┬───────┬────┐
 *     │CHAIN │NEWER │OLDER │EXPTIME │TIME │CAS_LOW│CAS_HIG│VALUE_BYTES│SHAPE │STATE │ key │ flags len⏎ │ value │ ⏎  │
 *     └──────┴──────┴──────┴────────┴─────┴───────┴───────┴───────────┴──────┴──────┴─────┴────────────┴───────┴────┘
 *
 * An item that is larger than the largest chunk goes on in further chunks, each with the same header (state
 * CONTINUATION, CHAIN = the first chunk, OLDER = the chunk after). A free chunk has state 0 and hangs in its class's
 * free list by NEWER and OLDER.
 *
 * A reference is an address in units of 8 bytes, so that 31 bits reach 16 GiB; 0 means none.
 */

/** The address of a chunk, in units of 8 bytes; 0 means none. */
export type ChunkRef = number & { readonly brand: 'ChunkRef' };

/** No chunk. */
export const NONE = 0 as ChunkRef;

/** Bytes a chunk's header takes. */
export const HEADER_BYTES = 40;

// ---- words of a header ----

/** Next item of the same hash bucket; in a continuation, the item's first chunk. */
export const CHAIN = 0;
/** Neighbour that was put into the list later. */
export const NEWER = 1;
/** Neighbour that was put into the list earlier; in a chunked item's continuation, its next chunk. */
export const OLDER = 2;
/** Second at which the item expires, counted as the daemon's clock counts; 0 = never. */
export const EXPTIME = 3;
/** Second of the last access. */
export const TIME = 4;
export const CAS_LOW = 5;
export const CAS_HIGH = 6;
/** Length of the value, without its line end. */
export const VALUE_BYTES = 7;
/** Key length (bits 0–7), suffix length (8–15), size class (16–23). */
export const SHAPE = 8;
/** Flags below (bits 0–15) and a tag of the key's hash (16–31), so that most other keys are told apart without a look. */
export const STATE = 9;

// ---- flags of STATE ----

/** In the index and in a list. */
export const LINKED = 1;
/** Read at least once since it was stored. */
export const FETCHED = 2;
/** Read more than once since it was last moved. */
export const ACTIVE = 4;
/** Which of its class's lists the item is in. */
export const LIST_SHIFT = 3;
export const LIST_MASK = 3 << LIST_SHIFT;
/** Goes on in further chunks; the last word of the first chunk's room says where. */
export const CHUNKED = 32;
/** Meta protocol: a client has been told to recache this item. */
export const WIN_SENT = 64;
/** Meta protocol: marked stale by a delete. */
export const STALE = 128;
/** Meta protocol: the key came base64 encoded. */
export const KEY_BINARY = 256;
/** Allocated, its value still arriving; in no list and not in the index. */
export const IN_FLIGHT = 512;
/** A further chunk of a chunked item. */
export const CONTINUATION = 1024;

/** How often the item was read, up to three; for policies that count (S3-FIFO). */
export const READS_SHIFT = 11;
export const READS_MASK = 3 << READS_SHIFT;

/** The CAS is one that a client chose (meta protocol, E): it says nothing of the item's age. */
export const CAS_CHOSEN = 8192;

/** Its value is being sent from where it lies: what leaves must be copied first. */
export const LENT = 16384;

export const TAG_SHIFT = 16;

export function keyBytesOf(shape: number): number {
  return shape & 0xff;
}

export function suffixBytesOf(shape: number): number {
  return (shape >>> 8) & 0xff;
}

export function classOf(shape: number): number {
  return (shape >>> 16) & 0xff;
}

export function shapeOf(keyBytes: number, suffixBytes: number, sizeClass: number): number {
  return keyBytes | (suffixBytes << 8) | (sizeClass << 16);
}
