/** touch, delete and their odd arguments. The answers are those of memcached 1.6.45. */
import { KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';

export const touchDelete: WireTable = {
  topic: 'touch-delete',
  cases: [
    {
      name: 'touch',
      send: 'touch a 0\r\nset a 0 0 1\r\n1\r\ntouch a 0\r\ntouch a 100\r\nget a\r\n',
      expect: 'NOT_FOUND\r\nSTORED\r\nTOUCHED\r\nTOUCHED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'touch with a negative exptime',
      send: 'set a 0 0 1\r\n1\r\ntouch a -1\r\nget a\r\ntouch a 0\r\n',
      expect: 'STORED\r\nTOUCHED\r\nEND\r\nNOT_FOUND\r\n',
    },
    {
      name: 'touch with a past absolute exptime',
      send: 'set a 0 0 1\r\n1\r\ntouch a 2592001\r\nget a\r\n',
      expect: 'STORED\r\nTOUCHED\r\nEND\r\n',
    },
    {
      name: 'touch with a bad exptime',
      send: 'touch a x\r\ntouch a 1x\r\ntouch a \t\r\ntouch a -\r\ntouch a 9223372036854775808\r\n',
      expect:
        'CLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nNOT_FOUND\r\nCLIENT_ERROR invalid exptime argument\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\n',
      },
    },
    {
      name: 'touch cuts exptimes to 32 bits',
      send: 'set a 0 0 1\r\n1\r\ntouch a 4294967296\r\nget a\r\ntouch a 2147483648\r\nget a\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR invalid exptime argument\r\nVALUE a 0 1\r\n1\r\nEND\r\nCLIENT_ERROR invalid exptime argument\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nTOUCHED\r\nVALUE a 0 1\r\n1\r\nEND\r\nTOUCHED\r\nEND\r\n' },
    },
    {
      name: 'touch with wrong numbers of words',
      send: 'touch\r\ntouch a\r\ntouch a 0 0 0\r\ntouch a 0 noreply x\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nNOT_FOUND\r\nNOT_FOUND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'touch ignores another last word',
      send: 'touch a 0 word\r\n',
      expect: 'NOT_FOUND\r\n',
    },
    {
      name: 'touch with noreply',
      send: 'set a 0 0 1\r\n1\r\ntouch a -1 noreply\r\ntouch none 0 noreply\r\ntouch a x noreply\r\nget a\r\n',
      expect: 'STORED\r\nEND\r\n',
    },
    {
      name: 'touch with noreply in the place of the exptime',
      send: 'touch a noreply\r\n',
      expect: '',
    },
    {
      name: 'touch of a key that is too long',
      send: `touch ${KEY_251} 0\r\ntouch ${KEY_251} x\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
    },
    {
      name: 'delete',
      send: 'delete a\r\nset a 0 0 1\r\n1\r\ndelete a\r\nget a\r\ndelete a\r\n',
      expect: 'NOT_FOUND\r\nSTORED\r\nDELETED\r\nEND\r\nNOT_FOUND\r\n',
    },
    {
      name: 'delete of an expired item',
      send: 'set a 0 -1 1\r\n1\r\ndelete a\r\n',
      expect: 'STORED\r\nNOT_FOUND\r\n',
    },
    {
      name: 'delete with a time of 0',
      send: 'set a 0 0 1\r\n1\r\ndelete a 0\r\ndelete a 0\r\n',
      expect: 'STORED\r\nDELETED\r\nNOT_FOUND\r\n',
    },
    {
      name: 'delete with another time',
      send: 'set a 0 0 1\r\n1\r\ndelete a 1\r\ndelete a 00\r\ndelete a -0\r\ndelete a word\r\nget a\r\n',
      expect: 'STORED\r\nDELETED\r\nNOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\nEND\r\n',
      since: '1.6.45',
      before: {
        expect:
          'STORED\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      },
    },
    {
      name: 'delete with noreply',
      send: 'set a 0 0 1\r\n1\r\ndelete a noreply\r\nget a\r\nset a 0 0 1\r\n1\r\ndelete a 0 noreply\r\nget a\r\ndelete none noreply\r\n',
      expect: 'STORED\r\nEND\r\nSTORED\r\nEND\r\n',
    },
    {
      name: 'delete with a time and noreply is refused in silence',
      send: 'set a 0 0 1\r\n1\r\ndelete a 1 noreply\r\ndelete a word noreply\r\nget a\r\n',
      expect: 'STORED\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
    },
    {
      name: 'delete with a word too many',
      send: 'delete a 0 0\r\ndelete a noreply 0\r\ndelete a b c\r\n',
      expect: 'NOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n',
      },
    },
    {
      name: 'delete with wrong numbers of words',
      send: 'delete\r\ndelete a b c d\r\ndelete a 0 noreply x\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nNOT_FOUND\r\nNOT_FOUND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'delete of a key that is too long',
      send: `delete ${KEY_251}\r\ndelete ${KEY_251} 0\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
    },
    {
      name: 'delete checks its arguments before the key',
      send: `delete ${KEY_251} 1\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n' },
    },
    {
      name: 'delete of a key that is too long with noreply',
      send: `delete ${KEY_251} noreply\r\n`,
      expect: '',
    },
  ],
};
