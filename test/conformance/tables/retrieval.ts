/** get, gets, gat, gats: keys, lists of keys, errors. The answers are those of memcached 1.6.45. */
import { KEY_250, KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';

export const retrieval: WireTable = {
  topic: 'retrieval',
  cases: [
    {
      name: 'a miss',
      send: 'get a\r\ngets a\r\ngat 0 a\r\ngats 0 a\r\n',
      expect: 'END\r\nEND\r\nEND\r\nEND\r\n',
    },
    {
      name: 'several keys, in the order asked, missing ones left out',
      send: 'set a 1 0 1\r\n1\r\nset b 2 0 2\r\n22\r\nget b none a\r\n',
      expect: 'STORED\r\nSTORED\r\nVALUE b 2 2\r\n22\r\nVALUE a 1 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'a key asked for twice is answered twice',
      send: 'set a 1 0 1\r\n1\r\nget a a none a\r\n',
      expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nVALUE a 1 1\r\n1\r\nVALUE a 1 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'no key',
      send: 'get\r\ngets\r\ngat\r\ngats\r\nget \r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'gat and gats with an exptime alone',
      send: 'gat 0\r\ngats 0\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'END\r\nEND\r\n' },
    },
    {
      name: 'noreply is a key like any other',
      send: 'set noreply 0 0 1\r\n1\r\nget noreply\r\nget a noreply\r\n',
      expect: 'STORED\r\nVALUE noreply 0 1\r\n1\r\nEND\r\nVALUE noreply 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'keys separated by many spaces',
      send: 'set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\n  get   a    b  \r\n',
      expect: 'STORED\r\nSTORED\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n' },
      ours: {
        expect: 'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n',
        why: 'spaces in front of a command are skipped',
      },
    },
    {
      name: 'more keys than one pass of the parser takes',
      send:
        'set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\nget a a a a a a a a a a a a a a a a a a a a a a b\r\nget a a a a a a a a a a a a a a a a a a a a a a a b\r\nget' +
        ' n'.repeat(60) +
        ' b\r\n',
      expect:
        'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\nVALUE b 0 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'a line of 4,000 bytes',
      send: 'set a 0 0 1\r\n1\r\nget' + ' nn'.repeat(1330) + ' a\r\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'a line of 30,000 bytes',
      send: 'set a 0 0 1\r\n1\r\ngets' + ' nn'.repeat(10_000) + '\r\nget' + ' nn'.repeat(10_000) + ' a\r\n',
      expect: 'STORED\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'gat with many keys',
      send: 'set a 0 0 1\r\n1\r\ngat 0' + ' nn'.repeat(600) + ' a\r\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'a key of 250 bytes',
      send: `set ${KEY_250} 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\nget ${KEY_250} b\r\ngat 0 ${KEY_250}\r\n`,
      expect: `STORED\r\nSTORED\r\nVALUE ${KEY_250} 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\nVALUE ${KEY_250} 0 1\r\n1\r\nEND\r\n`,
    },
    {
      name: 'a key of 251 bytes',
      send: `get ${KEY_251}\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\n\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\n' },
      ours: {
        expect: 'CLIENT_ERROR bad command line format\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'a key of 251 bytes with gets',
      send: `gets ${KEY_251}\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\n\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\n' },
      ours: {
        expect: 'CLIENT_ERROR bad command line format\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'a key of 251 bytes with gat',
      send: `gat 0 ${KEY_251}\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\n\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\n' },
      ours: {
        expect: 'CLIENT_ERROR bad command line format\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'a key that is too long makes the whole list an error',
      send: ['set a 0 0 1\r\n1\r\n', `get a ${KEY_251} a\r\nget a\r\n`],
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\n\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
      ours: {
        expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'a key that is too long at the end of a list',
      send: ['set a 0 0 1\r\n1\r\n', `get a a ${KEY_251}\r\nget a\r\n`],
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\n\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
      ours: {
        expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'a key that is too long behind many others',
      send: [
        'set a 0 0 1\r\n1\r\n',
        `get a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a ${KEY_251} a a\r\nget a\r\n`,
      ],
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\n\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
      ours: {
        expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'a key that is too long in gats',
      send: ['set a 0 0 1\r\n1\r\n', `gats 0 a ${KEY_251} a\r\nget a\r\n`],
      expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\n\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
      ours: {
        expect: 'STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
        why: 'the error is answered without an empty line behind it',
      },
    },
    {
      name: 'gat gives the value',
      send: 'set a 1 0 1\r\n1\r\ngat 100 a\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nEND\r\nVALUE a 1 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'gat of several keys',
      send: 'set a 1 0 1\r\n1\r\nset b 2 0 1\r\n2\r\ngat 0 a none b\r\n',
      expect: 'STORED\r\nSTORED\r\nVALUE a 1 1\r\n1\r\nVALUE b 2 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'gat with a negative exptime gives the value a last time',
      send: 'set a 1 0 1\r\n1\r\ngat -1 a a\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nEND\r\nEND\r\n',
    },
    {
      name: 'gat keeps an item that would have expired',
      send: 'set a 1 1 1\r\n1\r\ngat 0 a\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nEND\r\nVALUE a 1 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'gat with a bad exptime',
      send: 'set a 1 0 1\r\n1\r\ngat a\r\ngat a b\r\ngat 1x a\r\ngats x a\r\ngat - a\r\ngat \t a\r\ngat 9223372036854775808 a\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nVALUE a 1 1\r\n1\r\nEND\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\n',
      since: '1.6.45',
      before: {
        expect:
          'STORED\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\n',
      },
    },
    {
      name: 'gat with exptimes that are digits and more',
      send: 'set a 1 0 1\r\n1\r\ngat +100 a\r\ngat 00 a\r\ngat 99999999999 a\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR invalid exptime argument\r\nVALUE a 1 1\r\n1\r\nEND\r\nCLIENT_ERROR invalid exptime argument\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nVALUE a 1 1\r\n1\r\nEND\r\nVALUE a 1 1\r\n1\r\nEND\r\nVALUE a 1 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'a zero byte is part of a key',
      send: 'set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\nget a\x00 b\r\nget a \x00b\r\nget \x00\r\n',
      expect: 'STORED\r\nSTORED\r\nVALUE b 0 1\r\n2\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\nERROR\r\n' },
    },
    {
      name: 'bytes above 127 in keys',
      send: 'set \xc3\xa9t\xc3\xa9 0 0 2\r\n\xc3\xa9\r\nget \xc3\xa9t\xc3\xa9\r\nget \xe9t\xe9\r\n',
      expect: 'STORED\r\nVALUE \xc3\xa9t\xc3\xa9 0 2\r\n\xc3\xa9\r\nEND\r\nEND\r\n',
    },
    {
      name: 'the ancient bget is gone',
      send: 'set a 0 0 1\r\n1\r\nbget a b\r\nbget\r\nbgets a\r\n',
      expect: 'STORED\r\nERROR\r\nERROR\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'words that only begin like a command',
      send: 'geta a\r\ngett a\r\nge a\r\ng a\r\ngetss a\r\ngats0 a\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'a deleted item',
      send: 'set a 0 0 1\r\n1\r\ndelete a\r\nget a\r\ngets a\r\ngat 0 a\r\n',
      expect: 'STORED\r\nDELETED\r\nEND\r\nEND\r\nEND\r\n',
    },
    {
      name: 'a value of 100,000 bytes',
      send: 'set a 0 0 100000\r\n' + 'y'.repeat(100_000) + '\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 100000\r\n' + 'y'.repeat(100_000) + '\r\nEND\r\n',
    },
  ],
};
