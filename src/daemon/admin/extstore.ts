/**
 * extstore: storage on flash is not here. memcached answers these settings also where it was started without such
 * storage, and so do we (proto_text.c process_extstore_command); they have no effect.
 */
import { fraction, unsigned } from './numbers.ts';

const NUMBER_SETTINGS = new Set([
  'item_size',
  'item_age',
  'low_ttl',
  'recache_rate',
  'compact_under',
  'drop_under',
  'max_sleep',
  'drop_unread',
]);

export function extstoreCommand(words: string[]): string {
  return words.length >= 3 && isSetting(words) ? 'OK\r\n' : 'ERROR\r\n';
}

function isSetting([, name = '', value, further]: string[]): boolean {
  if (NUMBER_SETTINGS.has(name)) return unsigned(value) !== undefined;
  if (name === 'max_frag') return fraction(value) !== undefined;
  return name === 'free_memchunks' && unsigned(value) !== undefined && unsigned(further) !== undefined;
}
