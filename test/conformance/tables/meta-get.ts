/** mg, me and mn: every flag, misses, opaque, quiet, base64 keys. The answers are those of memcached 1.6.45. */
import { KEY_250, KEY_251 } from '../cases.ts';
import type { WireTable } from '../cases.ts';

export const metaGet: WireTable = {
  topic: 'meta-get',
  needs: 'meta',
  cases: [
    {
      name: 'a miss',
      send: 'mg a\r\nmg a v\r\nmg a v t f s k Oabc\r\n',
      expect: 'EN\r\nEN\r\nEN ka Oabc\r\n',
    },
    {
      name: 'a hit without flags',
      send: 'set a 5 0 3\r\nabc\r\nmg a\r\n',
      expect: 'STORED\r\nHD\r\n',
    },
    {
      name: 'v gives the value',
      send: 'set a 5 0 3\r\nabc\r\nmg a v\r\nset b 0 0 0\r\n\r\nmg b v\r\n',
      expect: 'STORED\r\nVA 3\r\nabc\r\nSTORED\r\nVA 0\r\n\r\n',
    },
    {
      name: 'flags come back in the order asked',
      send: 'set a 5 0 3\r\nabc\r\nmg a v s f k t Oo1 c\r\nmg a Oo1 k t f s v\r\n',
      expect: /^STORED\r\nVA 3 s3 f5 ka t-1 Oo1 c\d+\r\nabc\r\nVA 3 Oo1 ka t-1 f5 s3\r\nabc\r\n$/,
    },
    {
      name: 'c gives the unique',
      send: 'set a 5 0 3\r\nabc\r\nmg a c\r\nmg a c v\r\n',
      expect: /^STORED\r\nHD c\d+\r\nVA 3 c\d+\r\nabc\r\n$/,
    },
    {
      name: 't of an item that never expires',
      send: 'set a 0 0 1\r\n1\r\nmg a t\r\n',
      expect: 'STORED\r\nHD t-1\r\n',
    },
    {
      name: 't of an item that does',
      send: 'set a 0 5000 1\r\n1\r\nmg a t\r\n',
      expect: /^STORED\r\nHD t\d+\r\n$/,
    },
    {
      name: 'T changes the time, and t before it still tells the old one',
      send: 'set a 0 0 1\r\n1\r\nmg a t T5000\r\nmg a t\r\nmg a T0 t\r\nmg a T-1 v\r\nmg a v\r\n',
      expect: /^STORED\r\nHD t-1\r\nHD t\d+\r\nHD t-1\r\nVA 1\r\n1\r\nEN\r\n$/,
    },
    {
      name: 'h tells whether it was fetched before',
      send: 'set a 0 0 1\r\n1\r\nmg a h\r\nmg a h\r\nget a\r\nmg a h u\r\n',
      expect: 'STORED\r\nHD h0\r\nHD h1\r\nVALUE a 0 1\r\n1\r\nEND\r\nHD h1\r\n',
    },
    {
      name: 'u fetches without leaving a trace',
      send: 'set a 0 0 1\r\n1\r\nmg a u v\r\nmg a h\r\nmg a h\r\n',
      expect: 'STORED\r\nVA 1\r\n1\r\nHD h0\r\nHD h1\r\n',
    },
    {
      name: 'l is the time since the last access',
      send: 'set a 0 0 1\r\n1\r\nmg a l h t\r\n',
      expect: /^STORED\r\nHD l\d+ h0 t-1\r\n$/,
    },
    {
      name: 'q leaves a miss out, never a hit',
      send: 'mg none v q\r\nset a 0 0 1\r\n1\r\nmg a v q\r\nmn\r\nmg none k q\r\nmn\r\n',
      expect: 'STORED\r\nVA 1\r\n1\r\nMN\r\nMN\r\n',
    },
    {
      name: 'opaque and key come back on a miss too',
      send: 'mg none k Oxyz\r\nmg none Oxyz k v q\r\nmg none Oxyz\r\n',
      expect: 'EN knone Oxyz\r\nEN Oxyz\r\n',
    },
    {
      name: 'an opaque of 31 bytes and one of 32',
      send: 'mg none Oooooooooooooooooooooooooooooooo\r\nmg none Ooooooooooooooooooooooooooooooooo\r\nset a 0 0 1\r\n1\r\nmg a Oooooooooooooooooooooooooooooooo\r\nmg a Ooooooooooooooooooooooooooooooooo\r\n',
      expect:
        'EN Oooooooooooooooooooooooooooooooo\r\nCLIENT_ERROR opaque token too long\r\nSTORED\r\nHD Oooooooooooooooooooooooooooooooo\r\nCLIENT_ERROR opaque token too long\r\n',
    },
    {
      name: 'an empty opaque',
      send: 'mg none O\r\nset a 0 0 1\r\n1\r\nmg a O\r\n',
      expect: 'EN O\r\nSTORED\r\nHD O\r\n',
    },
    {
      name: 'N makes an item on a miss, W says who has to fill it',
      send: 'mg a v N5000 t\r\nmg a v N5000 t\r\nmg a v\r\nget a\r\n',
      expect: /^VA 0 t\d+ W\r\n\r\nVA 0 t\d+ Z\r\n\r\nVA 0 Z\r\n\r\nVALUE a 0 0\r\n\r\nEND\r\n$/,
    },
    {
      name: 'N leaves what is there',
      send: 'set a 0 0 1\r\n1\r\nmg a v N5000 t\r\n',
      expect: 'STORED\r\nVA 1 t-1\r\n1\r\n',
    },
    {
      name: 'N with a negative time',
      send: 'mg a N-1 v\r\nmg a v\r\n',
      expect: 'VA 0 W\r\n\r\nEN\r\n',
    },
    {
      name: 'R gives the win to one client when little time is left',
      send: 'set a 0 5000 1\r\n1\r\nmg a R1000 v\r\nmg a R100000 v\r\nmg a R100000 v\r\nmg a v\r\n',
      expect: 'STORED\r\nVA 1\r\n1\r\nVA 1 W\r\n1\r\nVA 1 Z\r\n1\r\nVA 1 Z\r\n1\r\n',
    },
    {
      name: 'R and an item that never expires',
      send: 'set a 0 0 1\r\n1\r\nmg a R100000 v\r\n',
      expect: 'STORED\r\nVA 1\r\n1\r\n',
    },
    {
      name: 'stale items: X, W once, then Z',
      send: 'set a 0 0 1\r\n1\r\nmd a I T5000\r\nmg a v t\r\nmg a v t\r\nms a 1\r\n2\r\nmg a v\r\n',
      expect: /^STORED\r\nHD\r\nVA 1 t\d+ X W\r\n1\r\nVA 1 t\d+ Z X\r\n1\r\nHD\r\nVA 1\r\n2\r\n$/,
    },
    {
      name: 'E in mg is taken and ignored',
      send: 'set a 0 0 1\r\n1\r\nmg a E5 v\r\nmg a Ex v\r\n',
      expect: 'STORED\r\nVA 1\r\n1\r\nCLIENT_ERROR bad token in command line format\r\n',
      since: '1.6.38',
    },
    {
      name: 'the flags for proxies are taken and ignored',
      send: 'set a 0 0 1\r\n1\r\nmg a P1 L2 v\r\nmg none Pabc L\r\n',
      expect: 'STORED\r\nVA 1\r\n1\r\nEN\r\n',
    },
    {
      name: 'flags of the other commands are taken and ignored, but S is none',
      send: 'set a 0 0 1\r\n1\r\nmg a S1 v\r\nmg a D5 J5 v\r\nmg a I v\r\nmg a F5 v\r\nmg a MX v\r\nmg a x v\r\nmg a C5 v\r\n',
      expect:
        'STORED\r\nCLIENT_ERROR invalid flag\r\nVA 1\r\n1\r\nVA 1\r\n1\r\nVA 1\r\n1\r\nVA 1\r\n1\r\nVA 1\r\n1\r\nVA 1\r\n1\r\n',
      since: '1.6.38',
    },
    {
      name: 'base64 keys',
      send: 'set a 0 0 1\r\n1\r\nmg YQ== b v k\r\nms YSBi 3 b\r\nabc\r\nmg YSBi b v k\r\nmd YSBi b k\r\nmg YSBi b k\r\n',
      expect: 'STORED\r\nVA 1 ka\r\n1\r\nHD\r\nVA 3 kYSBi b\r\nabc\r\nHD kYSBi b\r\nEN kYSBi b\r\n',
    },
    {
      name: 'keys that are no base64',
      send: 'mg ! b\r\nmg YQ= b v\r\nmg = b\r\nmg YQ==YQ== b k\r\nmg Y b k\r\n',
      expect:
        'CLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nEN kYQ== b\r\nCLIENT_ERROR error decoding key\r\n',
    },
    {
      name: 'b may stand anywhere among the flags',
      send: 'ms YQ== 1 b\r\n1\r\nmg YQ== v k b\r\nmg YQ== k b v\r\n',
      expect: 'HD\r\nVA 1 kYQ== b\r\n1\r\nVA 1 kYQ== b\r\n1\r\n',
    },
    {
      name: 'a key that mg vivified by base64 comes back raw',
      send: 'mg YSBi b N0 k\r\nmg YSBi b k\r\nme YSBi b\r\n',
      expect: 'HD ka b W\r\nHD ka b Z\r\nEN\r\n',
      since: '1.6.45',
      before: {
        since: '1.6.38',
        expect: /^HD ka b W\r\nHD ka b Z\r\nME a b exp=-\d+ la=\d+ cas=\d+ fetch=yes cls=\d+ size=\d+\r\n$/,
      },
      ours: {
        expect: /^HD ka b W\r\nHD ka b Z\r\nME a b exp=-\d+ la=\d+ cas=\d+ fetch=yes cls=\d+ size=\d+\r\n$/,
        why: 'me takes b, as protocol.txt says',
      },
    },
    {
      name: 'a base64 key of 250 bytes and more',
      send: 'mg ' + 'A'.repeat(248) + ' b k\r\nmg ' + 'A'.repeat(252) + ' b k\r\n',
      expect: 'EN k' + 'A'.repeat(248) + ' b\r\nCLIENT_ERROR bad command line format\r\n',
    },
    {
      name: 'a duplicate flag',
      send: 'set a 0 0 1\r\n1\r\nmg a v v\r\nmg a k v k\r\nmg none O1 O2\r\n',
      expect: 'STORED\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR duplicate flag\r\n',
    },
    {
      name: 'an unknown flag',
      send: 'mg a !\r\nmg a v W\r\nmg a Z\r\nmg a X\r\nmg a 1\r\nmg a V\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\n',
      },
    },
    {
      name: 'a flag above 127',
      send: 'mg a \x80\r\nmg a \xff\r\nmg a \x7f\r\nmg a ~\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR duplicate flag\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR invalid flag\r\n',
      },
    },
    {
      name: 'times that are no numbers',
      send: 'mg a T\r\nmg a Tx\r\nmg a N1x\r\nmg a R-\r\nmg a T99999999999999999999\r\n',
      expect:
        'CLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nEN\r\nCLIENT_ERROR bad token in command line format\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\n',
      },
    },
    {
      name: 'an error is never quiet',
      send: 'mg a q !\r\nmg a q Tx\r\nmg a q Ooooooooooooooooooooooooooooooooooooooooo\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR opaque token too long\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid flag\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR opaque token too long\r\n',
      },
    },
    {
      name: 'without a key',
      send: 'mg\r\nmg \r\nme\r\nme \r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: {
        expect: 'ERROR\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
      },
    },
    {
      name: 'keys of 250 and 251 bytes',
      send: `mg ${KEY_250} v k\r\nmg ${KEY_251} v\r\nmg ${KEY_251} q\r\nms ${KEY_250} 1\r\n1\r\nmg ${KEY_250} v k\r\n`,
      expect: `EN k${KEY_250}\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nHD\r\nVA 1 k${KEY_250}\r\n1\r\n`,
    },
    {
      name: '17 flags and 18',
      send: 'set a 0 0 1\r\n1\r\nmg a v k s t f h l O P L u q x T0 N0 R0 E1\r\nmg a v k s t f h l O P L u q x T0 N0 R0 E1 I\r\n',
      expect: /^STORED\r\nVA 1 ka s1 t-1 f0 h0 l\d+ O\r\n1\r\nVA 1 ka s1 t-1 f0 h0 l\d+ O\r\n1\r\n$/,
      since: '1.6.45',
      before: {
        since: '1.6.38',
        expect: /^STORED\r\nVA 1 ka s1 t-1 f0 h0 l\d+ O\r\n1\r\nCLIENT_ERROR options flags are too long\r\n$/,
      },
    },
    {
      name: '17 flags and 18 on a miss',
      send: 'mg a v k s t f h l O P L u x T0 R0 E1 C1 I\r\nmg a v k s t f h l O P L u x T0 R0 E1 C1 I J1\r\n',
      expect: 'EN ka O\r\nEN ka O\r\n',
      since: '1.6.45',
      before: { since: '1.6.38', expect: 'EN ka O\r\nCLIENT_ERROR options flags are too long\r\n' },
    },
    {
      name: 'mn',
      send: 'mn\r\nmn a b c\r\n mn\r\nmN\r\n',
      expect: 'MN\r\nMN\r\nERROR\r\nERROR\r\n',
      since: '1.6.45',
      before: { expect: 'MN\r\nMN\r\nMN\r\nERROR\r\n' },
      ours: { expect: 'MN\r\nMN\r\nMN\r\nERROR\r\n', why: 'spaces in front of a command are skipped' },
    },
    {
      name: 'there are no other meta commands',
      send: 'mx a\r\nm a\r\nmgg a\r\nMG a\r\nmb a\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'me of a missing item',
      send: 'me a\r\nme YQ== b\r\n',
      expect: 'EN\r\nEN\r\n',
    },
    {
      name: 'me',
      send: 'set a 0 0 1\r\n1\r\nme a\r\nget a\r\nme a\r\nset b 0 5000 1\r\n1\r\nme b\r\n',
      expect:
        /^STORED\r\nME a exp=-\d+ la=\d+ cas=\d+ fetch=no cls=\d+ size=\d+\r\nVALUE a 0 1\r\n1\r\nEND\r\nME a exp=-\d+ la=\d+ cas=\d+ fetch=yes cls=\d+ size=\d+\r\nSTORED\r\nME b exp=\d+ la=\d+ cas=\d+ fetch=no cls=\d+ size=\d+\r\n$/,
      since: '1.6.38',
    },
    {
      name: 'me of a key that is too long, and of bad base64',
      send: `me ${KEY_251}\r\nme ! b\r\n`,
      expect: 'CLIENT_ERROR bad command line format\r\nEN\r\n',
      since: '1.6.45',
      before: { expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n' },
      ours: {
        expect: 'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
        why: 'me takes b, as protocol.txt says',
      },
    },
    {
      name: 'a big value',
      send: 'set a 0 0 70000\r\n' + 'z'.repeat(70_000) + '\r\nmg a s v\r\n',
      expect: 'STORED\r\nVA 70000 s70000\r\n' + 'z'.repeat(70_000) + '\r\n',
    },
  ],
};
