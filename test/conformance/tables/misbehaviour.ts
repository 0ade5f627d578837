/** Lines that are no commands, and lines too long to be any. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';

export const misbehaviour: WireTable = {
  topic: 'misbehaviour',
  cases: [
    {
      name: 'empty lines',
      send: '\r\n\n\r\r\n \r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'lines of one character',
      send: 'a\r\ng\r\n1\r\n?\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n' },
    },
    {
      name: 'unknown commands',
      send: 'hello\r\nget_a\r\n  hello world  \r\n\tget a\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'a carriage return too many',
      send: 'get a\r\r\nversion\r\r\nset a 0 0 1\r\r\n1\r\nget a\r\n',
      expect: 'END\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'END\r\nERROR\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'zero bytes',
      send: '\x00get a\r\n\x00\r\n',
      expect: 'ERROR\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
    },
    {
      name: 'bytes above 127',
      send: '\x81\x80abc\r\n\xff\xff\xff\xff\r\n\xff\r\nget a\r\n',
      expect: 'ERROR\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\nERROR\r\nEND\r\n' },
    },
    {
      name: 'the first byte of the binary protocol later in a connection',
      send: 'get a\r\n\x80\x00\x00\x00\r\nget a\r\n',
      expect: 'END\r\nERROR\r\nEND\r\n',
    },
    {
      name: 'HTTP closes',
      send: 'GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: none\r\n\r\n',
      expect: '',
      closes: true,
    },
    {
      name: 'so does any unknown command that ends in HTTP/',
      send: 'PUT x y z HTTP/\r\n',
      expect: '',
      closes: true,
    },
    {
      name: 'known commands do not',
      send: 'get / HTTP/1.1\r\ndelete HTTP/\r\ngets HTTP/1.0\r\nstats HTTP/1.0\r\n',
      expect: 'END\r\nNOT_FOUND\r\nEND\r\nERROR\r\n',
    },
    {
      name: 'an unknown one does, whatever its first letter',
      send: 'sx / HTTP/1.0\r\n',
      expect: '',
      closes: true,
      since: '1.6.45',
      before: { expect: 'ERROR\r\n' },
    },
    {
      name: 'Redis',
      send: '*1\r\n$4\r\nPING\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'a line of 2,048 bytes',
      send: 'x'.repeat(2046) + '\r\nget a\r\n',
      expect: 'ERROR\r\nEND\r\n',
    },
    {
      name: '2,049 bytes without an end of line close',
      send: 'x'.repeat(2049),
      expect: '',
      closes: true,
    },
    {
      name: 'what was answered before stays answered',
      send: ['set a 0 0 1\r\n1\r\nget a\r\n', 'x'.repeat(2049)],
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      closes: true,
    },
    {
      name: 'a storage command of 2,049 bytes without an end of line closes',
      send: 'set ' + 'x'.repeat(2045),
      expect: '',
      closes: true,
    },
    {
      name: 'so does a delete',
      send: 'delete' + ' x'.repeat(1025) + ' ',
      expect: '',
      closes: true,
    },
    {
      name: 'so do gat and words that only begin like get',
      send: 'gat 0' + ' x'.repeat(1025) + ' ',
      expect: '',
      closes: true,
    },
    {
      name: 'so does get with a tab',
      send: 'get\t' + 'x '.repeat(1025),
      expect: '',
      closes: true,
    },
    {
      name: 'so do 2,049 spaces',
      send: ' '.repeat(2049),
      expect: '',
      closes: true,
    },
    {
      name: 'so does a get behind 101 spaces',
      send: ' '.repeat(101) + 'get' + ' x'.repeat(1025) + ' ',
      expect: '',
      closes: true,
    },
    {
      name: 'a get behind 100 spaces may go on',
      send: ' '.repeat(100) + 'get' + ' x'.repeat(1025) + ' \r\nget a\r\n',
      expect: 'ERROR\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'END\r\nEND\r\n' },
      ours: { expect: 'END\r\nEND\r\n', why: 'spaces in front of a command are skipped' },
    },
    {
      name: 'a long line whose end has come too is an error like any other',
      send: 'x'.repeat(3000) + '\r\nget a\r\n',
      expect: 'ERROR\r\nEND\r\n',
      feed: 'whole',
    },
    {
      name: 'a long line of words whose end has come too',
      send: 'delete' + ' x'.repeat(3000) + ' \r\nget a\r\n',
      expect: 'NOT_FOUND\r\nEND\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nEND\r\n' },
      feed: 'whole',
    },
    {
      name: 'pipelined commands are answered in order',
      send: 'set a 0 0 1\r\n1\r\nget a\r\nhello\r\nget a b\r\nincr a 1\r\ndelete a\r\nget a\r\nadd a 0 0 1 noreply\r\n5\r\nincr a 1\r\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nERROR\r\nVALUE a 0 1\r\n1\r\nEND\r\n2\r\nDELETED\r\nEND\r\n6\r\n',
    },
  ],
};
