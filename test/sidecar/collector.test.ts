import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/base/clock.ts';
import { FleetError } from '../../src/base/errors.ts';
import { Connection } from '../../src/client/wire/connection.ts';
import { Collector, type StatsSource } from '../../src/sidecar/collector.ts';
import { FakeDaemon } from './support/fake-daemon.ts';

const HANG = (): Promise<never> => new Promise(() => {});

function collectorOf(stats: StatsSource['stats'], clock = new ManualClock()) {
  return { clock, collector: new Collector({ source: { stats, close: () => {} }, clock, timeoutMs: 2000 }) };
}

describe('collector', () => {
  test('scrapes that come together share one collection, the next one has its own', async () => {
    const asked: string[] = [];
    const { collector } = collectorOf(async (argument = '') => {
      asked.push(argument);
      return new Map([['pid', '1']]);
    });
    const [first, second] = await Promise.all([collector.collect(), collector.collect()]);
    expect(first).toBe(second);
    expect(asked).toEqual(['', 'settings', 'items', 'slabs']);
    await collector.collect();
    expect(asked).toHaveLength(8);
  });

  test('reads of one block share one command', async () => {
    const asked: string[] = [];
    const { collector } = collectorOf(async (argument = '') => {
      asked.push(argument);
      return new Map();
    });
    await Promise.all([collector.read('sizes'), collector.read('sizes'), collector.read('conns')]);
    expect(asked).toEqual(['sizes', 'conns']);
  });

  test('a daemon that never answers is given up at the bound, and the next read begins anew', async () => {
    let asked = 0;
    const { collector, clock } = collectorOf(() => {
      asked += 1;
      return HANG();
    });
    for (const round of [1, 2]) {
      const collected = expect(collector.collect()).rejects.toMatchObject({ code: 'TIMEOUT' });
      clock.advance(2000);
      await collected;
      expect(asked).toBe(round * 4);
    }
  });

  test('a block that the daemon refuses is empty, an unreachable daemon fails the collection', async () => {
    const refusing = collectorOf(async (argument = '') => {
      if (argument !== '') throw new FleetError('SERVER', 'ERROR');
      return new Map([['pid', '1']]);
    });
    const snapshot = await refusing.collector.collect();
    expect([snapshot.general.size, snapshot.settings.size, snapshot.items.classes.size]).toEqual([1, 0, 0]);
    const gone = collectorOf(() => Promise.reject(new FleetError('CONNECT_FAILED', 'gone')));
    await expect(gone.collector.collect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
  });
});

describe('collector over a connection', () => {
  let daemon: FakeDaemon;
  let collector: Collector;

  beforeEach(async () => {
    daemon = await FakeDaemon.start();
    const source = new Connection({ host: '127.0.0.1', port: daemon.port, backoffMaxMs: 20, commandTimeoutMs: 100 });
    collector = new Collector({ source, clock: systemClock, timeoutMs: 2000 });
  });

  afterEach(async () => {
    await collector.close();
    await daemon.stop();
  });

  test('uses one connection and four commands', async () => {
    const snapshot = await collector.collect();
    expect(snapshot.general.get('version')).toBe('1.6.38');
    expect([...snapshot.items.classes.keys()]).toEqual(['1', '2', '18']);
    expect(daemon.commands).toEqual(['stats', 'stats settings', 'stats items', 'stats slabs']);
  });

  test('sees a daemon hang, and sees it come back', async () => {
    daemon.hung = true;
    await expect(collector.collect()).rejects.toMatchObject({ code: 'TIMEOUT' });
    daemon.hung = false;
    await expect.poll(() => collector.collect().catch(() => undefined), { timeout: 20_000 }).toBeDefined();
  });

  test('sees a daemon go, and finds the one that takes its place', async () => {
    await collector.collect();
    const { port } = daemon;
    await daemon.stop();
    await expect(collector.collect()).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    daemon = await FakeDaemon.start(port);
    await expect.poll(() => collector.collect().catch(() => undefined), { timeout: 20_000 }).toBeDefined();
  });
});
