/** Goal: server-sent events are read as the HTML standard says, wherever the text is cut. */
import { describe, expect, test } from 'vitest';
import { EventStreamParser } from '../../../src/client/following/event-stream.ts';

const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' });

const TABLE: [string, unknown[]][] = [
  ['data: a\n\n', [{ type: 'message', data: 'a', id: '' }]],
  ['data:a\n\n', [{ type: 'message', data: 'a', id: '' }]],
  ['data:  a\n\n', [{ type: 'message', data: ' a', id: '' }]],
  ['data\n\n', [{ type: 'message', data: '', id: '' }]],
  ['data: a\ndata: b\n\n', [{ type: 'message', data: 'a\nb', id: '' }]],
  ['event: topology\nid: 7\ndata: {}\n\n', [{ type: 'topology', data: '{}', id: '7' }]],
  ['id: 7\ndata: a\n\ndata: b\n\n', ['a', 'b'].map((data) => ({ type: 'message', data, id: '7' }))],
  [': a comment\n\n', []],
  ['event: x\n\ndata: a\n\n', [{ type: 'message', data: 'a', id: '' }]],
  ['unknown: x\ndata: a\n\n', [{ type: 'message', data: 'a', id: '' }]],
  ['data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c'].map((data) => ({ type: 'message', data, id: '' }))],
  ['data: not ended', []],
];

describe('events', () => {
  test.each(TABLE)('%j', (text, events) => {
    expect(new EventStreamParser(1000).push(text)).toEqual(events);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parser = new EventStreamParser(1000);
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(events);
    }
    const parser = new EventStreamParser(1000);
    expect(text.split('').flatMap((unit) => parser.push(unit))).toEqual(events);
  });

  test('a server may say how long to wait before the next attempt', () => {
    const parser = new EventStreamParser(1000);
    parser.push('retry: soon\nretry: 2500\n\n');
    expect(parser.retryMs).toBe(2500);
  });

  test('a CR LF that is cut in two ends one line', () => {
    const parser = new EventStreamParser(1000);
    const pieces = ['data: a\r', '\ndata: b\r', '', '\n\r', '\n'];
    expect(pieces.flatMap((piece) => parser.push(piece)).map(({ data }) => data)).toEqual(['a\nb']);
  });

  test('an event beyond the bound is refused, however it comes', () => {
    expect(() => new EventStreamParser(10).push('data: 0123456789')).toThrow(tooLarge);
    const parser = new EventStreamParser(10);
    expect(() => {
      for (let i = 0; i < 10; i += 1) parser.push('data: 01\n');
    }).toThrow(tooLarge);
  });
});
