/**
 * Runs of bytes that are sent one behind the other without being put together first: what the system calls a gathering
 * write. The bytes stay where they are, so they must not change before they are sent.
 */

/** Runs that one call may name (IOV_MAX, limits.h). */
export const RUNS_MAX = 1024;

export class Runs {
  /** How many there are; at most RUNS_MAX. */
  count = 0;
  byteLength = 0;
  readonly bytes: Uint8Array[] = [];
  readonly starts = new Float64Array(RUNS_MAX);
  readonly ends = new Float64Array(RUNS_MAX);

  /** Adds bytes `start` up to and without `end`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.bytes[this.count] = bytes;
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
    this.byteLength += end - start;
  }

  clear(): void {
    this.count = this.byteLength = 0;
  }

  /** A copy of what is behind the first `skipped` bytes. */
  rest(skipped: number): Uint8Array {
    const rest = new Uint8Array(this.byteLength - skipped);
    let at = -skipped;
    for (let i = 0; i < this.count; i++) {
      const length = this.ends[i] - this.starts[i];
      const from = this.starts[i] + Math.min(Math.max(0, -at), length);
      rest.set(this.bytes[i].subarray(from, this.ends[i]), Math.max(0, at));
      at += length;
    }
    return rest;
  }
}
