/**
 * The requests of one connection whose replies are due, oldest first. Replies are matched by order alone, so a request
 * leaves the queue only by its reply or with the connection; one that timed out stays, marked as expired.
 */
import { FleetError } from '../../base/errors.ts';
import type { Reply } from '../../protocol/text/reply-parser.ts';

/** Returned by a {@link Collect}: the result is not complete. */
export const MORE: unique symbol = Symbol('more');
/** Returned by a {@link Collect}: this reply does not belong to the request; the connection is out of step. */
export const UNEXPECTED: unique symbol = Symbol('unexpected');

/**
 * Takes the replies to one request in order and returns the result with the last. What it throws with the last reply
 * rejects the request; with an earlier one it must not throw, or the connection is out of step.
 */
export type Collect<T> = (reply: Reply) => T | typeof MORE | typeof UNEXPECTED;

/** One request. */
export interface Pending {
  collect: Collect<unknown>;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** Monotonic time at which it was handed to the socket; 0 before that. */
  writtenMs: number;
  /** It timed out and its caller was told; its reply will be dropped. */
  expired: boolean;
}

/** Settled entries at the front are removed when there are this many, not one by one. */
const CUT_AT = 1024;

/** See the head of the file. */
export class PendingQueue {
  #entries: Pending[] = [];
  #first = 0;
  #writtenCount = 0;
  #expiredCount = 0;

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** Requests that have not timed out. */
  get liveCount(): number {
    return this.size - this.#expiredCount;
  }

  /** Whether the request that the next reply belongs to still waits. */
  get firstIsWanted(): boolean {
    return this.size > 0 && !this.#entries[this.#first].expired;
  }

  /** When the request that the next reply belongs to was written; undefined if no reply is due. */
  get firstWrittenMs(): number | undefined {
    return this.#writtenCount === 0 ? undefined : this.#entries[this.#first].writtenMs;
  }

  push(pending: Pending): void {
    this.#entries.push(pending);
  }

  /** All requests so far were handed to the socket at `nowMs`. */
  markWritten(nowMs: number): void {
    for (let at = this.#first + this.#writtenCount; at < this.#entries.length; at += 1) {
      this.#entries[at].writtenMs = nowMs;
    }
    this.#writtenCount = this.size;
  }

  /**
   * Gives `reply` to the oldest request. An error line rejects the request, whatever it expected.
   *
   * @returns what is wrong if the reply cannot belong to that request
   */
  settleFirst(reply: Reply): string | undefined {
    const pending = this.#entries[this.#first];
    if (reply.kind === 'error') {
      this.#removeFirst();
      const message = reply.message === '' ? reply.error : `${reply.error} ${reply.message}`;
      pending.reject(new FleetError('SERVER', `the server answered ${message}`));
      return undefined;
    }
    let result: unknown;
    try {
      result = pending.collect(reply);
    } catch (error) {
      this.#removeFirst();
      pending.reject(error);
      return undefined;
    }
    if (result === MORE) return undefined;
    if (result === UNEXPECTED)
      return `an answer of the wrong kind: ${reply.kind === 'status' ? reply.status : reply.kind}`;
    this.#removeFirst();
    pending.resolve(result);
    return undefined;
  }

  /** Fails every request, as its connection is gone. */
  failAll(error: FleetError): void {
    const failed = this.#entries.slice(this.#first);
    this.#entries = [];
    this.#first = 0;
    this.#writtenCount = 0;
    this.#expiredCount = 0;
    for (const pending of failed) if (!pending.expired) pending.reject(error);
  }

  /** Fails the requests that were written at `writtenMs` or before; they keep their places. */
  expire(writtenMs: number, error: FleetError): void {
    const end = this.#first + this.#writtenCount;
    for (let at = this.#first; at < end && this.#entries[at].writtenMs <= writtenMs; at += 1) {
      const pending = this.#entries[at];
      if (pending.expired) continue;
      pending.expired = true;
      this.#expiredCount += 1;
      pending.reject(error);
    }
  }

  /** Since when the peer owes a reply without having sent a byte; undefined if it owes none. */
  silentSinceMs(heardMs: number): number | undefined {
    return this.#writtenCount === 0 ? undefined : Math.max(heardMs, this.#entries[this.#first].writtenMs);
  }

  /** The next deadline: of a request, of the first reply's end, or of the peer's silence. */
  nextDueMs(
    limits: { commandTimeoutMs: number; silenceTimeoutMs: number; lateTimeoutMs: number },
    heardMs: number,
  ): number | undefined {
    const silentSinceMs = this.silentSinceMs(heardMs);
    const firstWrittenMs = this.firstWrittenMs;
    if (silentSinceMs === undefined || firstWrittenMs === undefined) return undefined;
    let dueMs = Math.min(silentSinceMs + limits.silenceTimeoutMs, firstWrittenMs + limits.lateTimeoutMs);
    // Expired requests are the oldest ones, so the first that is not comes right after them.
    const live = this.#expiredCount < this.#writtenCount ? this.#entries[this.#first + this.#expiredCount] : undefined;
    if (live !== undefined) dueMs = Math.min(dueMs, live.writtenMs + limits.commandTimeoutMs);
    return dueMs;
  }

  #removeFirst(): void {
    const pending = this.#entries[this.#first];
    if (pending.expired) this.#expiredCount -= 1;
    this.#first += 1;
    this.#writtenCount -= 1;
    if (this.#first >= CUT_AT && this.#first * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
