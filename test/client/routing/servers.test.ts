/** Goal: a list of servers is the topology that its author meant, or refused. */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { parseServer, topologyOfServers } from '../../../src/client/routing/servers.ts';

function errorOf(code: ErrorCode): Error {
  return expect.objectContaining({ name: 'FleetError', code }) as Error;
}

describe('a server', () => {
  test.each([
    ['cache-1', { host: 'cache-1', port: 11211, weight: 1 }],
    ['127.0.0.1:11212', { host: '127.0.0.1', port: 11212, weight: 1 }],
    ['a:1:3', { host: 'a', port: 1, weight: 3 }],
    ['[::1]:11212', { host: '::1', port: 11212, weight: 1 }],
    ['[::1]', { host: '::1', port: 11211, weight: 1 }],
  ])('%j is understood', (text, expected) => expect(parseServer(text)).toEqual(expected));

  test.each(['', ':1', 'a:', 'a:x', 'a:1:2:3', '::1', 'a b:1', 'http://a:1'])('%j is refused', (text) => {
    expect(() => parseServer(text)).toThrow(errorOf('BAD_CONFIG'));
  });

  test('lists keep their order, as some hashing depends on it', () => {
    const document = topologyOfServers(['b:1', { host: 'a' }, 'c:2:5'], 'modulo-crc32-shift');
    expect(document.nodes.map((node) => node.name)).toEqual(['b:1', 'a:11211', 'c:2']);
    expect(document.nodes.map((node) => node.weight)).toEqual([1, 1, 5]);
    expect(document.hashing.algorithm).toBe('modulo-crc32-shift');
  });

  test.each([[['a:1', 'a:1']], [['a:99999']], [[{ host: '' }]]])('%j is refused', (servers) => {
    expect(() => topologyOfServers(servers)).toThrow(errorOf('BAD_CONFIG'));
  });
});
