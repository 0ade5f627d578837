/** ms: lengths, modes, flags, uniques, and what is swallowed after an error. The answers are those of memcached 1.6.45. */
import { KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';
import { uniqueOf } from '../unique.ts';

export const metaSet: WireTable = {
  topic: 'meta-set',
  needs: 'meta',
  cases: [
    {
      name: 'stores',
      send: 'ms a 3\r\nabc\r\nmg a v f t\r\nget a\r\n',
      expect: 'HD\r\nVA 3 f0 t-1\r\nabc\r\nVALUE a 0 3\r\nabc\r\nEND\r\n',
    },
    {
      name: 'an empty value',
      send: 'ms a 0\r\n\r\nmg a v\r\n',
      expect: 'HD\r\nVA 0\r\n\r\n',
    },
    {
      name: 'F and T',
      send: 'ms a 1 F5 T5000\r\n1\r\nmg a v f t\r\nms a 1 F4294967295 T-1\r\n1\r\nmg a v\r\n',
      expect: /^HD\r\nVA 1 f5 t\d+\r\n1\r\nHD\r\nEN\r\n$/,
    },
    {
      name: 'what comes back',
      send: 'ms a 3 k Oo c b s f t q\r\nabc\r\nms a 3 k Oo c\r\nabc\r\nms a 3 c k Oo s\r\nabc\r\n',
      expect: /^CLIENT_ERROR error decoding key\r\nHD ka Oo c\d+\r\nHD c\d+ ka Oo s3\r\n$/,
      since: '1.6.38',
    },
    {
      name: 's gives the size',
      send: 'ms a 3 s\r\nabc\r\nmg a s\r\n',
      expect: 'HD s3\r\nHD s3\r\n',
      since: '1.6.38',
    },
    {
      name: 'b gives the key back in base64',
      send: 'ms YSBi 3 b k\r\nabc\r\nmg YSBi b k v\r\n',
      expect: 'HD kYSBi b\r\nVA 3 kYSBi b\r\nabc\r\n',
    },
    {
      name: 'q is silent when stored',
      send: 'ms a 1 q\r\n1\r\nmg a v\r\nmn\r\n',
      expect: 'VA 1\r\n1\r\nMN\r\n',
    },
    {
      name: 'q speaks when not stored',
      send: 'ms a 1 q MR\r\n1\r\nms a 1\r\n1\r\nms a 2 q ME\r\n22\r\nmg a v\r\n',
      expect: 'NS\r\nHD\r\nNS\r\nVA 1\r\n1\r\n',
    },
    {
      name: 'modes',
      send: 'ms a 1 MR\r\n1\r\nms a 1 ME\r\n2\r\nms a 1 ME\r\n3\r\nms a 1 MA\r\n4\r\nms a 1 MP\r\n5\r\nms a 1 MR\r\n6\r\nms a 1 MA\r\n7\r\nmg a v\r\nms a 1 MS\r\n8\r\nmg a v\r\n',
      expect: 'NS\r\nHD\r\nNS\r\nHD\r\nHD\r\nHD\r\nHD\r\nVA 2\r\n67\r\nHD\r\nVA 1\r\n8\r\n',
    },
    {
      name: 'modes in lower case',
      send: 'ms a 1 mr\r\n1\r\nms a 1 Mr\r\n1\r\nms a 1 Me\r\n2\r\nms a 1 Ma\r\n4\r\nms a 1 Mp\r\n5\r\nms a 1 Ms\r\n8\r\nmg a v\r\n',
      expect:
        'CLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nEN\r\n',
    },
    {
      name: 'append and prepend to what is missing',
      send: 'ms a 1 MA\r\n1\r\nms a 1 MP\r\n1\r\nmg a v\r\n',
      expect: 'NS\r\nNS\r\nEN\r\n',
    },
    {
      name: 'append with N makes the item',
      send: 'ms a 1 MA N5000\r\n1\r\nmg a v t\r\nms b 1 MP N5000 F7\r\n1\r\nmg b v t f\r\nms b 1 MA N5\r\n2\r\nmg b v t\r\n',
      expect: /^HD\r\nVA 1 t\d+\r\n1\r\nHD\r\nVA 1 t\d+ f7\r\n1\r\nHD\r\nVA 2 t\d+\r\n12\r\n$/,
      since: '1.6.38',
    },
    {
      name: 'modes that are none',
      send: 'ms a 1 MX\r\n1\r\nms a 1 M\r\n1\r\nms a 1 MSS\r\n1\r\nms a 1 M1\r\n1\r\nmn\r\n',
      expect:
        'CLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nHD\r\nCLIENT_ERROR invalid mode for ms M token\r\nMN\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR incorrect length for M token\r\nCLIENT_ERROR incorrect length for M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nMN\r\n',
      },
    },
    {
      name: 'C compares',
      send: ['ms a 1 c\r\n1\r\n', (received) => `ms a 1 C${uniqueOf(received)} c\r\n2\r\nmg a v\r\n`],
      expect: /^HD c\d+\r\nHD c\d+\r\nVA 1\r\n2\r\n$/,
    },
    {
      name: 'C compares once',
      send: [
        'ms a 1 c\r\n1\r\n',
        (received) => `ms a 1 C${uniqueOf(received)}\r\n2\r\nms a 1 C${uniqueOf(received)}\r\n3\r\nmg a v\r\n`,
      ],
      expect: /^HD c\d+\r\nHD\r\nEX\r\nVA 1\r\n2\r\n$/,
    },
    {
      name: 'C with modes',
      send: [
        'ms a 1 c\r\n1\r\n',
        (received) =>
          `ms a 1 C${uniqueOf(received)} MA\r\n2\r\nms a 1 C${uniqueOf(received)} MP\r\n3\r\nms a 1 C${uniqueOf(received)} MR\r\n3\r\nms a 1 C${uniqueOf(received)} ME\r\n3\r\nmg a v\r\n`,
      ],
      expect: /^HD c\d+\r\nHD\r\nEX\r\nEX\r\nNS\r\nVA 2\r\n12\r\n$/,
    },
    {
      name: 'C on what is missing',
      send: 'ms a 1 C1\r\n1\r\nms a 1 C1 MA\r\n1\r\nms a 1 C1 ME\r\n1\r\nmg a v\r\n',
      expect: 'NF\r\nNS\r\nHD\r\nVA 1\r\n1\r\n',
    },
    {
      name: 'C that does not match',
      send: 'ms a 1\r\n1\r\nms a 1 C18446744073709551615\r\n2\r\nms a 1 C18446744073709551615 MA\r\n2\r\nmg a v\r\n',
      expect: 'HD\r\nEX\r\nEX\r\nVA 1\r\n1\r\n',
    },
    {
      name: 'C 0 compares with nothing',
      send: 'ms a 1\r\n1\r\nms a 1 C0\r\n2\r\nmg a v\r\n',
      expect: 'HD\r\nEX\r\nVA 1\r\n1\r\n',
    },
    {
      name: 'E sets the unique',
      send: 'ms a 1 E12345 c\r\n1\r\nms a 1 C12345 E99 c\r\n2\r\nms a 1 C99\r\n3\r\nmg a v\r\n',
      expect: 'HD c12345\r\nHD c99\r\nHD\r\nVA 1\r\n3\r\n',
      since: '1.6.38',
    },
    {
      name: 'uniques that are no numbers',
      send: 'ms a 1 Cx\r\n1\r\nms a 1 C-1\r\n1\r\nms a 1 C\r\n1\r\nms a 1 C18446744073709551616\r\n1\r\nmn\r\n',
      expect:
        'CLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nMN\r\n',
    },
    {
      name: 'I with an older unique stores the value as stale',
      send: 'ms a 1 E100\r\n1\r\nms a 1 C50 I c\r\n2\r\nmg a v\r\nmg a v\r\n',
      expect: /^HD\r\nHD c\d+\r\nVA 1 X W\r\n2\r\nVA 1 Z X\r\n2\r\n$/,
      since: '1.6.38',
    },
    {
      name: 'I with a newer unique does not store',
      send: 'ms a 1 E100\r\n1\r\nms a 1 C200 I\r\n2\r\nmg a v\r\n',
      expect: 'HD\r\nEX\r\nVA 1\r\n1\r\n',
      since: '1.6.38',
    },
    {
      name: 'I without C',
      send: 'ms a 1\r\n1\r\nms a 1 I\r\n2\r\nmg a v\r\n',
      expect: 'HD\r\nHD\r\nVA 1\r\n2\r\n',
    },
    {
      name: 'flags that are no numbers',
      send: 'ms a 1 Fx\r\n1\r\nms a 1 F\r\n1\r\nms a 1 F-1\r\n1\r\nms a 1 F4294967296\r\n1\r\nmg a f\r\nms a 1 Tx\r\n1\r\nmn\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nEN\r\nCLIENT_ERROR bad token in command line format\r\nMN\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nHD\r\nHD f0\r\nCLIENT_ERROR bad token in command line format\r\nMN\r\n',
      },
    },
    {
      name: 'unknown and duplicate flags swallow the data',
      send: 'ms a 5 !\r\nget a\r\nms a 5 T0 T0\r\nget a\r\nmn\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nEND\r\nCLIENT_ERROR duplicate flag\r\nMN\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR invalid flag\r\nCLIENT_ERROR duplicate flag\r\nMN\r\n' },
      ours: {
        expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR duplicate flag\r\nMN\r\n',
        why: 'what belongs to a refused ms is never run',
      },
    },
    {
      name: 'lengths that are no numbers swallow nothing',
      send: 'ms a x\r\nmn\r\nms a -1\r\nmn\r\nms a\r\nmn\r\nms a S1\r\nmn\r\nms a 99999999999999999999\r\nmn\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nMN\r\nCLIENT_ERROR bad command line format\r\nMN\r\nCLIENT_ERROR bad command line format\r\nMN\r\nCLIENT_ERROR bad command line format\r\nMN\r\nCLIENT_ERROR bad command line format\r\nMN\r\n',
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'lengths are digits and nothing else',
      send: 'ms a +1\r\n1\r\nms b 01\r\n1\r\nms c 4294967297\r\n1\r\nms d 1\t\r\n1\r\nmn\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nHD\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nMN\r\n',
      since: '1.6.45',
      before: { expect: 'HD\r\nHD\r\nHD\r\nHD\r\nMN\r\n' },
      memcachedOnly: 'closes behind the first line whose length cannot be read',
    },
    {
      name: 'a bad data chunk',
      send: 'ms a 1\r\n1\r\nms a 1\r\n222mn\r\nms a 1 q\r\n222mn\r\nmg a v\r\n',
      expect: 'HD\r\nCLIENT_ERROR bad data chunk\r\nMN\r\nCLIENT_ERROR bad data chunk\r\nMN\r\nVA 1\r\n1\r\n',
    },
    {
      name: 'a key that is too long',
      send: `ms ${KEY_251} 4\r\nmn\r\nms ${KEY_251} 4 q\r\nmn\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nERROR\r\nMN\r\n',
      since: '1.6.45',
      before: {
        expect: 'CLIENT_ERROR bad command line format\r\nMN\r\nCLIENT_ERROR bad command line format\r\nMN\r\n',
      },
    },
    {
      name: 'bad base64 swallows the data',
      send: 'ms ! 4 b\r\nmn\r\n\r\nms = 2 b q\r\nmnmn\r\n',
      expect:
        'CLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nERROR\r\n' },
    },
    {
      name: 'an opaque that is too long swallows the data',
      send: 'ms a 4 Ooooooooooooooooooooooooooooooooo\r\nmn\r\n\r\nmn\r\n',
      expect: 'CLIENT_ERROR opaque token too long\r\nMN\r\n',
    },
    {
      name: 'without a key',
      send: 'ms\r\nms \r\n',
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
    },
    {
      name: '16 flags and 17',
      send: 'ms a 4 k s t f c h l O P L u x T0 R0 v C1\r\nmn\r\n\r\nms a 4 k s t f c h l O P L u x T0 R0 v C1 I\r\nmn\r\nmn\r\n',
      expect: 'NF ka s4 c0 O\r\nCLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { since: '1.6.38', expect: /^NF ka s4 c\d+ O\r\nCLIENT_ERROR options flags too long\r\nMN\r\nMN\r\n$/ },
    },
    {
      name: 'too large',
      send: 'ms a 1\r\n1\r\nms a 1100000\r\n' + 'x'.repeat(1_100_000) + '\r\nmg a v\r\n',
      expect: 'HD\r\nSERVER_ERROR object too large for cache\r\nEN\r\n',
    },
    {
      name: 'too large in another mode',
      send: 'ms a 1\r\n1\r\nms a 1100000 ME q\r\n' + 'x'.repeat(1_100_000) + '\r\nmg a v\r\n',
      expect: 'HD\r\nSERVER_ERROR object too large for cache\r\nEN\r\n',
    },
    {
      name: 'flags of the other commands are taken and ignored',
      send: 'ms a 1 v q x u h l N5 R5 D5 J5\r\n1\r\nmg a v t\r\n',
      expect: 'VA 1 t-1\r\n1\r\n',
      since: '1.6.38',
    },
  ],
};
