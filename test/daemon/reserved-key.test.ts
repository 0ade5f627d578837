/**
 * Goal: nobody puts a list of servers of their own in front of the fleet's configuration. Method: every way in which a
 * client could make an item, with the key under which auto-discovery clients ask, before and after there is a
 * configuration; and an item that is there all the same, planted in the store.
 */
import { describe, expect, test } from 'vitest';
import { Opcode, Status } from '../../src/protocol/binary/opcodes.ts';
import { LEGACY_CONFIG_KEY } from '../../src/daemon/cluster-config.ts';
import type { Server } from '../../src/daemon/server.ts';
import { answer, answers, arithmetic, failure, request, storage, words } from '../conformance/binary-packets.ts';
import { startMemoryServer, stat } from './support/memory-server.ts';

const KEY = LEGACY_CONFIG_KEY;
const BASE64_KEY = Buffer.from(KEY).toString('base64');
const FORGED = '9\nevil|10.6.6.6|11211\n';
const PAYLOAD = '7\nn1|10.0.0.1|11211\n';
const REFUSED = 'CLIENT_ERROR config set needs the token of this fleet\r\n';

/** What must come back. Where it is not a refusal, the command found no item, which is as good. */
const TEXT: readonly [sent: string, answer: string][] = [
  ...['set', 'add', 'replace', 'append', 'prepend'].map((verb): [string, string] => [
    `${verb} ${KEY} 0 0 ${FORGED.length}\r\n${FORGED}\r\n`,
    REFUSED,
  ]),
  [`cas ${KEY} 0 0 ${FORGED.length} 1\r\n${FORGED}\r\n`, REFUSED],
  [`set ${KEY} 0 0 ${FORGED.length} noreply\r\n${FORGED}\r\n`, ''],
  [`ms ${KEY} ${FORGED.length}\r\n${FORGED}\r\n`, REFUSED],
  [`ms ${KEY} ${FORGED.length} q\r\n${FORGED}\r\n`, REFUSED],
  [`ms ${BASE64_KEY} ${FORGED.length} b\r\n${FORGED}\r\n`, REFUSED],
  ...['E', 'A', 'P', 'R'].map((mode): [string, string] => [
    `ms ${KEY} ${FORGED.length} M${mode} N0\r\n${FORGED}\r\n`,
    REFUSED,
  ]),
  [`ma ${KEY} N0 J7\r\n`, REFUSED],
  [`ma ${BASE64_KEY} b N0 J7\r\n`, REFUSED],
  [`ma ${KEY}\r\n`, 'NF\r\n'],
  [`md ${KEY} x\r\n`, 'NF\r\n'],
  [`md ${KEY} I T30\r\n`, 'NF\r\n'],
  [`incr ${KEY} 1\r\n`, 'NOT_FOUND\r\n'],
  [`decr ${KEY} 1\r\n`, 'NOT_FOUND\r\n'],
  [`touch ${KEY} 30\r\n`, 'NOT_FOUND\r\n'],
  [`delete ${KEY}\r\n`, 'NOT_FOUND\r\n'],
];

const STORES = [Opcode.SET, Opcode.ADD, Opcode.REPLACE, Opcode.SETQ, Opcode.ADDQ, Opcode.REPLACEQ] as const;
const EXTENSIONS = [Opcode.APPEND, Opcode.PREPEND, Opcode.APPENDQ, Opcode.PREPENDQ] as const;
const COUNTS = [Opcode.INCREMENT, Opcode.DECREMENT, Opcode.INCREMENTQ, Opcode.DECREMENTQ] as const;

const BINARY: readonly [opcode: Opcode, sent: Buffer, status: Status][] = [
  ...STORES.map((opcode): [Opcode, Buffer, Status] => [
    opcode,
    request(opcode, { key: KEY, extras: storage(), value: FORGED }),
    Status.AUTH_ERROR,
  ]),
  ...EXTENSIONS.map((opcode): [Opcode, Buffer, Status] => [
    opcode,
    request(opcode, { key: KEY, value: FORGED }),
    Status.AUTH_ERROR,
  ]),
  ...COUNTS.map((opcode): [Opcode, Buffer, Status] => [
    opcode,
    request(opcode, { key: KEY, extras: arithmetic(1n, 7n, 0) }),
    Status.AUTH_ERROR,
  ]),
  [Opcode.TOUCH, request(Opcode.TOUCH, { key: KEY, extras: words(30) }), Status.KEY_NOT_FOUND],
  [Opcode.DELETE, request(Opcode.DELETE, { key: KEY }), Status.KEY_NOT_FOUND],
];

/** An item with the reserved key, by a way that no client has. */
function plant(server: Server): void {
  const { store } = server.engine;
  const key = Buffer.from(KEY);
  const hash = store.index.hash(key, 0, key.length);
  const ref = store.allocate(key, 0, key.length, 0, 0, 0, hash);
  store.link(ref, hash, store.find(key, 0, key.length, hash));
}

describe.each([
  ['before there is a configuration', ''],
  ['behind a configuration', PAYLOAD],
])('%s', (_, payload) => {
  test.each(TEXT)('%j makes no item', async (sent, expected) => {
    const { connect, server } = await startMemoryServer();
    if (payload !== '') server.clusterConfig.set(payload);
    const socket = connect();
    expect(socket.ask(`${sent}mn\r\n`)).toBe(`${expected}MN\r\n`);
    expect(stat(connect(), 'curr_items')).toBe(0);
    expect(socket.ask(`get ${KEY}\r\n`)).not.toContain('evil');
  });

  test.each(BINARY)('opcode %i makes no item', async (opcode, sent, status) => {
    const { connect, server } = await startMemoryServer();
    if (payload !== '') server.clusterConfig.set(payload);
    expect(connect().ask(sent)).toMatch(answers(failure(opcode, status)));
    expect(stat(connect(), 'curr_items')).toBe(0);
  });

  test('mg that would make an item finds nothing, or the configuration', async () => {
    const { connect, server } = await startMemoryServer();
    if (payload !== '') server.clusterConfig.set(payload);
    const found = payload === '' ? 'EN\r\n' : `VA ${payload.length}\r\n${payload}\r\n`;
    expect(connect().ask(`mg ${KEY} v N30\r\n`)).toBe(found);
    expect(stat(connect(), 'curr_items')).toBe(0);
  });
});

test('keys of the same length, and the reserved one in another case, are keys like any other', async () => {
  const { connect } = await startMemoryServer();
  const socket = connect();
  for (const key of [KEY.toLowerCase(), 'x'.repeat(KEY.length), `${KEY}1`]) {
    expect(socket.ask(`set ${key} 0 0 1\r\n1\r\nget ${key}\r\n`)).toBe(`STORED\r\nVALUE ${key} 0 1\r\n1\r\nEND\r\n`);
  }
});

test('an item that is there all the same never stands before the configuration', async () => {
  const { connect, server } = await startMemoryServer();
  plant(server);
  expect(stat(connect(), 'curr_items')).toBe(1);
  const text = connect();
  const binary = connect();
  const value = `VALUE ${KEY} 0 ${PAYLOAD.length}\r\n${PAYLOAD}\r\nEND\r\n`;
  for (const ask of [`get ${KEY}\r\n`, `gets ${KEY}\r\n`, `gat 0 ${KEY}\r\n`, `gats 0 ${KEY}\r\n`]) {
    expect(text.ask(ask)).toBe('END\r\n');
  }
  expect(text.ask(`mg ${KEY} v\r\n`)).toBe('EN\r\n');
  server.clusterConfig.set(PAYLOAD);
  for (const ask of [`get ${KEY}\r\n`, `gets ${KEY}\r\n`, `gat 0 ${KEY}\r\n`, `gats 0 ${KEY}\r\n`]) {
    expect(text.ask(ask)).toBe(value);
  }
  expect(text.ask(`mg ${KEY} s v t f c Oabc k\r\n`)).toBe(
    `VA ${PAYLOAD.length} s${PAYLOAD.length} t-1 f0 c0 Oabc k${KEY}\r\n${PAYLOAD}\r\n`,
  );
  expect(text.ask(`mg ${BASE64_KEY} b k\r\n`)).toBe(`HD k${BASE64_KEY} b\r\n`);
  const told = { extras: words(0), value: PAYLOAD };
  expect(binary.ask(request(Opcode.GET, { key: KEY }))).toMatch(answers(answer(Opcode.GET, told)));
  expect(binary.ask(request(Opcode.GETKQ, { key: KEY }))).toMatch(answers(answer(Opcode.GETKQ, { ...told, key: KEY })));
  const gat = request(Opcode.GATK, { key: KEY, extras: words(0) });
  expect(binary.ask(gat)).toMatch(answers(answer(Opcode.GATK, { ...told, key: KEY })));
});
