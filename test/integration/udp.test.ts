/**
 * Goal: UDP (`-U`) answers datagram for datagram as memcached does. Method: one table of datagrams and answers, sent to
 * the real memcached and to our daemon on each runtime. Every answer is waited for by a `version` behind it, so that a
 * request that gets none is seen to get none.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, installedMemcached, ourDaemons, type Server, type ServerKind } from '../conformance/driver.ts';
import { describeWith } from '../support/requirements.ts';
import { askOverUdp, frame, type Datagram } from '../support/udp.ts';

const REQUEST = 7;

/** An answer of one datagram. */
function one(data: string): Datagram {
  return { id: REQUEST, sequence: 0, total: 1, data };
}

const LARGE = 'x'.repeat(3000);

interface UdpCase {
  name: string;
  send: Buffer[];
  expect: Datagram[];
  /** What memcached does with this upsets it for all that follows; only ours is asked. */
  oursOnly?: true;
}

const CASES: UdpCase[] = [
  { name: 'set', send: [frame(REQUEST, 'set a 0 0 5\r\nhello\r\n')], expect: [one('STORED\r\n')] },
  { name: 'get', send: [frame(REQUEST, 'get a\r\n')], expect: [one('VALUE a 0 5\r\nhello\r\nEND\r\n')] },
  {
    name: 'two requests get two answers',
    send: [frame(REQUEST, 'get a\r\nget nothing\r\n')],
    expect: [one('VALUE a 0 5\r\nhello\r\nEND\r\n'), one('END\r\n')],
  },
  {
    name: 'noreply gets none',
    send: [frame(REQUEST, 'set b 0 0 1 noreply\r\n1\r\nget b\r\n')],
    expect: [one('VALUE b 0 1\r\n1\r\nEND\r\n')],
  },
  {
    name: 'a large value comes in several datagrams',
    send: [frame(REQUEST, `set large 0 0 3000\r\n${LARGE}\r\n`), frame(REQUEST, 'get large\r\n')],
    expect: [
      one('STORED\r\n'),
      { id: REQUEST, sequence: 0, total: 3, data: `VALUE large 0 3000\r\n${LARGE.slice(0, 1392 - 20)}` },
      { id: REQUEST, sequence: 1, total: 3, data: LARGE.slice(0, 1392) },
      { id: REQUEST, sequence: 2, total: 3, data: `${LARGE.slice(0, 3000 - 2 * 1392 + 20)}\r\nEND\r\n` },
    ],
  },
  { name: 'a request said to be in two datagrams', send: [frame(REQUEST, 'get a\r\n', 2)], expect: [] },
  {
    name: 'the sequence number is not looked at',
    send: [frame(REQUEST, 'get nothing\r\n', 1, 1)],
    expect: [one('END\r\n')],
  },
  { name: 'a header alone', send: [frame(REQUEST, '')], expect: [] },
  { name: 'half a header', send: [Buffer.from([0, REQUEST, 0])], expect: [] },
  { name: 'a line without an end', send: [frame(REQUEST, 'get')], expect: [] },
  { name: 'an unknown command', send: [frame(REQUEST, 'bogus\r\n')], expect: [one('ERROR\r\n')] },
  {
    name: 'the binary protocol',
    send: [frame(REQUEST, `\x80\x0a${'\0'.repeat(22)}`)],
    expect: [one(`\x81\x0a${'\0'.repeat(22)}`)],
  },
  {
    name: 'an answer is not answered',
    send: [frame(REQUEST, 'ERROR\r\nget a\r\n'), frame(REQUEST, '5\r\n'), frame(REQUEST, `\x81\x0a${'\0'.repeat(22)}`)],
    expect: [],
    oursOnly: true,
  },
  {
    name: 'a value that its datagram does not hold is not stored, and the next datagram stands for itself',
    send: [frame(REQUEST, 'set c 0 0 10\r\nabc'), frame(REQUEST, 'get c\r\n')],
    expect: [one('END\r\n')],
    oursOnly: true,
  },
  {
    name: 'a value that is too large leaves the next datagram alone',
    send: [frame(REQUEST, 'set c 0 0 2000000\r\nabc'), frame(REQUEST, 'get c\r\n')],
    expect: [one('SERVER_ERROR object too large for cache\r\n'), one('END\r\n')],
    oursOnly: true,
  },
  {
    name: 'a get of several keys is one answer, numbered through',
    send: [frame(REQUEST, 'get a large\r\n')],
    expect: [
      {
        id: REQUEST,
        sequence: 0,
        total: 3,
        data: `VALUE a 0 5\r\nhello\r\nVALUE large 0 3000\r\n${LARGE.slice(0, 1392 - 40)}`,
      },
      { id: REQUEST, sequence: 1, total: 3, data: LARGE.slice(0, 1392) },
      { id: REQUEST, sequence: 2, total: 3, data: `${LARGE.slice(0, 3000 - 2 * 1392 + 40)}\r\nEND\r\n` },
    ],
    oursOnly: true,
  },
];

function runCases(kind: ServerKind, real: boolean): void {
  describe(kind.name, () => {
    let server: Server | undefined;
    let udpPort = 0;
    beforeAll(async () => {
      udpPort = await freePort();
      server = await kind.start(['-U', String(udpPort), '-t', '1']);
    });
    afterAll(() => server?.stop());

    test.each(CASES.filter(({ oursOnly }) => !real || oursOnly === undefined))(
      '$name',
      async ({ send, expect: answers }) => {
        expect(await askOverUdp({ port: udpPort }, ...send)).toEqual(answers);
      },
    );
  });
}

describeWith(['memcached'], 'UDP of the installed memcached', () => {
  const kind = installedMemcached();
  if (kind !== undefined) runCases(kind, true);
});

for (const kind of ourDaemons()) runCases(kind, false);
