import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConnectionTable } from '../../src/base/connection-table.ts';

interface Peer {
  name: string;
}

function world() {
  const clock = new ManualClock();
  const overdue: string[] = [];
  const limits = { opening: 100, working: Number.POSITIVE_INFINITY, idle: 1000 };
  const table = new ConnectionTable<Peer, keyof typeof limits>(limits, clock, (peer, phase) => {
    overdue.push(`${peer.name} ${phase}`);
  });
  return { clock, overdue, table };
}

describe('a table of connections', () => {
  test('tells who has been in a phase for its time, and not a millisecond earlier', () => {
    const { clock, overdue, table } = world();
    table.enter({ name: 'a' }, 'opening');
    clock.advance(60);
    table.enter({ name: 'b' }, 'opening');
    clock.advance(39);
    expect(overdue).toEqual([]);
    clock.advance(1);
    expect(overdue).toEqual(['a opening']);
    clock.advance(60);
    expect(overdue).toEqual(['a opening', 'b opening']);
    expect(table.size).toBe(0);
  });

  test('entering a phase begins its time anew, staying in it does not', () => {
    const { clock, overdue, table } = world();
    const [eager, staying] = [{ name: 'eager' }, { name: 'staying' }];
    table.enter(eager, 'opening');
    table.enter(staying, 'opening');
    clock.advance(90);
    table.enter(eager, 'opening');
    table.stay(staying, 'opening');
    clock.advance(10);
    expect(overdue).toEqual(['staying opening']);
    clock.advance(90);
    expect(overdue).toEqual(['staying opening', 'eager opening']);
  });

  test('a phase without an end has none, and a shorter one that comes later is seen in time', () => {
    const { clock, overdue, table } = world();
    table.enter({ name: 'worker' }, 'working');
    table.enter({ name: 'idler' }, 'idle');
    clock.advance(500);
    table.enter({ name: 'opener' }, 'opening');
    clock.advance(100);
    expect(overdue).toEqual(['opener opening']);
    clock.advance(1_000_000);
    expect(overdue).toEqual(['opener opening', 'idler idle']);
    expect(table.size).toBe(1);
  });

  test('finds who has been longest in its phase, of those who fit', () => {
    const { clock, table } = world();
    const peers = ['a', 'b', 'c', 'd'].map((name) => ({ name }));
    const [a, b, c, d] = peers as [Peer, Peer, Peer, Peer];
    table.enter(a, 'idle');
    clock.advance(1);
    table.enter(b, 'opening');
    clock.advance(1);
    table.enter(c, 'opening');
    table.enter(d, 'idle');
    expect(table.longestIn(['working'])).toBeUndefined();
    expect(table.longestIn(['opening', 'idle'])).toBe(a);
    expect(table.longestIn(['opening'])).toBe(b);
    table.enter(b, 'opening');
    expect(table.longestIn(['opening'])).toBe(c);
    expect(table.longestIn(['opening', 'idle'], ({ name }) => name === 'd')).toBe(d);
    table.leave(a);
    table.leave(c);
    expect(table.longestIn(['opening', 'idle'])?.name).toMatch(/^[bd]$/);
  });
});
