/**
 * One question to one DNS server and its answer, by datagram or over a connection. Each exchange has a socket of its
 * own, so a port by chance, and ends within its time: nothing that one server does to it touches another.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { decodeAnswer, encodeQuestion, type DnsAnswer, type DnsQuestion } from './dns-message.ts';

/** Where a server is. */
export interface DnsServer {
  readonly host: string;
  readonly port: number;
}

/** Why there is no answer. `closed`: the server ended the connection, or sent what is no answer. */
export type ExchangeFailure = 'timeout' | 'refused' | 'unreachable' | 'closed' | 'cancelled';

export class ExchangeError extends Error {
  readonly failure: ExchangeFailure;

  constructor(failure: ExchangeFailure, cause?: unknown) {
    super(failure, { cause });
    this.failure = failure;
  }
}

export interface Exchange {
  readonly question: DnsQuestion;
  readonly server: DnsServer;
  /** Milliseconds after which it has failed. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly edns: boolean;
}

/** Asks by datagram. What is not an answer to this question is not looked at. */
export async function askByDatagram({ question, server, timeoutMs, signal, edns }: Exchange): Promise<DnsAnswer> {
  const id = randomInt(65_536);
  const query = encodeQuestion(question, id, edns);
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
  try {
    return await inTime(timeoutMs, signal, (resolve, reject) => {
      socket.on('error', (error) => reject(failureOf(error)));
      socket.on('message', (message) => {
        const answer = decodeAnswer(message, question, id);
        if (answer !== undefined) resolve(answer);
      });
      // Connected, so the kernel drops what comes from elsewhere and tells that nobody is there.
      socket.connect(server.port, server.host, () => socket.send(query));
    });
  } finally {
    socket.close();
  }
}

/** Asks over TCP, where no answer is too long (RFC 7766). */
export async function askByConnection({ question, server, timeoutMs, signal, edns }: Exchange): Promise<DnsAnswer> {
  const id = randomInt(65_536);
  const query = encodeQuestion(question, id, edns);
  const socket = connect({ host: server.host, port: server.port });
  try {
    return await inTime(timeoutMs, signal, (resolve, reject) => {
      // The length in front says 65,535 at most, so this is bounded by what is awaited.
      let received = Buffer.alloc(0);
      socket.on('error', (error) => reject(failureOf(error)));
      socket.on('close', () => reject(new ExchangeError('closed')));
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const length = received.length < 2 ? Infinity : received.readUInt16BE(0);
        if (received.length < 2 + length) return;
        const answer = decodeAnswer(received.subarray(2, 2 + length), question, id);
        if (answer === undefined) reject(new ExchangeError('closed'));
        else resolve(answer);
      });
      const size = Buffer.alloc(2);
      size.writeUInt16BE(query.length, 0);
      // In one piece: servers are known that take the first segment for the whole message.
      socket.write(Buffer.concat([size, query]));
    });
  } finally {
    socket.destroy();
  }
}

function failureOf(error: NodeJS.ErrnoException): ExchangeError {
  return new ExchangeError(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable', error);
}

async function inTime(
  timeoutMs: number,
  signal: AbortSignal,
  run: (resolve: (answer: DnsAnswer) => void, reject: (error: ExchangeError) => void) => void,
): Promise<DnsAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<DnsAnswer>();
  const timer = setTimeout(() => reject(new ExchangeError('timeout')), timeoutMs);
  const onAbort = (): void => reject(new ExchangeError('cancelled'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    run(resolve, reject);
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
