/**
 * Goal: a client without the token cannot tell auto-discovery clients of servers of its own. Method: each way in, over
 * TCP in both protocols and over UDP, at the real daemon on each runtime; what discovery clients ask stays the fleet's.
 */
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deriveToken } from '../../src/base/token.ts';
import { Opcode } from '../../src/protocol/binary/opcodes.ts';
import { arithmetic, request, requests, storage } from '../conformance/binary-packets.ts';
import { freePort, ourDaemons, type Server } from '../conformance/driver.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { runCase } from '../conformance/run-case.ts';

const KEY = 'AmazonElastiCache:cluster';
const BASE64_KEY = Buffer.from(KEY).toString('base64');
const FORGED = '9\nevil|10.6.6.6|11211\n';
const PAYLOAD = '7\nn1|10.0.0.1|11211\n';
const TOKEN = 'a-token-of-this-fleet';

const FORGERIES = [
  `set ${KEY} 0 0 ${FORGED.length}\r\n${FORGED}\r\n`,
  `ms ${KEY} ${FORGED.length}\r\n${FORGED}\r\n`,
  `ms ${BASE64_KEY} ${FORGED.length} b\r\n${FORGED}\r\n`,
  `ma ${KEY} N0 J7\r\n`,
  `mg ${KEY} v N30\r\n`,
];

const BINARY_FORGERIES = requests(
  request(Opcode.SET, { key: KEY, extras: storage(), value: FORGED }),
  request(Opcode.INCREMENT, { key: KEY, extras: arithmetic(1n, 7n, 0) }),
);

const whole = { feed: 'whole', random: () => 0 } as const;

async function ask(port: number, send: string | Buffer, needs?: 'binary'): Promise<string> {
  const client = await RawClient.connect(port);
  try {
    return await runCase(client, { send }, { ...whole, needs });
  } finally {
    client.destroy();
  }
}

/** Sends a datagram and waits for any answer to it. */
async function askByUdp(port: number, text: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve) => {
      socket.on('message', (message) => resolve(message.toString('latin1', 8)));
      socket.send(Buffer.from(`\0\x01\0\0\0\x01\0\0${text}`, 'latin1'), port, '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}

describe.each(ourDaemons())('$name', (kind) => {
  let server: Server | undefined;
  let udpPort = 0;
  beforeAll(async () => {
    process.env['MEMFLEET_TOKEN'] = TOKEN;
    udpPort = await freePort();
    server = await kind.start(['-U', String(udpPort)]);
    delete process.env['MEMFLEET_TOKEN'];
  });
  afterAll(async () => {
    await server?.stop();
  });

  async function forge(): Promise<void> {
    const port = server?.port ?? 0;
    for (const forgery of FORGERIES) {
      await ask(port, forgery);
      await askByUdp(udpPort, forgery);
    }
    await ask(port, BINARY_FORGERIES, 'binary');
  }

  test('a forgery is not served, whether it came before the configuration or behind it', async () => {
    const port = server?.port ?? 0;
    await forge();
    expect(await ask(port, `get ${KEY}\r\n`)).toBe('END\r\n');
    expect(
      await ask(port, `config set cluster 0 ${PAYLOAD.length} ${deriveToken(TOKEN, 'config')}\r\n${PAYLOAD}\r\n`),
    ).toBe('STORED\r\n');
    await forge();
    const value = `VALUE ${KEY} 0 ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`;
    expect(await ask(port, `get ${KEY}\r\ngets ${KEY}\r\ngat 0 ${KEY}\r\n`)).toBe(`${value}END\r\n`.repeat(3));
    expect(await ask(port, `mg ${KEY} v\r\n`)).toBe(`VA ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`);
    expect(await ask(port, 'config get cluster\r\n')).toContain(PAYLOAD);
    expect(await ask(port, request(Opcode.GET, { key: KEY }), 'binary')).toContain(PAYLOAD);
  });
});
