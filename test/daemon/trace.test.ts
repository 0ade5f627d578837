/** What `-vv` prints. The lines are those of memcached 1.6.45 after the same requests, with its descriptor for our number. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request, requests, storage } from '../conformance/binary-packets.ts';
import type { Settings } from '../../src/daemon/settings.ts';
import { startMemoryServer, type MemoryServer } from './support/memory-server.ts';

/** What is printed of one connection that sends this, from its first command on. */
async function printed(send: string | Buffer, settings: Partial<Settings> = {}): Promise<string[]> {
  const { connect, lines } = await startMemoryServer({ verbosity: 2, ...settings });
  const socket = connect();
  const from = lines.length;
  socket.send(send);
  return lines.slice(from).map((line) => line.replace(/^([<>]?)2/, '$1N'));
}

test('memcached says its classes, where it listens, who comes and what is asked', async () => {
  const { connect, lines } = await startMemoryServer({ verbosity: 2 });
  const socket = connect();
  socket.send('get a\r\nquit\r\n');
  expect(lines[0]).toMatch(/^slab class {3}1: chunk size {8}\d\d perslab {4}\d{3,4}$/);
  expect(lines.filter((line) => !line.startsWith('slab class'))).toEqual([
    '<1 server listening (auto-negotiate)',
    '<2 new auto-negotiating client connection',
    '2: Client using the ascii protocol',
    '<2 get a',
    '>2 END',
    '<2 quit',
  ]);
});

describe('the text protocol', () => {
  test.each<[string, string[]]>([
    ['set a 1 0 3\r\nabc\r\nget a b\r\n', ['<N set a 1 0 3', '>N STORED', '<N get a b', '>N sending key a', '>N END']],
    ['incr a 1\r\nversion\r\n', ['<N incr a 1', '>N NOT_FOUND', '<N version', '>N VERSION 1.6.45']],
    ['bogus\r\n', ['<N no command, 5 bytes', '>N ERROR']],
    [
      'set a 0 0 3\r\nabcdefg\r\n',
      ['<N set a 0 0 3', '>N CLIENT_ERROR bad data chunk', '<N no command, 2 bytes', '>N ERROR'],
    ],
    ['stats conns\r\n', ['<N stats conns']],
    ['ms m 3 T0\r\nabc\r\nmg m v\r\nmg z\r\nmn\r\n', ['<N ms m 3 T0', '<N mg m v', '<N mg z', '<N mn', '>N MN']],
  ])('%j', async (send, lines) => {
    expect((await printed(send)).slice(1)).toEqual(lines);
  });

  test('a value of many lines and of many reads is not taken for commands', async () => {
    const { connect, lines } = await startMemoryServer({ verbosity: 2 });
    const socket = connect();
    const from = lines.length + 1;
    for (const part of ['set a 0 0 13\r\nget', ' b\r\n', 'END\r\n', 'x\r\nget a\r\n']) socket.send(part);
    expect(lines.slice(from)).toEqual(['<2 set a 0 0 13', '>2 STORED', '<2 get a', '>2 sending key a', '>2 END']);
  });

  test('values that are sent by themselves are told of, but not what they are', async () => {
    const { connect, lines } = await startMemoryServer({ verbosity: 2 });
    const socket = connect();
    socket.send(`set a 0 0 500000\r\n${'x'.repeat(500_000)}\r\n`);
    const from = lines.length;
    socket.send('get a a\r\n');
    expect(lines.slice(from)).toEqual(['<2 get a a', '>2 sending key a', '>2 sending key a', '>2 END']);
  });

  test("neither the fleet's token nor what could move a terminal's cursor is printed", async () => {
    const lines = await printed('config set cluster 0 1 the-token\r\n1\r\nget a\u001b[2Jb\r\n');
    expect(lines.join('\n')).not.toContain('the-token');
    expect(lines).toContain('<N config set');
    expect(lines).toContain('<N get a?[2Jb');
  });

  test('nothing of a login is printed, and everything behind it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trace-test-'));
    const authFile = join(folder, 'users');
    writeFileSync(authFile, 'user:secret\n');
    try {
      const lines = await printed('set a 0 0 11\r\nuser secret\r\nget a\r\n', { authFile, protocol: 'ascii' });
      expect(lines).toEqual(['>N STORED', '<N get a', '>N END']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('goes on and off at run time', async () => {
    const lines = await printed('version\r\nverbosity 2\r\n', { verbosity: 0 });
    expect(lines).toEqual([]);
    const { connect, lines: later } = await startMemoryServer();
    const socket = connect();
    socket.ask('verbosity 2\r\n');
    socket.ask('get a\r\n');
    socket.ask('verbosity 0\r\n');
    socket.ask('get b\r\n');
    expect(later).toEqual(['<2 get a', '>2 END', '<2 verbosity 0', '>2 OK']);
  });
});

/** What would be shown of a connection that sends this, cut before byte `cut`; if that is 1, before every byte. */
function shownOf({ connect, lines, clock }: MemoryServer, send: Buffer, cut: number): string {
  lines.length = 0;
  const socket = connect();
  const pieces = cut === 1 ? [...send].map((byte) => Buffer.of(byte)) : [send.subarray(0, cut), send.subarray(cut)];
  for (const piece of pieces) if (piece.length > 0 && !socket.destroyed) socket.send(piece);
  // A refused login is answered late.
  clock.advance(10_000);
  socket.close();
  const text = lines.join('\n');
  // The bytes of dumps, too.
  return (
    text + Buffer.from([...text.matchAll(/0x([0-9a-f]{2})/g)].map(([, hex]) => Number(`0x${hex}`))).toString('latin1')
  );
}

const TOKEN = 'the-token';
const PASSWORD = 's3cr3t-word';
const LOGIN = `user ${PASSWORD}`;
/** SASL's message with the name and the password. */
const PLAIN = `\0user\0${PASSWORD}`;

function login(value: string): Buffer {
  return request(Opcode.SASL_AUTH, { key: 'PLAIN', value: Buffer.from(value, 'latin1') });
}

/** A packet whose header tells of another length than its body has. */
function short(packet: Buffer, by: number): Buffer {
  const copy = Buffer.from(packet);
  copy.writeUInt32BE(copy.readUInt32BE(8) - by, 8);
  return copy;
}

/** So much of a secret is one. */
const PARTS = [TOKEN, PASSWORD].flatMap((secret) =>
  Array.from({ length: secret.length - 4 }, (_, at) => secret.slice(at, at + 5)),
);

describe('secrets', () => {
  let folder = '';
  let users = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'trace-test-'));
    users = join(folder, 'users');
    writeFileSync(users, `user:${PASSWORD}\n`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const ascii = (): Partial<Settings> => ({ authFile: users, protocol: 'ascii' });
  const sasl = (): Partial<Settings> => ({ saslEnabled: true, saslPasswordFile: users, protocol: 'binary' });
  test.each<[string, string | (() => Buffer), () => Partial<Settings>]>([
    ['a configuration', `config set cluster 0 1 ${TOKEN}\r\n1\r\n`, () => ({})],
    ['with a space in front', ` config set cluster 0 1 ${TOKEN}\r\n1\r\n`, () => ({})],
    ['with spaces between', `  config   set  cluster 0  1   ${TOKEN}  \r\n1\r\n`, () => ({})],
    ['with tabs', `config\tset\tcluster\t0\t1\t${TOKEN}\r\n1\r\n`, () => ({})],
    ['with a NUL', `config\0set cluster 0 1 ${TOKEN}\r\n`, () => ({})],
    ['in capitals', `CONFIG SET cluster 0 1 ${TOKEN}\r\n1\r\n`, () => ({})],
    ['misspelled', `confg set cluster 0 1 ${TOKEN}\r\nxconfig set ${TOKEN}\r\n`, () => ({})],
    ['without a length', `config set cluster ${TOKEN}\r\nconfig set cluster 0 x ${TOKEN}\r\n`, () => ({})],
    ['asked for', `config get ${TOKEN}\r\nconfig get cluster ${TOKEN}\r\nconfig get x set ${TOKEN}\r\n`, () => ({})],
    [
      'as anything else',
      `get ${TOKEN}\r\nmg ${TOKEN} v\r\nset ${TOKEN} 0 0 1\r\n1\r\nverbosity ${TOKEN}\r\n`,
      () => ({}),
    ],
    ['a wrong one', `config set cluster 0 1 ${PASSWORD}\r\n1\r\n config set cluster 0 x ${PASSWORD}\r\n`, () => ({})],
    ['a key of the binary protocol', () => request(Opcode.GET, { key: TOKEN }), () => ({})],
    ['a value of the binary protocol', () => request(Opcode.CONFIG_SET, { key: 'cluster', value: TOKEN }), () => ({})],
    ['a login', `set auth 0 0 ${LOGIN.length}\r\n${LOGIN}\r\nget a\r\n`, ascii],
    ['a wrong login', `set auth 0 0 ${LOGIN.length + 1}\r\n${LOGIN}x\r\nget a\r\n`, ascii],
    ['a login of too few bytes', `set auth 0 0 7\r\n${LOGIN}\r\nget a\r\n`, ascii],
    ['a login without a length', `set auth 0 0 x\r\n${LOGIN}\r\nget a\r\n`, ascii],
    ['a login as a line', `auth ${LOGIN}\r\n${LOGIN}\r\n`, ascii],
    ['a second login', `set auth 0 0 ${LOGIN.length}\r\n${LOGIN}\r\n`.repeat(2), ascii],
    [
      'a second login out of step',
      `set auth 0 0 ${LOGIN.length}\r\n${LOGIN}\r\nset auth 0 0 3\r\n${LOGIN}\r\nset auth 0 0 x\r\n${LOGIN}\r\n`,
      ascii,
    ],
    ['a login where there is none', `set auth 0 0 x\r\n${LOGIN}\r\nauth ${LOGIN}\r\n`, () => ({})],
    ['SASL', () => login(PLAIN), sasl],
    ['SASL twice', () => Buffer.concat([login(PLAIN), login(PLAIN)]), sasl],
    ['SASL step', () => Buffer.concat([login(''), request(Opcode.SASL_STEP, { key: 'PLAIN', value: PLAIN })]), sasl],
    ['SASL, wrong', () => login(`${PLAIN}x`), sasl],
    ['SASL, too short a body', () => short(login(PLAIN), 12), sasl],
    [
      'SASL, with a rest that is a packet',
      () => short(login(`\0user\0\x80\x0a${'\0'.repeat(10)}${PASSWORD}!`), 24),
      sasl,
    ],
    ['SASL in the text protocol', `set auth 0 0 ${LOGIN.length}\r\n${LOGIN}\r\n`, sasl],
    ['SASL where there is none', () => login(PLAIN), () => ({})],
  ])('%s', async (_, send, settings) => {
    const bytes = typeof send === 'string' ? Buffer.from(send, 'latin1') : send();
    const memory = await startMemoryServer({ verbosity: 2, configToken: TOKEN, ...settings() });
    for (let cut = 0; cut < bytes.length; cut++) {
      const text = shownOf(memory, bytes, cut);
      expect(text, 'it is traced').toContain('new ');
      for (const part of PARTS) if (text.includes(part)) expect.fail(`cut at ${cut}, ${part}: ${text}`);
    }
  });
});

describe('the binary protocol', () => {
  test('headers, commands and errors', async () => {
    const send = requests(
      request(Opcode.SET, { key: 'bk', extras: storage(), value: 'val', opaque: 7 }),
      request(Opcode.GET, { key: 'miss', opaque: 7 }),
    );
    expect(await printed(send)).toEqual([
      'N: Client using the binary protocol',
      '<N Read binary protocol data:',
      '<N    0x80 0x01 0x00 0x02',
      '<N    0x08 0x00 0x00 0x00',
      '<N    0x00 0x00 0x00 0x0d',
      '<N    0x00 0x00 0x00 0x07',
      '<N    0x00 0x00 0x00 0x00',
      '<N    0x00 0x00 0x00 0x00',
      '<N SET bk Value len is 3',
      '>N Writing bin response:',
      '>N   0x81 0x01 0x00 0x00',
      '>N   0x00 0x00 0x00 0x00',
      '>N   0x00 0x00 0x00 0x00',
      '>N   0x00 0x00 0x00 0x07',
      '>N   0x00 0x00 0x00 0x00',
      '>N   0x00 0x00 0x00 0x02',
      '<N Read binary protocol data:',
      '<N    0x80 0x00 0x00 0x04',
      '<N    0x00 0x00 0x00 0x00',
      '<N    0x00 0x00 0x00 0x04',
      '<N    0x00 0x00 0x00 0x07',
      '<N    0x00 0x00 0x00 0x00',
      '<N    0x00 0x00 0x00 0x00',
      '<N GET miss',
      '>N Writing an error: Not found',
      '>N Writing bin response:',
      '>N   0x81 0x00 0x00 0x00',
      '>N   0x00 0x00 0x00 0x01',
      '>N   0x00 0x00 0x00 0x09',
      '>N   0x00 0x00 0x00 0x07',
      '>N   0x00 0x00 0x00 0x00',
      '>N   0x00 0x00 0x00 0x00',
    ]);
  });

  test.each<[number, Parameters<typeof request>[1], string]>([
    [Opcode.DELETE, { key: 'a' }, 'Deleting a'],
    [Opcode.TOUCH, { key: 'a', extras: Buffer.alloc(4) }, '<N TOUCH a'],
    [Opcode.APPEND, { key: 'a', value: 'xy' }, 'Value len is 2'],
    [Opcode.STAT, { key: 'settings' }, '<N STATS settings'],
    [
      Opcode.INCREMENT,
      { key: 'n', extras: Buffer.from('000000000000000100000000000000050000000a', 'hex') },
      'incr n 1, 5, 10',
    ],
  ])('opcode %i', async (opcode, parts, line) => {
    expect(await printed(request(opcode, parts))).toContain(line);
  });
});
