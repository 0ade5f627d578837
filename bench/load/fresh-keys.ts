/**
 * Requests that get their key when they are sent. A script holds some ten thousand requests; with keys of their own they
 * reach all of millions of items, and a table can be made to grow.
 */
import type { KeySpace } from './keys.ts';
import { hashIndex } from './random.ts';
import { EXPECT, type Script } from './script.ts';
import type { FreshKeys } from './workload.ts';

/** Where the key stands in `get ` and `set `. */
const KEY_AT = 4;
const LINE_END_BYTES = 2;
const SEED = 0xf4e5;

/**
 * The script with keys written anew into each request before it is sent. Every batch must be one `get` or `set`, and all
 * values of one length.
 */
export function withFreshKeys(script: Script, space: KeySpace, order: FreshKeys): Script {
  const renew = (batch: number, turn: number): void => {
    const bytes = script.bytes[batch];
    const expectation = script.first[batch];
    if (bytes === undefined || expectation === undefined) return;
    const key = (order.order === 'next' ? order.from + turn : hashIndex(turn, SEED)) % space.items;
    script.keys[expectation] = key;
    space.writeKey(bytes, KEY_AT, key);
    if (script.kinds[expectation] !== EXPECT.stored) return;
    space.writeValue(bytes, bytes.length - LINE_END_BYTES - space.valueBytes(key), key);
  };
  return { ...script, renew };
}
