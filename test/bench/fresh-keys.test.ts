/** Requests that get their key when they are sent. */
import { expect, test } from 'vitest';
import { AnswerChecker } from '../../bench/load/checker.ts';
import { withFreshKeys } from '../../bench/load/fresh-keys.ts';
import { keySpaces, workloadScript } from '../../bench/load/script.ts';
import type { FreshKeys, Workload } from '../../bench/load/workload.ts';

const ITEMS = 1000;

function scriptOf(freshKeys: FreshKeys): {
  spaces: ReturnType<typeof keySpaces>;
  script: ReturnType<typeof workloadScript>;
} {
  const workload: Workload = {
    name: 'fresh',
    title: 'fresh',
    connections: 1,
    pipeline: 1,
    operations: [
      ['get', 1],
      ['set', 1],
    ],
    items: ITEMS,
    keyBytes: 20,
    sizes: { kind: 'fixed', bytes: 10 },
  };
  const spaces = keySpaces(workload);
  return { spaces, script: withFreshKeys(workloadScript(workload, spaces, 4), spaces.present, freshKeys) };
}

test('a script of four requests reaches every key, and each with its own value', () => {
  const { spaces, script } = scriptOf({ order: 'next', from: 990 });
  const seen = new Set<string>();
  const value = new Uint8Array(12);
  for (let turn = 0; turn < ITEMS; turn++) {
    const batch = turn % script.batches;
    script.renew?.(batch, turn);
    const [line = '', data] = Buffer.from(script.bytes[batch]).toString('latin1').split('\r\n');
    const index = (990 + turn) % ITEMS;
    const key = spaces.present.keyText(index);
    expect(line).toBe(line.startsWith('get') ? `get ${key}` : `set ${key} 0 0 10`);
    spaces.present.writeValue(value, 0, index);
    if (line.startsWith('set')) expect(`${data}\r\n`).toBe(Buffer.from(value).toString('latin1'));
    seen.add(key);
  }
  expect(seen.size).toBe(ITEMS);
});

test('the checker expects the new key, not the one that was written first', () => {
  const { spaces, script } = scriptOf({ order: 'random' });
  const batch = script.bytes.findIndex((bytes) => bytes[0] === 'g'.charCodeAt(0));
  const answer = (index: number): Buffer => {
    const value = new Uint8Array(12);
    spaces.present.writeValue(value, 0, index);
    return Buffer.concat([
      Buffer.from(`VALUE ${spaces.present.keyText(index)} 0 10\r\n`),
      value,
      Buffer.from('END\r\n'),
    ]);
  };
  const before = script.keys[script.first[batch]];
  script.renew?.(batch, 7);
  const after = script.keys[script.first[batch]];
  expect(after).not.toBe(before);
  for (const [index, isRight] of [
    [after, true],
    [before, false],
  ] as const) {
    const checker = new AnswerChecker(spaces, script, 1);
    checker.expect(batch);
    const bytes = answer(index);
    const consume = (): void => checker.consume(bytes, bytes.length, () => {});
    if (isRight) expect(consume).not.toThrow();
    else expect(consume).toThrow('wrong answer');
  }
});
