/** ma: modes, deltas, vivifying, flags. The answers are those of memcached 1.6.45. */
import { KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';
import { uniqueOf } from '../unique.ts';

export const metaArithmetic: WireTable = {
  topic: 'meta-arithmetic',
  needs: 'meta',
  cases: [
    {
      name: 'increments by one',
      send: 'ma n\r\nset n 0 0 1\r\n5\r\nma n\r\nma n v\r\nmg n v\r\n',
      expect: 'NF\r\nSTORED\r\nHD\r\nVA 1\r\n7\r\nVA 1\r\n7\r\n',
    },
    {
      name: 'D is the delta',
      send: 'set n 0 0 1\r\n5\r\nma n D10 v\r\nma n D0 v\r\n',
      expect: 'STORED\r\nVA 2\r\n15\r\nVA 2\r\n15\r\n',
    },
    {
      name: 'modes',
      send: 'set n 0 0 2\r\n50\r\nma n MI v\r\nma n MD v\r\nma n M+ v\r\nma n M- v\r\nma n Mi v\r\nma n Md v\r\nma n MX v\r\nma n M v\r\nma n MDD v\r\n',
      expect:
        'STORED\r\nVA 2\r\n51\r\nVA 2\r\n50\r\nVA 2\r\n51\r\nVA 2\r\n50\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\nVA 2\r\n49\r\n',
      since: '1.6.45',
      before: {
        expect:
          'STORED\r\nVA 2\r\n51\r\nVA 2\r\n50\r\nVA 2\r\n51\r\nVA 2\r\n50\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      },
    },
    {
      name: 'decrement stops at 0 and pads',
      send: 'set n 0 0 2\r\n10\r\nma n MD D1 v\r\nma n MD D100 v\r\nget n\r\n',
      expect: 'STORED\r\nVA 1\r\n9\r\nVA 1\r\n0\r\nVALUE n 0 2\r\n0 \r\nEND\r\n',
    },
    {
      name: 'increment wraps',
      send: 'set n 0 0 20\r\n18446744073709551615\r\nma n v\r\n',
      expect: 'STORED\r\nVA 1\r\n0\r\n',
    },
    {
      name: 'N makes the item, J says with what',
      send: 'ma n N5000 v t\r\nma n N5000 v\r\nma m N0 J77 v t\r\nma m N0 J77 D3 v\r\nma o N0 J18446744073709551615\r\nget n m o\r\n',
      expect:
        /^VA 1 t\d+\r\n0\r\nVA 1\r\n1\r\nVA 2 t-1\r\n77\r\nVA 2\r\n80\r\nHD\r\nVALUE n 0 1\r\n1\r\nVALUE m 0 2\r\n80\r\nVALUE o 0 20\r\n18446744073709551615\r\nEND\r\n$/,
    },
    {
      name: 'J without N',
      send: 'ma n J5 v\r\nget n\r\n',
      expect: 'NF\r\nEND\r\n',
    },
    {
      name: 'what comes back',
      send: 'set n 0 0 1\r\n5\r\nma n k Oo t c v\r\nma none k Oo t c v\r\nma bg== b k v\r\n',
      expect: /^STORED\r\nVA 1 kn Oo t-1 c\d+\r\n6\r\nNF knone Oo\r\nVA 1 kbg== b\r\n7\r\n$/,
    },
    {
      name: 'T changes the time where the number fits',
      send: 'set n 0 0 1\r\n5\r\nma n T5000 t\r\nma n t\r\nma n t T0\r\nma n t\r\n',
      expect: /^STORED\r\nHD t\d+\r\nHD t\d+\r\nHD t\d+\r\nHD t-1\r\n$/,
    },
    {
      name: 'T has no effect where the number grows',
      send: 'set n 0 0 1\r\n9\r\nma n T5000\r\nma n t v\r\n',
      expect: 'STORED\r\nHD\r\nVA 2 t-1\r\n11\r\n',
    },
    {
      name: 'q hides a success, not a miss',
      send: 'set n 0 0 1\r\n5\r\nma n q\r\nma n q v\r\nma none q\r\nmn\r\nmg n v\r\n',
      expect: 'STORED\r\nNF\r\nMN\r\nVA 1\r\n7\r\n',
    },
    {
      name: 'values that are no numbers',
      send: 'set n 0 0 1\r\nx\r\nma n\r\nma n q\r\nset n 0 0 0\r\n\r\nma n\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nSTORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
    },
    {
      name: 'C compares',
      send: 'set n 0 0 1\r\n5\r\nma n C18446744073709551615\r\nma n C0 v\r\nma n C18446744073709551615 q k\r\n',
      expect: 'STORED\r\nEX\r\nVA 1\r\n6\r\nEX kn\r\n',
    },
    {
      name: 'C that matches',
      send: [
        'set n 0 0 1\r\n5\r\nmg n c\r\n',
        (received) => `ma n C${uniqueOf(received)} v\r\nma n C${uniqueOf(received)} v\r\n`,
      ],
      expect: /^STORED\r\nHD c\d+\r\nVA 1\r\n6\r\nEX\r\n$/,
    },
    {
      name: 'E sets the unique',
      send: 'set n 0 0 1\r\n5\r\nma n E999 c v\r\nma n C999 v\r\n',
      expect: 'STORED\r\nVA 1 c999\r\n6\r\nVA 1\r\n7\r\n',
      since: '1.6.38',
    },
    {
      name: 'errors',
      send: 'ma n Dx\r\nma n Jx\r\nma n Nx\r\nma n Tx\r\nma n D-1\r\nma n D18446744073709551616\r\nma n !\r\nma n v v\r\nma n Ooooooooooooooooooooooooooooooooo\r\nma ! b\r\nma\r\nma n q Dx\r\n',
      expect:
        'CLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR invalid or duplicate flag\r\nERROR\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      },
    },
    {
      name: 'a key that is too long',
      send: `ma ${KEY_251}\r\nma ${KEY_251} q\r\n`,
      expect: 'CLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n' },
    },
    {
      name: 'flags of the other commands are taken and ignored',
      send: 'set n 0 0 1\r\n5\r\nma n s f h l u x R0 F1 I v\r\n',
      expect: 'STORED\r\nVA 1\r\n6\r\n',
      since: '1.6.38',
    },
  ],
};
