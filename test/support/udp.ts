/** A client of UDP that says what datagrams came: memcached's frames, and requests that a `version` behind them ends. */
import { createSocket, type Socket } from 'node:dgram';
import { until } from './until.ts';

const HEADER_BYTES = 8;
const BARRIER = 999;

/** A datagram as it came, taken apart. */
export interface Datagram {
  id: number;
  sequence: number;
  total: number;
  data: string;
}

/** A request behind its frame header. */
export function frame(id: number, data: string, total = 1, sequence = 0): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(sequence, 2);
  head.writeUInt16BE(total, 4);
  return Buffer.concat([head, Buffer.from(data, 'latin1')]);
}

function socketFor(host: string): Socket {
  return createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 * 1024 });
}

/**
 * Sends requests and collects what comes until a `version` behind them is answered.
 *
 * @param from the port to send from, else any; the `version` always comes from any
 */
export async function askOverUdp(
  { port, host = '127.0.0.1', from }: { port: number; host?: string; from?: number },
  ...requests: Buffer[]
): Promise<Datagram[]> {
  const answers: Datagram[] = [];
  const socket = socketFor(host);
  const barrier = from === undefined ? socket : socketFor(host);
  if (from !== undefined) await new Promise<void>((resolve) => socket.bind(from, host, resolve));
  let done = false;
  const onMessage = (message: Buffer): void => {
    const [id, sequence, total] = [0, 2, 4].map((at) => message.readUInt16BE(at)) as [number, number, number];
    if (id === BARRIER) done = true;
    else answers.push({ id, sequence, total, data: message.toString('latin1', HEADER_BYTES) });
  };
  socket.on('message', onMessage);
  if (barrier !== socket) barrier.on('message', onMessage);
  for (const request of requests) {
    await new Promise((resolve) => socket.send(request, port, host, resolve));
  }
  try {
    // Sent again, since it is lost where there is too much.
    await until('the request behind to be answered', async () => {
      if (!done) await new Promise((resolve) => barrier.send(frame(BARRIER, 'version\r\n'), port, host, resolve));
      return done;
    });
  } finally {
    socket.close();
    if (barrier !== socket) barrier.close();
  }
  return answers;
}
