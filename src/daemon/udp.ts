/**
 * UDP (`-U`): each datagram is memcached's 8-byte frame header and whole requests; each answer goes back in as many
 * datagrams as it needs (protocol.txt "UDP protocol"). Who asks may have forged the sender, so what one datagram can have
 * sent is bounded, nothing goes to ports that no client has, and what a server answers is not answered.
 *
 *     byte 0          2          4         6          8
 *     ┌───────────────┬──────────┬─────────┬──────────┬─────────
 *     │ request id    │ sequence │ total   │ reserved │ request
 *     └───────────────┴──────────┴─────────┴──────────┴─────────
 */
import type { ConnectionContext } from './connection.ts';
import { DatagramRequests } from './datagram.ts';
import * as limits from './limits.ts';
import { isAnswer, isReflector } from './reflectors.ts';
import { bindDatagrams } from './transport/datagrams.ts';
import type { DatagramHandler, DatagramPort, Listener, Transport } from './transport/transport.ts';

const HEADER_BYTES = limits.UDP_HEADER_BYTES;
const PART_BYTES = limits.UDP_DATAGRAM_BYTES_MAX - HEADER_BYTES;

export class UdpListener implements Listener, DatagramHandler {
  /** Second of the last datagram that held a request. */
  lastUsedAt: number;
  readonly #context: ConnectionContext;
  readonly #requests: DatagramRequests;
  /** The datagram that is being sent. */
  readonly #datagram = Buffer.alloc(limits.UDP_DATAGRAM_BYTES_MAX);
  #port: DatagramPort | undefined;

  private constructor(context: ConnectionContext) {
    this.#context = context;
    this.#requests = new DatagramRequests(context);
    this.lastUsedAt = context.time.now;
  }

  /**
   * Binds a UDP port.
   *
   * @throws FleetError PORT_TAKEN
   */
  static async bind(
    transport: Transport,
    host: string,
    port: number,
    context: ConnectionContext,
  ): Promise<UdpListener> {
    const listener = new UdpListener(context);
    listener.#port = await (transport.bindDatagrams?.(host, port, listener) ?? bindDatagrams(host, port, listener));
    return listener;
  }

  get port(): number {
    return this.#port?.port ?? 0;
  }

  close(): void {
    this.#port?.close();
  }

  onDropped(): void {
    this.#context.counters.udpDropped++;
  }

  onDatagram(message: Uint8Array, senderPort: number, port: DatagramPort): number {
    const { counters, output, time } = this.#context;
    counters.bytesRead += message.length;
    // A request in more than one datagram is not taken (memcached.c, try_read_udp).
    if (message.length <= HEADER_BYTES || message[4] !== 0 || message[5] !== 1) return 0;
    if (isReflector(senderPort, port.port) || isAnswer(message[HEADER_BYTES])) {
      counters.udpDropped++;
      return 0;
    }
    this.lastUsedAt = time.now;
    this.#datagram.set(message.subarray(0, HEADER_BYTES));
    // Requests are worked on where a connection's are, with the room in front that they may use.
    const start = limits.CARRY_BYTES;
    output.bytes.set(message.subarray(HEADER_BYTES), start);
    let sent = 0;
    this.#requests.run(output.bytes, start, start + message.length - HEADER_BYTES, (answer) => {
      const total = Math.ceil(answer.length / PART_BYTES);
      const isSent = sent + total <= limits.UDP_ANSWER_DATAGRAMS_MAX && this.#send(answer, total, port);
      if (isSent) sent += total;
      else counters.udpDropped++;
      return isSent;
    });
    return sent + Math.ceil(message.length / PART_BYTES);
  }

  /** Sends an answer behind the request's own id; false if there is no room for all of it. */
  #send(answer: Uint8Array, total: number, port: DatagramPort): boolean {
    const datagram = this.#datagram;
    this.#context.counters.bytesWritten += answer.length;
    datagram.writeUInt16BE(total, 4);
    datagram.writeUInt16BE(0, 6);
    for (let part = 0; part < total; part++) {
      const data = answer.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      datagram.writeUInt16BE(part, 2);
      datagram.set(data, HEADER_BYTES);
      if (!port.reply(datagram.subarray(0, HEADER_BYTES + data.length))) return false;
    }
    return true;
  }
}
