/** Storing: set, add, replace, append, prepend, what they check and in which order. The answers are those of memcached 1.6.45. */
import { KEY_250, KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';

export const storage: WireTable = {
  topic: 'storage',
  cases: [
    {
      name: 'set stores and get finds',
      send: 'set a 0 0 3\r\nabc\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 3\r\nabc\r\nEND\r\n',
    },
    {
      name: 'flags come back',
      send: 'set a 12345 0 3\r\nabc\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 12345 3\r\nabc\r\nEND\r\n',
    },
    {
      name: 'an empty value is a value',
      send: 'set a 0 0 0\r\n\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 0\r\n\r\nEND\r\n',
    },
    {
      name: 'a value may hold line ends',
      send: 'set a 0 0 8\r\nab\r\n\r\ncd\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 8\r\nab\r\n\r\ncd\r\nEND\r\n',
    },
    {
      name: 'a value may hold commands',
      send: 'set a 0 0 7\r\nget a\r\n\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 7\r\nget a\r\n\r\nEND\r\n',
    },
    {
      name: 'a value may hold every byte',
      send: 'set a 0 0 9\r\n\x00\x01\n\r\x7f\x80\xfe\xff \r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 9\r\n\x00\x01\n\r\x7f\x80\xfe\xff \r\nEND\r\n',
    },
    {
      name: 'set replaces',
      send: 'set a 1 0 1\r\n1\r\nset a 2 0 2\r\n22\r\nget a\r\n',
      expect: 'STORED\r\nSTORED\r\nVALUE a 2 2\r\n22\r\nEND\r\n',
    },
    {
      name: 'add stores only what is not there',
      send: 'add a 0 0 1\r\n1\r\nadd a 0 0 1\r\n2\r\nget a\r\n',
      expect: 'STORED\r\nNOT_STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'replace stores only over what is there',
      send: 'replace a 0 0 1\r\n1\r\nset a 0 0 1\r\n1\r\nreplace a 3 0 1\r\n2\r\nget a\r\n',
      expect: 'NOT_STORED\r\nSTORED\r\nSTORED\r\nVALUE a 3 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'append and prepend add at either end',
      send: 'set a 0 0 1\r\n2\r\nappend a 0 0 1\r\n3\r\nprepend a 0 0 1\r\n1\r\nget a\r\n',
      expect: 'STORED\r\nSTORED\r\nSTORED\r\nVALUE a 0 3\r\n123\r\nEND\r\n',
    },
    {
      name: 'append and prepend need an item',
      send: 'append a 0 0 1\r\n1\r\nprepend a 0 0 1\r\n1\r\nget a\r\n',
      expect: 'NOT_STORED\r\nNOT_STORED\r\nEND\r\n',
    },
    {
      name: 'append and prepend keep flags and exptime of the item',
      send: 'set a 7 0 1\r\n2\r\nappend a 9 -1 1\r\n3\r\nprepend a 8 -1 1\r\n1\r\nget a\r\n',
      expect: 'STORED\r\nSTORED\r\nSTORED\r\nVALUE a 7 3\r\n123\r\nEND\r\n',
    },
    {
      name: 'append of nothing is stored',
      send: 'set a 0 0 1\r\n1\r\nappend a 0 0 0\r\n\r\nget a\r\n',
      expect: 'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'append checks the flags it does not use',
      send: 'set a 0 0 1\r\n1\r\nappend a x 0 1\r\nget a\r\n',
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'append checks the exptime it does not use',
      send: 'set a 0 0 1\r\n1\r\nappend a 0 x 1\r\nget a\r\n',
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'noreply is silent for every storage command',
      send: 'set a 0 0 1 noreply\r\n1\r\nadd b 0 0 1 noreply\r\n2\r\nreplace b 0 0 1 noreply\r\n3\r\nappend a 0 0 1 noreply\r\n4\r\nprepend a 0 0 1 noreply\r\n5\r\nget a b\r\n',
      expect: 'VALUE a 0 3\r\n514\r\nVALUE b 0 1\r\n3\r\nEND\r\n',
    },
    {
      name: 'noreply is silent when nothing is stored',
      send: 'replace a 0 0 1 noreply\r\n1\r\nappend a 0 0 1 noreply\r\n1\r\nget a\r\n',
      expect: 'END\r\n',
    },
    {
      name: 'noreply hides a bad data chunk',
      send: 'set a 0 0 1 noreply\r\n123\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nEND\r\n' },
    },
    {
      name: 'noreply hides a bad command line, whose data is skipped',
      send: 'set a x 0 1 noreply\r\nget a\r\n',
      expect: 'ERROR\r\n',
      since: '1.6.45',
      before: { expect: 'END\r\n' },
    },
    {
      name: 'noreply does not hide a wrong number of words',
      send: 'set a 0 0 noreply\r\nset a 0 0 1 x noreply\r\nset a noreply\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'noreply counts only as the last word and in lower case',
      send: 'set a 0 0 1 NOREPLY\r\n1\r\nset b 0 0 1 noreply x\r\nget a b\r\n',
      expect: 'STORED\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nERROR\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'another last word is ignored',
      send: 'set a 0 0 1 word\r\n1\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'noreply with spaces behind it',
      send: 'set a 0 0 1 noreply  \r\n1\r\nget a\r\n',
      expect: 'VALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'spaces around and between words do not matter',
      send: '   set   a  1   0  1  \r\n1\r\n get  a  \r\n',
      expect: 'ERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nEND\r\n' },
      ours: { expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nEND\r\n', why: 'spaces in front of a command are skipped' },
    },
    {
      name: 'a tab is part of a word',
      send: 'set a\t0 0 1\r\nset\ta 0 0 1\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'too few words',
      send: 'set\r\nset a\r\nset a 0\r\nset a 0 0\r\nadd a 0 0\r\nreplace\r\nappend a\r\nprepend a 0\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'words behind those that count are not looked at',
      send: 'set a 0 0\r\nget a\r\nset a 0 0 1 2 3\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nEND\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nEND\r\nERROR\r\nEND\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'a longer value than announced',
      send: 'set a 0 0 3\r\nabcd\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n' },
    },
    {
      name: 'a much longer value than announced',
      send: 'set a 0 0 3\r\nabcdefgh\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n',
    },
    {
      name: 'a shorter value than announced takes the next line too',
      send: 'set a 0 0 5\r\nabc\r\n\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 5\r\nabc\r\n\r\nEND\r\n',
    },
    {
      name: 'a bad data chunk keeps the old value',
      send: 'set a 0 0 1\r\n1\r\nset a 0 0 1\r\n222get a\r\n',
      expect: 'STORED\r\nCLIENT_ERROR bad data chunk\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'a data block ends with both bytes',
      send: 'set a 0 0 3\r\nabc\n\nget a\r\n',
      expect: 'CLIENT_ERROR bad data chunk\r\nEND\r\n',
    },
    {
      name: 'a large bad data chunk keeps the old value',
      send: 'set a 0 0 1\r\n1\r\nset a 0 0 600000\r\n' + 'x'.repeat(600_000) + 'abget a\r\n',
      expect: 'STORED\r\nCLIENT_ERROR bad data chunk\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'negative lengths',
      send: 'set a 0 0 -1\r\nget a\r\nset a 0 0 -2147483648\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nEND\r\nCLIENT_ERROR bad command line format\r\n',
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'lengths that are no numbers',
      send: 'set a 0 0 x\r\nset a 0 0 1x\r\nset a 0 0 \t\r\nset a 0 0 -\r\nset a 0 0 +\r\nset a 0 0 0x1\r\nset a 0 0 1.0\r\nset a 0 0 ++1\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'lengths are digits and nothing else',
      send: 'set a 0 0 +1\r\n1\r\nset b 0 0 0001\r\n1\r\nset c 0 0 \t1\r\n1\r\nset d 0 0 1\t\r\n1\r\nset e 0 0 -0\r\n\r\nset f 0 0 1\tx\r\n1\r\nget a b c d e f\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nSTORED\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nSTORED\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nVALUE b 0 1\r\n1\r\nVALUE e 0 0\r\n\r\nEND\r\n',
      since: '1.6.45',
      before: {
        expect:
          'STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n1\r\nVALUE c 0 1\r\n1\r\nVALUE d 0 1\r\n1\r\nVALUE e 0 0\r\n\r\nVALUE f 0 1\r\n1\r\nEND\r\n',
      },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'lengths beyond 32 bits are no lengths',
      send: 'set a 0 0 4294967297\r\n1\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'the greatest lengths',
      send: 'set a 0 0 2147483646\r\nset a 0 0 2147483647\r\nset a 0 0 9223372036854775808\r\nset a 0 0 18446744073709551615\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'flags as strtoul reads them, cut to 32 bits',
      send: 'set a 4294967295 0 1\r\n1\r\nset b 4294967296 0 1\r\n1\r\nset c 4294967299 0 1\r\n1\r\nset d 18446744073709551615 0 1\r\n1\r\nset e 010 0 1\r\n1\r\nset f +1 0 1\r\n1\r\nset g -0 0 1\r\n1\r\nset h 1\t2 0 1\r\n1\r\nset i -18446744073709551615 0 1\r\n1\r\nget a b c d e f g h i\r\n',
      expect:
        'STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nVALUE a 4294967295 1\r\n1\r\nVALUE b 0 1\r\n1\r\nVALUE c 3 1\r\n1\r\nVALUE d 4294967295 1\r\n1\r\nVALUE e 10 1\r\n1\r\nVALUE f 1 1\r\n1\r\nVALUE g 0 1\r\n1\r\nVALUE h 1 1\r\n1\r\nVALUE i 1 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'flags that are no numbers',
      send: 'set a -1 0 1\r\nset a x 0 1\r\nset a 1x 0 1\r\nset a 0x10 0 1\r\nset a 18446744073709551616 0 1\r\nset a - 0 1\r\nset a \t 0 1\r\nset a -4294967296 0 1\r\nget a\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nEND\r\n',
      },
    },
    {
      name: 'a key of 250 bytes',
      send: `set ${KEY_250} 0 0 1\r\n1\r\nget ${KEY_250}\r\n`,
      expect: `STORED\r\nVALUE ${KEY_250} 0 1\r\n1\r\nEND\r\n`,
    },
    {
      name: 'a key of 251 bytes',
      send: `set ${KEY_251} 0 0 1\r\nadd ${KEY_251} 0 0 1\r\nreplace ${KEY_251} 0 0 1\r\nappend ${KEY_251} 0 0 1\r\nprepend ${KEY_251} 0 0 1\r\ncas ${KEY_251} 0 0 1 1\r\n`,
      expect:
        'CLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      },
    },
    {
      name: 'the data behind a key that is too long is skipped',
      send: `set ${KEY_251} 0 0 5\r\nget a\r\nset ${KEY_251} 0 0 1 noreply\r\nget a\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\nEND\r\nEND\r\n' },
    },
    {
      name: 'keys may hold control bytes and bytes above 127',
      send: 'set \x01\x7f\x80\xff 0 0 1\r\n1\r\nset \xff 0 0 1\r\n2\r\nget \x01\x7f\x80\xff \xff\r\n',
      expect: 'STORED\r\nSTORED\r\nVALUE \x01\x7f\x80\xff 0 1\r\n1\r\nVALUE \xff 0 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'a zero byte is a byte like any other',
      send: 'set a\x00b 0 0 1\r\nset a 0 0 1\x00 noreply\r\n1\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'lines may end with a line feed alone',
      send: 'set a 0 0 1\n1\r\nget a\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'a carriage return in a line belongs to its word',
      send: 'set a 0 0 1\r \r\n1\r\nset b\r 0 0 1\r\n2\r\nget a b b\r \r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nSTORED\r\nVALUE b\r 0 1\r\n2\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE b\r 0 1\r\n2\r\nEND\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'add and replace see an expired item as missing',
      send: 'set a 0 -1 1\r\n1\r\nadd a 0 0 1\r\n2\r\nset b 0 -1 1\r\n1\r\nreplace b 0 0 1\r\n2\r\nget a b\r\n',
      expect: 'STORED\r\nSTORED\r\nSTORED\r\nNOT_STORED\r\nVALUE a 0 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'append and prepend see an expired item as missing',
      send: 'set a 0 -1 1\r\n1\r\nappend a 0 0 1\r\n2\r\nprepend a 0 0 1\r\n2\r\nget a\r\n',
      expect: 'STORED\r\nNOT_STORED\r\nNOT_STORED\r\nEND\r\n',
    },
    {
      name: 'set with a negative exptime removes the old value',
      send: 'set a 0 0 1\r\n1\r\nset a 0 -1 1\r\n2\r\nget a\r\n',
      expect: 'STORED\r\nSTORED\r\nEND\r\n',
    },
    {
      name: 'add with a negative exptime leaves what is there',
      send: 'set a 0 0 1\r\n1\r\nadd a 0 -1 1\r\n2\r\nget a\r\nreplace a 0 -1 1\r\n3\r\nget a\r\n',
      expect: 'STORED\r\nNOT_STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nSTORED\r\nEND\r\n',
    },
    {
      name: 'the storage commands are lower case',
      send: 'SET a 0 0 1\r\nSet a 0 0 1\r\nsets a 0 0 1\r\nse a 0 0 1\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n',
    },
  ],
};
