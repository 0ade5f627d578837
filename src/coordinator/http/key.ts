/** What memcached takes for a key, for routes that are given one. Source: protocol.txt "Keys". */

const KEY_BYTES_MAX = 250;

/** Why `key` is none; undefined if it is one. */
export function keyProblem(key: string): string | undefined {
  const bytes = Buffer.byteLength(key);
  if (bytes > 0 && bytes <= KEY_BYTES_MAX && !/[\s\p{Cc}]/u.test(key)) return undefined;
  return `a key has 1 to ${KEY_BYTES_MAX} bytes, no space and no control character`;
}
