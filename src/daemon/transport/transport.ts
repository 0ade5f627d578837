/**
 * What the daemon needs of sockets, so that it runs on more than one runtime. Bytes go in and out as positions in
 * buffers that are used again; nothing here knows the protocol.
 */

import type { Runs } from './runs.ts';
import type { ProtocolName } from '../settings.ts';

/** One accepted connection, as the daemon uses it. */
export interface TransportSocket {
  /** Who is at the other end, as `stats conns` shows it, for example `tcp:127.0.0.1:40012`. */
  readonly peer: string;
  /** Where it was accepted. */
  readonly local: string;
  /** What {@link write} does not take at once it copies: the memory may be used again in any case. */
  readonly copies?: boolean;
  /**
   * Sends bytes `start` up to and without `end`.
   *
   * @returns true if they were all taken and the memory may be used again; false if the transport still reads them,
   * until it calls `onDrain`. What is written before that goes behind, in order.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * Sends runs of memory as far as the system takes them at once; only called when everything before has been taken.
   * Absent where the runtime would put them together first.
   *
   * @returns how many bytes were taken; the rest stays the caller's, who is told by `onDrain` when there is room again
   */
  sendRuns?(runs: Runs): number;
  /** Bytes that have come and were not read yet. Only where reads can go to {@link SocketHandler.places}. */
  available?(): number;
  /** Stops delivering data until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Closes after what was written has been sent. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** What the daemon does with a connection. */
export interface SocketHandler {
  /** Bytes have come. They are only there during the call. */
  onData(bytes: Uint8Array, start: number, end: number): void;
  /**
   * Where the next bytes belong, if not into the read buffer. A transport that can put them there asks right before it
   * reads; the others hand over everything by {@link onData}.
   */
  places?(): Runs | undefined;
  /** So many bytes have come and were put where {@link places} said. */
  onPlaced?(count: number): void;
  /** What {@link TransportSocket.write} did not take at once has been sent. */
  onDrain(): void;
  /** The connection is gone; nothing is called after this. */
  onClose(): void;
}

/** Where to listen; on a TCP port with TLS or without (the default). */
export type ListenAddress = ({ host: string; port: number; tls?: TlsChoice } | { path: string; mode: number }) & Door;

/** TLS of a port: as `-o ssl_verify_mode` says, or asking clients for no certificate (`btls:`), or insisting (`mtls:`). */
export type TlsChoice = 'default' | 'basic' | 'mutual';

/** How those who come through a listening address are met. */
export interface Door {
  /** `proto[…]:`; the daemon's own (`-B`) unless given. */
  protocol?: ProtocolName;
  /** For the node's own sidecar: the text protocol without a login, whatever the others must do. */
  isPrivate?: boolean;
}

/** A listening socket. */
export interface Listener {
  /** The port that was bound, also if 0 was asked for; 0 for a Unix socket. */
  readonly port: number;
  /** Stops accepting; connections stay. */
  close(): void;
}

export interface ListenOptions {
  address: ListenAddress;
  /** Length of the queue of connections that were not accepted yet (`-b`). */
  backlog: number;
  /**
   * Memory that arriving bytes are put into, from `start` on, `length` bytes. Shared by all connections: bytes are
   * handled during `onData` or copied.
   */
  readBuffer: { bytes: Uint8Array; start: number; length: number };
  /** Called for each new connection. */
  accept(socket: TransportSocket): SocketHandler;
}

/** What becomes of datagrams. */
export interface DatagramHandler {
  /**
   * A datagram has come; its bytes are only there during the call, and so long {@link DatagramPort.reply} goes to its sender.
   *
   * @returns how much work it was: datagrams that came and went
   */
  onDatagram(message: Uint8Array, senderPort: number, port: DatagramPort): number;
  /** One was dropped unread, since there were too many. */
  onDropped(): void;
}

/** A UDP port. */
export interface DatagramPort extends Listener {
  /** Sends one datagram to the sender of the one that is being handled; false if too many wait to be sent. */
  reply(bytes: Uint8Array): boolean;
}

/** Sockets of one runtime. */
export interface Transport {
  /**
   * Binds a UDP port; absent where `node:dgram` does as well.
   *
   * @throws FleetError PORT_TAKEN
   */
  bindDatagrams?(host: string, port: number, handler: DatagramHandler): Promise<DatagramPort>;
  /** @throws FleetError PORT_TAKEN if the address is in use or may not be bound */
  listen(options: ListenOptions): Promise<Listener>;
}
