/** flush_all: at once, later, and in odd forms. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';

export const flush: WireTable = {
  topic: 'flush',
  cases: [
    {
      name: 'flush_all',
      send: 'set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\n',
      expect: 'STORED\r\nOK\r\nEND\r\n',
    },
    {
      name: 'what is stored afterwards stays',
      send: 'flush_all\r\nset a 0 0 1\r\n1\r\nget a\r\nappend a 0 0 1\r\n2\r\nincr a 1\r\nget a\r\n',
      expect: 'OK\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nSTORED\r\n13\r\nVALUE a 0 2\r\n13\r\nEND\r\n',
    },
    {
      name: 'every command sees flushed items as missing',
      send: 'set a 0 0 1\r\n1\r\nset b 0 0 1\r\n1\r\nset c 0 0 1\r\n1\r\nset d 0 0 1\r\n1\r\nset e 0 0 1\r\n1\r\nset f 0 0 1\r\n1\r\nset g 0 0 1\r\n1\r\nflush_all\r\nreplace a 0 0 1\r\n2\r\nappend b 0 0 1\r\n2\r\nincr c 1\r\ntouch d 0\r\ndelete e\r\ncas f 0 0 1 1\r\n2\r\nadd g 0 0 1\r\n2\r\nget a b c d e f g\r\n',
      expect:
        'STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nOK\r\nNOT_STORED\r\nNOT_STORED\r\nNOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\nSTORED\r\nVALUE g 0 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'a delay of 0 is now',
      send: 'set a 0 0 1\r\n1\r\nflush_all 0\r\nget a\r\n',
      expect: 'STORED\r\nOK\r\nEND\r\n',
    },
    {
      name: 'a negative delay is now',
      send: 'set a 0 0 1\r\n1\r\nflush_all -1\r\nget a\r\n',
      expect: 'STORED\r\nOK\r\nEND\r\n',
    },
    {
      name: 'a delay keeps items until then',
      send: 'set a 0 0 1\r\n1\r\nflush_all 1000\r\nget a\r\nset b 0 0 1\r\n2\r\nget b\r\n',
      expect: 'STORED\r\nOK\r\nVALUE a 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE b 0 1\r\n2\r\nEND\r\n',
    },
    {
      name: 'a delay does not take back an earlier flush',
      send: 'set a 0 0 1\r\n1\r\nflush_all\r\nflush_all 1000\r\nget a\r\n',
      expect: 'STORED\r\nOK\r\nOK\r\nEND\r\n',
      since: '1.6.38',
    },
    {
      name: 'an absolute time in the past flushes nothing',
      send: 'set a 0 0 1\r\n1\r\nflush_all 2592001\r\nget a\r\n',
      expect: 'STORED\r\nOK\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'noreply is silent',
      send: 'set a 0 0 1\r\n1\r\nflush_all noreply\r\nget a\r\nset a 0 0 1\r\n1\r\nflush_all 0 noreply\r\nget a\r\n',
      expect: 'STORED\r\nEND\r\nSTORED\r\nEND\r\n',
    },
    {
      name: 'a delay that is no number',
      send: 'set a 0 0 1\r\n1\r\nflush_all x\r\nflush_all 1x\r\nflush_all \t\r\nflush_all x noreply\r\nget a\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    },
    {
      name: 'another last word is ignored',
      send: 'flush_all 0 0\r\nflush_all 0 word\r\nflush_all word 0\r\n',
      expect: 'OK\r\nOK\r\nCLIENT_ERROR invalid exptime argument\r\n',
    },
    {
      name: 'too many words',
      send: 'flush_all 0 0 0\r\nflush_all 0 0 noreply\r\n',
      expect: 'OK\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
    },
    {
      name: 'spaces',
      send: '  flush_all   \r\n',
      expect: 'OK\r\n',
    },
    {
      name: 'refused under -F',
      send: 'flush_all\r\nflush_all 0\r\nflush_all x\r\nflush_all noreply\r\nset a 0 0 1\r\n1\r\nget a\r\n',
      expect:
        'CLIENT_ERROR flush_all not allowed\r\nCLIENT_ERROR flush_all not allowed\r\nCLIENT_ERROR flush_all not allowed\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      flags: ['-F'],
    },
  ],
};
