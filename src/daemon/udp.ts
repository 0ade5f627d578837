/**
 * UDP (`-U`): each datagram is memcached's 8-byte frame header and whole requests; each answer goes back in as many
 * datagrams as it needs (protocol.txt "UDP protocol"). Nothing lives longer than a datagram: each gets a session of its
 * own, as if it were a connection that sends once, so a request that its datagram does not end is dropped.
 *
 *     byte 0          2          4         6          8
 *     ┌───────────────┬──────────┬─────────┬──────────┬─────────
 *     │ request id    │ sequence │ total   │ reserved │ request
 *     └───────────────┴──────────┴─────────┴──────────┴─────────
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { Connection, type ConnectionContext } from './connection.ts';
import * as limits from './limits.ts';
import { cannotListen, endpoint } from './transport/common.ts';
import type { Listener, TransportSocket } from './transport/transport.ts';

const HEADER_BYTES = 8;

/** Bytes of a datagram that we send, its header included (memcached.h, UDP_MAX_PAYLOAD_SIZE). */
const DATAGRAM_BYTES_MAX = 1400;

/** Bytes of answers that may wait for the system to take them; more are dropped, as UDP may. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

/** The other end of one datagram, which a session takes for a connection. */
class DatagramSocket implements TransportSocket {
  readonly peer: string;
  readonly local: string;
  #answer: Uint8Array[] | undefined = [];

  constructor(remote: RemoteInfo, local: string) {
    this.peer = endpoint(remote.address, remote.port).replace(/^tcp/, 'udp');
    this.local = local;
  }

  /** What was written since the last time; nothing more is taken after `last`. */
  take(last = false): Uint8Array {
    const answer = Buffer.concat(this.#answer ?? []);
    this.#answer = last ? undefined : [];
    return answer;
  }

  /** Takes everything at once: what the system has no room for is dropped, not kept. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#answer?.push(bytes.slice(start, end));
    return true;
  }

  pause(): void {}

  resume(): void {}

  end(): void {}

  destroy(): void {}
}

export class UdpListener implements Listener {
  readonly port: number;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  #unsentBytes = 0;
  /** Second of the last datagram that held a request. */
  lastUsedAt: number;

  private constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.port = socket.address().port;
    this.lastUsedAt = context.time.now;
    socket.on('message', (message, remote) => this.#onDatagram(message, remote));
    // Answers to somebody who is gone come back as errors; there is nobody to tell.
    socket.on('error', () => {});
  }

  /**
   * Binds a UDP port.
   *
   * @throws FleetError PORT_TAKEN
   */
  static async bind(host: string, port: number, context: ConnectionContext): Promise<UdpListener> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen({ host, port }, error)));
      socket.bind(port, host, resolve);
    });
    socket.removeAllListeners('error');
    return new UdpListener(socket, context);
  }

  close(): void {
    this.#socket.close();
  }

  #onDatagram(message: Uint8Array, remote: RemoteInfo): void {
    const { engine, output } = this.#context;
    engine.counters.bytesRead += message.length;
    // A request in more than one datagram is not taken (memcached.c, try_read_udp).
    if (message.length <= HEADER_BYTES || message[4] !== 0 || message[5] !== 1) return;
    this.lastUsedAt = this.#context.time.now;
    const requestId = message.slice(0, 2);
    const socket = new DatagramSocket(remote, `udp:${this.port}`);
    const connection = new Connection(0, socket, this.#context);
    // Requests are worked on where a connection's are, with the room in front that they may use.
    const start = limits.CARRY_BYTES;
    output.bytes.set(message.subarray(HEADER_BYTES), start);
    connection.runDatagram(output.bytes, start, start + message.length - HEADER_BYTES, () =>
      this.#send(requestId, socket.take(), remote),
    );
    socket.take(true);
  }

  #send(requestId: Uint8Array, answer: Uint8Array, remote: RemoteInfo): void {
    const partBytes = DATAGRAM_BYTES_MAX - HEADER_BYTES;
    const total = Math.ceil(answer.length / partBytes);
    if (total > 0xffff) return;
    for (let part = 0; part < total; part++) {
      const data = answer.subarray(part * partBytes, (part + 1) * partBytes);
      if (this.#unsentBytes > UNSENT_BYTES_MAX) return;
      const datagram = new Uint8Array(HEADER_BYTES + data.length);
      datagram.set(requestId);
      datagram.set([part >>> 8, part & 0xff, total >>> 8, total & 0xff], 2);
      datagram.set(data, HEADER_BYTES);
      this.#unsentBytes += datagram.length;
      this.#socket.send(datagram, remote.port, remote.address, () => (this.#unsentBytes -= datagram.length));
    }
  }
}
