/** The ways into a daemon, TCP, Unix socket, TLS and UDP, as one: bytes go in, and what comes back is collected. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Sends bytes and collects what comes back until that is enough, which may be nothing, or the other side closes. */
export type Ask = (send: Buffer, enough: (answer: string) => boolean) => Promise<string>;

/** How long an answer may stay away. Generous: only a hang runs into it. */
const SILENCE_MAX_MS = 20_000;
const HOST = '127.0.0.1';
const FRAME_BYTES = 8;

export function tcp(port: number): Ask {
  return overStream(() => connect({ port, host: HOST }));
}

export function unix(path: string): Ask {
  return overStream(() => connect({ path }));
}

/** Believes any certificate. */
export function tls(port: number): Ask {
  return overStream(() => connectTls({ port, host: HOST, rejectUnauthorized: false }));
}

/** One datagram there, any number back. */
export function udp(port: number): Ask {
  return async (send, enough) => {
    const socket = createSocket('udp4');
    const parts: string[] = [];
    try {
      return await settled((resolve) => {
        socket.on('message', (message) => {
          parts[message.readUInt16BE(2)] = message.toString('latin1', FRAME_BYTES);
          if (enough(parts.join(''))) resolve(parts.join(''));
        });
        socket.send(
          Buffer.concat([Buffer.from([0, 1, 0, 0, 0, 1, 0, 0]), send]),
          port,
          HOST,
          () => enough('') && resolve(''),
        );
      });
    } finally {
      socket.close();
    }
  };
}

function overStream(open: () => Socket): Ask {
  return async (send, enough) => {
    const socket = open();
    let answer = '';
    try {
      return await settled((resolve) => {
        socket.on('data', (chunk: Buffer) => {
          answer += chunk.toString('latin1');
          if (enough(answer)) resolve(answer);
        });
        socket.on('error', () => resolve(answer));
        socket.on('close', () => resolve(answer));
        socket.write(send, () => enough('') && resolve(''));
      });
    } finally {
      socket.destroy();
    }
  };
}

async function settled(start: (resolve: (answer: string) => void) => void): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no answer')), SILENCE_MAX_MS);
      start(resolve);
    });
  } finally {
    clearTimeout(timer);
  }
}
