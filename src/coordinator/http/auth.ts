/** Who may change something: whoever knows the token, and nobody while there is none. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** What a request for a change is told. */
export type Verdict = 'allowed' | 'no-token-set' | 'unauthorized';

/**
 * Judges an `Authorization` header.
 * @param token the secret of the fleet; undefined or empty if none is set
 */
export function judge(token: string | undefined, authorization: string | undefined): Verdict {
  if (token === undefined || token === '') return 'no-token-set';
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && sameSecret(given, token) ? 'allowed' : 'unauthorized';
}

/** Takes the same time wherever the two differ; hashing makes them equally long, which the comparison needs. */
function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
