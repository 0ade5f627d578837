/**
 * Runs one transcript on a connection. The end of an answer is known by a marker that is sent behind each step: a value
 * with a text of its own is stored and read back, so no sleep is needed and no server has to have more than `set` and `get`.
 */
import type { Need, Step, WireCase } from './cases.ts';
import { cut } from './cuts.ts';
import type { Feed } from './cuts.ts';
import { RawClient } from './raw-client.ts';

let markers = 0;

function marker(): { request: Buffer; answer: Buffer } {
  markers += 1;
  const text = `end-of-answers-${markers}`;
  const key = 'marker-of-the-driver';
  return {
    request: Buffer.from(`set ${key} 1 0 ${text.length}\r\n${text}\r\nget ${key}\r\n`),
    answer: Buffer.from(`STORED\r\nVALUE ${key} 1 ${text.length}\r\n${text}\r\nEND\r\n`),
  };
}

/** In the binary protocol the marker is a noop with an opaque of its own. */
function binaryMarker(): { request: Buffer; answer: Buffer } {
  markers += 1;
  const request = Buffer.alloc(24);
  request[0] = 0x80;
  request[1] = 0x0a;
  request.writeUInt32BE(0xe0000000 + markers, 12);
  const answer = Buffer.from(request);
  answer[0] = 0x81;
  return { request, answer };
}

function bytesOf(step: Step, received: string): Buffer {
  if (Buffer.isBuffer(step)) {
    return step;
  }
  return Buffer.from(typeof step === 'string' ? step : step(received), 'latin1');
}

/** Sends a case's steps and gives back all answers as latin1 text. For a case that closes, until the server has closed. */
export async function runCase(
  client: RawClient,
  wireCase: Pick<WireCase, 'send' | 'closes'>,
  options: { feed: Feed; random: () => number; needs?: Need | undefined },
): Promise<string> {
  const steps = Array.isArray(wireCase.send) ? wireCase.send : [wireCase.send];
  let received = '';
  for (const [index, step] of steps.entries()) {
    const bytes = bytesOf(step, received);
    if (wireCase.closes === true && index === steps.length - 1) {
      await client.send(cut(bytes, options.feed, options.random));
      return received + (await client.receiveUntilClosed()).toString('latin1');
    }
    const end = options.needs === 'binary' ? binaryMarker() : marker();
    await client.send(cut(Buffer.concat([bytes, end.request]), options.feed, options.random));
    const answer = await client.receiveUntil(end.answer);
    received += answer.subarray(0, answer.length - end.answer.length).toString('latin1');
  }
  return received;
}

/** Makes the server forget every item, so that a case finds nothing of the ones before it. */
export async function forgetItems(client: RawClient, needs?: Need): Promise<void> {
  if (needs === 'binary') {
    const flush = Buffer.alloc(24);
    flush[0] = 0x80;
    flush[1] = 0x08;
    await runCase(client, { send: flush }, { feed: 'whole', random: Math.random, needs });
    return;
  }
  const answer = await runCase(client, { send: 'flush_all\r\n' }, { feed: 'whole', random: Math.random });
  // A server that was started with -F refuses, and its cases must not need it.
  if (answer !== 'OK\r\n' && answer !== 'CLIENT_ERROR flush_all not allowed\r\n') {
    throw new Error(`flush_all answered ${JSON.stringify(answer)}`);
  }
}
