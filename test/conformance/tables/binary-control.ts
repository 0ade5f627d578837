/** The binary protocol: noop, version, stat, flush, quit, what is unknown and what closes the connection. The answers are those of memcached 1.6.45. */
import { Opcode, Status } from '../../../src/protocol/binary/opcodes.ts';
import { answer, answers, failure, request, requests, rowsFrom, storage, words } from '../binary-packets.ts';
import type { WireCase, WireTable } from '../cases.ts';

const { GET, SET, FLUSH, FLUSHQ, NOOP, VERSION, QUIT, QUITQ, STAT, VERBOSITY } = Opcode;
const STORE = request(SET, { key: 'a', extras: storage(), value: 'v' });
const STORED = answer(SET, { cas: true });
const LOOK = request(GET, { key: 'a' });
const THERE = answer(GET, { extras: words(0), value: 'v', cas: true });
const GONE = failure(GET, Status.KEY_NOT_FOUND);
const UNKNOWN = 0x7f;

function closing(name: string, send: Buffer, ...expect: string[]): WireCase {
  return { name, send, expect: answers(...expect), closes: true };
}

function invalid(name: string, opcode: number, parts: Parameters<typeof request>[1]): WireCase {
  return closing(name, request(opcode, parts), failure(opcode, Status.INVALID_ARGUMENTS));
}

/** An empty packet ends the rows of a stat. */
const END_OF_ROWS = answer(STAT);

export const binaryControl: WireTable = {
  topic: 'binary control',
  needs: 'binary',
  cases: [
    {
      name: 'noop',
      send: request(NOOP, { opaque: 0x80000001 }),
      expect: answers(answer(NOOP, { opaque: 0x80000001 })),
    },
    {
      name: 'version',
      send: request(VERSION),
      expect: answers(answer(VERSION, { value: '1.6.xx' }).replace(/(\\x78){2}$/, String.raw`\d\d`)),
    },
    {
      name: 'verbosity is unknown',
      send: request(VERBOSITY),
      expect: answers(failure(VERBOSITY, Status.UNKNOWN_COMMAND)),
    },
    {
      name: 'an unknown opcode is skipped with as much as its body has',
      send: requests(request(UNKNOWN), request(0xff), request(0x40), request(UNKNOWN, { value: 'skipped' })),
      expect: answers(...[UNKNOWN, 0xff, 0x40, UNKNOWN].map((opcode) => failure(opcode, Status.UNKNOWN_COMMAND))),
    },
    {
      name: 'behind an unknown opcode extras and key are skipped a second time',
      send: Buffer.concat([request(UNKNOWN, { extras: 'ee', key: 'kkk', value: 'v' }), Buffer.from('12345')]),
      expect: answers(failure(UNKNOWN, Status.UNKNOWN_COMMAND)),
    },
    {
      name: 'flush',
      send: requests(STORE, request(FLUSH), LOOK, STORE, request(FLUSH, { extras: words(0) }), LOOK),
      expect: answers(STORED, answer(FLUSH), GONE, STORED, answer(FLUSH), GONE),
    },
    {
      name: 'a quiet flush',
      send: requests(STORE, request(FLUSHQ), LOOK, STORE, request(FLUSHQ, { extras: words(0) }), LOOK),
      expect: answers(STORED, GONE, STORED, GONE),
    },
    {
      name: 'a flush that is still to come',
      send: requests(STORE, request(FLUSH, { extras: words(1000) }), LOOK),
      expect: answers(STORED, answer(FLUSH), THERE),
    },
    {
      name: 'flush under -F',
      send: requests(request(FLUSH), request(FLUSHQ, { extras: words(5) })),
      expect: answers(failure(FLUSH, Status.AUTH_ERROR), failure(FLUSHQ, Status.AUTH_ERROR)),
      flags: ['-F'],
    },
    {
      name: 'stat',
      send: request(STAT),
      expect: answers(rowsFrom(STAT, 'pid'), END_OF_ROWS),
    },
    {
      name: 'stat sizes',
      send: request(STAT, { key: 'sizes' }),
      expect: answers(answer(STAT, { key: 'sizes_status', value: 'disabled' }), END_OF_ROWS),
    },
    {
      name: 'stat settings and whatever begins so',
      send: request(STAT, { key: 'settingsfoo' }),
      expect: answers(rowsFrom(STAT, 'maxbytes'), END_OF_ROWS),
    },
    {
      name: 'stat reset',
      send: requests(request(STAT, { key: 'reset' }), request(STAT, { key: 'resetfoo' })),
      expect: answers(END_OF_ROWS, END_OF_ROWS),
    },
    {
      name: 'stat of what there is not',
      send: requests(
        ...['foo', 'conns', 'items ', 'detail', 'detail x', 'Settings'].map((key) => request(STAT, { key })),
      ),
      expect: answers(...Array.from({ length: 6 }, () => failure(STAT, Status.KEY_NOT_FOUND))),
    },
    {
      name: 'stat detail on and off',
      send: requests(request(STAT, { key: 'detail on' }), request(STAT, { key: 'detail offx' })),
      expect: answers(END_OF_ROWS, END_OF_ROWS),
    },
    closing('quit', requests(request(QUIT), LOOK), answer(QUIT)),
    closing('a quiet quit', requests(LOOK, request(NOOP), request(QUITQ), LOOK), GONE, answer(NOOP)),
    invalid('noop with a key closes', NOOP, { key: 'k' }),
    invalid('noop with a value closes', NOOP, { value: 'v' }),
    invalid('version with extras closes', VERSION, { extras: 'ee' }),
    invalid('quit with a key closes', QUIT, { key: 'k' }),
    invalid('a quiet quit with a key closes', QUITQ, { key: 'k' }),
    invalid('flush with a key closes', FLUSH, { key: 'k' }),
    invalid('flush with eight bytes of extras closes', FLUSH, { extras: '12345678' }),
    invalid('flush with a value closes', FLUSHQ, { extras: words(0), value: 'v' }),
    invalid('stat with extras closes', STAT, { extras: 'eeee' }),
    closing(
      'a key that is longer than the body closes',
      request(GET, { key: 'abcd', bodyBytes: 2 }),
      failure(GET, Status.UNKNOWN_COMMAND),
    ),
    closing(
      'extras and key that are longer than the body close',
      request(SET, { key: 'abcd', extras: storage(), bodyBytes: 9 }),
      failure(SET, Status.UNKNOWN_COMMAND),
    ),
    closing('what is no request closes', Buffer.concat([request(NOOP), Buffer.alloc(24, 'text')]), answer(NOOP)),
    closing('an answer is no request', Buffer.concat([request(NOOP), Buffer.alloc(24, 0x81)]), answer(NOOP)),
    {
      name: 'SASL where there is none',
      send: requests(request(Opcode.SASL_LIST_MECHS), request(Opcode.SASL_AUTH, { key: 'PLAIN', value: '\0u\0p' })),
      expect: answers(
        failure(Opcode.SASL_LIST_MECHS, Status.UNKNOWN_COMMAND),
        failure(Opcode.SASL_AUTH, Status.UNKNOWN_COMMAND),
      ),
    },
    invalid('SASL without a mechanism closes', Opcode.SASL_AUTH, {}),
    invalid('a list of mechanisms with a key closes', Opcode.SASL_LIST_MECHS, { key: 'k' }),
  ],
};
