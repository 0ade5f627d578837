/** What the text and the meta protocol say of a value that the engine takes no item for. */
import * as replies from '../protocol/text/replies.ts';
import { Outcome } from './engine.ts';

/** The answer for an engine's `failure`. */
export function storageRefusal(failure: Outcome): Uint8Array {
  switch (failure) {
    case Outcome.TOO_LARGE:
      return replies.TOO_LARGE;
    case Outcome.RESERVED:
      return replies.CONFIG_REFUSED;
    default:
      return replies.OUT_OF_MEMORY;
  }
}
