import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { discoveryEntry, discoveryPayload, parseDiscoveryPayload } from '../../src/topology/discovery-payload.ts';
import { documentOf, nodeOf } from './nodes.ts';

const nodes = [nodeOf({ name: 'cache-1', ip: '10.0.0.1' }), nodeOf({ name: 'cache-2', ip: '10.0.0.2' })];

describe('the payload of config get cluster', () => {
  test('is version and list, each ended by LF alone', () => {
    const payload = discoveryPayload(documentOf(nodes, { version: 7 }));
    expect(payload).toBe('7\ncache-1|10.0.0.1|11211 cache-2|10.0.0.2|11211\n');
    expect(Buffer.byteLength(payload ?? '')).toBe(48);
  });

  test('names only active nodes', () => {
    const [first, second] = nodes;
    const payload = discoveryPayload(documentOf([first, { ...second, state: 'draining' }]));
    expect(payload).toBe('1\ncache-1|10.0.0.1|11211\n');
  });

  test('does not exist without active nodes', () => {
    expect(discoveryPayload(documentOf([]))).toBeUndefined();
    expect(discoveryPayload(documentOf([{ ...nodes[0], state: 'down' }]))).toBeUndefined();
  });

  test('is read back', () => {
    expect(parseDiscoveryPayload(discoveryPayload(documentOf(nodes, { version: 7 })) ?? '')).toEqual({
      version: 7,
      nodes: [
        { host: 'cache-1', ip: '10.0.0.1', port: 11211 },
        { host: 'cache-2', ip: '10.0.0.2', port: 11211 },
      ],
    });
  });

  test('is read with CR LF, blank space around, and without an IP', () => {
    expect(parseDiscoveryPayload('12\r\na||11212 \r\n\r\n')).toEqual({
      version: 12,
      nodes: [{ host: 'a', ip: '', port: 11212 }],
    });
  });

  test.each([
    '',
    '7',
    '7\n',
    '0\na|b|1\n',
    '-1\na|b|1\n',
    'x\na|b|1\n',
    '4294967296\na|b|1\n',
    '7\na|b\n',
    '7\n|b|1\n',
    '7\na|b|0\n',
    '7\na|b|70000\n',
    '7\na|b|1\nmore\n',
    `7\n${'a|b|1 '.repeat(5000)}\n`,
  ])('%j is refused', (payload) => {
    expect(() => parseDiscoveryPayload(payload)).toThrow(expect.objectContaining({ code: 'BAD_TOPOLOGY' }) as Error);
  });
});

function entry(host: string, ip: string): string | undefined {
  return discoveryEntry({ host, ip, port: 11211 });
}

describe('an entry that every client can read', () => {
  test('has host and IPv4 address as they are', () => {
    expect(entry('cache-1.example.com', '10.0.0.1')).toBe('cache-1.example.com|10.0.0.1|11211');
  });

  test.each(['cache_1', 'BACKEND-1', 'END', 'café', '', 'a b', 'a|b', '::1', 'a/b'])(
    'has the address for the host %j',
    (host) => {
      expect(entry(host, '10.0.0.1')).toBe('10.0.0.1|10.0.0.1|11211');
    },
  );

  test('keeps a host with "end" in it, because clients look for capitals', () => {
    expect(entry('backend-1', '10.0.0.1')).toBe('backend-1|10.0.0.1|11211');
  });

  test('has the IPv4 address that an IPv6 one stands for', () => {
    expect(entry('cache-1', '::ffff:10.0.0.1')).toBe('cache-1|10.0.0.1|11211');
  });

  test('has the host for an address if it is one', () => {
    expect(entry('10.0.0.1', '')).toBe('10.0.0.1|10.0.0.1|11211');
    expect(entry('10.0.0.1', '2001:db8::1')).toBe('10.0.0.1|10.0.0.1|11211');
  });

  test.each(['', '2001:db8::1', 'cache-1', '10.0.0', '10.0.0.256', '0.0.0.0', '10.0.0.01'])(
    'does not exist for a node whose address is %j',
    (ip) => {
      expect(entry('cache-1', ip)).toBeUndefined();
    },
  );

  test('a node without one is left out, and the list is none if no node is left', () => {
    const six = nodeOf({ name: 'cache-3', ip: '2001:db8::3' });
    expect(discoveryPayload(documentOf([nodes[0], six]))).toBe('1\ncache-1|10.0.0.1|11211\n');
    expect(discoveryPayload(documentOf([six]))).toBeUndefined();
  });

  test.each([
    ['cache-1', '2001:db8::1', 'cache-1|2001:db8::1|11211'],
    ['cache_1', '2001:db8::1', '2001:db8::1|2001:db8::1|11211'],
    ['2001:db8::1', '', '2001:db8::1|2001:db8::1|11211'],
    ['cache-1', '10.0.0.1', 'cache-1|10.0.0.1|11211'],
    ['10.0.0.1', '2001:db8::1', '10.0.0.1|10.0.0.1|11211'],
    ['cache-1', '::ffff:10.0.0.1', 'cache-1|10.0.0.1|11211'],
    ['cache-1', '::', undefined],
    ['cache-1', '0:0::0', undefined],
    ['cache-1', 'fe80::1%eth0', undefined],
    ['cache-1', '', undefined],
  ])('of %j at %j is for clients that read IPv6 %j', (host, ip, expected) => {
    expect(discoveryEntry({ host, ip, port: 11211 }, 'ipv6')).toBe(expected);
  });

  test('is never anything else, whatever a document holds', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
        fc.integer({ min: 1, max: 65_535 }),
        (host, ip, port) => {
          const text = discoveryEntry({ host, ip, port });
          if (text === undefined) return;
          // The grammar of dalli-elasticache, which is the narrowest.
          expect(text).toMatch(/^[-.a-zA-Z0-9]+\|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\|\d{1,5}$/);
          expect(text).not.toContain('END');
        },
      ),
    );
  });

  test('ninety nodes of the usual names stay below what pymemcache reads at once', () => {
    const many = Array.from({ length: 90 }, (_, index) =>
      nodeOf({ name: `memfleet-cache-${index + 1}`, ip: `172.18.100.${index + 1}` }),
    );
    const payload = discoveryPayload(documentOf(many, { version: 1_795_443_210 })) ?? '';
    expect(`CONFIG cluster 0 ${payload.length}\r\n${payload}\r\nEND\r\n`.length).toBeLessThan(4096);
  });
});
