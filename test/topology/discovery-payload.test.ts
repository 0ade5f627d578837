import { describe, expect, test } from 'vitest';
import { discoveryPayload, parseDiscoveryPayload } from '../../src/topology/discovery-payload.ts';
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
