/**
 * Answers that are made once for everybody who asks at that time: what is large is held once, and what is costly is not
 * made as often as somebody likes to ask.
 */
import type { Clock } from '../base/clock.ts';

/**
 * Wraps `make`. Who asks while an answer is being made gets that one, and so does who asks within `ageMaxMs` after it
 * was begun. A failure is shared by those who wait for it, and is not kept.
 */
export function shared(clock: Clock, ageMaxMs: number, make: () => string | Promise<string>): () => Promise<Buffer> {
  let answer: Promise<Buffer> | undefined;
  let begunMs = 0;
  let isReady = false;
  return () => {
    const nowMs = clock.monotonicMs();
    if (answer !== undefined && (!isReady || nowMs - begunMs < ageMaxMs)) return answer;
    begunMs = nowMs;
    isReady = false;
    const made = (async () => Buffer.from(await make()))();
    answer = made;
    made.then(
      () => void (isReady = true),
      () => void (answer = undefined),
    );
    return made;
  };
}
