/** A file of nodes while it is written, replaced and cut off, on the real file system. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../../src/base/clock.ts';
import type { DiscoveryAdapter } from '../../../src/coordinator/discovery/adapter.ts';
import { STATIC_FILE_BYTES_MAX, STATIC_POLL_MS, STATIC_SETTLE_MS } from '../../../src/coordinator/limits.ts';
import { fromFile } from '../../../src/coordinator/discovery/static-file.ts';
import { staticDiscovery } from '../../../src/coordinator/discovery/static.ts';
import { until } from '../../support/until.ts';
import { pass } from '../support.ts';

const directory = mkdtempSync(join(tmpdir(), 'memfleet-static-'));
afterAll(() => rmSync(directory, { recursive: true }));
const adapters: DiscoveryAdapter[] = [];
afterEach(async () => {
  await Promise.all(adapters.splice(0).map((adapter) => adapter.close()));
});

let folders = 0;
function newFolder(): string {
  const folder = join(directory, String((folders += 1)));
  mkdirSync(folder);
  return folder;
}

const linesOf = (...numbers: number[]): string =>
  numbers.map((number) => `cache-${number}=127.0.0.1:${11210 + number}\n`).join('');

/** An adapter on `path`, and what it has said. */
function follow(path: string, clock: Clock = systemClock) {
  const lists: string[] = [];
  const losses: string[] = [];
  const adapter = staticDiscovery({ ...fromFile(path, clock), clock, lookup: () => expect.unreachable() });
  adapters.push(adapter);
  adapter.start({
    observed: (nodes) => lists.push(nodes.map((node) => node.name).join()),
    lost: (error) => losses.push(error.message),
  });
  return { lists, losses };
}

/** Follows `path` with time standing still but for what `looks` lets pass. */
function followManually(path: string) {
  const clock = new ManualClock();
  const looks = async (what: string, condition: () => boolean): Promise<void> =>
    until(what, async () => {
      await pass(clock, STATIC_POLL_MS, STATIC_POLL_MS);
      return condition();
    });
  return { ...follow(path, clock), clock, looks };
}

describe('a change is seen without waiting for the next look', () => {
  /** A clock on which no look is ever due: what is seen is seen by watching. */
  const watchful: Clock = {
    ...systemClock,
    setTimer: (delayMs, wake) => (delayMs >= STATIC_POLL_MS ? () => {} : systemClock.setTimer(delayMs, wake)),
  };

  test('when the file is replaced by renaming another', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, linesOf(1));
    const { lists } = follow(path, watchful);
    await until('the first list', () => lists.length === 1);
    for (const numbers of [[1, 2], [2]]) {
      writeFileSync(`${path}.new`, linesOf(...numbers));
      renameSync(`${path}.new`, path);
      await until('the next list', () => lists.at(-1) === numbers.map((number) => `cache-${number}`).join());
    }
  });

  test('when the file is written to', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, linesOf(1));
    const { lists } = follow(path, watchful);
    await until('the first list', () => lists.length === 1);
    writeFileSync(path, linesOf(1, 2));
    await until('the second list', () => lists.at(-1) === 'cache-1,cache-2');
  });

  test('when a link on its way is changed, as Kubernetes does with what it mounts', async () => {
    const folder = newFolder();
    for (const [version, text] of [
      ['v1', linesOf(1)],
      ['v2', linesOf(1, 2)],
    ] as const) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'nodes'), text);
    }
    symlinkSync('v1', join(folder, '..data'));
    symlinkSync('..data/nodes', join(folder, 'nodes'));
    const { lists } = follow(join(folder, 'nodes'), watchful);
    await until('the first list', () => lists.length === 1);
    symlinkSync('v2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    await until('the second list', () => lists.at(-1) === 'cache-1,cache-2');
  });
});

describe('half a file is not believed', () => {
  test('a file that is emptied keeps its last list, until there is one again', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, linesOf(1, 2));
    const { lists, losses, looks } = followManually(path);
    await looks('the list', () => lists.length === 1);
    truncateSync(path);
    await looks('the loss', () => losses.length >= 5);
    expect(losses.at(-1)).toContain('the file is empty');
    expect(lists).toEqual(['cache-1,cache-2']);
    writeFileSync(path, linesOf(1));
    await looks('the next list', () => lists.at(-1) === 'cache-1');
  });

  test('a file that is cut off within a line keeps its last list while it may still be written to', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, linesOf(1, 2));
    const { lists, losses, looks } = followManually(path);
    await looks('the list', () => lists.length === 1);
    // Still a list, but of other nodes: cache-2 would be at port 1121.
    truncateSync(path, linesOf(1, 2).length - 2);
    await looks('the loss', () => losses.length > 0);
    expect(losses[0]).toContain('the last line has no end');
    expect(lists).toEqual(['cache-1,cache-2']);
  });

  test('a last line without its end is believed when nobody goes on writing', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, linesOf(1).trimEnd());
    const { lists, looks, clock } = followManually(path);
    const beganMs = clock.monotonicMs();
    await looks('the list', () => lists.length === 1);
    expect(clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(STATIC_SETTLE_MS);
  });

  test('a fleet of none is a file with a comment', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, '# nobody\n');
    const { lists, looks } = followManually(path);
    await looks('the list', () => lists.length === 1);
    expect(lists).toEqual(['']);
  });

  test('a file beyond the bound is not read', async () => {
    const path = join(newFolder(), 'nodes');
    writeFileSync(path, '#'.repeat(STATIC_FILE_BYTES_MAX + 1));
    const { losses, looks } = followManually(path);
    await looks('the loss', () => losses.length > 0);
    expect(losses[0]).toContain(`more than ${STATIC_FILE_BYTES_MAX} bytes`);
  });
});

test('a folder that is not there yet is looked into when it is', async () => {
  const folder = join(directory, 'later');
  const { lists, losses, looks } = followManually(join(folder, 'nodes'));
  await looks('the loss', () => losses.length > 0);
  mkdirSync(folder);
  writeFileSync(join(folder, 'nodes'), linesOf(1));
  await looks('the list', () => lists.length === 1);
});
