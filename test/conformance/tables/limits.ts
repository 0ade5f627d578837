/** Values at the limit of -I, and a full server under -M. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';

export const limits: WireTable = {
  topic: 'limits',
  cases: [
    {
      name: 'the largest value of -I 1m',
      send: 'set a 0 0 1048516\r\n' + 'x'.repeat(1_048_516) + '\r\ntouch a 0\r\n',
      expect: 'STORED\r\nTOUCHED\r\n',
    },
    {
      name: 'one byte more',
      send: 'set a 0 0 1048517\r\n' + 'x'.repeat(1_048_517) + '\r\ntouch a 0\r\n',
      expect: 'SERVER_ERROR object too large for cache\r\nNOT_FOUND\r\n',
    },
    {
      name: 'flags take four bytes',
      send:
        'set a 1 0 1048512\r\n' +
        'x'.repeat(1_048_512) +
        '\r\nset a 1 0 1048513\r\n' +
        'x'.repeat(1_048_513) +
        '\r\ntouch a 0\r\n',
      expect: 'STORED\r\nSERVER_ERROR object too large for cache\r\nNOT_FOUND\r\n',
    },
    {
      name: 'the key counts',
      send:
        'set abcde 0 0 1048512\r\n' +
        'x'.repeat(1_048_512) +
        '\r\nset abcde 0 0 1048513\r\n' +
        'x'.repeat(1_048_513) +
        '\r\ntouch abcde 0\r\n',
      expect: 'STORED\r\nSERVER_ERROR object too large for cache\r\nNOT_FOUND\r\n',
    },
    {
      name: 'set with a value that is too large removes the old value',
      send: 'set a 0 0 1\r\n1\r\nset a 0 0 1100000\r\n' + 'x'.repeat(1_100_000) + '\r\nget a\r\n',
      expect: 'STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n',
    },
    {
      name: 'with noreply too',
      send: 'set a 0 0 1\r\n1\r\nset a 0 0 1100000 noreply\r\n' + 'x'.repeat(1_100_000) + '\r\nget a\r\n',
      expect: 'STORED\r\nEND\r\n',
    },
    {
      name: 'add, replace and append with a value that is too large keep it',
      send:
        'set a 0 0 1\r\n1\r\nadd a 0 0 1100000\r\n' +
        'x'.repeat(1_100_000) +
        '\r\nreplace a 0 0 1100000\r\n' +
        'x'.repeat(1_100_000) +
        '\r\nappend a 0 0 1100000\r\n' +
        'x'.repeat(1_100_000) +
        '\r\nget a\r\n',
      expect:
        'STORED\r\nSERVER_ERROR object too large for cache\r\nSERVER_ERROR object too large for cache\r\nSERVER_ERROR object too large for cache\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'cas with a value that is too large keeps it',
      send: 'set a 0 0 1\r\n1\r\ncas a 0 0 1100000 1\r\n' + 'x'.repeat(1_100_000) + '\r\nget a\r\n',
      expect: 'STORED\r\nSERVER_ERROR object too large for cache\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'the data of a value that is too large is not looked at',
      send: 'set a 0 0 1100000' + '\r\nget a'.repeat(157_142) + '\r\nabcdefXXget a\r\n',
      expect: 'SERVER_ERROR object too large for cache\r\nEND\r\n',
    },
    {
      name: 'the data of a value that is too large is swallowed to its announced end',
      send: 'set a 0 0 1100000\r\n' + 'x'.repeat(1_099_998) + '\r\nget a\r\nget a\r\n',
      expect: 'SERVER_ERROR object too large for cache\r\nERROR\r\nEND\r\n',
    },
    {
      name: 'append beyond the limit',
      send:
        'set a 0 0 1000000\r\n' +
        'x'.repeat(1_000_000) +
        '\r\nappend a 0 0 100000\r\n' +
        'x'.repeat(100_000) +
        '\r\ntouch a 0\r\nget a b\r\n',
      expect: 'STORED\r\nNOT_STORED\r\nTOUCHED\r\nVALUE a 0 1000000\r\n' + 'x'.repeat(1_000_000) + '\r\nEND\r\n',
    },
    {
      name: '-I 1k',
      send: 'set a 0 0 964\r\n' + 'x'.repeat(964) + '\r\nset a 0 0 965\r\n' + 'x'.repeat(965) + '\r\nget a\r\n',
      expect: 'STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n',
      flags: ['-I', '1k', '-o', 'slab_chunk_max=1'],
      since: '1.6.38',
    },
    {
      name: '-I 2m',
      send:
        'set a 0 0 2000000\r\n' +
        'x'.repeat(2_000_000) +
        '\r\ntouch a 0\r\nset a 0 0 2097093\r\n' +
        'x'.repeat(2_097_093) +
        '\r\ntouch a 0\r\n',
      expect: 'STORED\r\nTOUCHED\r\nSERVER_ERROR object too large for cache\r\nNOT_FOUND\r\n',
      flags: ['-I', '2m'],
    },
    {
      name: 'incr of a value that was stored in chunks',
      send: 'set a 0 0 600000\r\n1' + ' '.repeat(599_999) + '\r\nincr a 1\r\n',
      expect: 'STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
    },
  ],
};
