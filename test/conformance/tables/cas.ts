/** Compare and swap: gets, cas, and the unique they share. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';
import { uniqueOf } from '../unique.ts';

export const cas: WireTable = {
  topic: 'cas',
  cases: [
    {
      name: 'gets tells the unique',
      send: 'set a 3 0 1\r\n1\r\ngets a\r\n',
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\n$/,
    },
    {
      name: 'gets of several keys',
      send: 'set a 3 0 1\r\n1\r\nset b 4 0 1\r\n2\r\ngets a none b\r\n',
      expect: /^STORED\r\nSTORED\r\nVALUE a 3 1 \d+\r\n1\r\nVALUE b 4 1 \d+\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'cas with the right unique stores',
      send: ['set a 3 0 1\r\n1\r\ngets a\r\n', (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nSTORED\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'cas with the right unique stores once',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect:
        /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nSTORED\r\nVALUE a 5 1\r\n2\r\nEND\r\nEXISTS\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'cas with noreply',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)} noreply\r\n2\r\nget a\r\n`,
      ],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'the unique has no sign',
      send: ['set a 3 0 1\r\n1\r\ngets a\r\n', (received) => `cas a 5 0 1 +00${uniqueOf(received)}\r\n2\r\nget a\r\n`],
      expect:
        /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nCLIENT_ERROR bad command line format\r\nVALUE a 3 1\r\n1\r\nEND\r\n$/,
      since: '1.6.45',
      before: { expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nSTORED\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/ },
    },
    {
      name: 'the unique changes with every write',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\nset a 3 0 1\r\n1\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nSTORED\r\nEXISTS\r\nVALUE a 3 1\r\n1\r\nEND\r\n$/,
    },
    {
      name: 'append changes the unique',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\nappend a 0 0 1\r\n1\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nSTORED\r\nEXISTS\r\nVALUE a 3 2\r\n11\r\nEND\r\n$/,
    },
    {
      name: 'incr changes the unique',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\nincr a 1\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\n2\r\nEXISTS\r\nVALUE a 3 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'touch keeps the unique',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\ntouch a 100\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nTOUCHED\r\nSTORED\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'gat keeps the unique',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\ngat 100 a\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect:
        /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nVALUE a 3 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'gats tells the unique',
      send: ['set a 3 0 1\r\n1\r\ngats 100 a\r\n', (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nSTORED\r\nVALUE a 5 1\r\n2\r\nEND\r\n$/,
    },
    {
      name: 'deleting and storing again changes the unique',
      send: [
        'set a 3 0 1\r\n1\r\ngets a\r\ndelete a\r\nset a 3 0 1\r\n1\r\n',
        (received) => `cas a 5 0 1 ${uniqueOf(received)}\r\n2\r\nget a\r\n`,
      ],
      expect: /^STORED\r\nVALUE a 3 1 \d+\r\n1\r\nEND\r\nDELETED\r\nSTORED\r\nEXISTS\r\nVALUE a 3 1\r\n1\r\nEND\r\n$/,
    },
    {
      name: 'cas with another unique',
      send: 'set a 0 0 1\r\n1\r\ncas a 0 0 1 18446744073709551615\r\n2\r\nget a\r\n',
      expect: 'STORED\r\nEXISTS\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'cas with unique 0 matches nothing',
      send: 'set a 0 0 1\r\n1\r\ncas a 0 0 1 0\r\n2\r\nget a\r\n',
      expect: 'STORED\r\nEXISTS\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'cas of a missing item',
      send: 'cas a 0 0 1 1\r\n2\r\ncas a 0 0 1 0\r\n2\r\nget a\r\n',
      expect: 'NOT_FOUND\r\nNOT_FOUND\r\nEND\r\n',
    },
    {
      name: 'cas of an expired item',
      send: 'set a 0 -1 1\r\n1\r\ncas a 0 0 1 1\r\n2\r\n',
      expect: 'STORED\r\nNOT_FOUND\r\n',
    },
    {
      name: 'the data behind a bad unique is skipped',
      send: 'cas a 0 0 5 x\r\nget a\r\ncas a 0 0 5 x noreply\r\nget a\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\nEND\r\nEND\r\n' },
    },
    {
      name: 'a missing unique',
      send: 'cas a 0 0 1\r\ncas a 0 0\r\ncas\r\ncas a\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'noreply in the place of the unique',
      send: 'cas a 0 0 5 noreply\r\nget a\r\n',
      expect: '',
      since: '1.6.45',
      before: { expect: 'END\r\n' },
    },
    {
      name: 'too many words',
      send: 'cas a 0 0 1 1 2 3\r\ncas a 0 0 1 1 noreply x\r\n',
      expect: 'CLIENT_ERROR bad data chunk\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
    },
    {
      name: 'another last word is ignored',
      send: 'cas a 0 0 1 1 word\r\n1\r\n',
      expect: 'NOT_FOUND\r\n',
    },
    {
      name: 'noreply hides the result',
      send: 'set a 0 0 1\r\n1\r\ncas a 0 0 1 0 noreply\r\n2\r\ncas b 0 0 1 0 noreply\r\n2\r\nget a b\r\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'a wrong length',
      send: 'set a 0 0 1\r\n1\r\ncas a 0 0 1 0\r\n234\r\ncas a 0 0 -1 0\r\nget a\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: {
        expect:
          'STORED\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
  ],
};
