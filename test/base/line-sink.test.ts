/** A log whose reader is slow: what waits is bounded, what is dropped is counted, and nobody is held up. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSink, type LineStream } from '../../src/base/line-sink.ts';

/** A stream that keeps everything until its reader takes it; or, as a file, takes everything at once and says so later. */
class FakeStream implements LineStream {
  isSlow = true;
  waiting: { text: string; taken: (error?: Error | null) => void }[] = [];
  read = '';

  write(text: string, taken: (error?: Error | null) => void): boolean {
    if (!this.isSlow) this.read += text;
    this.waiting.push({ text: this.isSlow ? text : '', taken });
    return !this.isSlow;
  }

  takeOne(error?: Error): void {
    const first = this.waiting.shift();
    if (error === undefined) this.read += first?.text ?? '';
    first?.taken(error);
  }

  takeAll(): void {
    while (this.waiting.length > 0) this.takeOne();
  }
}

function sinkOn(stream: FakeStream, max: number): LineSink {
  const sink: LineSink = new LineSink(stream, (missing) => sink.write(`${missing} missing\n`), max);
  return sink;
}

describe('lines', () => {
  test('beyond what may wait are dropped, counted, and told of when the reader is back', () => {
    const stream = new FakeStream();
    const sink = sinkOn(stream, 10);
    for (const line of ['one\n', 'two\n', 'six\n', 'ten\n']) sink.write(line);
    expect(sink.dropped).toBe(2);
    stream.takeAll();
    expect(stream.read).toBe('one\ntwo\n2 missing\n');
    sink.write('next\n');
    stream.takeAll();
    expect(stream.read).toBe('one\ntwo\n2 missing\nnext\n');
    expect(sink.dropped).toBe(2);
  });

  test('that are taken at once do not wait, however late the stream says so', () => {
    const stream = new FakeStream();
    stream.isSlow = false;
    const sink = sinkOn(stream, 10);
    for (let i = 0; i < 1000; i++) sink.write('line\n');
    expect(sink.dropped).toBe(0);
    expect(stream.read).toBe('line\n'.repeat(1000));
  });

  test('that are longer than all that may wait go when nothing waits', () => {
    const stream = new FakeStream();
    const sink = sinkOn(stream, 10);
    sink.write(`${'x'.repeat(50)}\n`);
    sink.write('y\n');
    stream.takeAll();
    expect(sink.dropped).toBe(1);
    expect(stream.read).toContain('x'.repeat(50));
  });

  test('that cannot be written are dropped ones', () => {
    const stream = new FakeStream();
    const sink = sinkOn(stream, 10);
    sink.write('gone\n');
    stream.takeOne(new Error('EPIPE'));
    expect(sink.dropped).toBe(1);
  });

  test('wait within the bound, and each is read or counted, whatever the reader does', () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 8 }) }),
      fc.constant('take' as const),
      fc.constant('all' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const stream = new FakeStream();
        let told = 0;
        const sink: LineSink = new LineSink(stream, (missing) => void (told += missing), 30);
        let written = 0;
        for (const one of steps) {
          if (one === 'take') stream.takeOne();
          else if (one === 'all') stream.takeAll();
          else {
            sink.write(`${'x'.repeat(one.write)}\n`);
            written++;
          }
          expect(stream.waiting.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(30);
        }
        stream.takeAll();
        expect(stream.read.split('\n').length - 1 + sink.dropped).toBe(written);
        expect(told).toBe(sink.dropped);
      }),
    );
  });
});
