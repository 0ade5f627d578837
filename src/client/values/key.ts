/** Which keys may be sent. Pure. */
import { FleetError } from '../../base/errors.ts';
import { KEY_BYTES_MAX } from '../../base/memcached.ts';

/**
 * Refuses a key that memcached would refuse or misread: a space ends a key and a line end begins a command, so an
 * unchecked key lets its author inject commands.
 *
 * @param key with its prefix
 * @throws FleetError BAD_KEY if it is empty, has a space or control character or half of a surrogate pair, or is longer
 *   than 250 bytes of UTF-8
 */
export function checkKey(key: string): void {
  const length = key.length;
  // A UTF-16 unit is at least one byte, so the loop is bounded too.
  if (length === 0 || length > KEY_BYTES_MAX) throw badKey(key);
  let ascii = true;
  for (let at = 0; at < length; at += 1) {
    const unit = key.charCodeAt(at);
    if (unit <= 0x20 || unit === 0x7f) throw badKey(key);
    if (unit > 0x7f) ascii = false;
  }
  // Unpaired surrogates would all become the same replacement character, and with it the same key.
  if (!ascii && (Buffer.byteLength(key) > KEY_BYTES_MAX || !key.isWellFormed())) throw badKey(key);
}

function badKey(key: unknown): FleetError {
  const shown = typeof key === 'string' && key.length > 60 ? `${key.slice(0, 57)}...` : key;
  const size = typeof key === 'string' ? Buffer.byteLength(key) : 0;
  return new FleetError(
    'BAD_KEY',
    `key ${JSON.stringify(shown)} has ${size} bytes; 1 to ${KEY_BYTES_MAX} without space or control character are allowed`,
  );
}
