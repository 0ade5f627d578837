/** Which node a container of docker compose is. */
import { describe, expect, test } from 'vitest';
import { nodeNameOf } from '../../../src/coordinator/discovery/compose-names.ts';

const labelsOf = (service: string, replace?: string): Record<string, string> => ({
  'com.docker.compose.project': 'shop',
  'com.docker.compose.service': service,
  'com.docker.compose.container-number': '2',
  ...(replace !== undefined && { 'com.docker.compose.replace': replace }),
});

describe('the temporary name of a container that is made anew', () => {
  test.each([
    ['5173bc4f613d_shop-cache-2', labelsOf('cache', '5173bc4f613d'.padEnd(64, '0')), 'shop-cache-2'],
    ['5173bc4f613d_my-own-name', labelsOf('cache', '5173bc4f613d'.padEnd(64, '0')), 'my-own-name'],
    ['5173bc4f613d_my-own-name', labelsOf('cache', 'my-own-name'), 'my-own-name'],
    ['5173bc4f613d_shop-cache-2', labelsOf('cache'), 'shop-cache-2'],
    ['5173bc4f613d_shop_cache_2', labelsOf('cache'), 'shop_cache_2'],
  ])('%s is that of its node', (name, labels, expected) => {
    expect(nodeNameOf({ name, labels })).toBe(expected);
  });
});

test.each([
  ['shop-cache-2', labelsOf('cache', '5173bc4f613d'.padEnd(64, '0'))],
  ['5173bc4f613d_other', labelsOf('cache')],
  ['5173bc4f613d_shop-cache-2', {}],
  ['5173bc4f613_shop-cache-2', labelsOf('cache')],
  ['5173BC4F613D_shop-cache-2', labelsOf('cache')],
])('%s with labels %j is a name for good', (name, labels) => {
  expect(nodeNameOf({ name, labels })).toBe(name);
});
