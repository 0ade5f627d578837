/** Discovery from a list. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError } from '../../../src/base/errors.ts';
import type { ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { STATIC_POLL_MS } from '../../../src/coordinator/limits.ts';
import { fromText, parseStaticNodes, staticDiscovery } from '../../../src/coordinator/discovery/static.ts';
import { describeAdapter } from './adapter-suite.ts';
import { pass, settled } from '../support.ts';

const nameOf = (number: number): string => `cache-${number}`;
const lineOf = (number: number): string => `cache-${number}=127.0.0.1:1121${number}=http://127.0.0.1:915${number}`;

describeAdapter('a list', async () => {
  const clock = new ManualClock();
  let text = '';
  let readable = true;
  const read = async (): Promise<string> => {
    if (!readable) throw new FleetError('DISCOVERY_FAILED', 'no list');
    return text;
  };
  return {
    adapter: staticDiscovery({ read, clock }),
    hold: (...numbers) => {
      text = numbers.map(lineOf).join(',');
    },
    readable: (yes) => {
      readable = yes;
    },
    pass: () => pass(clock, STATIC_POLL_MS),
    nameOf,
  };
});

describe('the form of a list', () => {
  test('is NAME=HOST:PORT=SIDECARURL with commas, or lines with comments', () => {
    const parsed = [
      { name: 'cache-1', host: '127.0.0.1', port: 11211, sidecar: 'http://127.0.0.1:9151', weight: 1 },
      { name: 'cache-2', host: 'b.example', port: 11212, sidecar: '', weight: 2.5 },
      { name: 'cache-3', host: '::1', port: 1, sidecar: '', weight: 1 },
    ];
    const flag = 'cache-1=127.0.0.1:11211=http://127.0.0.1:9151,cache-2=b.example:11212==2.5,cache-3=[::1]:1';
    expect(parseStaticNodes(flag)).toEqual(parsed);
    expect(parseStaticNodes(`# the fleet\n\n${flag.replaceAll(',', ' # one\r\n  ')}\n`)).toEqual(parsed);
  });

  test('may be empty', () => {
    expect(parseStaticNodes(' \n# nobody\n')).toEqual([]);
  });

  test.each([
    'cache-1',
    'cache-1=',
    '=127.0.0.1:11211',
    'cache-1=127.0.0.1',
    'cache-1=127.0.0.1:0',
    'cache-1=127.0.0.1:99999',
    'cache 1=127.0.0.1:11211',
    'a|b=127.0.0.1:11211',
    'cache-1=127.0.0.1:11211=ftp://x',
    'cache-1=127.0.0.1:11211=http://x=0',
    'cache-1=127.0.0.1:11211=http://x=1001',
    `${'n'.repeat(254)}=127.0.0.1:11211`,
    'a=127.0.0.1:1,a=127.0.0.1:2',
  ])('%j is refused', (text) => {
    expect(() => parseStaticNodes(text)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});

test('a list that cannot be read does not empty the fleet', async () => {
  const clock = new ManualClock();
  let text = `${lineOf(1)},${lineOf(2)}`;
  const adapter = staticDiscovery({ read: async () => text, clock });
  const lists: string[] = [];
  const losses: string[] = [];
  adapter.start({
    observed: (nodes) => lists.push(nodes.map((node) => node.name).join()),
    lost: (error) => losses.push(error.message),
  });
  await pass(clock, STATIC_POLL_MS);
  text = 'what is this?';
  await pass(clock, STATIC_POLL_MS);
  expect(losses.at(-1)).toContain('what is this?');
  expect(lists).toEqual(['cache-1,cache-2']);
  text = lineOf(2);
  await pass(clock, STATIC_POLL_MS);
  expect(lists.at(-1)).toBe('cache-2');
  await adapter.close();
});

test('a list that changes while it is looked at is looked at once more', async () => {
  const clock = new ManualClock();
  const answers: ((text: string) => void)[] = [];
  let changed: (() => void) | undefined;
  const watch = (callback: () => void): (() => void) => {
    changed = callback;
    return () => {};
  };
  const adapter = staticDiscovery({ read: () => new Promise((resolve) => answers.push(resolve)), watch, clock });
  const lists: string[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes.map(({ name }) => name).join()), lost: () => {} });
  changed?.();
  changed?.();
  expect(answers.length).toBe(1);
  answers[0]?.(lineOf(1));
  await settled();
  expect(answers.length).toBe(2);
  answers[1]?.(lineOf(2));
  await settled();
  expect([lists, answers.length]).toEqual([['cache-1', 'cache-2'], 2]);
  await adapter.close();
});

test('a host name is looked up again and again, keeps its last address, and stays what the ring is made from', async () => {
  const clock = new ManualClock();
  let address: string | undefined;
  const lookup = async (): Promise<string> => {
    if (address === undefined) throw new Error('ENOTFOUND');
    return address;
  };
  const adapter = staticDiscovery({ ...fromText('a=a.example:11211'), clock, lookup });
  const seen: ObservedNode[] = [];
  adapter.start({ observed: ([node]) => void (node && seen.push(node)), lost: () => expect.unreachable() });
  const next = async (value: string | undefined): Promise<void> => {
    address = value;
    await pass(clock, STATIC_POLL_MS);
  };
  await next(undefined);
  await next('10.0.0.1');
  await next(undefined);
  await next('10.0.0.2');
  expect(seen.map((node) => [node.host, node.ip])).toEqual([
    ['a.example', 'a.example'],
    ['a.example', '10.0.0.1'],
    ['a.example', '10.0.0.2'],
  ]);
  await adapter.close();
});
