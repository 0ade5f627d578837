/**
 * Composes requests of the text protocol, client to server, into one growing buffer: everything that is asked for in
 * one turn of the event loop leaves in one socket write. Pure: it knows no socket. It trusts its caller to have checked
 * keys (no space, no control character, at most 250 bytes) and numbers.
 *
 *   bytes   │ get a b c\r\n │ set k 0 60 5\r\n │ hello\r\n │ … free … │
 *                                                         ▲ used
 */
import { CR, LF, SPACE } from '../../base/bytes.ts';

/** The commands that store a value. `cas` is written by giving a cas id. */
export type StoreVerb = 'set' | 'add' | 'replace' | 'append' | 'prepend';

/** The meta commands that are one line. */
export type MetaVerb = 'mg' | 'md' | 'ma';

/** A key as text (written as UTF-8) or as bytes. */
export type Key = string | Uint8Array;

/** The first size of a buffer: some fifty gets, and half of what `Buffer` pools. */
const BYTES_FIRST = 4096;

/** Longest line this writes apart from keys: verb, flags, exptime, byte count, cas id and spaces. */
const LINE_BYTES_MAX = 96;

/** See the head of the file. */
export class RequestWriter {
  #bytes: Buffer = Buffer.allocUnsafe(BYTES_FIRST);
  #used = 0;

  /** Bytes composed and not yet taken. */
  get size(): number {
    return this.#used;
  }

  /** Hands over what was composed and starts anew. The buffer belongs to the caller from then on. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used);
    // What is left of the buffer is still ours, unless it has become too small to be of use.
    const rest = this.#bytes.subarray(this.#used);
    this.#bytes = rest.length >= BYTES_FIRST / 4 ? rest : Buffer.allocUnsafe(BYTES_FIRST);
    this.#used = 0;
    return taken;
  }

  /** `get` or `gets` of one key. */
  retrieveOne(verb: 'get' | 'gets', key: Key): void {
    this.#keyLine(verb, key, '');
  }

  /** `get` or `gets` of one or more keys. */
  retrieve(verb: 'get' | 'gets', keys: readonly Key[]): void {
    this.#reserve(LINE_BYTES_MAX);
    this.#text(verb);
    for (const key of keys) this.#key(key);
    this.#endLine();
  }

  /** `gat`: get one key, and set the expiry of what is found. */
  retrieveAndTouch(key: Key, exptime: number): void {
    this.#keyLine(`gat ${exptime}`, key, '');
  }

  /** A store command with its data block. With `cas` it is a `cas`, whatever the verb. */
  store(verb: StoreVerb, key: Key, flags: number, exptime: number, data: Uint8Array, cas?: bigint): void {
    this.#reserve(LINE_BYTES_MAX);
    this.#text(cas === undefined ? verb : 'cas');
    this.#key(key);
    this.#reserve(LINE_BYTES_MAX + data.length);
    this.#text(` ${flags} ${exptime} ${data.length}`);
    if (cas !== undefined) this.#text(` ${cas}`);
    this.#endLine();
    this.#bytes.set(data, this.#used);
    this.#used += data.length;
    this.#endLine();
  }

  /** `incr` or `decr` by an unsigned 64-bit amount. */
  arithmetic(verb: 'incr' | 'decr', key: Key, delta: bigint | number): void {
    this.#keyLine(verb, key, ` ${delta}`);
  }

  delete(key: Key): void {
    this.#keyLine('delete', key, '');
  }

  touch(key: Key, exptime: number): void {
    this.#keyLine('touch', key, ` ${exptime}`);
  }

  /** A meta command. `flags` are written as they are, separated by single spaces: `s t T60`; empty for none. */
  meta(verb: MetaVerb, key: Key, flags: string): void {
    this.#reserve(LINE_BYTES_MAX);
    this.#text(verb);
    this.#key(key);
    // An opaque or a mode may be any text.
    this.#reserve(LINE_BYTES_MAX + 1 + flags.length * 3);
    if (flags !== '') this.#used += this.#bytes.write(` ${flags}`, this.#used, 'utf8');
    this.#endLine();
  }

  /** A command without a key: `version`, `stats items`, `flush_all 10`, `verbosity 1`, `config get cluster`. */
  line(text: string): void {
    this.#reserve(text.length * 3 + 2);
    this.#used += this.#bytes.write(text, this.#used, 'utf8');
    this.#endLine();
  }

  /** `config set cluster 0 <bytes> <token>`: hands a daemon the cluster configuration it is to answer with. */
  configSet(payload: string, token: string, signature?: string): void {
    const size = Buffer.byteLength(payload);
    this.line(`config set cluster 0 ${size} ${token}${signature === undefined ? '' : ` ${signature}`}`);
    this.line(payload);
  }

  #keyLine(verb: string, key: Key, rest: string): void {
    this.#reserve(LINE_BYTES_MAX);
    this.#text(verb);
    this.#key(key);
    this.#text(rest);
    this.#endLine();
  }

  /** A space and the key, and room after it for the rest of the line. */
  #key(key: Key): void {
    // A UTF-16 unit becomes at most three bytes of UTF-8.
    this.#reserve(LINE_BYTES_MAX + 1 + (typeof key === 'string' ? key.length * 3 : key.length));
    this.#bytes[this.#used] = SPACE;
    this.#used += 1;
    if (typeof key === 'string') {
      this.#used += this.#bytes.write(key, this.#used, 'utf8');
    } else {
      this.#bytes.set(key, this.#used);
      this.#used += key.length;
    }
  }

  /** ASCII only, into room that was reserved. */
  #text(text: string): void {
    this.#used += this.#bytes.write(text, this.#used, 'latin1');
  }

  #endLine(): void {
    this.#bytes[this.#used] = CR;
    this.#bytes[this.#used + 1] = LF;
    this.#used += 2;
  }

  #reserve(room: number): void {
    if (this.#used + room <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + room));
    this.#bytes.copy(grown, 0, 0, this.#used);
    this.#bytes = grown;
  }
}
