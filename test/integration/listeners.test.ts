/**
 * Goal: what stands in front of an address of `-l` means what it means to memcached. Method: memcached and our daemon
 * listen with the same words, and each port is spoken to in both protocols.
 */
import { expect, test } from 'vitest';
import { COMPARABLE_VERSION, atLeast, freePort, ourDaemons, referenceMemcached } from '../conformance/driver.ts';
import { request } from '../conformance/binary-packets.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { until } from '../support/until.ts';

const reference = referenceMemcached();
const KINDS = [
  ...(reference !== undefined && atLeast(reference.version, COMPARABLE_VERSION) ? [reference] : []),
  ...ourDaemons(),
];

/** Ends both a text and a binary conversation, and is a mistake in neither's other protocol that would leave it waiting. */
const TEXT = Buffer.from(`${'version\r\n'.padEnd(40)}quit\r\n`);
const BINARY = Buffer.concat([request(Opcode.NOOP), request(Opcode.QUIT), Buffer.from('\r\nquit\r\n')]);

async function speaks(port: number): Promise<string[]> {
  const protocols: string[] = [];
  if ((await answerOf(port, TEXT)).startsWith('VERSION ')) protocols.push('text');
  if ((await answerOf(port, BINARY)).startsWith('\u0081\n')) protocols.push('binary');
  return protocols;
}

async function answerOf(port: number, bytes: Buffer): Promise<string> {
  const client = await RawClient.connect(port);
  try {
    await client.send([bytes]);
    return (await client.receiveUntilClosed()).toString('latin1');
  } finally {
    client.destroy();
  }
}

/** A server is called started when its first port accepts; the others come a moment later. */
async function untilListens(port: number): Promise<void> {
  await until(`port ${port} to accept`, () =>
    RawClient.connect(port).then(
      (client) => {
        client.destroy();
        return true;
      },
      () => false,
    ),
  );
}

test.each(KINDS)('$name: each port has the protocol that stands in front of it', async (kind) => {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  const words = ['proto[ascii]', 'proto[bin]', 'proto[negotiating]:tag[a]', 'proto[bogus]'];
  const server = await kind.start(['-l', words.map((word, i) => `${word}:127.0.0.1:${ports[i]}`).join(';')]);
  try {
    await Promise.all(ports.map(untilListens));
    const both = ['text', 'binary'];
    expect(await Promise.all(ports.map(speaks))).toEqual([['text'], ['binary'], both, both]);
  } finally {
    await server.stop();
  }
});
