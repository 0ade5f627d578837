/** incr and decr: what counts as a number, wrapping, padding. The answers are those of memcached 1.6.45. */
import { KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';

export const arithmetic: WireTable = {
  topic: 'arithmetic',
  cases: [
    {
      name: 'incr and decr',
      send: 'set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 3\r\nget n\r\n',
      expect: 'STORED\r\n15\r\n12\r\nVALUE n 0 2\r\n12\r\nEND\r\n',
    },
    {
      name: 'incr grows the value',
      send: 'set n 5 0 1\r\n9\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n10\r\nVALUE n 5 2\r\n10\r\nEND\r\n',
    },
    {
      name: 'decr pads the value with spaces to its old length',
      send: 'set n 5 0 2\r\n10\r\ndecr n 1\r\nget n\r\n',
      expect: 'STORED\r\n9\r\nVALUE n 5 2\r\n9 \r\nEND\r\n',
    },
    {
      name: 'a padded value is still a number',
      send: 'set n 5 0 3\r\n100\r\ndecr n 99\r\nincr n 1\r\nincr n 97\r\nget n\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n1\r\n2\r\n99\r\nVALUE n 5 3\r\n99 \r\nEND\r\n100\r\nVALUE n 5 3\r\n100\r\nEND\r\n',
    },
    {
      name: 'decr stops at 0',
      send: 'set n 0 0 1\r\n5\r\ndecr n 10\r\nget n\r\n',
      expect: 'STORED\r\n0\r\nVALUE n 0 1\r\n0\r\nEND\r\n',
    },
    {
      name: 'decr from 0',
      send: 'set n 0 0 1\r\n0\r\ndecr n 1\r\nget n\r\n',
      expect: 'STORED\r\n0\r\nVALUE n 0 1\r\n0\r\nEND\r\n',
    },
    {
      name: 'incr wraps at 2^64',
      send: 'set n 0 0 20\r\n18446744073709551615\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n0\r\nVALUE n 0 20\r\n0                   \r\nEND\r\n',
    },
    {
      name: 'incr wraps past 0',
      send: 'set n 0 0 20\r\n18446744073709551610\r\nincr n 18446744073709551615\r\nget n\r\n',
      expect: 'STORED\r\n18446744073709551609\r\nVALUE n 0 20\r\n18446744073709551609\r\nEND\r\n',
    },
    {
      name: 'incr by 2^63 twice',
      send: 'set n 0 0 1\r\n3\r\nincr n 9223372036854775808\r\nincr n 9223372036854775808\r\nget n\r\n',
      expect: 'STORED\r\n9223372036854775811\r\n3\r\nVALUE n 0 19\r\n3                  \r\nEND\r\n',
    },
    {
      name: 'decr by the greatest delta',
      send: 'set n 0 0 20\r\n18446744073709551615\r\ndecr n 18446744073709551614\r\n',
      expect: 'STORED\r\n1\r\n',
    },
    {
      name: 'incr and decr by 0',
      send: 'set n 0 0 2\r\n07\r\nincr n 0\r\nget n\r\n',
      expect: 'STORED\r\n7\r\nVALUE n 0 2\r\n7 \r\nEND\r\n',
    },
    {
      name: 'a missing item',
      send: 'incr n 1\r\ndecr n 1\r\n',
      expect: 'NOT_FOUND\r\nNOT_FOUND\r\n',
    },
    {
      name: 'an expired item',
      send: 'set n 0 -1 1\r\n1\r\nincr n 1\r\n',
      expect: 'STORED\r\nNOT_FOUND\r\n',
    },
    {
      name: 'values that are no numbers',
      send: 'set n 0 0 3\r\nabc\r\nincr n 1\r\nset n 0 0 2\r\n-1\r\nincr n 1\r\nset n 0 0 3\r\n1.5\r\nincr n 1\r\nset n 0 0 2\r\n1a\r\ndecr n 1\r\nset n 0 0 3\r\n0x1\r\nincr n 1\r\nget n\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nSTORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nSTORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nSTORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nSTORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nVALUE n 0 3\r\n0x1\r\nEND\r\n',
    },
    {
      name: 'an empty value is no number',
      send: 'set n 0 0 0\r\n\r\nincr n 1\r\n',
      expect: 'STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
    },
    {
      name: 'a value of 2^64 is no number',
      send: 'set n 0 0 20\r\n18446744073709551616\r\nincr n 1\r\nget n\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nVALUE n 0 20\r\n18446744073709551616\r\nEND\r\n',
    },
    {
      name: 'a value of 21 digits is a number if it is small',
      send: 'set n 0 0 21\r\n000000000000000000001\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n2\r\nVALUE n 0 21\r\n2                    \r\nEND\r\n',
    },
    {
      name: 'a value with leading zeros',
      send: 'set n 0 0 5\r\n00099\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n100\r\nVALUE n 0 5\r\n100  \r\nEND\r\n',
    },
    {
      name: 'a value with a leading space',
      send: 'set n 0 0 2\r\n 7\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n8\r\nVALUE n 0 2\r\n8 \r\nEND\r\n',
    },
    {
      name: 'a value with a leading plus',
      send: 'set n 0 0 2\r\n+7\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n8\r\nVALUE n 0 2\r\n8 \r\nEND\r\n',
    },
    {
      name: 'a value with spaces behind',
      send: 'set n 0 0 10\r\n7         \r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n8\r\nVALUE n 0 10\r\n8         \r\nEND\r\n',
    },
    {
      name: 'a value with a word behind',
      send: 'set n 0 0 5\r\n7 abc\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\n8\r\nVALUE n 0 5\r\n8    \r\nEND\r\n',
    },
    {
      name: 'a value with a line feed or a zero byte behind',
      send: 'set n 0 0 3\r\n7\n8\r\nincr n 1\r\nget n\r\nset m 0 0 3\r\n7\x008\r\nincr m 1\r\nget m\r\n',
      expect: 'STORED\r\n8\r\nVALUE n 0 3\r\n8  \r\nEND\r\nSTORED\r\n8\r\nVALUE m 0 3\r\n8  \r\nEND\r\n',
    },
    {
      name: 'deltas that are no numbers',
      send: 'set n 0 0 1\r\n1\r\nincr n abc\r\nincr n -1\r\nincr n 1a\r\nincr n 0x1\r\nincr n 1.0\r\nincr n 18446744073709551616\r\ndecr n -1\r\nincr n \t\r\nget n\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nVALUE n 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'deltas are digits and nothing else',
      send: 'set n 0 0 1\r\n1\r\nincr n +1\r\nincr n 001\r\nincr n \t1\r\nincr n 1\t\r\nincr n -0\r\nincr n -18446744073709551615\r\nget n\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR invalid numeric delta argument\r\n2\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nVALUE n 0 1\r\n2\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\n2\r\n3\r\n4\r\n5\r\n5\r\n6\r\nVALUE n 0 1\r\n6\r\nEND\r\n' },
    },
    {
      name: 'the delta is checked before the item',
      send: 'incr none abc\r\ndecr none -1\r\n',
      expect: 'CLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\n',
    },
    {
      name: 'the key is checked before the delta',
      send: `incr ${KEY_251} abc\r\ndecr ${KEY_251} 1\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
    },
    {
      name: 'wrong numbers of words',
      send: 'incr\r\nincr n\r\nincr n 1 2 3\r\ndecr\r\ndecr n\r\nincr n 1 noreply x\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nNOT_FOUND\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nNOT_FOUND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'another last word is ignored',
      send: 'set n 0 0 1\r\n1\r\nincr n 1 2\r\nincr n 1 word\r\n',
      expect: 'STORED\r\n2\r\n3\r\n',
    },
    {
      name: 'noreply is silent',
      send: 'set n 0 0 1\r\n1\r\nincr n 1 noreply\r\ndecr none 1 noreply\r\nincr n x noreply\r\nget n\r\n',
      expect: 'STORED\r\nVALUE n 0 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'noreply in the place of the delta',
      send: 'set n 0 0 1\r\n1\r\nincr n noreply\r\nincr n\r\nget n\r\n',
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE n 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nERROR\r\nVALUE n 0 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'flags and exptime stay',
      send: 'set n 4294967295 100 1\r\n9\r\nincr n 91\r\nget n\r\n',
      expect: 'STORED\r\n100\r\nVALUE n 4294967295 3\r\n100\r\nEND\r\n',
    },
    {
      name: 'append makes a longer number',
      send: 'set n 0 0 1\r\n1\r\nappend n 0 0 1\r\n2\r\nincr n 1\r\nget n\r\n',
      expect: 'STORED\r\nSTORED\r\n13\r\nVALUE n 0 2\r\n13\r\nEND\r\n',
    },
  ],
};
