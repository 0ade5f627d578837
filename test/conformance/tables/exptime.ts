/** The exptime of an item, as far as it can be seen without waiting. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';

export const exptime: WireTable = {
  topic: 'exptime',
  cases: [
    {
      name: '0 never expires',
      send: 'set a0 0 0 1\r\n1\r\nget a0\r\nset a1 0 -0 1\r\n1\r\nget a1\r\nset a2 0 000 1\r\n1\r\nget a2\r\n',
      expect:
        'STORED\r\nVALUE a0 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a1 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a2 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'negative ones are over at once',
      send: 'set a0 0 -1 1\r\n1\r\nget a0\r\nset a1 0 -100 1\r\n1\r\nget a1\r\nset a2 0 -2147483648 1\r\n1\r\nget a2\r\n',
      expect: 'STORED\r\nEND\r\nSTORED\r\nEND\r\nSTORED\r\nEND\r\n',
    },
    {
      name: 'up to 30 days they are relative',
      send: 'set a0 0 1000 1\r\n1\r\nget a0\r\nset a1 0 2592000 1\r\n1\r\nget a1\r\n',
      expect: 'STORED\r\nVALUE a0 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a1 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'beyond 30 days they are absolute: this one was in 1970',
      send: 'set a0 0 2592001 1\r\n1\r\nget a0\r\n',
      expect: 'STORED\r\nEND\r\n',
    },
    {
      name: 'absolute ones in the past',
      send: 'set a0 0 1000000000 1\r\n1\r\nget a0\r\n',
      expect: 'STORED\r\nEND\r\n',
    },
    {
      name: 'absolute ones in the future',
      send: 'set a0 0 2147483647 1\r\n1\r\nget a0\r\nset a1 0 2000000000 1\r\n1\r\nget a1\r\n',
      expect: 'STORED\r\nVALUE a0 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a1 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'numbers beyond 32 bits are cut',
      send: 'set a0 0 2147483648 1\r\n1\r\nget a0\r\nset a1 0 4294967296 1\r\n1\r\nget a1\r\nset a2 0 -2147483649 1\r\n1\r\nget a2\r\nset a3 0 4294967295 1\r\n1\r\nget a3\r\nset a4 0 9223372036854775807 1\r\n1\r\nget a4\r\n',
      expect:
        'STORED\r\nEND\r\nSTORED\r\nVALUE a1 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a2 0 1\r\n1\r\nEND\r\nSTORED\r\nEND\r\nSTORED\r\nEND\r\n',
    },
    {
      name: 'numbers beyond 64 bits are refused',
      send: 'set a 0 9223372036854775808 1\r\nset a 0 -9223372036854775809 1\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n' },
    },
    {
      name: 'what is no number is refused',
      send: 'set a 0 x 1\r\nset a 0 1x 1\r\nset a 0 - 1\r\nset a 0 \t 1\r\nset a 0 -- 1\r\nset a 0 1.0 1\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      },
    },
    {
      name: 'as strtol reads them',
      send: 'set a0 0 +100 1\r\n1\r\nget a0\r\nset a1 0 \t100 1\r\n1\r\nget a1\r\nset a2 0 100\t 1\r\n1\r\nget a2\r\nset a3 0 \x0b100 1\r\n1\r\nget a3\r\nset a4 0 100\t5 1\r\n1\r\nget a4\r\n',
      expect:
        'STORED\r\nVALUE a0 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a1 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a2 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a3 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a4 0 1\r\n1\r\nEND\r\n',
    },
  ],
};
