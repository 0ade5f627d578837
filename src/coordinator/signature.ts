/**
 * How coordinators know what one of them has published: by a signature of the list that nodes keep, under a key that
 * follows from the fleet's token. A node passes it on and cannot make one. It covers the fleet's name as well, so that
 * what one fleet has published says nothing in another with the same token. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveToken } from '../base/token.ts';

/** Signs payloads of `config get cluster`, and recognises what was signed. */
export interface PayloadSigner {
  /** 43 characters of base64url. */
  sign(payload: string): string;
  verifies(payload: string, signature: string): boolean;
}

/** The signer of all coordinators that have this token and publish this fleet. */
export function payloadSigner(token: string, fleet: string): PayloadSigner {
  const key = deriveToken(token, 'topology');
  const digest = (payload: string): Buffer => createHmac('sha256', key).update(`${fleet}\n${payload}`).digest();
  return {
    sign: (payload) => digest(payload).toString('base64url'),
    verifies(payload, signature) {
      const given = Buffer.from(signature, 'base64url');
      const right = digest(payload);
      return given.length === right.length && timingSafeEqual(given, right);
    },
  };
}
