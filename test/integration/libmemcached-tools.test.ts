/**
 * Goal: libmemcached's command line tools do with a fleet of our daemons what they do with memcached.
 * Method: files by the thousand are copied into two servers, read back, listed, touched and removed, in text and in the
 * binary protocol; the tools that make load do so within bounds. The real memcached goes through the same.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { atLeast, installedMemcached, ourDaemons, type ServerKind } from '../conformance/driver.ts';
import { describeWith } from '../support/requirements.ts';
import { addresses, ask, itemCount, run, twoServers } from './clients/support.ts';

const KEYS = 2000;
/** memcslap and memcaslap end after so many requests. */
const REQUESTS = 4000;

const keys = Array.from({ length: KEYS }, (_, i) => `file-${i}`);

function contentOf(i: number): Buffer {
  const kinds = [Buffer.from('text ü'), Buffer.alloc(i % 50, '\0\xff\r\nEND\r\n', 'latin1'), Buffer.alloc(3000, 'z')];
  return Buffer.concat([Buffer.from(`${i}:`), kinds[i % kinds.length] ?? Buffer.of()]);
}

function runTools(kind: ServerKind): void {
  describe(kind.name, () => {
    const { ports } = twoServers(kind, []);
    let folder: string;
    /** Runs a tool on both servers, in the folder. */
    const tool = async (name: string, ...args: string[]): Promise<string> =>
      await run(name, [`--servers=${addresses(ports()).join(',')}`, ...args], {}, folder);
    const held = async (): Promise<number> => (await Promise.all(ports().map(itemCount))).reduce((a, b) => a + b);

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'memfleet-tools-'));
      for (const [i, key] of keys.entries()) writeFileSync(join(folder, key), contentOf(i));
    });
    afterAll(() => rmSync(folder, { recursive: true }));
    beforeEach(async () => {
      for (const port of ports()) await ask(port, 'flush_all');
    });

    test.each([
      ['text', []],
      ['binary', ['--binary']],
    ])('%s: files are copied in and out, asked for, touched and removed', async (_, protocol) => {
      expect(await tool('memccp', ...protocol, '--flags=7', ...keys)).toBe('');
      const output = await tool('memccat', ...protocol, '--flags', ...keys);
      // Flags and value, each with an end of line; not worth a printed difference.
      const wanted = keys.map((_key, i) => `7\n${contentOf(i).toString('latin1')}\n`).join('');
      expect(output === wanted).toBe(true);

      expect(await tool('memcexist', ...protocol, ...keys)).toBe('');
      expect(await tool('memcexist', ...protocol, 'none')).toContain('ended with 1');
      expect(await tool('memctouch', ...protocol, '--expire=100', ...keys)).toBe('');
      expect(await tool('memctouch', ...protocol, 'none')).toContain('ended with 1');
      expect(await tool('memctouch', ...protocol, '--expire=1000000000', 'file-0')).toBe('');
      expect(await tool('memccat', ...protocol, 'file-0')).toContain('ended with 1');
      expect(await tool('memcrm', ...protocol, ...keys.slice(1))).toBe('');
      expect(await tool('memcrm', ...protocol, 'file-1')).toContain('ended with 1');
      expect(await held()).toBe(0);
    });

    test('memcdump lists every key, memcflush removes them', async () => {
      expect(await tool('memccp', ...keys)).toBe('');
      const dumped = (await tool('memcdump')).trim().split('\n');
      // memcached shows what is in one of its lists only, and nobody chooses which item is there when.
      if (kind.name.startsWith('memcached')) expect(keys).toEqual(expect.arrayContaining(dumped));
      else expect(dumped.sort()).toEqual(keys.toSorted());
      expect(await tool('memcflush')).toBe('');
      expect(await tool('memcexist', 'file-1')).toContain('ended with 1');
    });

    test('memcping reaches both, memcstat reads the statistics of both', async () => {
      expect(await tool('memcping')).toBe('');
      for (const port of ports()) {
        const server = `Server: 127.0.0.1 (${port})\n\t`;
        expect(await tool('memcstat')).toContain(`${server}pid: `);
        expect(await tool('memcstat', 'settings')).toContain(`${server}maxbytes: `);
      }
      expect(await tool('memcstat', '--server-version')).toMatch(/(?:127\.0\.0\.1:\d+ 1\.6\.\d+\n){2}/);
      expect(await tool('memcstat', '--analyze')).toContain('Number of Servers Analyzed         : 2');
    });

    test.each(['get', 'mget', 'set'])('memcslap makes load: %s', async (kindOfLoad) => {
      for (const protocol of [[], ['--binary']]) {
        const load = [`--test=${kindOfLoad}`, '--concurrency=2', `--execute-number=${REQUESTS / 2}`];
        const output = await tool('memcslap', ...protocol, ...load);
        expect(output).toMatch(new RegExp(`Time to ${kindOfLoad} +${REQUESTS} keys by +2 threads`));
        expect(output).not.toMatch(/error|fail|ended with/i);
      }
    });

    test.each([
      ['text', []],
      ['binary', ['--binary']],
    ])('memcaslap makes load and finds every value as it was: %s', async (_, protocol) => {
      const load = ['--threads=2', '--concurrency=8', `--execute_number=${REQUESTS}`, '--verify=1', '--division=10'];
      const output = await tool('memcaslap', ...protocol, ...load);
      for (const name of ['get_misses', 'verify_misses', 'verify_failed']) expect(output).toContain(`\n${name}: 0\n`);
      expect(output).toMatch(new RegExp(`Ops: ${REQUESTS} `));
    });

    test.each(['-a', '-b'])('memccapable %s passes every test that memcached passes', async (protocol) => {
      const output = await run('memccapable', ['-h', '127.0.0.1', '-p', String(ports()[0]), protocol]);
      // It sends a delete with a time, and one with noreply, which memcached refused until 1.6.40 and now does not look
      // at. Which tests fail is not read: names and results come by two streams.
      const isNew = protocol === '-a' && atLeast(kind.version, '1.6.40');
      expect(output).toContain(isNew ? '2 of 27 tests failed' : 'All tests passed');
    });
  });
}

describeWith(['libmemcachedTools', 'memcached'], 'the installed memcached', () => {
  const kind = installedMemcached();
  if (kind !== undefined) runTools(kind);
});

describeWith(['libmemcachedTools'], 'our daemons', () => {
  for (const kind of ourDaemons()) runTools(kind);
});
