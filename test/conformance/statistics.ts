/** What the comparison of statistics goes over: the blocks that there are, and the flags that servers have. */

/** Blocks of statistics with their sections on the page. */
export const BLOCKS = {
  '': '`stats`',
  ' settings': '`stats settings`',
  ' items': '`stats items`',
  ' slabs': '`stats slabs`',
  ' sizes': '`stats sizes`, `stats conns`',
  ' conns': '`stats sizes`, `stats conns`',
} as const;

/** Each a server of memcached's and one of ours. */
export const STATISTICS_FLAGS: readonly (readonly string[])[] = [
  ['-o', 'no_lru_crawler'],
  ['-m', '128', '-c', '500', '-C', '-A', '-F', '-X', '-W', '-b', '99', '-D', '|', '-I', '2m', '-R', '30', '-t', '2'],
  ['-M', '-n', '64', '-f', '1.5', '-o', 'hashpower=17,idle_timeout=30,temporary_ttl=99,track_sizes,hot_lru_pct=30'],
  [
    '-o',
    'slab_automove=2,slab_automove_ratio=0.5,slab_automove_window=20,slab_automove_freeratio=0.02,tail_repair_time=99',
  ],
  ['-o', 'warm_lru_pct=30,hot_max_factor=0.5,warm_max_factor=3,lru_crawler_sleep=200,lru_crawler_tocrawl=9'],
  ['-o', 'watcher_logbuf_size=128,read_buf_mem_limit=2,no_maxconns_fast,no_slab_reassign,no_lru_maintainer'],
  ['-o', 'modern,no_hashexpand'],
  ['-o', 'no_modern'],
];
