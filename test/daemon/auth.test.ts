/**
 * Logging in. Goal: nothing is done for who has not logged in, and the answers are memcached's. Method: a whole daemon
 * over a transport in memory, with files of names and passwords.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoginFailures, loginDelayMs } from '../../src/daemon/auth/login-failures.ts';
import { PasswordFile } from '../../src/daemon/auth/passwords.ts';
import { LOGIN_DELAY_MS, LOGIN_DELAY_MS_MAX, LOGIN_FAILURE_LOG_MS } from '../../src/daemon/limits.ts';
import { readDaemonOptions } from '../../src/daemon/options/options.ts';
import { Opcode, Status } from '../../src/protocol/binary/opcodes.ts';
import { answer, answers, failure, request, requests, storage } from '../conformance/binary-packets.ts';
import { ManualClock } from '../../src/base/clock.ts';
import type { MemorySocket } from '../support/memory-transport.ts';
import { startMemoryServer, stat, type MemoryServer } from './support/memory-server.ts';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-auth-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, 'latin1');
  return path;
}

/** Sends, and returns what comes when every failure has had its time. */
function askSlowly({ clock }: MemoryServer, socket: MemorySocket, data: string | Uint8Array): string {
  socket.send(data);
  clock.advance(20 * LOGIN_DELAY_MS_MAX);
  return socket.received().toString('latin1');
}

function startText(): Promise<MemoryServer> {
  return startMemoryServer({ authFile: file('authfile', 'foo:bar\nlong:word\n'), protocol: 'ascii' });
}

function startSasl(): Promise<MemoryServer> {
  const saslPasswordFile = file('users', 'foo:bar::\nuser:pw\n');
  return startMemoryServer({ saslEnabled: true, saslPasswordFile, protocol: 'binary' });
}

describe('files of names and passwords', () => {
  test('of the text protocol: the password goes to the end of the line', () => {
    const users = new PasswordFile(file('ascii', 'foo:bar\nuser:p:w\r\nlast:no line end'), 'ascii');
    for (const [name, password] of [
      ['foo', 'bar'],
      ['user', 'p:w'],
      ['last', 'no line end'],
    ] as const) {
      expect(users.permits(name, password), name).toBe(true);
    }
    for (const [name, password] of [
      ['foo', 'ba'],
      ['foo', ''],
      ['', 'bar'],
      ['fo', 'o:bar'],
      ['user', 'p'],
    ] as const) {
      expect(users.permits(name, password), name).toBe(false);
    }
  });

  test('of SASL: the password ends at a colon, and every line of a name counts', () => {
    const users = new PasswordFile(file('sasl', 'no user here\nfoo:bar:::\nfoo:other\nuser:pw'), 'sasl');
    expect(users.permits('foo', 'bar')).toBe(true);
    expect(users.permits('user', 'pw')).toBe(true);
    expect(users.permits('foo', 'other')).toBe(true);
    expect(users.permits('foo', 'bar:::')).toBe(false);
    expect(users.permits('foo', 'pw')).toBe(false);
  });

  test('that are none are refused, and change nothing when they are read again', () => {
    expect(() => new PasswordFile(join(folder, 'absent'), 'ascii')).toThrow(/cannot be read/);
    expect(() => new PasswordFile(file('bad', 'a:b\nnonsense\n'), 'ascii')).toThrow(/not of the form/);
    expect(() => new PasswordFile(file('huge', 'a:b\n'.repeat(300_000)), 'ascii')).toThrow(/more than/);
    const said: string[] = [];
    const users = new PasswordFile(file('again', 'foo:bar\n'), 'ascii', (line) => void said.push(line));
    file('again', 'nonsense\n');
    users.reload();
    expect(said).toEqual([expect.stringMatching(/again: a line is not of the form .*; those who could log in before/)]);
    expect(users.permits('foo', 'bar')).toBe(true);
    file('again', 'foo:new\n');
    users.reload();
    expect([users.permits('foo', 'bar'), users.permits('foo', 'new')]).toEqual([false, true]);
  });

  test.each([
    ['ascii', ''],
    ['ascii', '\n\r\n'],
    ['ascii', ':password\nname:\n'],
    ['sasl', ''],
    ['sasl', ' \n\nno user\n:password\n'],
  ] as const)('%s: %j would lock everyone out: refused at the start, and left aside later', (format, text) => {
    expect(() => new PasswordFile(file('blank', text), format)).toThrow(/blank: no line of the form name:password/);
    const said: string[] = [];
    const users = new PasswordFile(file('blank', 'foo:bar\n'), format, (line) => void said.push(line));
    file('blank', text);
    users.reload();
    expect(said).toHaveLength(1);
    expect(users.permits('foo', 'bar')).toBe(true);
  });

  test('are not read to judge a login', () => {
    const many = Array.from({ length: 40_000 }, (_, i) => `user${i}:pw${i}`).join('\n');
    const users = new PasswordFile(file('many', many), 'sasl');
    rmSync(join(folder, 'many'));
    expect(users.permits('user39999', 'pw39999')).toBe(true);
    expect(users.permits('user39999', 'pw39998')).toBe(false);
  });

  test('-S needs one', () => {
    expect(() => readDaemonOptions(['-S'], {})).toThrow(/MEMCACHED_SASL_PWDB/);
    const path = file('pwdb', 'a:b\n');
    expect(readDaemonOptions(['-S'], { MEMCACHED_SASL_PWDB: path })).toMatchObject({
      settings: { saslPasswordFile: path, protocol: 'binary' },
    });
  });
});

describe('the text protocol under -Y', () => {
  const UNAUTHENTICATED = 'CLIENT_ERROR unauthenticated\r\n';
  const FAILURE = 'CLIENT_ERROR authentication failure\r\n';

  test('does nothing before a login, and everything after it', async () => {
    const { connect } = await startText();
    const socket = connect();
    expect(socket.ask('get a\r\nversion\r\nflush_all\r\nset x 0 0\r\n')).toBe(UNAUTHENTICATED.repeat(4));
    expect(socket.ask('set x 0 0 7\r\nfoo bar\r\nset a 0 0 1\r\n1\r\nget a\r\n')).toBe(
      'STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
    );
    expect(connect().ask('get a\r\n')).toBe(UNAUTHENTICATED);
  });

  test.each(['\r\n\r\n', 'mn\r\n', 'quit\r\n', '\n\n\n'])('a line as short as %j ends the connection', async (line) => {
    const { connect } = await startText();
    const socket = connect();
    expect(socket.ask(`version\r\n${line}set x 0 0 7\r\nfoo bar\r\n`)).toBe(UNAUTHENTICATED);
    expect(socket.ended).toBe(true);
  });

  test('a password is all that stands behind the first space', async () => {
    const memory = await startText();
    for (const token of [' foo bar', 'foo bar ', 'foo  bar', 'foo bar zz', 'foo bar\0']) {
      expect(askSlowly(memory, memory.connect(), `set x 0 0 ${token.length}\r\n${token}\r\n`)).toBe(FAILURE);
    }
  });

  test('a login whose key is of any length, cut anywhere, with words behind it', async () => {
    const { connect } = await startText();
    const login = `set ${'k'.repeat(300)} x y 7 noreply\r\nfoo bar\r\nversion\r\n`;
    for (let cut = 1; cut < login.length; cut++) {
      const socket = connect();
      socket.send(login.slice(0, cut));
      expect(socket.ask(login.slice(cut))).toMatch(/^STORED\r\nVERSION [\d.]+\r\n$|^VERSION [\d.]+\r\n$/);
    }
  });

  test.each([
    ['set x 0 0 7\r\nfoo baz\r\n', FAILURE],
    ['set x 0 0 8\r\nlong bar\r\n', FAILURE],
    ['set x 0 0 3\r\nfoo\r\n', 'CLIENT_ERROR bad authentication token format\r\n'],
    ['set x 0 0 0\r\n\r\n', 'CLIENT_ERROR bad authentication token format\r\n'],
    ['set x 0 0 7\r\nfoo\0bar\r\n', 'CLIENT_ERROR bad authentication token format\r\n'],
    ['set x 0 0 5\r\nfoo bar', 'CLIENT_ERROR bad command line termination\r\n'],
    ['set x 0 0 abc\r\n', UNAUTHENTICATED],
    ['set x 0 0 +7\r\n', UNAUTHENTICATED],
    ['set x 0 0 4294967296\r\n', UNAUTHENTICATED],
    ['set x 0 0 18446744073709551615\r\n', UNAUTHENTICATED],
    ['add x 0 0 7\r\n', UNAUTHENTICATED],
  ])('%j is refused', async (send, expected) => {
    const server = await startText();
    const socket = server.connect();
    expect(askSlowly(server, socket, send)).toBe(expected);
    expect(socket.ask('set x 0 0 7\r\nfoo bar\r\n')).toBe('STORED\r\n');
  });

  test('nobody may fill the memory before a login', async () => {
    const { connect } = await startText();
    const socket = connect();
    expect(socket.ask('x'.repeat(2049))).toBe('');
    expect(socket.destroyed).toBe(true);
  });

  test('a name and a password that are too long are skipped, and never taken for lines', async () => {
    const { connect } = await startText();
    const socket = connect();
    const login = 'set x 0 0 7\r\nfoo bar\r\n';
    const token = login.repeat(1000);
    expect(socket.ask(`set x 0 0 ${token.length}\r\n`)).toBe('CLIENT_ERROR auth token too long\r\n');
    expect(socket.ask(`${token}\r\n`)).toBe('');
    expect(socket.ask('get a\r\n')).toBe(UNAUTHENTICATED);
    expect(socket.ask(login)).toBe('STORED\r\n');
  });

  test('16,384 bytes of them are not', async () => {
    const memory = await startText();
    const token = `foo ${'p'.repeat(16_380)}`;
    expect(askSlowly(memory, memory.connect(), `set x 0 0 16384\r\n${token}\r\n`)).toBe(FAILURE);
    expect(memory.connect().ask('set x 0 0 16385\r\n')).toBe('CLIENT_ERROR auth token too long\r\n');
  });

  test('is counted, and a change of the file counts once it is read again', async () => {
    const memory = await startText();
    const { server, connect } = memory;
    const socket = connect();
    askSlowly(memory, socket, 'set x 0 0 7\r\nfoo baz\r\nset x 0 0 7\r\nfoo bar\r\n');
    expect([stat(socket, 'auth_cmds'), stat(socket, 'auth_errors')]).toEqual([2, 1]);
    file('authfile', 'foo:baz\n');
    server.reload();
    expect(askSlowly(memory, connect(), 'set x 0 0 7\r\nfoo bar\r\n')).toBe(FAILURE);
    expect(connect().ask('set x 0 0 7\r\nfoo baz\r\n')).toBe('STORED\r\n');
    file('authfile', 'nonsense\n');
    server.reload();
    expect(connect().ask('set x 0 0 7\r\nfoo baz\r\n')).toBe('STORED\r\n');
  });
});

describe('SASL', () => {
  const { SASL_AUTH, SASL_STEP, SASL_LIST_MECHS, NOOP, VERSION, SET, GET } = Opcode;
  const login = (message: string, mechanism = 'PLAIN', opcode: number = SASL_AUTH): Buffer =>
    request(opcode, { key: mechanism, value: message });
  const GOOD = login('\0foo\0bar');
  const BAD = login('\0foo\0baz');
  const PERMITTED = answer(SASL_AUTH, { value: 'Authenticated' });
  const REFUSED = failure(SASL_AUTH, Status.AUTH_ERROR);
  const NOOP_DONE = answer(NOOP);

  test.each([
    ['noop', request(NOOP)],
    ['get', request(GET, { key: 'a' })],
    ['set', request(SET, { key: 'a', extras: storage(), value: 'v' })],
    ['quit', request(Opcode.QUIT)],
    ['an unknown command', request(0x7f)],
    ['a key that is too long', request(GET, { key: 'k'.repeat(251) })],
  ])('%s before a login is refused and closes', async (_, packet) => {
    const { server, connect } = await startSasl();
    const socket = connect();
    expect(socket.ask(Buffer.concat([packet, request(NOOP)]))).toMatch(
      answers(failure(packet[1] ?? 0, Status.AUTH_ERROR)),
    );
    expect(socket.ended).toBe(true);
    expect(server.store.stats.currentItems).toBe(0);
  });

  test('version and the mechanisms are told to all', async () => {
    const { connect } = await startSasl();
    const socket = connect();
    expect(socket.ask(request(VERSION))).toContain('1.6.');
    expect(socket.ask(request(SASL_LIST_MECHS))).toMatch(answers(answer(SASL_LIST_MECHS, { value: 'PLAIN' })));
  });

  test('a login opens everything, for this connection alone', async () => {
    const { connect } = await startSasl();
    const socket = connect();
    expect(socket.ask(requests(GOOD, request(NOOP)))).toMatch(answers(PERMITTED, NOOP_DONE));
    expect(connect().ask(request(NOOP))).toMatch(answers(failure(NOOP, Status.AUTH_ERROR)));
  });

  test.each([
    ['a wrong password', '\0foo\0baz'],
    ['part of a password', '\0foo\0ba'],
    ['no password', '\0foo\0'],
    ['no name', '\0\0bar'],
    ['another line’s password', '\0foo\0pw'],
    ['one part', 'foo'],
    ['four parts', '\0foo\0bar\0'],
    ['somebody else’s name', 'user\0foo\0bar'],
  ])('%s is refused', async (_, message) => {
    const server = await startSasl();
    expect(askSlowly(server, server.connect(), requests(login(message), request(NOOP)))).toMatch(
      answers(REFUSED, failure(NOOP, Status.AUTH_ERROR)),
    );
  });

  test('a name may be given twice, and the mechanism in small letters', async () => {
    const { connect } = await startSasl();
    expect(connect().ask(login('foo\0foo\0bar', 'plain'))).toMatch(answers(PERMITTED));
  });

  test('an empty start is continued by a step, and a step alone is refused', async () => {
    const server = await startSasl();
    const { connect } = server;
    const step = login('\0foo\0bar', 'PLAIN', SASL_STEP);
    expect(connect().ask(requests(login(''), step, request(NOOP)))).toMatch(
      answers(
        answer(SASL_AUTH, { status: Status.AUTH_CONTINUE }),
        answer(SASL_STEP, { value: 'Authenticated' }),
        NOOP_DONE,
      ),
    );
    expect(askSlowly(server, connect(), step)).toMatch(answers(failure(SASL_STEP, Status.AUTH_ERROR)));
  });

  test('a failed login, or asking for the mechanisms, logs out', async () => {
    const server = await startSasl();
    const { connect } = server;
    expect(askSlowly(server, connect(), requests(GOOD, BAD, request(NOOP)))).toMatch(
      answers(PERMITTED, REFUSED, failure(NOOP, Status.AUTH_ERROR)),
    );
    expect(connect().ask(requests(GOOD, request(SASL_LIST_MECHS), request(NOOP)))).toMatch(
      answers(PERMITTED, answer(SASL_LIST_MECHS, { value: 'PLAIN' }), failure(NOOP, Status.AUTH_ERROR)),
    );
    expect(askSlowly(server, connect(), requests(BAD, GOOD, request(NOOP)))).toMatch(
      answers(REFUSED, PERMITTED, NOOP_DONE),
    );
  });

  test('other mechanisms, long names and long messages are refused and skipped', async () => {
    const server = await startSasl();
    expect(
      askSlowly(
        server,
        server.connect(),
        requests(login('x', 'CRAM-MD5'), login('x', 'M'.repeat(33)), login('x'.repeat(5000)), GOOD, request(NOOP)),
      ),
    ).toMatch(answers(REFUSED, failure(SASL_AUTH, Status.INVALID_ARGUMENTS), REFUSED, PERMITTED, NOOP_DONE));
  });

  test('cut anywhere', async () => {
    const { connect } = await startSasl();
    const bytes = requests(GOOD, request(NOOP));
    for (let cut = 1; cut < bytes.length; cut++) {
      const socket = connect();
      socket.send(bytes.subarray(0, cut));
      socket.send(bytes.subarray(cut));
      expect(socket.received().toString('latin1')).toMatch(answers(PERMITTED, NOOP_DONE));
    }
  });

  test('a change of the file counts from the next second on; a file that is gone or blank changes nothing', async () => {
    const memory = await startSasl();
    const { server, connect, clock, lines } = memory;
    expect(connect().ask(GOOD)).toMatch(answers(PERMITTED));
    file('users', 'foo:new\n');
    clock.advance(1000);
    expect(askSlowly(memory, connect(), GOOD)).toMatch(answers(REFUSED));
    expect(connect().ask(login('\0foo\0new'))).toMatch(answers(PERMITTED));
    rmSync(join(folder, 'users'));
    clock.advance(1000);
    expect(connect().ask(login('\0foo\0new'))).toMatch(answers(PERMITTED));
    clock.advance(1000);
    expect(connect().ask(login('\0foo\0new'))).toMatch(answers(PERMITTED));
    expect(lines.filter((line) => line.includes('cannot be read'))).toHaveLength(1);
    file('users', '\n');
    server.reload();
    expect(connect().ask(login('\0foo\0new'))).toMatch(answers(PERMITTED));
    expect(lines.at(-1)).toMatch(/nobody could log in; those who could log in before still can/);
    expect([server.counters.authCommands, server.counters.authErrors]).toEqual([6, 1]);
  });
});

function configSet(token: string): string {
  return `config set cluster 0 1 ${token}\r\n1\r\n`;
}

describe('who guesses', () => {
  const GUESS = 'set x 0 0 7\r\nfoo baz\r\n';
  const FAILURE = 'CLIENT_ERROR authentication failure\r\n';

  test('is told later each time, up to a bound', () => {
    expect([1, 2, 3, 4].map(loginDelayMs)).toEqual([1, 2, 4, 8].map((factor) => factor * LOGIN_DELAY_MS));
    expect(loginDelayMs(1000)).toBe(LOGIN_DELAY_MS_MAX);
  });

  test('waits alone: the others are answered, and what was answered before is not held back', async () => {
    const { connect, clock } = await startText();
    const [guesser, other] = [connect(), connect()];
    expect(guesser.ask(`version\r\n${GUESS.repeat(3)}`)).toBe('CLIENT_ERROR unauthenticated\r\n');
    expect(guesser.paused).toBe(true);
    expect(other.ask('set x 0 0 7\r\nfoo bar\r\nget a\r\n')).toBe('STORED\r\nEND\r\n');
    for (const delayMs of [LOGIN_DELAY_MS, 2 * LOGIN_DELAY_MS, 4 * LOGIN_DELAY_MS]) {
      clock.advance(delayMs - 1);
      expect(guesser.received().toString()).toBe('');
      clock.advance(1);
      expect(guesser.received().toString()).toBe(FAILURE);
    }
    expect(guesser.paused).toBe(false);
  });

  test('and does not take its answers waits for both', async () => {
    const { connect, clock } = await startText();
    const socket = connect();
    socket.room = 0;
    socket.send(`version\r\n${GUESS}version\r\n`);
    clock.advance(LOGIN_DELAY_MS);
    expect(socket.received().toString()).toBe('');
    socket.room = Infinity;
    socket.take();
    expect(socket.received().toString()).toBe(
      `CLIENT_ERROR unauthenticated\r\n${FAILURE}CLIENT_ERROR unauthenticated\r\n`,
    );
  });

  test('and takes its answers first waits for its time', async () => {
    const { connect, clock } = await startText();
    const socket = connect();
    socket.room = 0;
    socket.send(`version\r\n${GUESS}`);
    socket.room = Infinity;
    socket.take();
    expect(socket.received().toString()).toBe('CLIENT_ERROR unauthenticated\r\n');
    clock.advance(LOGIN_DELAY_MS);
    expect(socket.received().toString()).toBe(FAILURE);
  });

  test('and leaves is forgotten', async () => {
    const { connect, clock, server } = await startText();
    const socket = connect();
    socket.send(GUESS);
    socket.close();
    clock.advance(LOGIN_DELAY_MS_MAX);
    expect(socket.received().toString()).toBe('');
    expect(server.counters.currentConnections).toBe(0);
  });

  test('the token of config set waits, too, and is counted; the right one does not', async () => {
    const { connect, clock, server } = await startMemoryServer({ configToken: 'secret' });
    const socket = connect();
    expect(socket.ask(`${configSet('guess')}${configSet('secret')}`)).toBe('');
    clock.advance(LOGIN_DELAY_MS);
    expect(socket.received().toString()).toMatch(/^CLIENT_ERROR .*\r\nSTORED\r\n$/);
    expect(stat(socket, 'memfleet_config_auth_errors')).toBe(1);
    expect(server.clusterConfig.payload).toBe('1');
  });

  test('is told of on standard error, with whoever else failed since', () => {
    const clock = new ManualClock();
    const said: string[] = [];
    const failures = new LoginFailures(clock, (line) => void said.push(line));
    failures.note('tcp:10.0.0.1:1', 'login');
    failures.note('tcp:10.0.0.1:2', 'login');
    failures.note('tcp:10.0.0.1:3', 'config set');
    clock.advance(LOGIN_FAILURE_LOG_MS);
    failures.note('tcp:10.0.0.1:4', 'config set');
    expect(said).toEqual([
      'login refused: tcp:10.0.0.1:1',
      'config set refused: tcp:10.0.0.1:4 (and 2 failures since the line before)',
    ]);
  });
});
