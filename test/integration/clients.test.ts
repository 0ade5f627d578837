/**
 * Goal: clients of other languages, as Debian ships them, work with a fleet of our daemons as they do with memcached.
 * Method: each client's script stores and reads thousands of keys over two servers and tries every command it has; the
 * real memcached runs the same scripts, so that a script that asks too much shows.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installedMemcached, ourDaemons, type Server, type ServerKind } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { describeWith, type Requirement } from '../support/requirements.ts';

const SCRIPTS = fileURLToPath(new URL('clients', import.meta.url));
const KEYS = 2000;
const SERVERS = 2;
/** Each server's share of the keys, at the least: no client's ring is that uneven. */
const LEAST_SHARE = 0.2;
const LIMIT_MS = 110_000;
const USER = 'user:password';

interface Client {
  name: string;
  needs: Requirement;
  command: string;
  args: string[];
}

const pylibmc = (mode: string): Client => ({
  name: `pylibmc, ${mode}`,
  needs: 'pylibmc',
  command: '/usr/bin/python3',
  args: [join(SCRIPTS, 'pylibmc-modes.py'), mode],
});

const php = (mode: string): Client => ({
  name: `php-memcached, ${mode}`,
  needs: 'phpMemcached',
  command: 'php',
  args: [join(SCRIPTS, 'memcached.php'), mode],
});

const CLIENTS: readonly Client[] = [
  {
    name: 'python-memcached',
    needs: 'pythonMemcache',
    command: '/usr/bin/python3',
    args: [join(SCRIPTS, 'python-memcached.py')],
  },
  {
    name: 'pymemcache',
    needs: 'pymemcache',
    command: '/usr/bin/python3',
    args: [join(SCRIPTS, 'pymemcache-hash.py')],
  },
  pylibmc('text'),
  pylibmc('binary'),
  pylibmc('ketama'),
  { name: 'Dalli', needs: 'dalli', command: 'ruby', args: [join(SCRIPTS, 'dalli.rb')] },
  php('text'),
  php('binary'),
  php('ketama'),
  {
    name: "Perl's Cache::Memcached",
    needs: 'perlMemcached',
    command: 'perl',
    args: [join(SCRIPTS, 'cache-memcached.pl')],
  },
];

/** Runs a program to its end; its output, with how it ended if that was not well. */
async function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, timeout: LIMIT_MS });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code === 0 ? output : `${output}\nended with ${code ?? signal}`));
  });
}

async function ask(port: number, request: string): Promise<string> {
  const client = await RawClient.connect(port);
  await client.send([Buffer.from(`${request}\r\n`)]);
  const answer = await client.receiveUntilMatch(/(?:END|OK)\r\n$/);
  client.destroy();
  return answer.toString('latin1');
}

async function itemCount(port: number): Promise<number> {
  return Number(/STAT curr_items (\d+)/.exec(await ask(port, 'stats'))?.[1]);
}

/** Two servers for the tests of a `describe`, with the ports they are on. */
function twoServers(kind: ServerKind, flags: readonly string[]): { ports: () => number[] } {
  let servers: Server[] = [];
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: SERVERS }, () => kind.start(flags)));
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  return { ports: () => servers.map((server) => server.port) };
}

function addresses(ports: readonly number[]): string[] {
  return ports.map((port) => `127.0.0.1:${port}`);
}

function runClients(kind: ServerKind): void {
  describe(kind.name, () => {
    const { ports } = twoServers(kind, []);
    for (const { name, needs, command, args } of CLIENTS) {
      describeWith([needs], name, () => {
        test(`stores and reads ${KEYS} keys over ${SERVERS} servers`, async () => {
          for (const port of ports()) await ask(port, 'flush_all');
          const output = await run(command, [...args, String(KEYS), ...addresses(ports())]);
          expect(output).toMatch(new RegExp(`(^|\\n)ok ${KEYS}\\n$`));
          const counts = await Promise.all(ports().map(itemCount));
          expect(counts.reduce((sum, count) => sum + count)).toBe(KEYS);
          expect(Math.min(...counts)).toBeGreaterThan(KEYS * LEAST_SHARE);
        });
      });
    }
    describeWith(['memccapable'], "libmemcached's memccapable", () => {
      test.each(['-a', '-b'])('%s passes every test', async (protocol) => {
        const output = await run('memccapable', ['-h', '127.0.0.1', '-p', String(ports()[0]), protocol]);
        expect(output).toContain('All tests passed');
        expect(output).not.toMatch(/fail/i);
      });
    });
  });
}

describeWith(['memcached'], 'the installed memcached', () => {
  const kind = installedMemcached();
  if (kind !== undefined) runClients(kind);
});

for (const kind of ourDaemons()) runClients(kind);

describe('with a login by SASL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-sasl-'));
  const before = process.env['MEMCACHED_SASL_PWDB'];
  beforeAll(() => {
    const path = join(folder, 'users');
    writeFileSync(path, `somebody:else\n${USER}\n`);
    process.env['MEMCACHED_SASL_PWDB'] = path;
  });
  afterAll(() => {
    if (before === undefined) delete process.env['MEMCACHED_SASL_PWDB'];
    else process.env['MEMCACHED_SASL_PWDB'] = before;
    rmSync(folder, { recursive: true });
  });

  for (const kind of ourDaemons()) {
    describe(kind.name, () => {
      const { ports } = twoServers(kind, ['-S']);
      for (const { name, needs, command, args } of [pylibmc('sasl'), php('sasl')]) {
        describeWith([needs], name, () => {
          test('works with the right password', async () => {
            const output = await run(command, [...args, String(KEYS), ...addresses(ports())], {
              MEMFLEET_TEST_USER: USER,
            });
            expect(output).toMatch(new RegExp(`(^|\\n)ok ${KEYS}\\n$`));
          });

          test('fails with another', async () => {
            const output = await run(command, [...args, String(KEYS), ...addresses(ports())], {
              MEMFLEET_TEST_USER: `${USER}x`,
            });
            expect(output).toMatch(/ended with [1-9]/);
          });
        });
      }
    });
  }
});
