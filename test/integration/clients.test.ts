/**
 * Goal: other people's clients, as Debian and npm ship them, work with a fleet of our daemons as they do with memcached.
 * Method: each client's script stores and reads thousands of keys over two servers and tries every command it has; the
 * real memcached runs the same scripts, so that a script that asks too much shows. Where a client places keys as one of
 * our rings does, each key must be where that ring says.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hashing } from '../../src/topology/document.ts';
import { installedMemcached, ourDaemons, type ServerKind } from '../conformance/driver.ts';
import { describeWith, type Requirement } from '../support/requirements.ts';
import { until } from '../support/until.ts';
import {
  LEAST_SHARE,
  LEAST_SHARE_OF_FEW_POINTS,
  addresses,
  ask,
  itemCount,
  placedCount,
  run,
  twoServers,
} from './clients/support.ts';

const SCRIPTS = fileURLToPath(new URL('clients', import.meta.url));
const KEYS = 2000;
const OK = new RegExp(`(^|\\n)ok ${KEYS}\\n$`);
const USER = 'user:password';

interface Client {
  name: string;
  /** Nothing where npm brought it. */
  needs: Requirement[];
  command: string;
  /** Its script and, where that has several, the mode. */
  args: [string, ...string[]];
  /** Each server's share of the keys, if it may be less than LEAST_SHARE. */
  leastShare?: number;
  /** Our ring that places keys as it does, with what its keys begin with. */
  ring?: { algorithm: Hashing['algorithm']; prefix: string };
}

const PYTHON = '/usr/bin/python3';

const npm = (name: string, script: string, mode?: string): Client => ({
  name: mode === undefined ? name : `${name}, ${mode}`,
  needs: [],
  command: process.execPath,
  args: mode === undefined ? [script] : [script, mode],
});

const pylibmc = (mode: string): Client => ({
  name: `pylibmc, ${mode}`,
  needs: ['pylibmc'],
  command: PYTHON,
  args: ['pylibmc-modes.py', mode],
});

const php = (mode: string): Client => ({
  name: `php-memcached, ${mode}`,
  needs: ['phpMemcached'],
  command: 'php',
  args: ['memcached.php', mode],
});

const dalli = (mode: string): Client => ({
  name: `Dalli, ${mode}`,
  needs: ['dalli'],
  command: 'ruby',
  args: ['dalli.rb', mode],
});

const fast = (mode: string): Client => ({
  name: `Perl's Cache::Memcached::Fast, ${mode}`,
  needs: ['perlMemcachedFast'],
  command: 'perl',
  args: ['cache-memcached-fast.pl', mode],
});

const CLIENTS: readonly Client[] = [
  {
    name: 'python-memcached',
    needs: ['pythonMemcache'],
    command: PYTHON,
    args: ['python-memcached.py'],
    ring: { algorithm: 'modulo-crc32-shift', prefix: 'python-memcached:' },
  },
  {
    name: 'pymemcache',
    needs: ['pymemcache'],
    command: PYTHON,
    args: ['pymemcache-hash.py'],
    ring: { algorithm: 'rendezvous-murmur3', prefix: 'pymemcache:' },
  },
  pylibmc('text'),
  pylibmc('binary'),
  pylibmc('ketama'),
  {
    ...pylibmc('ketama_weighted'),
    ring: { algorithm: 'ketama', prefix: 'pylibmc:ketama_weighted:' },
  },
  dalli('binary'),
  dalli('meta'),
  php('text'),
  php('binary'),
  { ...php('ketama'), ring: { algorithm: 'ketama', prefix: 'php:ketama:' } },
  {
    name: "Perl's Cache::Memcached",
    needs: ['perlMemcached'],
    command: 'perl',
    args: ['cache-memcached.pl'],
    ring: { algorithm: 'modulo-crc32-shift', prefix: 'perl:' },
  },
  { ...fast('modulo'), ring: { algorithm: 'modulo-crc32-shift', prefix: 'fast:modulo:' } },
  fast('ketama'),
  npm("npm's memjs", 'memjs.mjs', 'binary'),
  {
    ...npm("npm's memcached", 'npm-memcached.mjs'),
    ring: { algorithm: 'ketama', prefix: 'npm-memcached:' },
  },
  npm("npm's memcache-client", 'memcache-client.mjs'),
  { ...npm("npm's memcache", 'npm-memcache.mjs', 'text'), leastShare: LEAST_SHARE_OF_FEW_POINTS },
  npm("npm's memcache", 'npm-memcache.mjs', 'modula'),
];

const LOGGING_IN: readonly Client[] = [
  pylibmc('sasl'),
  php('sasl'),
  dalli('sasl'),
  npm("npm's memjs", 'memjs.mjs', 'sasl'),
  npm("npm's memcache", 'npm-memcache.mjs', 'sasl'),
];

/** Runs a client's script against servers, to its end. */
async function runClient({ command, args }: Client, ports: number[], env?: Record<string, string>): Promise<string> {
  const [script, ...modes] = args;
  return await run(command, [join(SCRIPTS, script), ...modes, String(KEYS), ...addresses(ports)], env);
}

function runClients(kind: ServerKind): void {
  describe(kind.name, () => {
    const { ports } = twoServers(kind, []);
    for (const client of CLIENTS) {
      describeWith(client.needs, client.name, () => {
        test(`stores and reads ${KEYS} keys over two servers`, async () => {
          for (const port of ports()) await ask(port, 'flush_all');
          expect(await runClient(client, ports())).toMatch(OK);
          // memcached counts what was flushed until its crawler has been there.
          let counts: number[] = [];
          await until(`${KEYS} items`, async () => {
            counts = await Promise.all(ports().map(itemCount));
            if (counts.reduce((sum, count) => sum + count) === KEYS) return true;
            for (const port of ports()) await ask(port, 'lru_crawler crawl all', /\r\n$/);
            return false;
          });
          expect(Math.min(...counts)).toBeGreaterThan(KEYS * (client.leastShare ?? LEAST_SHARE));
          if (client.ring === undefined) return;
          const { algorithm, prefix } = client.ring;
          const keys = Array.from({ length: KEYS }, (_, i) => `${prefix}${i}`);
          expect(await placedCount(keys, ports(), algorithm)).toBe(KEYS);
        });
      });
    }
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
      for (const client of LOGGING_IN) {
        describeWith(client.needs, client.name, () => {
          test('works with the right password', async () => {
            expect(await runClient(client, ports(), { MEMFLEET_TEST_USER: USER })).toMatch(OK);
          });

          test('fails with another', async () => {
            const output = await runClient(client, ports(), { MEMFLEET_TEST_USER: `${USER}x` });
            expect(output).toMatch(/ended with [1-9]/);
          });
        });
      }
    });
  }
});
