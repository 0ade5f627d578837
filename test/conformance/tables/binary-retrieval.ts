/** The binary protocol: get, touch and get-and-touch, with keys and quiet. The answers are those of memcached 1.6.45. */
import { Opcode, Status } from '../../../src/protocol/binary/opcodes.ts';
import { answer, answers, failure, request, requests, storage, words } from '../binary-packets.ts';
import { KEY_250, KEY_251, type WireTable } from '../cases.ts';

const FLAGS = 0xfedcba98;
const SET = request(Opcode.SET, { key: 'a', extras: storage(FLAGS), value: 'x\r\ny' });
const STORED = answer(Opcode.SET, { cas: true });
const HIT = { extras: words(FLAGS), value: 'x\r\ny', cas: true };
const MISSED_KEY = { status: Status.KEY_NOT_FOUND, key: 'none' };
const { GET, GETQ, GETK, GETKQ, TOUCH, GAT, GATQ, GATK, GATKQ } = Opcode;
const TTL = words(100);

function get(opcode: number, key: string, opaque = 7): Buffer {
  return request(opcode, { key, opaque });
}

function gat(opcode: number, key: string, extras = TTL): Buffer {
  return request(opcode, { key, extras, opaque: 7 });
}

function hit(opcode: number, key = ''): string {
  return answer(opcode, { ...HIT, key, opaque: 7 });
}

export const binaryRetrieval: WireTable = {
  topic: 'binary retrieval',
  needs: 'binary',
  cases: [
    { name: 'get finds', send: requests(SET, get(GET, 'a')), expect: answers(STORED, hit(GET)) },
    { name: 'getk also tells the key', send: requests(SET, get(GETK, 'a')), expect: answers(STORED, hit(GETK, 'a')) },
    {
      name: 'quiet gets answer hits',
      send: requests(SET, get(GETQ, 'a'), get(GETKQ, 'a')),
      expect: answers(STORED, hit(GETQ), hit(GETKQ, 'a')),
    },
    {
      name: 'a miss is answered with a text, or with its key',
      send: requests(request(GET, { key: 'none' }), request(GETK, { key: 'none' })),
      expect: answers(failure(GET, Status.KEY_NOT_FOUND), answer(GETK, MISSED_KEY)),
    },
    {
      name: 'quiet gets say nothing of misses',
      send: requests(get(GETQ, 'none'), get(GETKQ, 'none')),
      expect: '',
    },
    {
      name: 'touch tells the flags',
      send: requests(SET, gat(TOUCH, 'a'), request(TOUCH, { key: 'none', extras: TTL })),
      expect: answers(
        STORED,
        answer(TOUCH, { extras: words(FLAGS), cas: true, opaque: 7 }),
        failure(TOUCH, Status.KEY_NOT_FOUND),
      ),
    },
    {
      name: 'get and touch',
      send: requests(SET, gat(GAT, 'a'), gat(GATK, 'a'), gat(GATQ, 'a'), gat(GATKQ, 'a')),
      expect: answers(STORED, hit(GAT), hit(GATK, 'a'), hit(GATQ), hit(GATKQ, 'a')),
    },
    {
      name: 'get and touch misses',
      send: requests(
        request(GAT, { key: 'none', extras: TTL }),
        request(GATK, { key: 'none', extras: TTL }),
        gat(GATQ, 'none'),
        gat(GATKQ, 'none'),
      ),
      expect: answers(failure(GAT, Status.KEY_NOT_FOUND), answer(GATK, MISSED_KEY)),
    },
    {
      name: 'an exptime is unsigned: 0xffffffff is far away, 2592001 has been in 1970',
      send: requests(
        SET,
        gat(GAT, 'a', words(0xffffffff)),
        gat(GAT, 'a', words(0x80000000)),
        gat(GAT, 'a', words(2592001)),
        request(GET, { key: 'a' }),
      ),
      expect: answers(STORED, hit(GAT), hit(GAT), hit(GAT), failure(GET, Status.KEY_NOT_FOUND)),
    },
    {
      name: 'a key may hold any bytes',
      send: requests(
        request(Opcode.SET, { key: ' \r\n\0\xff', extras: storage(), value: '' }),
        request(GETK, { key: ' \r\n\0\xff' }),
      ),
      expect: answers(STORED, answer(GETK, { key: ' \r\n\0\xff', extras: words(0), cas: true })),
    },
    {
      name: 'the longest key',
      send: requests(
        request(Opcode.SET, { key: KEY_250, extras: storage(), value: 'v' }),
        request(GETK, { key: KEY_250 }),
        request(GETK, { key: `${KEY_250.slice(1)}x` }),
      ),
      expect: answers(
        STORED,
        answer(GETK, { key: KEY_250, extras: words(0), value: 'v', cas: true }),
        answer(GETK, { status: Status.KEY_NOT_FOUND, key: `${KEY_250.slice(1)}x` }),
      ),
    },
    ...[GET, GETQ, GETK, GETKQ].map((opcode) => ({
      name: `opcode ${opcode} with a key that is too long closes`,
      send: request(opcode, { key: KEY_251 }),
      expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
      closes: true,
    })),
    ...[GET, GETQ, GETK, GETKQ].flatMap((opcode) => [
      {
        name: `opcode ${opcode} without a key closes`,
        send: request(opcode),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
      {
        name: `opcode ${opcode} with extras closes`,
        send: request(opcode, { key: 'a', extras: '1234' }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
      {
        name: `opcode ${opcode} with a value closes`,
        send: request(opcode, { key: 'a', value: 'v' }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
    ]),
    ...[TOUCH, GAT, GATQ, GATK, GATKQ].flatMap((opcode) => [
      {
        name: `opcode ${opcode} without an exptime closes`,
        send: request(opcode, { key: 'a' }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
      {
        name: `opcode ${opcode} without a key closes`,
        send: request(opcode, { extras: TTL }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
    ]),
    {
      name: 'a value of a megabyte',
      send: requests(
        request(Opcode.SET, { key: 'big', extras: storage(5), value: 'b'.repeat(1_000_000) }),
        request(GETK, { key: 'big' }),
        request(GET, { key: 'none' }),
      ),
      expect: new RegExp(
        `^${STORED}\\x81\\x0c\\0\\x03\\x04\\0\\0\\0\\0\\x0f\\x42\\x47\\x01\\x02\\x03\\x04[^]{8}\\0\\0\\0\\x05bigb{1000000}${failure(GET, Status.KEY_NOT_FOUND)}$`,
      ),
    },
  ],
};
