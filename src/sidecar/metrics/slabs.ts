/**
 * The metrics of each slab class, in the names of prometheus/memcached_exporter. Meanings are those of memcached's
 * protocol.txt, "Item statistics" and "Slab statistics". Types are the exporter's too, oddities included:
 * `evicted_time` is a counter there.
 */
import { COUNTED_COMMANDS, counter, gauge, type Metric, type MetricGroup, type Sample } from './table.ts';

const LRU_HITS: readonly Sample[] = [
  { stat: 'hits_to_hot', labels: { lru: 'hot' } },
  { stat: 'hits_to_warm', labels: { lru: 'warm' } },
  { stat: 'hits_to_cold', labels: { lru: 'cold' } },
  { stat: 'hits_to_temp', labels: { lru: 'temporary' } },
];

const ITEMS: readonly Metric[] = [
  gauge('memcached_slab_current_items', 'number', 'Items stored in the class.'),
  gauge('memcached_slab_items_age_seconds', 'age', 'Age of the oldest item of the class.'),
  counter('memcached_slab_lru_hits_total', LRU_HITS, 'Hits by the segment of the LRU that the item was in.'),
  counter('memcached_slab_items_crawler_reclaimed_total', 'crawler_reclaimed', 'Items that the LRU crawler freed.'),
  counter('memcached_slab_items_evicted_total', 'evicted', 'Items that had not expired and made room for new ones.'),
  counter(
    'memcached_slab_items_evicted_nonzero_total',
    'evicted_nonzero',
    'Evicted items that had an expiry time and had not reached it.',
  ),
  counter(
    'memcached_slab_items_evicted_time_seconds',
    'evicted_time',
    'Seconds since the last use of the item that was evicted last.',
  ),
  counter('memcached_slab_items_evicted_unfetched_total', 'evicted_unfetched', 'Items evicted and never fetched.'),
  counter('memcached_slab_items_expired_unfetched_total', 'expired_unfetched', 'Items expired and never fetched.'),
  counter('memcached_slab_items_outofmemory_total', 'outofmemory', 'Items refused because no memory could be had.'),
  counter('memcached_slab_items_reclaimed_total', 'reclaimed', 'Items stored in the memory of an expired one.'),
  counter('memcached_slab_items_tailrepairs_total', 'tailrepairs', 'Times a leaked reference had to be repaired.'),
  counter('memcached_slab_items_moves_to_cold', 'moves_to_cold', 'Items moved from HOT or WARM to COLD.'),
  counter('memcached_slab_items_moves_to_warm', 'moves_to_warm', 'Items moved from COLD to WARM.'),
  counter('memcached_slab_items_moves_within_lru', 'moves_within_lru', 'Items bumped within HOT or WARM.'),
  gauge('memcached_slab_hot_items', 'number_hot', 'Items in the HOT segment.'),
  gauge('memcached_slab_warm_items', 'number_warm', 'Items in the WARM segment.'),
  gauge('memcached_slab_cold_items', 'number_cold', 'Items in the COLD segment.'),
  gauge('memcached_slab_temporary_items', 'number_temp', 'Items in the TEMP segment.'),
  gauge('memcached_slab_hot_age_seconds', 'age_hot', 'Age of the oldest item in the HOT segment.'),
  gauge('memcached_slab_warm_age_seconds', 'age_warm', 'Age of the oldest item in the WARM segment.'),
];

function commandSamples(): Sample[] {
  const hits = COUNTED_COMMANDS.map((command) => ({ stat: `${command}_hits`, labels: { command, status: 'hit' } }));
  return [
    ...hits,
    { stat: 'cas_badval', labels: { command: 'cas', status: 'badval' } },
    // A cas is in cmd_set of the new item's class and in cas_* of the old item's, which differ if the size does; one
    // that missed is only in cmd_set. So this is an estimate; the exporter's, to be comparable.
    { stat: 'cmd_set', minus: ['cas_hits', 'cas_badval'], labels: { command: 'set', status: 'hit' } },
  ];
}

/** `mem_requested` moved from `stats slabs` to `stats items` in memcached 1.5. */
const MEM_REQUESTED: readonly Sample[] = [
  { stat: 'mem_requested', block: 'items' },
  { stat: 'mem_requested', block: 'slabs' },
];

const SLABS: readonly Metric[] = [
  gauge('memcached_slab_chunk_size_bytes', 'chunk_size', 'Bytes of a chunk of the class.'),
  gauge('memcached_slab_chunks_per_page', 'chunks_per_page', 'Chunks in a page of the class.'),
  gauge('memcached_slab_current_pages', 'total_pages', 'Pages that the class has.'),
  gauge('memcached_slab_current_chunks', 'total_chunks', 'Chunks that the class has.'),
  gauge('memcached_slab_chunks_used', 'used_chunks', 'Chunks that hold an item.'),
  gauge('memcached_slab_chunks_free', 'free_chunks', 'Chunks that hold no item yet, or no longer.'),
  gauge('memcached_slab_chunks_free_end', 'free_chunks_end', 'Free chunks at the end of the last page.'),
  gauge('memcached_slab_mem_requested_bytes', MEM_REQUESTED, 'Bytes that the items of the class take.'),
  counter('memcached_slab_commands_total', commandSamples(), 'Commands on items of the class by name and outcome.'),
];

/** Metrics with the label `slab`, from `stats items` and `stats slabs`. */
export const SLAB_GROUPS: readonly MetricGroup[] = [
  { block: 'items', per: 'slab', metrics: ITEMS },
  { block: 'slabs', per: 'slab', metrics: SLABS },
];
