/**
 * Goal: docs/compatibility.md is true and complete. Method: its rows are compared with what the real memcached and our
 * daemon name: every flag and statistic of memcached has a row, what is absent is not there, what is not absent is.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { rowsOf } from '../conformance/compatibility-page.ts';
import { FLAG_CASES } from '../conformance/flag-cases.ts';
import { BLOCKS, STATISTICS_FLAGS } from '../conformance/statistics.ts';
import { tables } from '../conformance/tables/index.ts';
import { atLeast, COMPARABLE_VERSION, ourDaemons, referenceMemcached } from '../conformance/driver.ts';
import type { Server, ServerKind } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { runCase } from '../conformance/run-case.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const STATISTICS = ['', ' settings', ' items', ' slabs', ' sizes', ' conns'];

/** Statistics that are only there if memcached was built with what they are about. */
const BY_BUILD = /^proxy_/;

/** One form of each command that may be absent, which memcached answers with something other than ERROR. */
const EXAMPLES: Readonly<Record<string, string>> = {
  'stats detail': 'stats detail on',
  'stats cachedump': 'stats cachedump 1 1',
  'stats extstore': 'stats extstore',
  'stats proxy': 'stats proxy',
  cache_memlimit: 'cache_memlimit 64',
  slabs: 'slabs automove 1',
  lru: 'lru mode segmented',
  lru_crawler: 'lru_crawler tocrawl 0',
  watch: 'watch fetchers',
  refresh_certs: 'refresh_certs',
  extstore: 'extstore item_age 1',
};

async function ask(port: number, send: string): Promise<string> {
  const client = await RawClient.connect(port);
  try {
    return await runCase(client, { send }, { feed: 'whole', random: Math.random });
  } finally {
    client.destroy();
  }
}

/** The version of memcached that brought a statistic, where older ones are compared too. */
const SINCE: Readonly<Record<string, string>> = { slab_reassign_last_busy_status: '1.6.40' };

/** Names of all statistics; those of size classes and connections with `N` for the number. */
async function statisticsOf(port: number): Promise<Set<string>> {
  const answer = await ask(port, `set a 0 0 1\r\n1\r\n${STATISTICS.map((name) => `stats${name}\r\n`).join('')}`);
  const names = [...answer.matchAll(/^STAT (\S+)/gm)].map((found) => found[1] ?? '');
  return new Set(names.map((name) => name.replace(/^(items:)?\d+:/, '$1N:')));
}

async function withServer<T>(kind: ServerKind, use: (server: Server) => Promise<T>): Promise<T> {
  const server = await kind.start();
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

describeWith(['memcached'], 'the page names what memcached has', () => {
  const reference = referenceMemcached();
  test.skipIf(reference === undefined || !atLeast(reference.version, COMPARABLE_VERSION))(
    'every statistic',
    async () => {
      if (reference !== undefined) {
        const names = await withServer(reference, async ({ port }) => await statisticsOf(port));
        const rows = rowsOf('Statistics');
        expect([...names].filter((name) => !rows.has(name))).toEqual([]);
        // A memcached that was built without the proxy has nothing to say of it.
        const lacks = (name: string): boolean =>
          !names.has(name) && !(BY_BUILD.test(name) && ![...names].some((has) => BY_BUILD.test(has)));
        const isNewer = (name: string): boolean => !atLeast(reference.version, SINCE[name] ?? COMPARABLE_VERSION);
        const expected = [...rows].filter(([name, state]) => state !== 'added' && !isNewer(name));
        expect(expected.filter(([name]) => lacks(name))).toEqual([]);
      }
    },
  );
});

for (const daemon of ourDaemons()) {
  describe(`the page and ${daemon.name}`, () => {
    let server: Server | undefined;
    beforeAll(async () => {
      server = await daemon.start();
    });
    afterAll(async () => {
      await server?.stop();
    });

    test('agree about statistics', async () => {
      const names = await statisticsOf(server?.port ?? 0);
      const rows = rowsOf('Statistics');
      expect([...names].filter((name) => (rows.get(name) ?? 'absent') === 'absent')).toEqual([]);
      expect([...rows].filter(([name, state]) => state !== 'absent' && !names.has(name))).toEqual([]);
    });

    test('agree about the commands that are absent', async () => {
      const absent = [...rowsOf('Commands')].filter(([, state]) => state === 'absent').map(([name]) => name);
      expect(absent).toEqual(Object.keys(EXAMPLES).filter((name) => absent.includes(name)));
      for (const name of absent) {
        expect(await ask(server?.port ?? 0, `${EXAMPLES[name]}\r\n`), name).toBe('ERROR\r\n');
      }
    });
  });
}

/** memcached names a flag by its letter, here and in the words that start it. */
function flagName(row: string): string {
  return row.startsWith('-') ? row.slice(0, 2) : row;
}

/** Names of flags and of their suboptions among words that start a server. */
function flagNames(words: readonly string[]): string[] {
  return words.flatMap((word) => word.split(',').map((part) => part.split('=')[0] ?? ''));
}

const TABLE_CASES = tables.flatMap(({ cases }) => cases);

test('a flag is called the same only where a test asks memcached and our daemon with it', () => {
  const asked = new Set([
    ...flagNames(TABLE_CASES.flatMap(({ flags = [] }) => flags)),
    ...flagNames(STATISTICS_FLAGS.flat()),
    ...FLAG_CASES.flatMap(({ rows }) => rows.map(flagName)),
  ]);
  const same = [...rowsOf('Flags')].filter(([, state]) => state === 'same').map(([name]) => name);
  expect(same.length).toBeGreaterThan(20);
  expect(same.filter((name) => !asked.has(flagName(name)))).toEqual([]);
  const rows = rowsOf('Flags');
  expect(FLAG_CASES.flatMap((one) => one.rows).filter((name) => !rows.has(name))).toEqual([]);
});

test('a command is called the same only where a test asks memcached and our daemon for it', () => {
  const lines = TABLE_CASES.flatMap(({ send }) => send).filter((step) => typeof step === 'string');
  const sent = [...lines, ...Object.keys(BLOCKS).map((block) => `stats${block}`)].join('\n');
  const same = [...rowsOf('Commands')].filter(([, state]) => state === 'same').map(([name]) => name);
  expect(same.length).toBeGreaterThan(15);
  expect(same.filter((name) => !new RegExp(`^ *${name}(?: |\\r|$)`, 'm').test(sent))).toEqual([]);
});

test('the page and -h agree about flags', () => {
  const help = execFileSync(`${REPOSITORY}/bin/memfleet`, ['daemon', '-h'], { encoding: 'utf8' });
  const ours = new Set([...help.matchAll(/^-(\w),/gm)].map((found) => found[1] ?? ''));
  const all = [...rowsOf('Flags')];
  const rows = new Map(all.filter(([name]) => name.startsWith('-')).map(([name, state]) => [name.slice(1, 2), state]));
  expect([...ours].filter((letter) => (rows.get(letter) ?? 'absent') === 'absent')).toEqual([]);
  expect([...rows].filter(([letter, state]) => state !== 'absent' && !ours.has(letter))).toEqual([]);
  const options = new Set([...help.matchAll(/^ +- (\w+):/gm)].map((found) => found[1] ?? ''));
  const optionRows = all.filter(([name, state]) => !name.startsWith('-') && state !== 'absent').map(([name]) => name);
  expect(optionRows.toSorted()).toEqual([...options].toSorted());
});
