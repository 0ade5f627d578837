/** Goal: replies come out whole and in order, however the stream was cut. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReceiveBuffer } from '../../src/client/receive-buffer.ts';

const STREAM = Buffer.from(
  'STORED\r\nVALUE a 0 5\r\nhello\r\nVALUE b 7 3000 9\r\n' +
    `${'x\r\n'.repeat(1000)}\r\nEND\r\n12\r\nSTAT a b c\r\nEND\r\n`,
);

/** What came out of the chunks, with data as text. */
function read(chunks: readonly Buffer[]): { replies: unknown[]; left: number } {
  const received = new ReceiveBuffer();
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
  const received = new ReceiveBuffer();
  let count = 0;
  const problem = received.push(Buffer.from('END\r\nNONSENSE\r\nEND\r\n'), () => {
    count += 1;
    return true;
  });
  expect(problem).toMatch(/NONSENSE/);
  expect(count).toBe(1);
  const stopped = new ReceiveBuffer();
  stopped.push(Buffer.from('END\r\nEND\r\n'), () => {
    count += 1;
    return false;
  });
  expect(count).toBe(2);
});
