/**
 * A UDP port over `node:dgram`, for every runtime. It hands over whatever the runtime has read, so in one turn of the event
 * loop only so much is worked on and the rest is dropped, as the kernel drops what nobody reads; under Bun on Linux
 * `epoll-datagrams.ts` leaves it to the kernel.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { nextTurn } from '../../base/turns.ts';
import { UDP_TURN_DATAGRAMS_MAX, UDP_UNSENT_BYTES_MAX } from '../limits.ts';
import { cannotListen } from './common.ts';
import type { DatagramHandler, DatagramPort } from './transport.ts';

class NodeDatagramPort implements DatagramPort {
  readonly port: number;
  readonly #socket: Socket;
  readonly #handler: DatagramHandler;
  /** Who sent the datagram that is being handled. */
  #sender: RemoteInfo | undefined;
  #unsentBytes = 0;
  /** What was done in this turn. */
  #worked = 0;

  constructor(socket: Socket, handler: DatagramHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.port = socket.address().port;
    socket.on('message', (message, sender) => this.#onMessage(message, sender));
    // Answers to somebody who is gone come back as errors; there is nobody to tell.
    socket.on('error', () => {});
  }

  #onMessage(message: Uint8Array, sender: RemoteInfo): void {
    if (this.#worked === 0) nextTurn(() => (this.#worked = 0));
    if (this.#worked >= UDP_TURN_DATAGRAMS_MAX) return this.#handler.onDropped();
    this.#sender = sender;
    this.#worked += this.#handler.onDatagram(message, sender.port, this);
  }

  reply(bytes: Uint8Array): boolean {
    if (this.#sender === undefined || this.#unsentBytes >= UDP_UNSENT_BYTES_MAX) return false;
    const copy = Buffer.from(bytes);
    const { port, address } = this.#sender;
    this.#unsentBytes += copy.length;
    this.#socket.send(copy, port, address, () => (this.#unsentBytes -= copy.length));
    return true;
  }

  close(): void {
    this.#socket.close();
  }
}

/**
 * Binds a UDP port.
 *
 * @throws FleetError PORT_TAKEN
 */
export async function bindDatagrams(host: string, port: number, handler: DatagramHandler): Promise<DatagramPort> {
  const socket = createSocket(host.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen({ host, port }, error)));
    socket.bind(port, host, resolve);
  });
  socket.removeAllListeners('error');
  return new NodeDatagramPort(socket, handler);
}
