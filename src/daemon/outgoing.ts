/**
 * What a connection's reader has not taken yet, in the order in which it is sent: bytes that were copied, and values that
 * are sent from where they lie (`storage/lent-values.ts`). It is there only while there is something.
 */
import type { RunList } from './storage/items.ts';
import type { LentRun } from './storage/lent-values.ts';

/** Part of what is to be sent. */
type Part = Pick<LentRun, 'bytesLeft' | 'name' | 'copyTo' | 'skip' | 'close'>;

class Copied implements Part {
  bytesLeft: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.bytesLeft = bytes.length;
  }

  name(runs: RunList, byteLength: number): void {
    const start = this.#bytes.length - this.bytesLeft;
    runs.add(this.#bytes, start, start + Math.min(byteLength, this.bytesLeft));
  }

  copyTo(to: Uint8Array, position: number, byteLength: number): void {
    const start = this.#bytes.length - this.bytesLeft;
    to.set(this.#bytes.subarray(start, start + byteLength), position);
  }

  skip(byteLength: number): void {
    this.bytesLeft -= byteLength;
  }

  close(): void {}
}

export class Outgoing {
  /** Bytes of the copies among it. */
  copiedBytes = 0;
  readonly #parts: Part[] = [];
  readonly #copies = new Map<Part, number>();

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** Bytes that are to be sent. */
  get bytesLeft(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytesLeft, 0);
  }

  addBytes(bytes: Uint8Array): void {
    const part = new Copied(bytes);
    this.#parts.push(part);
    this.#copies.set(part, bytes.length);
    this.copiedBytes += bytes.length;
  }

  addRun(run: LentRun): void {
    this.#parts.push(run);
  }

  /** Names what is to be sent first, at most about `byteLength` bytes of it and `partsMax` parts. */
  name(runs: RunList, byteLength: number, partsMax: number): void {
    let left = byteLength;
    for (let i = 0; i < this.#parts.length && i < partsMax && left > 0; i++) {
      this.#parts[i].name(runs, left);
      left -= this.#parts[i].bytesLeft;
    }
  }

  /** So many bytes have been sent. */
  skip(byteLength: number): void {
    for (let left = byteLength; left > 0;) {
      const first = this.#parts[0];
      const count = Math.min(left, first.bytesLeft);
      first.skip(count);
      left -= count;
      if (first.bytesLeft === 0) this.#drop(first);
    }
  }

  /** Moves what is to be sent first to `to`, at most `byteLength` bytes of it; returns how many. */
  moveTo(to: Uint8Array, position: number, byteLength: number): number {
    let moved = 0;
    for (let first = this.#parts[0]; first !== undefined && moved < byteLength; first = this.#parts[0]) {
      const count = Math.min(byteLength - moved, first.bytesLeft);
      first.copyTo(to, position + moved, count);
      moved += count;
      this.skip(count);
    }
    return moved;
  }

  /** Nothing more of it is sent. */
  clear(): void {
    while (this.#parts.length > 0) this.#drop(this.#parts[0]);
  }

  #drop(first: Part): void {
    this.#parts.shift();
    this.copiedBytes -= this.#copies.get(first) ?? 0;
    this.#copies.delete(first);
    first.close();
  }
}
