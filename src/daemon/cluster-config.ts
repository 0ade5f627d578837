/**
 * The fleet's configuration as this node tells it to clients with auto-discovery: `config get cluster` and the older
 * `get AmazonElastiCache:cluster`. The node's sidecar delivers it with `config set` and the token; other clients may
 * only read it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { bytesOf, equalBytes } from '../base/bytes.ts';
import { END } from '../protocol/text/replies.ts';

/** The reserved key of engines before 1.4.14. */
export const LEGACY_CONFIG_KEY = 'AmazonElastiCache:cluster';

const RESERVED = bytesOf(LEGACY_CONFIG_KEY);

/**
 * Whether a key is the reserved one: no item may have it, or whoever stored one would tell every client with
 * auto-discovery which servers there are. Its length alone tells nearly all other keys apart.
 */
export function isReservedKey(key: Uint8Array, start: number, end: number): boolean {
  return end - start === RESERVED.length && equalBytes(key, start, RESERVED, 0, RESERVED.length);
}

/** The name in `config get cluster`. */
export const CLUSTER = 'cluster';

/**
 * The name under which the payload's signature can be read, which its sidecar delivers with it: by it coordinators know
 * what one of them has published. The daemon neither makes nor judges it.
 */
const CLUSTER_SIGNATURE = 'cluster-signature';

/** HMAC-SHA256 as base64url; any other word in its place is none. */
const SIGNATURE = /^[\w-]{43}$/;

export class ClusterConfig {
  #payload = '';
  /** What a `get` of the reserved key adds to its answer, before END; empty while nothing is known. */
  legacyValue: Uint8Array = new Uint8Array(0);
  // Rendered once: whoever asks is sent the same bytes.
  #answer: Uint8Array = END;
  #signature = '';
  readonly #tokenDigest: Buffer | undefined;

  /** @param token who knows it may set the configuration; undefined = nobody */
  constructor(token: string | undefined) {
    this.#tokenDigest = token === undefined ? undefined : digest(token);
  }

  /** Whether there is a token, which could be guessed. */
  get hasToken(): boolean {
    return this.#tokenDigest !== undefined;
  }

  /** Compares in constant time, whatever the lengths. */
  permits(token: string): boolean {
    return this.#tokenDigest !== undefined && timingSafeEqual(digest(token), this.#tokenDigest);
  }

  /** What was set last; empty while nothing is known. */
  get payload(): string {
    return this.#payload;
  }

  /**
   * @param payload `version⏎host|ip|port host|ip|port…⏎`
   * @param signature empty if it came with none
   */
  set(payload: string, signature = ''): void {
    this.#payload = payload;
    this.#signature = SIGNATURE.test(signature) ? signature : '';
    this.#answer = configAnswer(CLUSTER, payload);
    this.legacyValue = Buffer.from(payload === '' ? '' : `VALUE ${LEGACY_CONFIG_KEY}${block(payload)}`, 'latin1');
  }

  /** The answer to `config get NAME`: END alone while nothing is known (an empty list breaks clients). */
  answer(name: string): Uint8Array {
    if (name === CLUSTER) return this.#answer;
    return name === CLUSTER_SIGNATURE ? configAnswer(name, this.#signature) : END;
  }
}

function configAnswer(name: string, value: string): Uint8Array {
  return value === '' ? END : Buffer.from(`CONFIG ${name}${block(value)}END\r\n`, 'latin1');
}

/** A value behind its flags and its length. */
function block(value: string): string {
  return ` 0 ${value.length}\r\n${value}\r\n`;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
