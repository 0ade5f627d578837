/** What `-vv` prints. The lines are those of memcached 1.6.45 after the same requests, with its descriptor for our number. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request, requests, storage } from '../conformance/binary-packets.ts';
import type { Settings } from '../../src/daemon/settings.ts';
import { startMemoryServer } from './support/memory-server.ts';

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
    ['bogus\r\n', ['<N bogus', '>N ERROR']],
    ['set a 0 0 3\r\nabcdefg\r\n', ['<N set a 0 0 3', '>N CLIENT_ERROR bad data chunk', '<N fg', '>N ERROR']],
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
