/** Discovery from a list. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { FleetError } from '../../../src/base/errors.ts';
import type { LeftOut, ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';
import { LOOKUP_PATIENCE_MS, LOOKUPS_MAX, STATIC_POLL_MS } from '../../../src/coordinator/limits.ts';
import { fromText, parseStaticNodes, staticDiscovery } from '../../../src/coordinator/discovery/static.ts';
import { describeAdapter } from './adapter-suite.ts';
import { pass, settled } from '../support.ts';

const nameOf = (number: number): string => `cache-${number}`;
/** These lists hold addresses only. */
const noLookup = (): Promise<readonly string[]> => expect.unreachable();
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
    adapter: staticDiscovery({ read, clock, lookup: noLookup }),
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
  const adapter = staticDiscovery({ read: async () => text, clock, lookup: noLookup });
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
  const adapter = staticDiscovery({
    read: () => new Promise((resolve) => answers.push(resolve)),
    watch,
    clock,
    lookup: noLookup,
  });
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

/** An adapter whose hosts the test resolves, each look-up by itself. */
function followed(text: string, remembered?: (host: string) => string | undefined) {
  const clock = new ManualClock();
  const state = { text, changed: (): void => {} };
  /** Host → what its look-ups answer: addresses, an error, or nothing for ever. */
  const answers = new Map<string, readonly string[] | Error>();
  const asked: string[] = [];
  const lookup = async (host: string): Promise<readonly string[]> => {
    asked.push(host);
    const answer = answers.get(host) ?? (await new Promise<never>(() => {}));
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const watch = (changed: () => void): (() => void) => {
    state.changed = changed;
    return () => {};
  };
  const adapter = staticDiscovery({ read: async () => state.text, watch, clock, lookup });
  const lists: string[] = [];
  const leftOut: string[] = [];
  const observed = (nodes: readonly ObservedNode[], left: readonly LeftOut[] = []): void => {
    lists.push(
      nodes.map(({ name, host, ip, hint }) => `${name} ${host} ${ip}${hint === 'running' ? '' : '?'}`).join(', '),
    );
    leftOut.push(left.map(({ name, reason, why }) => `${name} ${reason} ${why}`).join(', '));
  };
  adapter.start({ observed, lost: () => expect.unreachable() }, remembered);
  return { adapter, clock, state, answers, asked, lists, leftOut, next: () => pass(clock, STATIC_POLL_MS, 100) };
}

describe('a host name in a list', () => {
  test('is looked up again and again, keeps its last address, and stays what the ring is made from', async () => {
    const { adapter, answers, lists, leftOut, next } = followed('a=a.example:11211');
    answers.set('a.example', new Error('nobody knows'));
    await next();
    answers.set('a.example', ['10.0.0.1']);
    await next();
    answers.set('a.example', new Error('nobody knows'));
    await next();
    answers.set('a.example', []);
    await next();
    answers.set('a.example', ['10.0.0.2']);
    await next();
    // A question mark is at an address that is not confirmed.
    expect(lists).toEqual(['', 'a a.example 10.0.0.1', 'a a.example 10.0.0.1?', 'a a.example 10.0.0.2']);
    expect(leftOut).toEqual(['a unresolved a.example: nobody knows', '', '', '']);
    await adapter.close();
  });

  test('that never resolved is left out, and the others are there', async () => {
    const { adapter, answers, lists, leftOut, next } = followed('a=a.example:11211,b=b.example:11211');
    answers.set('a.example', ['10.0.0.1']).set('b.example', []);
    await next();
    expect(lists).toEqual(['a a.example 10.0.0.1']);
    expect(leftOut).toEqual(['b unresolved b.example: it has no address']);
    await adapter.close();
  });

  test('whose look-up hangs at the start has the address of the last topology, and is waited for only so long', async () => {
    const memory = new Map([['a.example', '10.0.0.7']]);
    const remembered = (host: string): string | undefined => memory.get(host);
    const { adapter, clock, answers, lists, leftOut } = followed(
      'a=a.example:1,b=b.example:1,c=c.example:1',
      remembered,
    );
    answers.set('c.example', ['10.0.0.3']);
    await pass(clock, LOOKUP_PATIENCE_MS, 100);
    expect(lists).toEqual(['a a.example 10.0.0.7?, c c.example 10.0.0.3']);
    expect(leftOut).toEqual(['b unresolved b.example: its look-up has not ended']);
    await adapter.close();
  });

  test('of a removed line is gone at once while every look-up hangs, and each host is asked once', async () => {
    const { adapter, clock, state, answers, asked, lists } = followed('a=a.example:1,b=b.example:1,c=10.0.0.3:1');
    answers.set('a.example', ['10.0.0.1']).set('b.example', ['10.0.0.2']);
    await pass(clock, STATIC_POLL_MS, 100);
    answers.clear();
    await pass(clock, STATIC_POLL_MS, 100);
    const once = asked.length;
    await pass(clock, 5 * STATIC_POLL_MS, 100);
    expect(asked.length).toBe(once);
    state.text = 'b=b.example:1,c=10.0.0.3:1';
    state.changed();
    await settled();
    expect(lists).toEqual([
      'a a.example 10.0.0.1, b b.example 10.0.0.2, c 10.0.0.3 10.0.0.3',
      'b b.example 10.0.0.2, c 10.0.0.3 10.0.0.3',
    ]);
    await adapter.close();
  });

  test('that resolves late is there as soon as it does', async () => {
    const clock = new ManualClock();
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const adapter = staticDiscovery({ ...fromText('a=a.example:1'), clock, lookup: () => promise });
    const lists: string[] = [];
    adapter.start({ observed: (nodes) => lists.push(nodes.map(({ ip }) => ip).join()), lost: () => {} });
    await pass(clock, LOOKUP_PATIENCE_MS, 100);
    resolve(['10.0.0.1']);
    await settled();
    expect(lists).toEqual(['', '10.0.0.1']);
    await adapter.close();
  });

  test('with several addresses keeps the one it has, in whatever order they come', async () => {
    const { adapter, answers, lists, next } = followed('a=a.example:1');
    answers.set('a.example', ['10.0.0.2']);
    await next();
    answers.set('a.example', ['10.0.0.1', '10.0.0.2']);
    await next();
    expect(lists).toEqual(['a a.example 10.0.0.2']);
    await adapter.close();
  });
});

test('no more hosts are looked up at once than the bound, and each gets its turn', async () => {
  const hosts = Array.from({ length: LOOKUPS_MAX + 20 }, (_, index) => `h${index}.example`);
  let open = 0;
  let most = 0;
  const lookup = async (): Promise<readonly string[]> => {
    open += 1;
    most = Math.max(most, open);
    await settled();
    open -= 1;
    return ['10.0.0.1'];
  };
  const clock = new ManualClock();
  const text = hosts.map((host, index) => `n${index}=${host}:1`).join('\n');
  const adapter = staticDiscovery({ ...fromText(text), clock, lookup });
  const lists: number[] = [];
  adapter.start({ observed: (nodes) => lists.push(nodes.length), lost: () => expect.unreachable() });
  await pass(clock, 100, 10);
  expect([most, lists]).toEqual([LOOKUPS_MAX, [hosts.length]]);
  await adapter.close();
});
