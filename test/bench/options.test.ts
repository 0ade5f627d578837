/** The flags of the benchmark, and its workloads as data. */
import { describe, expect, test } from 'vitest';
import { chooseWorkloads } from '../../bench/compare.ts';
import { readOptions } from '../../bench/harness/options.ts';
import { keySpaces, workloadScript } from '../../bench/load/script.ts';
import { WORKLOADS } from '../../bench/workloads.ts';

describe('flags', () => {
  test('have their defaults', () => {
    expect(readOptions([])).toMatchObject({
      part: 'compare',
      options: { runtimes: ['default'], ours: true, memcached: true, cores: [0, 1], smoke: false },
    });
  });

  test('name the part and take lists', () => {
    const read = readOptions(['memory', '--memory', '64,1024', '--runtime', 'node,bun', '--no-memcached']);
    expect(read).toMatchObject({
      part: 'memory',
      options: { memory: [64, 1024], runtimes: ['node', 'bun'], memcached: false },
    });
  });

  test('that are wrong are named', () => {
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds 0');
    expect(() => readOptions(['--runtime', 'deno'])).toThrow('--runtime deno');
    expect(() => readOptions(['--bogus'])).toThrow('--bogus');
  });

  test('a workload that does not exist is named, with those that do', () => {
    const read = readOptions(['--workload', 'nope']);
    expect(() => chooseWorkloads(read?.options ?? expect.fail())).toThrow(/--workload nope.*single/);
  });
});

test('workloads have names of their own', () => {
  expect(new Set(WORKLOADS.map(({ name }) => name)).size).toBe(WORKLOADS.length);
});

test.each(WORKLOADS.map((workload) => [workload.name, workload] as const))('%s can be encoded', (_, workload) => {
  const small = { ...workload, items: Math.min(workload.items, 100) };
  const script = workloadScript(small, keySpaces(small), 20);
  expect(script.batches).toBe(20);
  const keysEach = workload.operations[0]?.[0] === 'multiget' ? 50 : 1;
  for (let batch = 0; batch < script.batches; batch++) {
    expect(script.operations[batch]).toBe(workload.pipeline * keysEach);
    expect(script.first[batch + 1]).toBeGreaterThan(script.first[batch] ?? 0);
    expect(script.bytes[batch]?.length).toBeGreaterThan(0);
  }
});
