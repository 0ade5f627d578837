/** md: flags, uniques, stale items. The answers are those of memcached 1.6.45. */
import { KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';
import { uniqueOf } from '../unique.ts';

export const metaDelete: WireTable = {
  topic: 'meta-delete',
  needs: 'meta',
  cases: [
    {
      name: 'deletes',
      send: 'md a\r\nset a 0 0 1\r\n1\r\nmd a\r\nmg a v\r\n',
      expect: 'NF\r\nSTORED\r\nHD\r\nEN\r\n',
    },
    {
      name: 'what comes back',
      send: 'md a k Oo\r\nset a 0 0 1\r\n1\r\nmd a k Oo\r\nmd YQ== b k Oo\r\n',
      expect: 'NF ka Oo\r\nSTORED\r\nHD ka Oo\r\nNF kYQ== b Oo\r\n',
    },
    {
      name: 'q hides a success, not a miss',
      send: 'set a 0 0 1\r\n1\r\nmd a q\r\nmd a q\r\nmn\r\n',
      expect: 'STORED\r\nNF\r\nMN\r\n',
    },
    {
      name: 'C compares',
      send: 'set a 0 0 1\r\n1\r\nmg a c\r\nmd a C18446744073709551615\r\nmd a C18446744073709551615 q k\r\nmd a C0 q\r\n',
      expect: /^STORED\r\nHD c\d+\r\nEX\r\nEX ka\r\nEX\r\n$/,
    },
    {
      name: 'C that matches',
      send: ['ms a 1 c\r\n1\r\n', (received) => `md a C${uniqueOf(received)} k\r\nmg a v\r\n`],
      expect: /^HD c\d+\r\nHD ka\r\nEN\r\n$/,
    },
    {
      name: 'I marks as stale and changes the unique',
      send: 'ms a 1 E50\r\n1\r\nmd a I\r\nmg a v\r\nmd a C50\r\nmg a v\r\n',
      expect: 'HD\r\nHD\r\nVA 1 X W\r\n1\r\nEX\r\nVA 1 Z X\r\n1\r\n',
      since: '1.6.38',
    },
    {
      name: 'I with T',
      send: 'ms a 1\r\n1\r\nmd a I T5000\r\nmg a v t\r\nmd a I T-1\r\nmg a v\r\n',
      expect: /^HD\r\nHD\r\nVA 1 t\d+ X W\r\n1\r\nHD\r\nEN\r\n$/,
    },
    {
      name: 'T without I does not keep the item',
      send: 'ms a 1\r\n1\r\nmd a T5000\r\nmg a v\r\n',
      expect: 'HD\r\nHD\r\nEN\r\n',
    },
    {
      name: 'E sets the unique of what stays',
      send: 'ms a 1\r\n1\r\nmd a I E777\r\nmg a c v\r\n',
      expect: 'HD\r\nHD\r\nVA 1 c777 X W\r\n1\r\n',
      since: '1.6.38',
    },
    {
      name: 'x takes the value and keeps the item',
      send: 'ms a 3 F5 T5000\r\nabc\r\nmd a x\r\nmg a v f t s\r\nmd a x I\r\nmg a v\r\n',
      expect: 'HD\r\nHD\r\nVA 0 f0 t-1 s0\r\n\r\nHD\r\nVA 0 X W\r\n\r\n',
      since: '1.6.38',
    },
    {
      name: 'errors',
      send: 'md a !\r\nmd a k k\r\nmd a Cx\r\nmd a Tx\r\nmd a Ooooooooooooooooooooooooooooooooo\r\nmd ! b\r\nmd\r\nmd a q !\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR invalid or duplicate flag\r\nERROR\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      },
    },
    {
      name: 'a key that is too long',
      send: `md ${KEY_251}\r\nmd ${KEY_251} q\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
    },
    {
      name: 'flags of the other commands are taken and ignored',
      send: 'ms a 1\r\n1\r\nmd a v s t f c h l u N0 R0 D1 J1 F1 MX\r\n',
      expect: 'HD\r\nHD\r\n',
    },
    {
      name: '18 flags and more',
      send: 'md a k s t f c h l O P L u x T0 R0 v C1 N0\r\nmd a k s t f c h l O P L u x T0 R0 v C1 N0 I\r\n',
      expect: 'NF ka O\r\nNF ka O\r\n',
      since: '1.6.45',
      before: { since: '1.6.38', expect: 'NF ka O\r\nCLIENT_ERROR options flags too long\r\n' },
    },
  ],
};
