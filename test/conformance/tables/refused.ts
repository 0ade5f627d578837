/**
 * Storage commands that are refused, in every way × every command: what belongs to one is never run as commands. Each value
 * here is `flush_all`, and behind it comes the question whether an item is still there. The answers are those of memcached
 * 1.6.45, which swallows a value whose length it could read; where it could not, our daemon closes.
 */
import { KEY_251 } from '../cases.ts';
import type { WireCase, WireTable } from '../cases.ts';

const VALUE = 'flush_all';
const BYTES = VALUE.length;
const FORMAT = 'CLIENT_ERROR bad command line format\r\n';
const TOKEN = 'CLIENT_ERROR bad token in command line format\r\n';
const KEPT = 'VALUE kept 0 1\r\n1\r\nEND\r\n';
const FLUSHED = 'OK\r\nEND\r\n';
const BASE64_KEY = 'YQ==';
const OPAQUE = `O${'o'.repeat(32)}`;

const VERBS = ['set', 'add', 'replace', 'append', 'prepend', 'cas'] as const;

function send(line: string): string {
  return `set kept 0 0 1\r\n1\r\n${line}\r\n${VALUE}\r\nget kept\r\n`;
}

/** Words behind the verb; of cas with a unique. */
type Way = readonly [what: string, words: (unique: string) => string, before?: string];

/** The length can be read: the value is skipped. What memcached before 1.6.40 said, and then ran the value. */
const READABLE: readonly Way[] = [
  ['a key of 251 bytes', (unique) => `${KEY_251} 0 0 ${BYTES}${unique}`],
  ['flags that are no number', (unique) => `a x 0 ${BYTES}${unique}`],
  ['negative flags', (unique) => `a -1 0 ${BYTES}${unique}`],
  ['flags of more than 64 bits', (unique) => `a 18446744073709551616 0 ${BYTES}${unique}`],
  ['an exptime that is no number', (unique) => `a 0 x ${BYTES}${unique}`],
  ['an exptime of more than 64 bits', (unique) => `a 0 9223372036854775808 ${BYTES}${unique}`],
];

/** The length cannot be read. */
const UNREADABLE: readonly Way[] = [
  ['a key alone', () => 'a', 'ERROR\r\n'],
  ['no exptime and no length', () => 'a 0', 'ERROR\r\n'],
  ['no length', () => 'a 0 0', 'ERROR\r\n'],
  ['an empty key', () => ` 0 0 ${BYTES}`, 'ERROR\r\n'],
  ['a length that is no number', (unique) => `a 0 0 x${unique}`],
  ['a length with letters behind', (unique) => `a 0 0 ${BYTES}x${unique}`],
  ['a negative length', (unique) => `a 0 0 -1${unique}`],
  ['the shortest length that is too long', (unique) => `a 0 0 2147483646${unique}`],
  ['a length of more than 64 bits', (unique) => `a 0 0 99999999999999999999${unique}`],
];

/** Lengths that memcached before 1.6.40 still read, by strtol. */
const CUT: readonly Way[] = [
  ['a length with a plus', (unique) => `a 0 0 +${BYTES}${unique}`],
  ['a length with a tab', (unique) => `a 0 0 \t${BYTES}${unique}`],
  ['a length of more than 32 bits', (unique) => `a 0 0 4294967305${unique}`],
];

const CLOSES = { expect: `STORED\r\n${FORMAT}`, closes: true, why: 'nobody knows where the next command begins' };

function uniqueOf(verb: string): string {
  return verb === 'cas' ? ' 1' : '';
}

function readable(verb: string, [what, words]: Way): WireCase[] {
  const line = `${verb} ${words(uniqueOf(verb))}`;
  const since = { since: '1.6.45' } as const;
  return [
    {
      name: `${verb}: ${what}`,
      send: send(line),
      expect: `STORED\r\n${FORMAT}${KEPT}`,
      ...since,
      before: { expect: `STORED\r\n${FORMAT}${FLUSHED}` },
    },
    {
      name: `${verb}: ${what}, noreply`,
      send: send(`${line} noreply`),
      expect: `STORED\r\n${KEPT}`,
      ...since,
      before: { expect: `STORED\r\n${FLUSHED}` },
    },
    {
      name: `${verb}: ${what}, and other words`,
      send: send(`${line} a b c`),
      expect: `STORED\r\n${FORMAT}${KEPT}`,
      ...since,
    },
  ];
}

function unreadable(verb: string, [what, words, before = FORMAT]: Way): WireCase {
  return {
    name: `${verb}: ${what}`,
    send: send(`${verb} ${words(uniqueOf(verb))}`),
    expect: `STORED\r\n${FORMAT}${FLUSHED}`,
    since: '1.6.45',
    before: { expect: `STORED\r\n${before}${FLUSHED}` },
    ours: CLOSES,
  };
}

function cut(verb: string, [what, words]: Way): WireCase {
  const { before: _, ...wireCase } = unreadable(verb, [what, words]);
  return wireCase;
}

/** Uniques that are none. */
const UNIQUES = ['', ' x', ' -1', ' +1', ' 1x', ' 18446744073709551616', ' 00000000000000000000001', ' \t'];

function badUnique(unique: string): WireCase {
  return {
    name: `cas: the unique is ${JSON.stringify(unique)}`,
    send: send(`cas a 0 0 ${BYTES}${unique}`),
    expect: `STORED\r\n${FORMAT}${KEPT}`,
    since: '1.6.45',
  };
}

const META_READABLE: readonly [words: string, answer: string][] = [
  [`${KEY_251} ${BYTES}`, FORMAT],
  [`${KEY_251} ${BYTES} q`, FORMAT],
  [`a ${BYTES} Fx`, FORMAT],
  [`a ${BYTES} F4294967296`, FORMAT],
  [`a ${BYTES} Tx`, TOKEN],
  [`a ${BYTES} T2147483648`, TOKEN],
  [`a ${BYTES} Nx`, TOKEN],
  [`a ${BYTES} Cx`, TOKEN],
  [`a ${BYTES} E18446744073709551616`, TOKEN],
  [`a ${BYTES} D-1`, 'CLIENT_ERROR invalid numeric delta value\r\n'],
  [`a ${BYTES} J`, 'CLIENT_ERROR invalid numeric initial value\r\n'],
  [`a ${BYTES} v v`, 'CLIENT_ERROR duplicate flag\r\n'],
  [`a ${BYTES} z`, 'CLIENT_ERROR invalid flag\r\n'],
  [`a ${BYTES} q S1`, 'CLIENT_ERROR invalid flag\r\n'],
  [`a ${BYTES} MX`, 'CLIENT_ERROR invalid mode for ms M token\r\n'],
  [`a ${BYTES} M`, 'CLIENT_ERROR invalid mode for ms M token\r\n'],
  [`a ${BYTES} ${OPAQUE}`, 'CLIENT_ERROR opaque token too long\r\n'],
  [`a ${BYTES} q ${OPAQUE}`, 'CLIENT_ERROR opaque token too long\r\n'],
  [`! ${BYTES} b`, 'CLIENT_ERROR error decoding key\r\n'],
  [`${BASE64_KEY} ${BYTES} b b`, 'CLIENT_ERROR duplicate flag\r\n'],
  [`${BASE64_KEY} ${BYTES} b MX`, 'CLIENT_ERROR invalid mode for ms M token\r\n'],
  [`a ${BYTES} k s t f c h l O P L u x T0 R0 v C1 N0 I`, 'CLIENT_ERROR options flags are too long\r\n'],
];

/** Flags that begin with what no flag begins with: memcached then reads no length either. */
const META_ODD = [`a ${BYTES} !`, `a ${BYTES} \x80`, `a ${BYTES} v ~`, `${BASE64_KEY} ${BYTES} b {`];

const META_UNREADABLE = [
  'a',
  'a x',
  'a -1',
  'a +9',
  'a 9x',
  'a 2147483646',
  'a 4294967305',
  `${BASE64_KEY} x b`,
  'a v',
];

function metaReadable([words, answer]: (typeof META_READABLE)[number]): WireCase {
  return { name: `ms ${words}`, send: send(`ms ${words}`), expect: `STORED\r\n${answer}${KEPT}`, since: '1.6.45' };
}

function metaOdd(words: string): WireCase {
  return {
    name: `ms ${words}`,
    send: send(`ms ${words}`),
    expect: `STORED\r\n${FORMAT}${FLUSHED}`,
    since: '1.6.45',
    ours: { expect: `STORED\r\n${FORMAT}${KEPT}`, why: 'the length can be read' },
  };
}

function metaUnreadable(words: string): WireCase {
  return {
    name: `ms ${words}`,
    send: send(`ms ${words}`),
    expect: `STORED\r\n${FORMAT}${FLUSHED}`,
    since: '1.6.45',
    ours: CLOSES,
  };
}

export const refused: WireTable = {
  topic: 'refused values',
  cases: [
    ...VERBS.flatMap((verb) => READABLE.flatMap((way) => readable(verb, way))),
    ...VERBS.flatMap((verb) => UNREADABLE.map((way) => unreadable(verb, way))),
    ...VERBS.flatMap((verb) => CUT.map((way) => cut(verb, way))),
    ...UNIQUES.map(badUnique),
    ...META_READABLE.map(metaReadable),
    ...META_ODD.map(metaOdd),
    ...META_UNREADABLE.map(metaUnreadable),
    {
      name: 'a name alone announces nothing',
      send: [...VERBS, 'ms'].map((verb) => `${verb}\r\n`).join(''),
      expect: FORMAT.repeat(VERBS.length + 1),
      since: '1.6.45',
    },
    {
      name: 'a value that is too large is skipped, and one of a word too many is a value',
      send: `set kept 0 0 1\r\n1\r\nset a 0 0 2000000\r\n${`${VALUE}\r\n`.repeat(200_000).slice(0, 2_000_000)}\r\nset b 0 0 ${BYTES} a b c d\r\n${VALUE}\r\nget kept b\r\n`,
      expect: `STORED\r\nSERVER_ERROR object too large for cache\r\nSTORED\r\nVALUE kept 0 1\r\n1\r\nVALUE b 0 9\r\n${VALUE}\r\nEND\r\n`,
      since: '1.6.45',
      feed: 'whole',
    },
  ],
};
