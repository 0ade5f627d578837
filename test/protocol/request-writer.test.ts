/** Goal: the writer composes exactly the protocol's bytes, whatever the sizes, and keeps nothing it has handed over. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestWriter } from '../../src/protocol/text/request-writer.ts';

function composed(compose: (writer: RequestWriter) => void): string {
  const writer = new RequestWriter();
  compose(writer);
  return writer.take().toString();
}

describe('each command', () => {
  const table: [string, (writer: RequestWriter) => void][] = [
    ['get k\r\n', (writer) => writer.retrieveOne('get', 'k')],
    ['gets a b c\r\n', (writer) => writer.retrieve('gets', ['a', 'b', 'c'])],
    ['gat 60 k\r\n', (writer) => writer.retrieveAndTouch('k', 60)],
    ['set k 1 2 5\r\nhello\r\n', (writer) => writer.store('set', 'k', 1, 2, Buffer.from('hello'))],
    ['add k 0 -1 0\r\n\r\n', (writer) => writer.store('add', 'k', 0, -1, Buffer.alloc(0))],
    ['cas k 0 0 1 18446744073709551615\r\nx\r\n', (writer) => casOf(writer)],
    ['incr k 18446744073709551615\r\n', (writer) => writer.arithmetic('incr', 'k', 2n ** 64n - 1n)],
    ['decr k 3\r\n', (writer) => writer.arithmetic('decr', 'k', 3)],
    ['delete é\r\n', (writer) => writer.delete('é')],
    ['touch k 9\r\n', (writer) => writer.touch(Buffer.from('k'), 9)],
    ['stats items\r\n', (writer) => writer.line('stats items')],
    ['config set cluster 0 5 secret\r\n1\na|é\r\n', (writer) => writer.configSet('1\na|é', 'secret')],
    ['config set cluster 0 5 secret signed\r\n1\na|é\r\n', (writer) => writer.configSet('1\na|é', 'secret', 'signed')],
  ];
  test.each(table)('%j', (expected, compose) => {
    const text = composed(compose);
    // The size in the last line counts bytes, and é has two.
    expect(text).toBe(expected.replace(' 5 secret', ' 6 secret'));
  });
});

function casOf(writer: RequestWriter): void {
  writer.store('set', 'k', 0, 0, Buffer.from('x'), 2n ** 64n - 1n);
}

test('requests follow each other in one buffer, and what was taken is not touched again', () => {
  const writer = new RequestWriter();
  writer.retrieveOne('get', 'a');
  writer.delete('b');
  expect(writer.size).toBe(17);
  const first = writer.take();
  expect(writer.size).toBe(0);
  for (let i = 0; i < 1000; i += 1) writer.store('set', `key${i}`, 0, 0, Buffer.alloc(100, 'z'));
  expect(first.toString()).toBe('get a\r\ndelete b\r\n');
});

test('any keys and data of any size come out as they went in', () => {
  const store = fc.record({
    key: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 }),
    data: fc.uint8Array({ size: 'large', maxLength: 9000 }),
    flags: fc.nat(0xffffffff),
  });
  fc.assert(
    fc.property(fc.array(store, { maxLength: 5 }), (stores) => {
      const writer = new RequestWriter();
      for (const { key, data, flags } of stores) writer.store('set', key, flags, 0, data);
      const expected = stores.map(({ key, data, flags }) =>
        Buffer.concat([Buffer.from(`set ${key} ${flags} 0 ${data.length}\r\n`), data, Buffer.from('\r\n')]),
      );
      expect(writer.take().equals(Buffer.concat(expected))).toBe(true);
    }),
  );
});
