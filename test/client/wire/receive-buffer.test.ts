/** Goal: replies come out whole and in order, however the stream was cut. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReceiveBuffer } from '../../../src/client/wire/receive-buffer.ts';

const STREAM = Buffer.from(
  'STORED\r\nVALUE a 0 5\r\nhello\r\nVALUE b 7 3000 9\r\n' +
    `${'x\r\n'.repeat(1000)}\r\nEND\r\n12\r\nSTAT a b c\r\nEND\r\n`,
);

/** What came out of the chunks, with data as text. */
function read(
  chunks: readonly Buffer[],
  received = new ReceiveBuffer(1_000_000, () => true),
): { replies: unknown[]; left: number } {
  const replies: unknown[] = [];
  for (const chunk of chunks) {
    const problem = received.push(chunk, (reply) => {
      replies.push('data' in reply ? { ...reply, data: reply.data.toString('latin1') } : reply);
      return true;
    });
    expect(problem).toBeUndefined();
  }
  return { replies, left: received.size };
}

function cutAt(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
  // Copies, as a socket's chunks are not parts of one buffer.
  return edges.slice(1).map((end, index) => Buffer.from(stream.subarray(edges[index], end)));
}

const whole = read([STREAM]);

test('a stream gives its replies', () => {
  expect(whole.replies).toHaveLength(7);
  expect(whole.left).toBe(0);
});

test('byte by byte', () => {
  expect(read([...STREAM].map((byte) => Buffer.of(byte)))).toEqual(whole);
});

test('at every cut', () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) expect(read(cutAt(STREAM, [cut]))).toEqual(whole);
});

test('at any cuts', () => {
  const cuts = fc.array(fc.nat(STREAM.length), { maxLength: 20 });
  fc.assert(
    fc.property(cuts, (at) => {
      expect(read(cutAt(STREAM, at))).toEqual(whole);
    }),
  );
});

test('an incomplete reply is kept, and no more than that', () => {
  expect(read([STREAM.subarray(0, 12)])).toEqual({ replies: [{ kind: 'status', status: 'STORED' }], left: 4 });
});

test('nothing is read after a bad reply, or after the reader says stop', () => {
  const received = new ReceiveBuffer(1_000_000, () => true);
  let count = 0;
  const problem = received.push(Buffer.from('END\r\nNONSENSE\r\nEND\r\n'), () => {
    count += 1;
    return true;
  });
  expect(problem).toMatch(/NONSENSE/);
  expect(count).toBe(1);
  const stopped = new ReceiveBuffer(1_000_000, () => true);
  stopped.push(Buffer.from('END\r\nEND\r\n'), () => {
    count += 1;
    return false;
  });
  expect(count).toBe(2);
});

function bounded(): ReceiveBuffer {
  return new ReceiveBuffer(100, () => true);
}

describe('a data block above the bound', () => {
  const skipped = [...whole.replies];
  skipped[2] = { kind: 'skipped', key: 'b', dataBytes: 3000 };

  test('passes by, at every cut and byte by byte, and what follows is read', () => {
    expect(read([STREAM], bounded())).toEqual({ replies: skipped, left: 0 });
    expect(
      read(
        [...STREAM].map((byte) => Buffer.of(byte)),
        bounded(),
      ),
    ).toEqual({ replies: skipped, left: 0 });
    for (let cut = 0; cut <= STREAM.length; cut += 1) {
      expect(read(cutAt(STREAM, [cut]), bounded())).toEqual({ replies: skipped, left: 0 });
    }
  });

  test('passes by at any cuts', () => {
    const cuts = fc.array(fc.nat(STREAM.length), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, (at) => {
        expect(read(cutAt(STREAM, at), bounded())).toEqual({ replies: skipped, left: 0 });
      }),
    );
  });

  test('is not kept, not even what has come of it', () => {
    const received = bounded();
    received.push(Buffer.from(`CONFIG cluster 0 1000000000\r\n${'x'.repeat(60_000)}`), () => true);
    expect(received.size).toBe(0);
    received.push(Buffer.alloc(60_000, 'x'), () => true);
    expect(received.size).toBe(0);
  });

  test.each(['xx', '\rx', 'x\n'])('that ends with %j is not the protocol', (end) => {
    for (const cut of [20, 217, 218]) {
      const received = bounded();
      const bytes = Buffer.from(`VALUE k 0 200\r\n${'x'.repeat(200)}${end}END\r\n`);
      let problem: string | undefined;
      // Nothing is read after the first problem.
      for (const chunk of cutAt(bytes, [cut])) problem ??= received.push(chunk, () => true);
      expect(problem).toBe('a data block does not end with CR LF');
    }
  });
});

test('a data block that nobody waits for any more is let go of in the middle', () => {
  let wanted = true;
  const received = new ReceiveBuffer(1_000_000, () => wanted);
  const replies: unknown[] = [];
  const push = (text: string): void => {
    expect(received.push(Buffer.from(text), (reply) => replies.push(reply) > 0)).toBeUndefined();
  };
  push(`VALUE k 0 50000\r\n${'x'.repeat(20_000)}`);
  push('x'.repeat(10_000));
  expect(received.size).toBe(30_017);
  wanted = false;
  push('x'.repeat(10_000));
  expect(received.size).toBe(0);
  push(`${'x'.repeat(10_000)}\r\nEN`);
  push('D\r\n');
  expect(replies).toEqual([
    { kind: 'skipped', key: 'k', dataBytes: 50_000 },
    { kind: 'status', status: 'END' },
  ]);
});
