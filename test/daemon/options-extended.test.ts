/** `-o` and the flags that go together: what each sets, what is refused, and that nothing of memcached's is unknown. */
import { describe, expect, test } from 'vitest';
import { readDaemonOptions } from '../../src/daemon/options/options.ts';
import { SUBOPTIONS } from '../../src/daemon/options/extended.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/daemon/settings.ts';

const KILOBYTE = 1024;

function read(line: string): Settings {
  const request = readDaemonOptions(line.split(' '), { MEMCACHED_SASL_PWDB: '/users' });
  if (request.kind !== 'run') throw new Error(`'${line}' asks for ${request.kind}`);
  return request.settings;
}

/** Every option of memcached 1.6.45 but those of flash storage and the proxy, with a value where it takes one. */
const MEMCACHED_OPTIONS =
  'maxconns_fast no_maxconns_fast hashpower=20 no_hashexpand tail_repair_time=10 hash_algorithm=xxh3 lru_crawler ' +
  'no_lru_crawler lru_crawler_sleep=5 lru_crawler_tocrawl=7 lru_maintainer no_lru_maintainer hot_lru_pct=10 ' +
  'warm_lru_pct=30 hot_max_factor=0.1 warm_max_factor=3 temporary_ttl=30 idle_timeout=60 watcher_logbuf_size=64 ' +
  'worker_logbuf_size=32 slab_reassign no_slab_reassign slab_automove slab_automove=2 no_slab_automove ' +
  'slab_automove_ratio=0.5 slab_automove_window=20 slab_automove_freeratio=0.02 slab_chunk_max=16 slab_sizes=100-200 ' +
  'no_chunked_items track_sizes no_inline_ascii_resp modern no_modern no_drop_privileges drop_privileges ' +
  'resp_obj_mem_limit=1 read_buf_mem_limit=2 sock_cookie_id=3 ssl_chain_cert=a ssl_key=b ssl_verify_mode=2 ' +
  'ssl_keyformat=PEM ssl_ciphers=c ssl_ca_cert=d ssl_wbuf_size=32 ssl_session_cache ssl_kernel_tls ssl_min_version=3';

describe('-o', () => {
  test.each(MEMCACHED_OPTIONS.split(' '))('%s is known', (option) => {
    expect(() => read(`-o ${option}`)).not.toThrow();
  });

  test('conn_memory_limit, our own, is in megabytes', () => {
    expect(read('-o conn_memory_limit=48').extended.connMemoryLimit).toBe(48 * KILOBYTE * KILOBYTE);
    expect(() => read('-o conn_memory_limit=0')).toThrow();
  });

  test('the list above is all there is', () => {
    const names = new Set(MEMCACHED_OPTIONS.split(' ').map((option) => option.split('=')[0]));
    const ours = SUBOPTIONS.map(({ name }) => name).filter(
      (name) => !['inline_ascii_resp', 'conn_memory_limit'].includes(name),
    );
    expect(ours.toSorted()).toEqual([...names].toSorted());
  });

  test('several, with commas and several times, and the last wins', () => {
    const { extended } = read('-o idle_timeout=5,maxconns_fast,hashpower=20 -o no_maxconns_fast,idle_timeout=6');
    expect(extended).toMatchObject({ idleTimeout: 6, maxconnsFast: false, hashpowerInit: 20 });
    expect(read('-o idle_timeout=5').extended).not.toBe(DEFAULT_SETTINGS.extended);
    expect(DEFAULT_SETTINGS.extended.idleTimeout).toBe(0);
  });

  test('sizes are in kilobytes and megabytes as with memcached', () => {
    expect(read('-o watcher_logbuf_size=64,slab_chunk_max=16,read_buf_mem_limit=2').extended).toMatchObject({
      watcherLogbufSize: 64 * KILOBYTE,
      slabChunkMax: 16 * KILOBYTE,
      readBufMemLimit: 2 * KILOBYTE * KILOBYTE,
    });
  });

  test('no_modern is what memcached 1.4 was', () => {
    const { extended } = read('-o no_modern');
    expect(extended).toMatchObject({ maxconnsFast: false, slabAutomove: 0, lruCrawler: false, lruSegmented: false });
  });
});

describe('TLS', () => {
  test('-Z with its options; what stands in front of an address decides for it', () => {
    const { tls, listen } = read(
      '-Z -l 127.0.0.1,notls:127.0.0.1:5,btls:[::1]:6;mtls:proto[ascii]:tag[a]:::1 -o ssl_chain_cert=a,ssl_min_version=3,ssl_wbuf_size=32',
    );
    expect(tls).toMatchObject({ chainCert: 'a', key: undefined, verifyMode: 0, minVersion: 'TLSv1.3' });
    expect(tls?.wbufBytes).toBe(32 * KILOBYTE);
    expect(listen).toEqual([
      { host: '127.0.0.1', port: 11211, tls: 'default' },
      { host: '127.0.0.1', port: 5 },
      { host: '::1', port: 6, tls: 'basic' },
      { host: '::1', port: 11211, tls: 'mutual', protocol: 'ascii' },
    ]);
  });

  test('ssl_… without -Z is TLS for nobody', () => {
    expect(read('-o ssl_chain_cert=a').tls).toBeUndefined();
  });
});

test.each([
  ['-n 64', { chunkSize: 64 }],
  ['-C', { casEnabled: false }],
  ['-R 20', { reqsPerEvent: 20 }],
  ['-D ab', { statKeyPrefix: 'a' }],
  ['-D .', { statKeyPrefix: '.', detailEnabled: true }],
  ['-X', { dumpEnabled: false }],
  ['-W', { watchEnabled: false }],
  ['-U 11211', { udpPort: 11211 }],
  ['-S', { saslEnabled: true, protocol: 'binary' }],
  ['-Y users', { authFile: 'users', protocol: 'ascii' }],
  ['-L -k -r -N 4', { port: 11211 }],
])('%s', (line, expected) => {
  expect(read(line)).toMatchObject(expected);
});

test('-d asks for the background', () => {
  expect(readDaemonOptions(['-d'], {})).toMatchObject({ kind: 'run', detach: true });
});

test.each([
  ['-o bogus', 'bogus'],
  ['-o idle_timeout', 'idle_timeout'],
  ['-o idle_timeout=x', 'idle_timeout'],
  ['-o hashpower=5', '12'],
  ['-o hash_algorithm=md5', 'murmur3'],
  ['-o tail_repair_time=5', '10'],
  ['-o hot_lru_pct=90', '79'],
  ['-o hot_lru_pct=60,warm_lru_pct=60', '80'],
  ['-o hot_max_factor=0', 'hot_max_factor'],
  ['-o slab_automove=3', 'slab_automove'],
  ['-o ssl_verify_mode=4', 'ssl_verify_mode'],
  ['-o ssl_keyformat=ENGINE', 'PEM'],
  ['-o ext_path=/x:1G', 'flash storage'],
  ['-o proxy_config=x', 'proxy'],
  ['-e /x', '-e'],
  ['-Z', 'ssl_chain_cert'],
  ['-Z -s /x -o ssl_chain_cert=a', '-s'],
  ['-D ', '-D'],
  ['-S -B ascii', '-B ascii'],
  ['-S -B auto', '-B auto'],
  ['-B auto -S', '-B auto'],
  ['-Y users -B auto', '-B auto'],
  ['-Y users -U 5', '-Y'],
  ['-Z -p 0 -o ssl_chain_cert=a', '-p 0'],
  ['-o temporary_ttl=9,no_lru_maintainer', 'lru_maintainer'],
  ['-o slab_automove_window=1801', '1800'],
  ['-o slab_automove_ratio=1.01', 'slab_automove_ratio'],
  ['-S -U 5', 'UDP'],
  ['-Y users -B binary', '-Y'],
  ['-n 0', '-n 0'],
  ['-R 0', '-R 0'],
])('%s is refused with one line that names it', (line, mention) => {
  expect(() => read(line)).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(mention) }),
  );
  expect(() => read(line)).toThrow(/^[^\n]+$/);
});
