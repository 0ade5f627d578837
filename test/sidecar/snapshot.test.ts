import { describe, expect, test } from 'vitest';
import { byClass, classStatsObject, statsObject, stringifyStats } from '../../src/sidecar/snapshot.ts';
import { fixtureStats } from './support/fake-daemon.ts';

describe('statistics as JSON', () => {
  test('numbers are numbers, everything else is text', () => {
    const stats = new Map([
      ['pid', '42'],
      ['rusage_user', '0.005296'],
      ['version', '1.6'],
      ['libevent', '2.1.12-stable'],
      ['inter', '127.0.0.1'],
      ['evictions', 'on'],
      ['domain_socket', ''],
      ['octal', '007'],
      ['negative', '-1'],
      ['infinite', 'inf'],
    ]);
    expect(statsObject(stats)).toEqual({
      pid: 42,
      rusage_user: 0.005296,
      version: '1.6',
      libevent: '2.1.12-stable',
      inter: '127.0.0.1',
      evictions: 'on',
      domain_socket: '',
      octal: '007',
      negative: -1,
      infinite: 'inf',
    });
  });

  test('integers beyond 2^53 keep all their digits', () => {
    const stats = new Map([
      ['safe', '9007199254740991'],
      ['beyond', '9007199254740993'],
      ['max', '18446744073709551615'],
    ]);
    expect(stringifyStats(statsObject(stats))).toBe(
      '{"safe":9007199254740991,"beyond":9007199254740993,"max":18446744073709551615}',
    );
  });

  test('a statistic with the name of a property of every object is just a statistic', () => {
    const stats = new Map([['__proto__', '1']]);
    expect(stringifyStats(statsObject(stats))).toBe('{"__proto__":1}');
  });
});

describe('statistics by class', () => {
  test('items are nested by class id, without the word items', () => {
    const items = classStatsObject(byClass(fixtureStats('items')));
    expect(Object.keys(items)).toEqual(['1', '2', '18']);
    expect(items['18']).toMatchObject({ number: 460, evicted: 1040, evicted_nonzero: 693 });
  });

  test('slabs are nested by class id, with the totals beside them', () => {
    const slabs = classStatsObject(byClass(fixtureStats('slabs')));
    expect(slabs['2']).toMatchObject({ chunk_size: 120, cas_hits: 1, cas_badval: 1 });
    expect(slabs).toMatchObject({ active_slabs: 3 });
    expect(slabs['total_malloced']).toBeTypeOf('number');
  });

  test('connections are nested by their number', () => {
    const conns = new Map([
      ['26:addr', 'tcp:127.0.0.1:11211'],
      ['26:state', 'conn_listening'],
    ]);
    expect(classStatsObject(byClass(conns))).toEqual({
      '26': { addr: 'tcp:127.0.0.1:11211', state: 'conn_listening' },
    });
  });

  test('sizes stay flat', () => {
    expect(classStatsObject(byClass(new Map([['96', '3']])))).toEqual({ '96': 3 });
  });
});
