/** The administrator's commands: memory limit, slabs, LRU, crawler, watch, certificates. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';

export const admin: WireTable = {
  topic: 'admin',
  needs: 'admin',
  cases: [
    {
      name: 'cache_memlimit',
      send: 'cache_memlimit\r\ncache_memlimit 7\r\ncache_memlimit x\r\ncache_memlimit -1\r\ncache_memlimit 1000000001\r\ncache_memlimit 64\r\ncache_memlimit 64 noreply\r\n',
      expect:
        'ERROR\r\nMEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\nERROR\r\nERROR\r\nMEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\nOK\r\n',
    },
    {
      name: 'numbers of more than 32 bits are none',
      send: 'cache_memlimit 4294967360\r\nslabs automove 4294967296\r\nlru temp_ttl 4294967296\r\nlru_crawler tocrawl 4294967296\r\nlru_crawler sleep 4294967296\r\n',
      expect:
        'ERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
    },
    {
      name: 'words behind those that count are passed over, and noreply is the last',
      send: 'cache_memlimit 64 x y\r\nslabs noreply\r\nslabs reassign 1 noreply\r\nlru_crawler tocrawl 0 noreply\r\nlru noreply\r\nshutdown noreply\r\nmn\r\n',
      expect: 'OK\r\nMN\r\n',
      since: '1.6.45',
    },
    {
      name: 'watch knows no noreply',
      send: 'watch noreply\r\n',
      expect: 'ERROR\r\n',
      since: '1.6.45',
    },
    {
      name: 'stats that have nothing to tell',
      send: 'stats reset\r\nstats extstore\r\nextstore item_age 1\r\nextstore\r\nextstore x\r\n',
      expect: 'RESET\r\nEND\r\nOK\r\nERROR\r\nERROR\r\n',
      since: '1.6.45',
    },
    {
      name: 'slabs reassign',
      send: 'slabs reassign a b\r\nslabs reassign 1 1\r\nslabs reassign 999 998\r\nslabs reassign\r\nslabs reassign 1\r\nslabs reassign 1 2 3\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nSAME src and dst class are identical\r\nBADCLASS invalid src or dst class id\r\nERROR\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'slabs automove',
      send: 'slabs\r\nslabs x\r\nslabs automove\r\nslabs automove 0\r\nslabs automove 1\r\nslabs automove 3\r\nslabs automove x\r\nslabs automove ratio 0.8\r\nslabs automove ratio\r\nslabs automove ratio x\r\nslabs automove 1 noreply\r\n',
      expect:
        'ERROR\r\nERROR\r\nERROR\r\nOK\r\nOK\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nOK\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'slabs automove freeratio',
      send: 'slabs automove freeratio 0.01\r\nslabs automove freeratio\r\n',
      expect: 'OK\r\nERROR\r\n',
      since: '1.6.38',
    },
    {
      name: 'slabs automove window',
      send: 'slabs automove window 20\r\nslabs automove window 3\r\nslabs automove window 1800\r\nslabs automove window 2\r\nslabs automove window 1801\r\nslabs automove window\r\nslabs automove window x\r\nslabs automove window 10 noreply\r\n',
      expect:
        'OK\r\nOK\r\nOK\r\nCLIENT_ERROR automove window too low or too high\r\nCLIENT_ERROR automove window too low or too high\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
    },
    {
      name: 'slabs takes any beginning of its words',
      send: 'slabs a 1\r\nslabs auto r 0.8\r\nslabs a f 0.01\r\nslabs a win 10\r\nslabs r 999 998\r\nslabs automoves 1\r\nslabs automove windows 3\r\n',
      expect:
        'OK\r\nOK\r\nOK\r\nOK\r\nBADCLASS invalid src or dst class id\r\nERROR\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
    },
    {
      name: 'lru',
      send: 'lru\r\nlru x\r\nlru x y\r\nlru tune\r\nlru tune 10 25 0.1 2.0\r\nlru tune 50 50 0.1 2.0\r\nlru tune 10 25 0 2.0\r\nlru tune a 25 0.1 2.0\r\nlru mode\r\nlru mode flat\r\nlru mode segmented\r\nlru mode x\r\nlru temp_ttl\r\nlru temp_ttl x\r\nlru temp_ttl 60\r\nlru temp_ttl -1\r\nlru mode segmented noreply\r\n',
      expect:
        'ERROR\r\nERROR\r\nERROR\r\nERROR\r\nOK\r\nERROR hot and warm pcts must not exceed 80\r\nERROR hot/warm age factors must be greater than 0\r\nERROR\r\nERROR\r\nOK\r\nOK\r\nERROR\r\nERROR\r\nERROR\r\nOK\r\nOK\r\n',
    },
    {
      name: 'lru and lru_crawler take any beginning of their words',
      send: 'lru t 10 25 0.1 2.0\r\nlru m f\r\nlru mod seg\r\nlru t 60\r\nlru tunes 10 25 0.1 2.0\r\nlru_crawler t 0\r\nlru_crawler slee -1\r\nlru_crawler s 100\r\nlru_crawler e\r\nlru_crawler c x\r\nlru_crawler sleeps 1\r\n',
      expect:
        'OK\r\nOK\r\nOK\r\nOK\r\nERROR\r\nOK\r\nCLIENT_ERROR bad command line format\r\nOK\r\nERROR failed to start lru crawler thread\r\nBADCLASS invalid class id\r\nERROR\r\n',
      since: '1.6.45',
    },
    {
      name: 'lru under -o no_lru_maintainer',
      send: 'lru mode flat\r\nlru mode segmented\r\nlru temp_ttl 60\r\nlru tune 10 25 0.1 2.0\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\nOK\r\n',
      flags: ['-o', 'no_lru_maintainer'],
    },
    {
      name: 'lru_crawler',
      send: 'lru_crawler\r\nlru_crawler x\r\nlru_crawler enable\r\nlru_crawler crawl\r\nlru_crawler crawl x\r\nlru_crawler crawl 500\r\nlru_crawler crawl 0\r\n',
      expect:
        'ERROR\r\nERROR\r\nERROR failed to start lru crawler thread\r\nERROR\r\nBADCLASS invalid class id\r\nBADCLASS invalid class id\r\nBADCLASS invalid class id\r\n',
    },
    {
      name: 'lru_crawler dumps of what is no class',
      send: ['lru_crawler metadump x\r\n', 'lru_crawler metadump\r\n', 'lru_crawler mgdump x y\r\n'],
      expect: 'BADCLASS invalid class id\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'lru_crawler under -o no_lru_crawler',
      send: 'lru_crawler crawl all\r\nlru_crawler metadump all\r\nlru_crawler tocrawl 0\r\nlru_crawler disable\r\n',
      expect: 'CLIENT_ERROR lru crawler disabled\r\nCLIENT_ERROR lru crawler disabled\r\nOK\r\nOK\r\n',
      flags: ['-o', 'no_lru_crawler'],
    },
    {
      name: 'lru_crawler tocrawl and sleep',
      send: 'lru_crawler tocrawl 0\r\nlru_crawler tocrawl x\r\nlru_crawler tocrawl\r\nlru_crawler sleep 100\r\nlru_crawler sleep 1000001\r\nlru_crawler sleep x\r\nlru_crawler sleep\r\n',
      expect:
        'OK\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nOK\r\nCLIENT_ERROR sleep must be one second or less\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n',
    },
    {
      name: 'dumps behind unsent answers are refused',
      send: 'version\r\nlru_crawler metadump all\r\n',
      expect: /^VERSION \d+\.\d+\.\d+\r\nERROR cannot pipeline other commands before metadump\r\n$/,
      feed: 'whole',
    },
    {
      name: 'watch behind unsent answers is refused',
      send: 'version\r\nwatch\r\n',
      expect: /^VERSION \d+\.\d+\.\d+\r\nERROR cannot pipeline other commands before watch\r\n$/,
      feed: 'whole',
    },
    {
      name: 'watch with a word that is no stream',
      send: ['watch x\r\n', 'watch fetchers x\r\n'],
      expect: 'ERROR\r\nERROR\r\n',
    },
    {
      name: 'watch under -W',
      send: 'watch\r\nwatch fetchers\r\n',
      expect: 'CLIENT_ERROR watch commands not allowed\r\nCLIENT_ERROR watch commands not allowed\r\n',
      flags: ['-W'],
    },
    {
      name: 'dumps under -X',
      send: 'stats cachedump 1 1\r\nlru_crawler metadump all\r\nlru_crawler mgdump all\r\n',
      expect:
        'CLIENT_ERROR stats cachedump not allowed\r\nERROR metadump not allowed\r\nERROR key dump not allowed\r\n',
      flags: ['-X'],
      since: '1.6.38',
    },
    {
      name: 'stats detail under -X',
      send: 'stats detail\r\nstats detail on\r\nstats detail dump\r\n',
      expect: 'CLIENT_ERROR stats detail not allowed\r\n'.repeat(3),
      flags: ['-X'],
      since: '1.6.38',
    },
    {
      name: 'refresh_certs without TLS',
      send: 'refresh_certs\r\n',
      expect: 'Error TLS not enabled\r\n',
    },
  ],
};
