/** Who may change something: whoever knows the token, or the one that is made of it for this; nobody without one. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { deriveToken } from '../../base/token.ts';

/** What a request for a change is told. */
export type Verdict = 'allowed' | 'no-token-set' | 'unauthorized';

/**
 * Judges an `Authorization` header.
 * @param token the secret of the fleet; undefined or empty if none is set
 */
export function judge(token: string | undefined, authorization: string | undefined): Verdict {
  if (token === undefined || token === '') return 'no-token-set';
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (given === undefined) return 'unauthorized';
  // Both are compared whatever comes of the first, so that the time says nothing.
  const isToken = sameSecret(given, token);
  const isHttpToken = sameSecret(given, deriveToken(token, 'http'));
  return isToken || isHttpToken ? 'allowed' : 'unauthorized';
}

/** Takes the same time wherever the two differ; hashing makes them equally long, which the comparison needs. */
function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
