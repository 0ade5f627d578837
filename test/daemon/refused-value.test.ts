/**
 * Goal: what belongs to a storage command is never run as commands, whatever is wrong with its line. Method: lines of random
 * words behind each verb, right and wrong, with a value that would empty the cache; whole, byte by byte and cut anywhere.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stat, startMemoryServer } from './support/memory-server.ts';

const VALUE = 'flush_all';

const verbs = fc.constantFrom('set', 'add', 'replace', 'append', 'prepend', 'cas', 'ms');
const words = fc.oneof(
  fc.constantFrom(
    'a',
    'k'.repeat(250),
    'k'.repeat(251),
    '0',
    '9',
    '09',
    '-1',
    '-',
    '+9',
    '\t9',
    '9\t',
    '9x',
    'x',
    '\0',
  ),
  fc.constantFrom('4294967296', '4294967305', '2147483645', '2147483646', '18446744073709551616', 'noreply', 'YQ=='),
  fc.constantFrom(
    'b',
    'q',
    'v',
    'v',
    'T9',
    'Tx',
    'F-1',
    'MX',
    'M',
    'C1',
    'E1',
    '!',
    '~',
    '\x80',
    `O${'o'.repeat(40)}`,
    'Z',
  ),
);
const lines = fc.record({
  verb: verbs,
  rest: fc.array(words, { minLength: 1, maxLength: 26 }),
  gap: fc.constantFrom(' ', '  '),
});

describe('a value', () => {
  test('is stored, skipped, or ends the connection, but is not run', async () => {
    const { server, connect } = await startMemoryServer();
    const other = connect();
    await fc.assert(
      fc.asyncProperty(lines, fc.array(fc.nat({ max: 400 }), { maxLength: 4 }), async ({ verb, rest, gap }, cuts) => {
        const socket = connect();
        const sent = `set kept 0 0 1\r\n1\r\n${[verb, ...rest].join(gap)}\r\n${VALUE}\r\n`;
        const places = [0, ...cuts.filter((at) => at < sent.length).toSorted((a, b) => a - b), sent.length];
        for (let i = 1; i < places.length; i++) socket.send(sent.slice(places[i - 1], places[i]));
        expect(server.engine.counters.flushCommands).toBe(0);
        expect(other.ask('get kept\r\n')).toBe('VALUE kept 0 1\r\n1\r\nEND\r\n');
        socket.destroy();
        // The daemon hears of it on the next turn.
        await Promise.resolve();
      }),
      { numRuns: 3000 },
    );
  });

  test('byte by byte', async () => {
    const { connect } = await startMemoryServer();
    for (const line of [
      `set ${'k'.repeat(251)} 0 0 9`,
      'cas a 0 0 9',
      'ms a 9 !',
      'set a 0 9',
      'ms a +9',
      'append a x x 9 noreply',
    ]) {
      const socket = connect();
      for (const byte of `set kept 0 0 1\r\n1\r\n${line}\r\n${VALUE}\r\n`) socket.send(byte);
      expect(stat(connect(), 'cmd_flush'), line).toBe(0);
    }
  });
});
