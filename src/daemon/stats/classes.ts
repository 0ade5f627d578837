/** `stats items` and `stats slabs`: a block of rows for each size class that has items or memory. Pure. */
import { sum } from '../counters.ts';
import { rows, when, type Row, type StatsSource, type Streamed } from './rows.ts';
import { LISTS_PER_CLASS } from '../storage/item-lists.ts';
import * as layout from '../storage/layout.ts';
import { NONE } from '../storage/layout.ts';
import { COLD, HOT, TEMP, WARM } from '../storage/lru.ts';

/** `stats items`: classes that hold an item, as memcached (items.c item_stats). */
export function itemStats(source: StatsSource): Streamed {
  return rows(allItemRows(source));
}

function* allItemRows(source: StatsSource): Generator<Row> {
  const { store } = source;
  for (let id = 1; id <= store.slabs.classes.largest; id++) {
    if (store.stats.items[id] === 0) continue;
    for (const [name, value] of itemRows(source, id)) yield [`items:${id}:${name}`, value];
  }
}

function itemRows(source: StatsSource, id: number): Row[] {
  const { store, counters, settings } = source;
  const { stats, policy } = store;
  const count = (list: number): number => policy.lists.length(id, list);
  const hits = (list: number): number => counters.classes.lruHits[id * LISTS_PER_CLASS + list];
  const { tempLru, lruSegmented, lruMaintainer } = settings.extended;
  return [
    ['number', stats.items[id]],
    ...when(lruSegmented, ['number_hot', count(HOT)], ['number_warm', count(WARM)], ['number_cold', count(COLD)]),
    ...when(lruSegmented && tempLru, ['number_temp', count(TEMP)]),
    ...when(lruSegmented, ['age_hot', tailAge(source, id, HOT)], ['age_warm', tailAge(source, id, WARM)]),
    ['age', tailAge(source, id, COLD)],
    ['mem_requested', stats.requestedBytes[id]],
    ['evicted', stats.byClass('evicted')[id]],
    ['evicted_nonzero', stats.byClass('evicted_nonzero')[id]],
    ['evicted_time', stats.byClass('evicted_time')[id]],
    ['outofmemory', stats.byClass('outofmemory')[id]],
    ['tailrepairs', 0],
    ['reclaimed', stats.byClass('reclaimed')[id]],
    ['expired_unfetched', stats.byClass('expired_unfetched')[id]],
    ['evicted_unfetched', stats.byClass('evicted_unfetched')[id]],
    ...when(lruSegmented, ['evicted_active', stats.byClass('evicted_active')[id]]),
    ['crawler_reclaimed', stats.byClass('crawler_reclaimed')[id]],
    ['crawler_items_checked', stats.byClass('crawler_items_checked')[id]],
    ['lrutail_reflocked', 0],
    ...when(
      lruMaintainer,
      ['moves_to_cold', policy.moves.toCold[id]],
      ['moves_to_warm', policy.moves.toWarm[id]],
      ['moves_within_lru', policy.moves.withinLru[id]],
      ['direct_reclaims', 0],
      ['hits_to_hot', hits(HOT)],
      ['hits_to_warm', hits(WARM)],
      ['hits_to_cold', hits(COLD)],
      ['hits_to_temp', hits(TEMP)],
    ),
  ];
}

function tailAge({ store, time }: StatsSource, id: number, list: number): number {
  const ref = store.policy.lists.oldest(id, list);
  return ref === NONE ? 0 : time.now - store.memory.word(ref, layout.TIME);
}

/** `stats slabs` */
export function slabStats(source: StatsSource): Streamed {
  return rows(allSlabRows(source));
}

function* allSlabRows(source: StatsSource): Generator<Row> {
  const { slabs } = source.store;
  let active = 0;
  for (let id = 1; id <= slabs.classes.largest; id++) {
    if (slabs.pageCount[id] === 0) continue;
    active++;
    for (const [name, value] of slabRows(source, id)) yield [`${id}:${name}`, value];
  }
  yield ['active_slabs', active];
  yield ['total_malloced', slabs.bytesInUse];
}

function slabRows({ store, counters }: StatsSource, id: number): Row[] {
  const { slabs } = store;
  const { classes } = counters;
  const pages = slabs.pageCount[id];
  const chunks = pages * slabs.classes.chunksPerPage[id];
  const free = slabs.freeChunks(id);
  return [
    ['chunk_size', slabs.classes.chunkBytes[id]],
    ['chunks_per_page', slabs.classes.chunksPerPage[id]],
    ['total_pages', pages],
    ['total_chunks', chunks],
    ['used_chunks', chunks - free],
    ['free_chunks', free],
    ['free_chunks_end', 0],
    ['get_hits', sum(classes.lruHits.subarray(id * LISTS_PER_CLASS, (id + 1) * LISTS_PER_CLASS))],
    ['cmd_set', classes.setCommands[id]],
    ['delete_hits', classes.deleteHits[id]],
    ['incr_hits', classes.incrHits[id]],
    ['decr_hits', classes.decrHits[id]],
    ['cas_hits', classes.casHits[id]],
    ['cas_badval', classes.casBadval[id]],
    ['touch_hits', classes.touchHits[id]],
  ];
}
