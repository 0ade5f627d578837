/** The binary protocol: set, add, replace, append, prepend, delete, incr and decr, with their CAS. The answers are those of memcached 1.6.45. */
import { Opcode, Status } from '../../../src/protocol/binary/opcodes.ts';
import {
  answer,
  answers,
  arithmetic,
  failure,
  lastCas,
  number,
  request,
  requests,
  storage,
  words,
} from '../binary-packets.ts';
import { KEY_251, type WireTable } from '../cases.ts';

const { GET, SET, ADD, REPLACE, APPEND, PREPEND, DELETE, INCREMENT, DECREMENT } = Opcode;
const { SETQ, ADDQ, REPLACEQ, APPENDQ, PREPENDQ, DELETEQ, INCREMENTQ, DECREMENTQ } = Opcode;
const WRONG = 0xffff_ffff_ffff_fff0n;
const NEVER = 0xffff_ffff;

function store(opcode: number, key: string, value: string, cas = 0n): Buffer {
  return request(opcode, { key, extras: storage(1), value, cas });
}

function extend(opcode: number, key: string, value: string, cas = 0n): Buffer {
  return request(opcode, { key, value, cas });
}

function count(opcode: number, key: string, delta: bigint, initial = 0n, exptime = NEVER, cas = 0n): Buffer {
  return request(opcode, { key, extras: arithmetic(delta, initial, exptime), cas });
}

function get(key: string): Buffer {
  return request(GET, { key });
}

function found(value: string, flags = 1): string {
  return answer(GET, { extras: words(flags), value, cas: true });
}

function done(opcode: number): string {
  return answer(opcode, { cas: true });
}

function counted(opcode: number, value: bigint): string {
  return answer(opcode, { value: number(value), cas: true });
}

const NOT_THERE = failure(GET, Status.KEY_NOT_FOUND);

export const binaryStorage: WireTable = {
  topic: 'binary storage',
  needs: 'binary',
  cases: [
    {
      name: 'set, add and replace of what is there and what is not',
      send: requests(
        store(SET, 'a', 'one'),
        store(SET, 'a', 'two'),
        store(ADD, 'a', 'no'),
        store(ADD, 'b', 'three'),
        store(REPLACE, 'b', 'four'),
        store(REPLACE, 'none', 'no'),
        get('a'),
        get('b'),
        get('none'),
      ),
      expect: answers(
        done(SET),
        done(SET),
        failure(ADD, Status.KEY_EXISTS),
        done(ADD),
        done(REPLACE),
        failure(REPLACE, Status.KEY_NOT_FOUND),
        found('two'),
        found('four'),
        NOT_THERE,
      ),
    },
    {
      name: 'quiet storage answers only what failed',
      send: requests(
        store(SETQ, 'a', 'one'),
        store(ADDQ, 'a', 'no'),
        store(ADDQ, 'b', 'two'),
        store(REPLACEQ, 'b', 'three'),
        store(REPLACEQ, 'none', 'no'),
        extend(APPENDQ, 'a', '>'),
        extend(PREPENDQ, 'a', '<'),
        extend(APPENDQ, 'none', '>'),
        extend(PREPENDQ, 'none', '<'),
        get('a'),
        get('b'),
      ),
      expect: answers(
        failure(ADDQ, Status.KEY_EXISTS),
        failure(REPLACEQ, Status.KEY_NOT_FOUND),
        failure(APPENDQ, Status.NOT_STORED),
        failure(PREPENDQ, Status.NOT_STORED),
        found('<one>'),
        found('three'),
      ),
    },
    {
      name: 'a CAS that is not the item’s',
      send: requests(
        store(SET, 'a', 'one'),
        store(SET, 'a', 'no', WRONG),
        store(ADD, 'a', 'no', WRONG),
        store(REPLACE, 'a', 'no', WRONG),
        extend(APPEND, 'a', 'no', WRONG),
        extend(PREPEND, 'a', 'no', WRONG),
        request(DELETE, { key: 'a', cas: WRONG }),
        store(SETQ, 'a', 'no', WRONG),
        request(DELETEQ, { key: 'a', cas: WRONG }),
        get('a'),
      ),
      expect: answers(
        done(SET),
        ...[SET, ADD, REPLACE, APPEND, PREPEND, DELETE, SETQ, DELETEQ].map((opcode) =>
          failure(opcode, Status.KEY_EXISTS),
        ),
        found('one'),
      ),
    },
    {
      name: 'a CAS where nothing is',
      send: requests(
        store(SET, 'none', 'no', WRONG),
        store(ADD, 'none', 'no', WRONG),
        store(REPLACE, 'none', 'no', WRONG),
        extend(APPEND, 'none', 'no', WRONG),
        extend(PREPEND, 'none', 'no', WRONG),
        request(DELETE, { key: 'none', cas: WRONG }),
        get('none'),
      ),
      expect: answers(
        ...[SET, ADD, REPLACE].map((opcode) => failure(opcode, Status.KEY_NOT_FOUND)),
        failure(APPEND, Status.NOT_STORED),
        failure(PREPEND, Status.NOT_STORED),
        failure(DELETE, Status.KEY_NOT_FOUND),
        NOT_THERE,
      ),
    },
    ...[SET, ADD, REPLACE].map((opcode) => ({
      name: `opcode ${opcode} with the item’s CAS stores once`,
      send: [
        store(SET, 'a', 'one'),
        (received: string) => store(opcode, 'a', 'two', lastCas(received)).toString('latin1'),
        (received: string) =>
          requests(store(opcode, 'a', 'three', lastCas(received.slice(0, 24))), get('a')).toString('latin1'),
      ],
      expect: answers(done(SET), done(opcode), failure(opcode, Status.KEY_EXISTS), found('two')),
    })),
    ...[APPEND, PREPEND].map((opcode) => ({
      name: `opcode ${opcode} with the item’s CAS extends once`,
      send: [
        store(SET, 'a', 'one'),
        (received: string) => extend(opcode, 'a', '-', lastCas(received)).toString('latin1'),
        (received: string) =>
          requests(extend(opcode, 'a', '-', lastCas(received.slice(0, 24))), get('a')).toString('latin1'),
      ],
      expect: answers(
        done(SET),
        done(opcode),
        failure(opcode, Status.KEY_EXISTS),
        found(opcode === APPEND ? 'one-' : '-one'),
      ),
    })),
    {
      name: 'delete with the item’s CAS',
      send: [
        store(SET, 'a', 'one'),
        (received) => requests(request(DELETE, { key: 'a', cas: lastCas(received) }), get('a')).toString('latin1'),
      ],
      expect: answers(done(SET), answer(DELETE), NOT_THERE),
    },
    {
      name: 'delete',
      send: requests(
        store(SET, 'a', 'one'),
        request(DELETE, { key: 'a' }),
        request(DELETE, { key: 'a' }),
        store(SET, 'a', 'one'),
        request(DELETEQ, { key: 'a' }),
        request(DELETEQ, { key: 'a' }),
      ),
      expect: answers(
        done(SET),
        answer(DELETE),
        failure(DELETE, Status.KEY_NOT_FOUND),
        done(SET),
        failure(DELETEQ, Status.KEY_NOT_FOUND),
      ),
    },
    {
      name: 'append and prepend keep flags, and take nothing as well',
      send: requests(
        request(SET, { key: 'a', extras: storage(9), value: '' }),
        extend(APPEND, 'a', 'b'),
        extend(PREPEND, 'a', 'a'),
        extend(APPEND, 'a', ''),
        get('a'),
      ),
      expect: answers(done(SET), done(APPEND), done(PREPEND), done(APPEND), found('ab', 9)),
    },
    {
      name: 'incr and decr make an item, then count',
      send: requests(
        count(INCREMENT, 'n', 5n, 10n, 0),
        count(INCREMENT, 'n', 5n, 10n, 0),
        count(DECREMENT, 'n', 1n),
        count(DECREMENT, 'm', 5n, 7n, 100),
        count(DECREMENT, 'm', 100n),
        get('n'),
        get('m'),
      ),
      expect: answers(
        counted(INCREMENT, 10n),
        counted(INCREMENT, 15n),
        counted(DECREMENT, 14n),
        counted(DECREMENT, 7n),
        counted(DECREMENT, 0n),
        found('14', 0),
        found('0', 0),
      ),
    },
    {
      name: 'an exptime of 0xffffffff makes no item',
      send: requests(count(INCREMENT, 'n', 1n, 5n), count(DECREMENTQ, 'n', 1n, 5n), get('n')),
      expect: answers(failure(INCREMENT, Status.KEY_NOT_FOUND), failure(DECREMENTQ, Status.KEY_NOT_FOUND), NOT_THERE),
    },
    {
      name: 'a new number may expire at once',
      send: requests(count(INCREMENT, 'n', 1n, 5n, 2592001), get('n')),
      expect: answers(counted(INCREMENT, 5n), NOT_THERE),
    },
    {
      name: 'quiet arithmetic answers only what failed',
      send: requests(
        count(INCREMENTQ, 'n', 5n, 10n, 0),
        count(INCREMENTQ, 'n', 5n),
        count(DECREMENTQ, 'n', 1n),
        store(SETQ, 'text', 'abc'),
        count(INCREMENTQ, 'text', 1n),
        get('n'),
      ),
      expect: answers(failure(INCREMENTQ, Status.NOT_A_NUMBER), found('14', 0)),
    },
    {
      name: '64 bits: incr wraps, decr stops at nothing, initial values are unsigned',
      send: requests(
        count(INCREMENT, 'n', 0n, 2n ** 64n - 1n, 0),
        count(INCREMENT, 'n', 2n),
        count(INCREMENT, 'n', 2n ** 64n - 1n),
        count(DECREMENT, 'n', 2n ** 63n),
        count(INCREMENT, 'n', 2n ** 40n + 1n),
      ),
      expect: answers(
        counted(INCREMENT, 2n ** 64n - 1n),
        counted(INCREMENT, 1n),
        counted(INCREMENT, 0n),
        counted(DECREMENT, 0n),
        counted(INCREMENT, 2n ** 40n + 1n),
      ),
    },
    {
      name: 'arithmetic on what is no number',
      send: requests(
        store(SET, 'text', 'abc'),
        count(INCREMENT, 'text', 1n),
        count(DECREMENT, 'text', 1n, 5n, 0),
        store(SET, 'empty', ''),
        count(INCREMENT, 'empty', 1n),
        count(INCREMENT, 'empty', 1n, 0n, NEVER, WRONG),
      ),
      expect: answers(
        done(SET),
        failure(INCREMENT, Status.NOT_A_NUMBER),
        failure(DECREMENT, Status.NOT_A_NUMBER),
        done(SET),
        failure(INCREMENT, Status.NOT_A_NUMBER),
        failure(INCREMENT, Status.NOT_A_NUMBER),
      ),
    },
    {
      name: 'arithmetic with a CAS',
      send: [
        count(INCREMENT, 'n', 1n, 5n, 0, WRONG),
        count(INCREMENT, 'n', 1n, 0n, NEVER, WRONG),
        store(SET, 'n', '7'),
        (received) => count(INCREMENT, 'n', 1n, 0n, NEVER, lastCas(received)).toString('latin1'),
      ],
      expect: answers(counted(INCREMENT, 5n), failure(INCREMENT, Status.KEY_EXISTS), done(SET), counted(INCREMENT, 8n)),
    },
    {
      name: 'a value that is too large is skipped, and set forgets the old one',
      send: requests(
        store(SET, 'a', 'one'),
        store(ADD, 'a', 'x'.repeat(1_048_576)),
        extend(APPEND, 'a', 'x'.repeat(1_048_576)),
        get('a'),
        store(SETQ, 'a', 'x'.repeat(1_048_576)),
        get('a'),
      ),
      expect: answers(
        done(SET),
        failure(ADD, Status.TOO_LARGE),
        failure(APPEND, Status.TOO_LARGE),
        found('one'),
        failure(SETQ, Status.TOO_LARGE),
        NOT_THERE,
      ),
    },
    ...[SET, ADDQ, REPLACE].flatMap((opcode) => [
      {
        name: `opcode ${opcode} without extras closes`,
        send: request(opcode, { key: 'a', value: 'v' }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
      {
        name: `opcode ${opcode} without a key closes`,
        send: request(opcode, { extras: storage(), value: 'v' }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
      {
        name: `opcode ${opcode} with a key that is too long closes`,
        send: request(opcode, { key: KEY_251, extras: storage() }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
    ]),
    ...[APPEND, PREPENDQ, DELETE, DELETEQ].map((opcode) => ({
      name: `opcode ${opcode} with extras closes`,
      send: request(opcode, { key: 'a', extras: '1234' }),
      expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
      closes: true,
    })),
    ...[INCREMENT, DECREMENTQ].flatMap((opcode) => [
      {
        name: `opcode ${opcode} with a value closes`,
        send: request(opcode, { key: 'n', extras: arithmetic(1n, 1n, 0), value: 'v' }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
      {
        name: `opcode ${opcode} with short extras closes`,
        send: request(opcode, { key: 'n', extras: number(1n) }),
        expect: answers(failure(opcode, Status.INVALID_ARGUMENTS)),
        closes: true,
      },
    ]),
  ],
};
