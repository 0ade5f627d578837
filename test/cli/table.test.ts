import { expect, test } from 'vitest';
import { formatBytes, formatSeconds, formatTable } from '../../src/cli/table.ts';

test('columns are as wide as their widest cell, numbers stand to the right, no line ends in a space', () => {
  const columns = [{ head: 'NODE' }, { head: 'ITEMS', numeric: true }, { head: 'STATE' }];
  expect(
    formatTable(columns, [
      ['node-10', '12', 'active'],
      ['node-2', '123456', ''],
    ]),
  ).toBe(['NODE      ITEMS  STATE', 'node-10      12  active', 'node-2   123456', ''].join('\n'));
  expect(formatTable(columns, [])).toBe('NODE  ITEMS  STATE\n');
});

test('bytes', () => {
  const values = [0, 1023, 1024, 1536, 64 * 1024 * 1024, 150.4 * 1024, 3 * 1024 ** 4, 5_000 * 1024 ** 4];
  expect(values.map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '64 MiB',
    '150 KiB',
    '3 TiB',
    '5000 TiB',
  ]);
});

test('seconds', () => {
  const values = [0, 59, 60, 185, 7_800, 7_261, 86_400, 349_200];
  expect(values.map(formatSeconds)).toEqual(['0s', '59s', '1m', '3m 5s', '2h 10m', '2h 1m', '1d', '4d 1h']);
});
