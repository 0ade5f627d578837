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

  /** As {@link clear}, and lets go of the memory that was named. */
  forget(): void {
    this.clear();
    this.bytes.length = 0;
  }

  /** A copy of bytes `start` up to and without `end` of all, counted from the first run's first. */
  slice(start: number, end: number): Uint8Array {
    const slice = new Uint8Array(end - start);
    let at = 0;
    for (let i = 0; i < this.count && at < end; i++) {
      const length = this.ends[i] - this.starts[i];
      const from = Math.max(0, start - at);
      const until = Math.min(length, end - at);
      if (until > from) {
        slice.set(this.bytes[i].subarray(this.starts[i] + from, this.starts[i] + until), at + from - start);
      }
      at += length;
    }
    return slice;
  }
}
