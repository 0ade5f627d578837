/** What is remembered over a restart. Method: every way in which a file can be wrong, and every cut of a good one. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileStore, memoryStore, type SavedState } from '../../src/coordinator/state-file.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'memfleet-state-'));
  path = join(directory, 'state.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

const STATE: SavedState = {
  document: documentOf([nodeOf({ name: 'cache-1' })], { version: 77 }),
  drained: ['cache-9'],
};

describe.each([
  ['a file', () => fileStore(path)],
  ['memory', () => memoryStore()],
])('a state in %s', (_where, make) => {
  test('is none at first, then what was saved last', async () => {
    const store = make();
    expect(await store.load()).toBeUndefined();
    await store.save({ document: undefined, drained: [] });
    await store.save(STATE);
    expect(await store.load()).toEqual(STATE);
  });
});

describe('a state file', () => {
  test('is replaced whole and leaves nothing beside it', async () => {
    const store = fileStore(path);
    await store.save(STATE);
    await Promise.all([store.save(STATE), store.save({ ...STATE, drained: [] })]);
    expect(readdirSync(directory)).toEqual(['state.json']);
    expect(await fileStore(path).load()).toMatchObject({ document: STATE.document });
  });

  test('that is cut anywhere is unreadable, never half a state', async () => {
    await fileStore(path).save(STATE);
    const whole = readFileSync(path);
    // Without its last byte, the line end, it is still whole.
    for (let length = 0; length < whole.length - 1; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(fileStore(path).load()).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
    }
  });

  test.each([
    ['garbage', '\0\0\0\0'],
    ['another JSON', '[1, 2]'],
    ['null', 'null'],
    ['a document that is none', '{"document": {"version": "high"}, "drained": []}'],
    ['a version beyond its bound', JSON.stringify({ document: documentOf([], { version: 2 ** 31 }), drained: [] })],
    ['drained that are no names', '{"drained": [1]}'],
    ['far too long a file', `"${' '.repeat(5 * 1024 * 1024)}"`],
  ])('with %s is unreadable, and can be saved over', async (_what, content) => {
    writeFileSync(path, content);
    const store = fileStore(path);
    await expect(store.load()).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining(path),
    });
    await store.save(STATE);
    expect(await store.load()).toEqual(STATE);
  });

  test('that cannot be written keeps what was there', async () => {
    await fileStore(path).save(STATE);
    const elsewhere = fileStore(join(directory, 'missing', 'state.json'));
    await expect(elsewhere.save(STATE)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
    // A directory cannot be replaced by a file.
    await expect(fileStore(directory).save(STATE)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
    expect(await fileStore(path).load()).toEqual(STATE);
    expect(readdirSync(directory)).toEqual(['state.json']);
  });
});
