/** mg of the reserved key: the fleet's configuration, as if it were an item without flags, CAS or end. Pure. */
import { writeLatin } from '../../base/bytes.ts';
import * as meta from '../../protocol/text/meta-replies.ts';
import { Letter, type MetaRequest } from '../../protocol/text/meta-request.ts';
import { META_HEAD_BYTES_MAX } from '../limits.ts';
import {
  Status,
  writeKey,
  writeLineEnd,
  writeNumber,
  writeNumberFlag,
  writeStatus,
  writeTtl,
  writeWord,
} from './writer.ts';

/** The answer; what the flags want to change stays as it is. */
export function configAnswer(request: MetaRequest, payload: string): Uint8Array {
  const to = new Uint8Array(META_HEAD_BYTES_MAX + payload.length);
  const withValue = request.has(Letter.v);
  let at = writeStatus(to, 0, withValue ? Status.VA : Status.HD);
  if (withValue) at = writeNumber(to, at, payload.length);
  for (let i = request.firstFlag; i < request.wordCount; i++) {
    const letter = request.bytes[request.wordStart[i]];
    switch (letter) {
      case Letter.s:
        at = writeNumberFlag(to, at, letter, payload.length);
        break;
      case Letter.c:
      case Letter.f:
      case Letter.h:
      case Letter.l:
        at = writeNumberFlag(to, at, letter, 0);
        break;
      case Letter.t:
        at = writeTtl(to, at, 0, 0);
        break;
      case Letter.k:
        at = writeKey(to, at, request);
        break;
      case Letter.O:
        at = writeWord(to, at, request, i);
        if (at < 0) return meta.OPAQUE_TOO_LONG;
        break;
      default:
        break;
    }
  }
  at = writeLineEnd(to, at);
  if (withValue) at = writeLineEnd(to, writeLatin(to, at, payload));
  return to.subarray(0, at);
}
