/** Secrets that are made of one: each for its own purpose, and none gives away another or what it was made of. */
import { createHmac } from 'node:crypto';

/**
 * What a derived token is for. `http`: what a caller of the coordinator may present instead of the token itself. `config`:
 * what a daemon knows its sidecar by. `topology`: the key by which coordinators sign what they publish; nodes have no need
 * of it.
 */
export type TokenPurpose = 'http' | 'config' | 'topology';

/** The token for `purpose`: HMAC-SHA256 under `secret`, as base64url, 43 characters. */
export function deriveToken(secret: string, purpose: TokenPurpose): string {
  return createHmac('sha256', secret).update(`memfleet ${purpose}`).digest('base64url');
}

/** What a daemon and its sidecar know each other by: a token of their own, else what follows from the fleet's. */
export function configToken(own: string | undefined, token: string | undefined): string | undefined {
  return own || (token ? deriveToken(token, 'config') : undefined);
}
