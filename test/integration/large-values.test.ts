/**
 * Large values on their way in and out, on the real daemon and each transport: some leave them where they lie, some copy them.
 * Every byte is checked, however the client cuts what it sends.
 */
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { HEADER_BYTES } from '../../src/protocol/binary/packet.ts';
import { request, storage } from '../conformance/binary-packets.ts';
import { ourDaemonsOnEachTransport, type ServerProcess } from '../conformance/driver.ts';

const SIZES = [16_000, 16_384, 70_000, 300_000, 1_000_000];
/** Bytes of a client's writes, in turn. */
const CUTS = [1, 50, 16_384, 3, 16_300, 65_536, 200_000];

function valueOf(byteLength: number, salt: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: byteLength }, (_, i) => (i * 31 + (i >>> 8) * 7 + salt) & 0xff));
}

const line = (head: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${head}\r\n`), value, Buffer.from('\r\n')]);

/** How a value is stored, and how many bytes the answer has. */
const COMMANDS: [name: string, store: (key: string, value: Buffer) => Buffer, answerBytes: number][] = [
  ['set', (key, value) => line(`set ${key} 0 0 ${value.length}`, value), 'STORED\r\n'.length],
  ['ms', (key, value) => line(`ms ${key} ${value.length}`, value), 'HD\r\n'.length],
  ['binary set', (key, value) => request(Opcode.SET, { key, extras: storage(), value }), HEADER_BYTES],
];

/** Sends bytes in pieces and reads until the answer is `expected` bytes long. */
async function converse(port: number, bytes: Buffer, expected: number): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  const send = async (): Promise<void> => {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const end = Math.min(bytes.length, at + CUTS[i % CUTS.length]);
      await new Promise((taken) => socket.write(bytes.subarray(at, end), taken));
      at = end;
    }
  };
  const sending = send();
  const pieces: Buffer[] = [];
  for (let have = 0; have < expected;) {
    const [piece] = (await once(socket, 'data')) as [Buffer];
    pieces.push(piece);
    have += piece.length;
  }
  await sending;
  socket.destroy();
  return Buffer.concat(pieces);
}

describe.each(ourDaemonsOnEachTransport())('$name', (kind) => {
  let server: ServerProcess | undefined;
  beforeAll(async () => {
    server = await kind.start(['-m', '64']);
  });
  afterAll(() => server?.stop());

  test.each(COMMANDS)('%s: values that come in pieces, one behind the other', async (_name, store, answerBytes) => {
    const port = server?.port ?? 0;
    const values = SIZES.map((size, i) => valueOf(size, i));
    const requests = Buffer.concat(values.map((value, i) => store(`k${i}`, value)));
    await converse(port, requests, values.length * answerBytes);
    const keys = values.map((_, i) => `k${i}`).join(' ');
    const answer = Buffer.concat([
      ...values.map((value, i) => line(`VALUE k${i} 0 ${value.length}`, value)),
      Buffer.from('END\r\n'),
    ]);
    expect((await converse(port, Buffer.from(`get ${keys}\r\n`), answer.length)).equals(answer)).toBe(true);
    for (const [i, value] of values.entries()) {
      const byMeta = line(`VA ${value.length}`, value);
      expect((await converse(port, Buffer.from(`mg k${i} v\r\n`), byMeta.length)).equals(byMeta)).toBe(true);
      const packet = request(Opcode.GET, { key: `k${i}` });
      const byPacket = await converse(port, packet, HEADER_BYTES + 4 + value.length);
      expect(byPacket.subarray(HEADER_BYTES + 4).equals(value)).toBe(true);
    }
  });
});
