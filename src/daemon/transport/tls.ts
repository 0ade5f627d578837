/**
 * The transport over TLS (`-Z`): `node:tls` on both runtimes, which Bun carries whole (docs/adr/0008). Answers are copied
 * before they are encrypted, so a connection is only suspended when more than `ssl_wbuf_size` of them wait.
 */
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { isFleetError } from '../../base/errors.ts';
import { TLS_HANDSHAKES_MAX, TLS_HANDSHAKE_MS } from '../limits.ts';
import type { TlsSettings } from '../settings.ts';
import { Handshakes } from './handshakes.ts';
import { NodeListener, StreamSocket, attach, bind } from './node.ts';
import { quickAck, type QuickAck } from './quick-ack.ts';
import { readCertificates } from './tls-certificates.ts';
import type { ListenAddress, ListenOptions, Listener, Transport } from './transport.ts';

/** `ssl_verify_mode` of who must have a certificate that is believed. */
const VERIFY_PEER = 2;

class TlsSocket extends StreamSocket<TLSSocket> {
  readonly copies = true;
  readonly #waitingMax: number;
  /** A write was answered with false, and `onDrain` is owed. */
  #full = false;

  constructor(socket: TLSSocket, waitingMax: number) {
    super(socket, undefined);
    this.#waitingMax = waitingMax;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const copy = Buffer.from(bytes.subarray(start, end));
    this.stream.write(copy, (error) => this.#written(error));
    if (this.stream.writableLength > this.#waitingMax) this.#full = true;
    return !this.#full;
  }

  #written(error: Error | null | undefined): void {
    // After an error the connection closes.
    if (!this.#full || error || this.stream.writableLength > 0) return;
    this.#full = false;
    this.handler?.onDrain();
  }
}

/** TLS listeners with one set of certificates, and what memcached counts of them. */
export class TlsTransport implements Transport {
  /** Handshakes that did not resume an earlier session. */
  newSessions = 0;
  readonly handshakes = new Handshakes(TLS_HANDSHAKES_MAX);
  readonly #settings: TlsSettings;
  readonly #quickAck: QuickAck;
  readonly #servers: Server[] = [];

  private constructor(settings: TlsSettings, acknowledge: QuickAck) {
    this.#settings = settings;
    this.#quickAck = acknowledge;
  }

  /** @throws FleetError BAD_CONFIG if the certificates cannot be used */
  static async create(settings: TlsSettings): Promise<TlsTransport> {
    readCertificates(settings);
    return new TlsTransport(settings, await quickAck());
  }

  /** `refresh_certs`: reads the files again, for connections from now on; why not, if they cannot be used. */
  refresh(): string | undefined {
    try {
      const certificates = readCertificates(this.#settings);
      for (const server of this.#servers) server.setSecureContext(certificates);
      return undefined;
    } catch (error) {
      if (isFleetError(error)) return error.message;
      throw error;
    }
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const verifyMode = this.#verifyModeOf(options.address);
    const server = createServer({
      ...readCertificates(this.#settings),
      handshakeTimeout: TLS_HANDSHAKE_MS,
      requestCert: verifyMode > 0,
      rejectUnauthorized: verifyMode > 1,
    });
    server.on('connection', (socket) => this.handshakes.begin(socket));
    server.on('secureConnection', (socket) => this.#onConnection(socket, options, verifyMode));
    server.on('tlsClientError', (_, socket) => socket.destroy());
    await bind(server, options.address, options.backlog);
    this.#servers.push(server);
    return new NodeListener(server);
  }

  /** `btls:` and `mtls:` in front of an address settle what `-o ssl_verify_mode` leaves to all. */
  #verifyModeOf(address: ListenAddress): number {
    const choice = 'tls' in address ? address.tls : undefined;
    if (choice === 'basic') return 0;
    return choice === 'mutual' ? VERIFY_PEER : this.#settings.verifyMode;
  }

  #onConnection(socket: TLSSocket, options: ListenOptions, verifyMode: number): void {
    this.handshakes.end(socket);
    this.#quickAck(socket);
    if (verifyMode > 0 && !isAcceptable(socket, verifyMode)) {
      this.handshakes.failed++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    if (!socket.isSessionReused()) this.newSessions++;
    const transportSocket = new TlsSocket(socket, this.#settings.wbufBytes);
    const handler = options.accept(transportSocket);
    transportSocket.handler = handler;
    attach(socket, handler, options);
  }
}

/** A certificate that is not believed is never let in; none at all only where it was merely asked for. */
function isAcceptable(socket: TLSSocket, verifyMode: number): boolean {
  if (socket.authorized) return true;
  const hasCertificate = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
  return verifyMode === 1 && !hasCertificate;
}
