/**
 * Failures to prove who one is, by a login or by the token of `config set`: how long each next answer of a connection is
 * held back, and what is said of them all. Who guesses waits; nobody else does.
 */
import type { Clock } from '../../base/clock.ts';
import { LOGIN_DELAY_MS, LOGIN_DELAY_MS_MAX, LOGIN_FAILURE_LOG_MS } from '../limits.ts';

/** What was tried. */
export type Proof = 'login' | 'config set';

/** Milliseconds after which a connection is told of its n-th failure, from 1 on: each time twice as long. */
export function loginDelayMs(failures: number): number {
  return Math.min(LOGIN_DELAY_MS * 2 ** (failures - 1), LOGIN_DELAY_MS_MAX);
}

/** Says that there were failures, not each of them: a log must not be what a guesser fills. */
export class LoginFailures {
  readonly #clock: Clock;
  readonly #say: (line: string) => void;
  #saidAtMs = -Infinity;
  /** Failures since that were not told of. */
  #untold = 0;

  constructor(clock: Clock, say: (line: string) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** @param peer who failed, as `stats conns` names endpoints */
  note(peer: string, proof: Proof): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs < LOGIN_FAILURE_LOG_MS) {
      this.#untold++;
      return;
    }
    const others = this.#untold === 0 ? '' : ` (and ${this.#untold} failures since the line before)`;
    this.#saidAtMs = nowMs;
    this.#untold = 0;
    this.#say(`${proof} refused: ${peer}${others}`);
  }
}
