/**
 * Who guesses names, passwords and the fleet's token, and files that would lock everyone out. Goal: a guesser gets a
 * handful of tries, others are served meanwhile, it is counted and said; no file of users ends the daemon's day. Method:
 * our daemon on each runtime, and connections that send thousands of guesses at once.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { request } from '../conformance/binary-packets.ts';
import { ourDaemons, type ProcessKind, type ServerProcess } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { until } from '../support/until.ts';

const GUESSES = 10_000;
/** Tries in the time that a test may take: the delays go up to five seconds. */
const TRIES_MAX = 50;
const ROUND_TRIPS = 200;
const USERS = 40_000;
const TOKEN = 'the-token-of-this-fleet';

let folder = '';

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, 'latin1');
  return path;
}

async function ask(client: RawClient, data: string | Buffer, end: string): Promise<string> {
  await client.send([typeof data === 'string' ? Buffer.from(data, 'latin1') : data]);
  return (await client.receiveUntil(Buffer.from(end, 'latin1'))).toString('latin1');
}

async function stat(client: RawClient, name: string): Promise<number> {
  return Number(new RegExp(`STAT ${name} (\\S+)`).exec(await ask(client, 'stats\r\n', 'END\r\n'))?.[1]);
}

const LOGIN = 'set x 0 0 7\r\nfoo bar\r\n';
const GUESS = 'set x 0 0 7\r\nfoo baz\r\n';
const saslLogin = (name: string, password: string): Buffer =>
  request(Opcode.SASL_AUTH, { key: 'PLAIN', value: `\0${name}\0${password}` });
const SASL_DONE = 'Authenticated';

function runSuite(kind: ProcessKind): void {
  describe(kind.name, () => {
    let server: ServerProcess | undefined;
    const clients: RawClient[] = [];

    async function start(...flags: string[]): Promise<void> {
      server = await kind.start(flags);
    }

    async function connect(): Promise<RawClient> {
      const client = await RawClient.connect(server?.port ?? 0);
      clients.push(client);
      return client;
    }

    /** Sends guesses without end, and reads none of the answers. */
    async function guess(bytes: Buffer): Promise<void> {
      void (await connect()).send([Buffer.concat(Array.from({ length: GUESSES }, () => bytes))]).catch(() => {});
    }

    afterEach(async () => {
      for (const client of clients.splice(0)) client.destroy();
      await server?.stop();
      server = undefined;
      delete process.env['MEMCACHED_SASL_PWDB'];
      delete process.env['MEMFLEET_CONFIG_TOKEN'];
    });

    test('-Y: guesses wait, the others are served, and standard error and auth_errors tell of it', async () => {
      await start('-Y', file('authfile', 'foo:bar\n'));
      const client = await connect();
      expect(await ask(client, LOGIN, '\r\n')).toBe('STORED\r\n');
      await guess(Buffer.from(GUESS));
      await until('the first guess is judged', async () => (await stat(client, 'auth_errors')) > 0);
      for (let i = 0; i < ROUND_TRIPS; i++) expect(await ask(client, 'get nothing\r\n', 'END\r\n')).toBe('END\r\n');
      expect(await ask(await connect(), LOGIN, '\r\n')).toBe('STORED\r\n');
      expect(await stat(client, 'auth_errors')).toBeLessThan(TRIES_MAX);
      await until('it is said', () => server?.complaints().includes('login refused: tcp:127.0.0.1:') === true);
    });

    test('config set: guesses wait, the others are served, and it is counted', async () => {
      process.env['MEMFLEET_CONFIG_TOKEN'] = TOKEN;
      await start();
      await guess(Buffer.from('config set cluster 0 1 guess\r\n1\r\n'));
      const client = await connect();
      await until('the first guess is judged', async () => (await stat(client, 'memfleet_config_auth_errors')) > 0);
      for (let i = 0; i < ROUND_TRIPS; i++) expect(await ask(client, 'get nothing\r\n', 'END\r\n')).toBe('END\r\n');
      expect(await stat(client, 'memfleet_config_auth_errors')).toBeLessThan(TRIES_MAX);
      expect(await ask(client, 'config get cluster\r\n', 'END\r\n')).toBe('END\r\n');
      await until('it is said', () => server?.complaints().includes('config set refused: tcp:127.0.0.1:') === true);
    });

    test('SASL with a file of 40,000 users: it is not read for a login, an edit counts, a blank file does not', async () => {
      const text = Array.from({ length: USERS }, (_, i) => `user${i}:pw${i}`).join('\n');
      const path = (process.env['MEMCACHED_SASL_PWDB'] = file('users', text));
      await start('-S');
      const last = USERS - 1;
      await guess(saslLogin(`user${last}`, 'guess'));
      const client = await connect();
      for (let i = 0; i < ROUND_TRIPS; i++) await ask(client, saslLogin(`user${last}`, `pw${last}`), SASL_DONE);

      file('users', 'foo:bar\n');
      await until('the edit counts', async () => {
        const late = await connect();
        await late.send([saslLogin('foo', 'bar')]);
        return (await late.receiveUntilMatch(/Auth(enticated| failure\.)$/)).toString('latin1').endsWith(SASL_DONE);
      });
      writeFileSync(path, '\n');
      server?.signal('SIGHUP');
      await until(
        'it says so',
        () => server?.complaints().includes('those who could log in before still can') === true,
      );
      expect(await ask(await connect(), saslLogin('foo', 'bar'), SASL_DONE)).toContain(SASL_DONE);
    });

    test('-Y: a blank file is refused at the start, and left aside at SIGHUP', async () => {
      await expect(kind.start(['-Y', file('blank', '\n\n')])).rejects.toThrow(
        /blank: no line of the form name:password/,
      );
      const path = file('authfile', 'foo:bar\n');
      await start('-Y', path);
      writeFileSync(path, '');
      server?.signal('SIGHUP');
      await until(
        'it says so',
        () => server?.complaints().includes('those who could log in before still can') === true,
      );
      expect(await ask(await connect(), LOGIN, '\r\n')).toBe('STORED\r\n');
    });
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-guessing-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const kind of ourDaemons()) runSuite(kind);
